//! Lesson 09 on the command line.

mod demo;
mod experiments;
mod stage;

use std::ffi::OsString;
use std::process::ExitCode;

use cgroup_cpu::{CgroupFs, CgroupNamespace};
use clone_pid::{Container, IpcNamespace, PidNamespace};
use ground::Result;
use ground::lesson::Lesson;
use init_signals::beyond::alone;
use init_signals::beyond::runtime::{self, PartsList, Verbs};
use init_signals::flags::Flags;
use mount_ns::{MountNamespace, Proc};

fn main() -> ExitCode {
    // `init …` is no verb like the others: a lesson blocks signals and leaves the host's namespaces, and an init must not.
    alone().unwrap_or_else(|| {
        ground::lesson::main(Lesson {
            program: env!("CARGO_BIN_NAME"),
            title: "PID 1: who may signal it, who dies with it, who buries the dead",
            demo: demo::demo,
            run: runtime::run::<Boxes>,
            verbs: Verbs::<Boxes>::ALL,
            experiments: experiments::ALL,
        })
    })
}

// ANCHOR: run
/// What a box is made of. `run`, `start`, `restart` and `exec` all begin here.
struct Boxes;

impl PartsList for Boxes {
    fn container(flags: &Flags, argv: &[OsString]) -> Result<Container> {
        let source = flags.source()?.entrypoint(flags.runtime.entrypoint.clone());
        let root = flags.root(source.layers())?;
        let names = flags.names(root.plain());
        Ok(flags
            .fresh(&source, argv)?
            .with(flags.users.namespace()?)
            .with(PidNamespace)
            .with(flags.uts())
            .with(IpcNamespace)
            .with(flags.network()?)
            .with(flags.io())
            .with(flags.memory()?)
            .with(flags.cpu())
            .with(flags.account())
            .with(flags.devices()?)
            .with(CgroupNamespace)
            .with(MountNamespace::private())
            .with(flags.users.mapped_root(&root)?)
            .with(root)
            .with(Proc)
            .with(flags.users.dev())
            .with(flags.users.sys())
            .with(CgroupFs::default())
            .with(names)
            .with(flags.sysctls())
            .with(flags.users.volumes(&flags.volumes)?)
            .with(flags.tmpfs())
            .with(flags.nodes()?)
            .with(flags.writable_sys())
            .with(flags.masks())
            .with(flags.terminal())
            .with(flags.read_only_root())
            .with(source.workdir(flags.workdir.as_deref()))
            .with(flags.oom_score())
            .with(flags.rlimits())
            .with(flags.privileges(&source.user())?)
            .with(flags.init()))
    }
}
// ANCHOR_END: run
