//! `RUN`: a box made of the lessons' parts, over the layers so far. What it writes is the next layer.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use chroot::Workdir;
use chroot::flags::PATH;
use clone_pid::{Container, IpcNamespace, PidNamespace, Status, UtsNamespace};
use ground::Result;
use ground::call::quietly;
use ground::error::Kind;
use ground::text::path;
use mount_ns::{Dev, MountNamespace, Proc, Sys};

use crate::Overlay;
use crate::beyond::image::pack::pack;
use crate::beyond::image::spec::Config;
use crate::beyond::image::user::AsUser;

/// Runs a command over `lowers`, and writes the archive of what it changed. `dir` is empty, and on the store's file system.
pub fn run(argv: &[String], config: &Config, lowers: Vec<PathBuf>, dir: &Path) -> Result<PathBuf> {
    let (upper, archive) = (dir.join("upper"), dir.join("layer.tar"));
    let overlay = Overlay::new(lowers)?.upper(upper.clone(), dir.join("work"));
    let mut container =
        Container::new(argv)?.clear_env().env("PATH", PATH)?.env("HOME", "/root")?;
    for (key, value) in config.env.iter().filter_map(|entry| entry.split_once('=')) {
        container = container.env(key, value)?;
    }
    // What it prints is not an answer, so it does not go where answers go.
    let errors =
        quietly("dup standard error").run(|| std::io::stderr().as_fd().try_clone_to_owned())?;
    container = container.stdio([None, Some(errors), None]);
    let status = container
        .with(PidNamespace)
        .with(UtsNamespace { hostname: Some("build".into()) })
        .with(IpcNamespace)
        .with(MountNamespace::private())
        .with(overlay)
        .with(Proc)
        .with(Dev::default())
        .with(Sys::default())
        .with(Workdir(config.workdir.clone().unwrap_or_else(|| "/".into()).into()))
        .with(AsUser::new(config.user.as_deref()))
        .start()?
        // Signals are not passed on: Ctrl-C ends the build, and the box with it.
        .wait()?;
    if status != Status::Exited(0) {
        return Err(ground::Error::new(Kind::Failed, format!("{argv:?} {status}")));
    }
    let file = quietly(format_args!("create {}", path(archive.display())))
        .run(|| File::create_new(&archive))?;
    pack(&upper, std::io::BufWriter::with_capacity(1 << 17, file))?;
    Ok(archive)
}
