//! Another process decides.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

use caps::sys;
use clone_pid::beyond::probing;
use clone_pid::{Part, PidNamespace};
use ground::call::quietly;
use ground::interrupt;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::pid;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socketpair,
};
use seccompiler::sock_filter;

pub const EXPERIMENT: Experiment = Experiment {
    name: "seccomp-notify",
    title: "another process answers a system call in the kernel's place",
    level: Level::Deep,
    claims: &["C232"],
    needs: &[Need::Admin, Need::Clone3, Need::Seccomp],
    run: look,
};

/// Its filter asks who holds the listener about every getppid.
struct Supervised(OwnedFd);

impl Part for Supervised {
    fn seal(&mut self) -> Result<()> {
        let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        let listener = quietly("seccomp SECCOMP_FILTER_FLAG_NEW_LISTENER")
            .run(|| sys::seccomp(&program(), flags))?;
        let (fds, byte) = ([listener], [IoSlice::new(b"l")]);
        let rights = [ControlMessage::ScmRights(&fds)];
        quietly("sendmsg SCM_RIGHTS the listener to the host")
            .run(|| sendmsg::<()>(self.0.as_raw_fd(), &byte, &rights, MsgFlags::empty(), None))
            .map(drop)
    }
}

fn program() -> Vec<sock_filter> {
    let op = |code: u32, jf: u8, k: u32| sock_filter { code: code as u16, jt: 0, jf, k };
    vec![
        op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, libc::SYS_getppid as u32),
        op(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_USER_NOTIF),
        op(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

fn look(findings: &mut Findings) -> Result<()> {
    step("A box that will ask for its parent's number twice. The filter sends the question to us");
    let (ours, theirs) = quietly("socketpair").run(|| {
        let flags = SockFlag::SOCK_CLOEXEC;
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)
    })?;
    let script = format!("syscall {0}; syscall {0}", libc::SYS_getppid);
    let container = probing(&script)?.with(PidNamespace).with(Supervised(theirs));
    let running = container.start()?;
    let listener = receive(&ours)?;
    let asked = [Ok(4242), Err(Errno::ESRCH)].map(|reply| answer(&listener, reply));
    let text = muted(|| running.output())?.text;
    for answer in text.lines().filter_map(|line| line.rsplit(' ').next()) {
        box_evidence("getppid in the box", answer);
    }
    let answers: Vec<_> = text.lines().filter_map(|line| line.rsplit(' ').next()).collect();
    let ours = asked.into_iter().all(|it| it.is_ok_and(|it| it)) && answers == ["4242", "ESRCH"];
    if ours {
        conclude("the call was never made: what it returned is what we said");
    }
    findings.holds("C232", ours);
    Ok(())
}

/// Waits for a question and answers it. Whether it was the one that was expected.
fn answer(listener: &OwnedFd, reply: nix::Result<i64>) -> Result<bool> {
    let patience = Some(Duration::from_secs(10));
    if interrupt::wait(Some(listener.as_fd()), patience) == interrupt::Woken::TimedOut {
        return Ok(false);
    }
    let question = quietly("ioctl SECCOMP_IOCTL_NOTIF_RECV")
        .run(|| sys::next_notification(listener.as_fd()))?;
    let (value, errno) = (reply.unwrap_or(0), reply.err().map_or(0, |errno| errno as i32));
    quietly("ioctl SECCOMP_IOCTL_NOTIF_SEND")
        .run(|| sys::answer(listener.as_fd(), question.id, value, errno))?;
    let said = reply.map_or_else(|errno| format!("{errno:?}"), |value| value.to_string());
    let from = pid(question.pid);
    evidence(format!("getppid of process {from}"), format!("waited for us; our answer is {said}"));
    Ok(i64::from(question.data.nr) == libc::SYS_getppid)
}

fn receive(socket: &OwnedFd) -> Result<OwnedFd> {
    let (mut byte, mut space) = ([0], nix::cmsg_space!([RawFd; 1]));
    let mut slices = [IoSliceMut::new(&mut byte)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = quietly("recvmsg the listener")
        .run(|| recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut space), flags))?;
    let messages = quietly("recvmsg the listener").run(|| message.cmsgs())?;
    let fds = messages.filter_map(|message| match message {
        ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
        _ => None,
    });
    let fd = fds.into_iter().next().ok_or_else(|| Error::environment("no listener came"))?;
    Ok(sys::adopt(fd))
}
