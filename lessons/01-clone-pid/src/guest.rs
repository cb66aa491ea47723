//! The other door: how a guest comes into the namespaces of a process that has them.

use std::fs::File;
use std::io::{Read, Write};

use ground::call::{doing, quietly};
use ground::error::Kind;
use ground::proc::ns::flag_names;
use ground::text::pid;
use ground::{Error, Result, story};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::unistd::Pid;

use crate::cloning::{clone, options};
use crate::part::{Births, Child};
use crate::sys::{self, Cloned};

/// setns(2) on a pidfd: several namespaces of one process at once, all or none.
pub(crate) fn join_namespaces(target: &Child, namespaces: CloneFlags) -> Result<()> {
    doing(format_args!("setns {} of {}", flag_names(namespaces), pid(target.pid())))
        .like_args(format_args!("nsenter --target {} {}", pid(target.pid()), options(namespaces)))
        .hint(Errno::ESRCH, "the container has stopped")
        .run(|| setns(target, namespaces))
}

/// A clone born in the PID namespace of `target`, when `namespaces` has it. setns(2) does not move the caller, whose PID
/// cannot change, but the children that it will have: so go there, clone, and come back.
pub(crate) fn clone_into_pid_namespace(
    target: &Child,
    namespaces: CloneFlags,
    births: &Births,
) -> Result<Cloned> {
    let pid_namespace = namespaces & CloneFlags::CLONE_NEWPID;
    if pid_namespace.is_empty() {
        return clone(CloneFlags::empty(), births);
    }
    let own = quietly("open /proc/self/ns/pid").run(|| File::open("/proc/self/ns/pid"))?;
    // Coming back needs CAP_SYS_ADMIN over our own PID namespace, and root of a user namespace has it only over the
    // box's. To go where we are is a way to ask.
    if setns(&own, pid_namespace).is_err() {
        return clone_through_helper(target, pid_namespace, births);
    }
    join_namespaces(target, pid_namespace)?;
    let cloned = clone(CloneFlags::empty(), births);
    if !matches!(cloned, Ok(Cloned::Child)) {
        quietly("setns back to our own PID namespace").run(|| setns(&own, pid_namespace))?;
    }
    cloned
}

/// A helper goes there and does not come back; what it clones with `CLONE_PARENT` is its sibling, and so our child.
fn clone_through_helper(
    target: &Child,
    pid_namespace: CloneFlags,
    births: &Births,
) -> Result<Cloned> {
    let (mut reader, writer) = quietly("make a pipe").run(std::io::pipe)?;
    let Cloned::Parent(_, helper) =
        story::muted(|| clone(CloneFlags::empty(), &Births::default()))?
    else {
        return helped_clone(target, pid_namespace, births, writer);
    };
    drop(writer);
    let mut answer = Vec::new();
    quietly("read the guest's number").run(|| reader.read_to_end(&mut answer))?;
    quietly("waitid for the helper").run(|| sys::reap(&helper).map(drop))?;
    let dead = |_| Error::new(Kind::Failed, "the helper that should clone the guest died");
    let number: Result<i32> = serde_json::from_slice(&answer).map_err(dead)?;
    let guest = Pid::from_raw(number?);
    let pidfd = doing(format_args!(
        "setns {} and clone3 CLONE_PARENT, by a helper",
        flag_names(pid_namespace)
    ))
    .like_args(format_args!("nsenter --target {} --pid COMMAND", pid(target.pid())))
    .run_showing(|| sys::pidfd_open(guest), |_| Some(pid(guest).to_string()))?;
    Ok(Cloned::Parent(guest, pidfd))
}

/// The helper's life. Only the guest returns.
fn helped_clone(
    target: &Child,
    pid_namespace: CloneFlags,
    births: &Births,
    mut writer: impl Write,
) -> Result<Cloned> {
    let cloned = story::muted(|| {
        join_namespaces(target, pid_namespace)?;
        clone(CloneFlags::CLONE_PARENT, births)
    });
    let answer = match cloned {
        Ok(Cloned::Child) => return Ok(Cloned::Child),
        Ok(Cloned::Parent(guest, _)) => Ok(guest.as_raw()),
        Err(error) => Err(error),
    };
    // A host that is gone needs no answer.
    let _ = writer.write_all(&serde_json::to_vec(&answer).unwrap_or_default());
    sys::exit_now(0)
}
