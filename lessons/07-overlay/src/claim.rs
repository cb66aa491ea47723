//! An upper layer belongs to one overlay at a time. Overlayfs marks `upperdir` and `workdir` as in use; of a second mount
//! with one of them it only says in its log that what is read and written is undefined, and goes on (with `index=on` it
//! answers EBUSY). So the directory is locked, for as long as the overlay is there. See flock(2): the lock goes with its
//! holder, however that ends.

use std::fs::File;
use std::path::Path;

use ground::call::quietly;
use ground::error::Kind;
use ground::text::path;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// The lock of a directory that is an upper layer.
#[derive(Debug)]
pub(crate) struct Claim {
    _lock: Flock<File>,
}

impl Claim {
    /// Takes it, or says that somebody else has it.
    pub fn take(upper: &Path) -> Result<Claim> {
        Claim::try_take(upper)?.ok_or_else(|| {
            let what = format!("{} is the upper layer of another box", path(upper.display()));
            Error::new(Kind::Failed, what).remedy("end that box first, or name another directory")
        })
    }

    /// Takes it if nobody has it.
    pub fn try_take(upper: &Path) -> Result<Option<Claim>> {
        let shown = path(upper.display());
        let open = quietly(format_args!("open {shown}")).run(|| File::open(upper));
        match Flock::lock(open?, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(Claim { _lock: lock })),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(Error::os(format_args!("flock {shown}"), errno)),
        }
    }
}
