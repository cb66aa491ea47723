//! Files that a box and the host both look at.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use clone_pid::Part;
use clone_pid::beyond::probing;
use ground::Result;
use ground::call::quietly;
use ground::lesson::run_dir;
use ground::story::muted;

/// A directory in which every user may write; in it the file `of-root`, which only root may read.
pub fn place() -> Result<String> {
    let place = run_dir()?.join("shared");
    let at = place.join("of-root");
    quietly(format_args!("make {}", place.display())).run(|| {
        fs::create_dir_all(&place)?;
        fs::set_permissions(&place, fs::Permissions::from_mode(0o1777))?;
        fs::write(&at, "root's")?;
        fs::set_permissions(&at, fs::Permissions::from_mode(0o600))
    })?;
    Ok(place.to_string_lossy().into_owned())
}

/// Owner of a file, as this process sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(pub u32, pub u32);

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.0, self.1)
    }
}

/// User and group to whom a file belongs.
pub fn owner(path: &str) -> Result<Owner> {
    let meta = quietly(format_args!("stat {path}")).run(|| fs::metadata(path))?;
    Ok(Owner(meta.uid(), meta.gid()))
}

/// What the probe prints in a box of one part.
pub fn script(script: &str, part: impl Part + 'static) -> Result<String> {
    Ok(muted(|| probing(script)?.with(part).start()?.output())?.text)
}
