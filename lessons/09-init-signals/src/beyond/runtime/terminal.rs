//! [`Terminal`]: a pseudo-terminal for the box's command. See pty(7).

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

use clone_pid::Part;
use ground::call::{doing, quietly};
use ground::error::Kind;
use ground::{Error, Result};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socketpair,
};
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, setsid};

use super::sys;

/// Rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Characters of a line.
    pub columns: u16,
}

/// The way on which a master comes from the box to the host.
#[derive(Clone, Debug)]
pub struct Console {
    host: Arc<OwnedFd>,
    boxed: Arc<OwnedFd>,
    size: Option<Size>,
}

impl Console {
    /// For one start of one command.
    pub fn new(size: Option<Size>) -> Result<Console> {
        let (family, kind) = (AddressFamily::Unix, SockType::SeqPacket);
        let (host, boxed) = quietly("socketpair for the terminal")
            .run(|| socketpair(family, kind, None, SockFlag::SOCK_CLOEXEC))?;
        Ok(Console { host: host.into(), boxed: boxed.into(), size })
    }

    /// The master, once the command runs. See SCM_RIGHTS in unix(7).
    pub fn master(&self) -> Result<OwnedFd> {
        let (mut byte, mut space) = ([0], cmsg_space!(std::os::fd::RawFd));
        let mut buffers = [IoSliceMut::new(&mut byte)];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
        let message = quietly("recvmsg the terminal")
            .run(|| recvmsg::<()>(self.host.as_raw_fd(), &mut buffers, Some(&mut space), flags))?;
        let controls = quietly("look for the terminal").run(|| message.cmsgs())?;
        let fd = controls.filter_map(|control| match control {
            ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
            _ => None,
        });
        let none = || Error::new(Kind::Failed, "the box sent no terminal");
        fd.last().map(sys::owned).ok_or_else(none)
    }
}

// ANCHOR: terminal
/// Standard input, output and error become a terminal of the box's own `/dev/pts`, and the command the leader of its
/// session. List it after what makes `/dev`, and before an init, which hands the terminal on.
pub struct Terminal(pub Option<Console>);

impl Part for Terminal {
    fn seal(&mut self) -> Result<()> {
        let Some(console) = &self.0 else { return Ok(()) };
        let (master, slave) = doing("open /dev/ptmx, and its other side")
            .like("script -c COMMAND /dev/null")
            .hint(Errno::ENOENT, "a terminal needs a /dev/ptmx in the box")
            .run(sys::open_pty)?;
        if let Some(size) = console.size {
            quietly("ioctl TIOCSWINSZ").run(|| sys::resize(master.as_fd(), size))?;
        }
        send(&console.boxed, &master)?;
        doing("setsid").like("setsid COMMAND").run(setsid)?;
        doing("ioctl TIOCSCTTY")
            .like("setsid --ctty COMMAND")
            .run(|| sys::control(slave.as_fd()))?;
        let what = "dup2 to standard input, output and error";
        quietly(what).run(|| dup2_stdin(&slave))?;
        quietly(what).run(|| dup2_stdout(&slave))?;
        quietly(what).run(|| dup2_stderr(&slave))
    }
}
// ANCHOR_END: terminal

fn send(way: &OwnedFd, master: &OwnedFd) -> Result<()> {
    let fds = [master.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&fds)];
    let send = || {
        sendmsg::<()>(way.as_raw_fd(), &[IoSlice::new(b"t")], &rights, MsgFlags::MSG_NOSIGNAL, None)
    };
    doing("sendmsg SCM_RIGHTS: the master goes to the host").run(send).map(drop)
}
