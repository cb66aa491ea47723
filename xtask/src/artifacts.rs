//! What has to be built: lesson binaries, the probe, test executables. Always by cargo, always as
//! the user.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::failure::{Context, Failure, Result};
use crate::lessons::Lesson;
use crate::{process, workspace};

/// A cargo command on this workspace. The current directory stays what it is, so that cargo finds
/// the same settings as the cargo that started us.
pub fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand);
    command.arg("--manifest-path").arg(workspace::root().join("Cargo.toml"));
    command
}

/// Builds the binary of each lesson. Silent but for errors, except that a first build, which takes
/// a while, is announced.
pub fn build_lessons<'a>(lessons: impl IntoIterator<Item = &'a Lesson>) -> Result<()> {
    let mut build = cargo("build");
    build.arg("--quiet");
    let mut first = false;
    for lesson in lessons {
        first |= !binary(lesson).exists();
        build.args(["--package", lesson.package()]);
    }
    if first {
        eprintln!("building; the first time takes a minute or two …");
    }
    process::succeed(process::status(&mut build)?)
}

/// Where cargo leaves a lesson's binary.
pub fn binary(lesson: &Lesson) -> PathBuf {
    workspace::bin_dir().join(&lesson.dir)
}

/// Builds the programs that run inside boxes: the probe, and lesson 09's init.
pub fn build_box_programs() -> Result<()> {
    build_probe()?;
    build_init()
}

/// Builds the init as a program without any library, and copies it to `<target>/debug/bxw-init`. It brings its own entry,
/// so the linker must leave the C library's out. Not position independent: nobody would relocate it.
fn build_init() -> Result<()> {
    let mut command = rustc("init");
    command.args(["--quiet", "--features", "alone", "--target", &host_triple()?]);
    command.args(["--", "-C", "target-feature=+crt-static", "-C", "relocation-model=static"]);
    command.args(["-static", "-nostartfiles", "-nostdlib"].map(|arg| format!("-Clink-arg={arg}")));
    let init = executable_of("init", executables(&mut command)?)?;
    publish(&init, "bxw-init")
}

/// Builds the probe, static where the platform has a static libc, and copies it to where the
/// lessons look for it: `<target>/debug/bxw-probe`.
fn build_probe() -> Result<()> {
    let no_static = workspace::state_dir()?.join("no-static-libc");
    if !no_static.exists()
        && let Some(probe) = static_executable("probe")?
    {
        return publish(&probe, "bxw-probe");
    }
    let probe = executable_of("probe", executables(rustc("probe").arg("--quiet"))?)?;
    if !no_static.exists() {
        eprintln!("no static libc here: the probe takes its shared libraries along");
        File::create(&no_static).doing("create", &no_static)?;
    }
    publish(&probe, "bxw-probe")
}

/// These packages end up inside a box or a machine: small matters, so they have a profile of their own.
fn rustc(package: &str) -> Command {
    let mut command = cargo("rustc");
    command.args(["--package", package, "--bin", package, "--profile", "probe", JSON]);
    command
}

/// Builds the binary of this name in the package of this name so that it needs no library.
/// `--target` keeps the flag away from build scripts. None when the link fails; a plain build
/// then says whether it was for want of a static libc.
pub fn static_executable(package: &str) -> Result<Option<PathBuf>> {
    let mut command = rustc(package);
    command.args(["--quiet", "--target", &host_triple()?]);
    command.args(["--", "-C", "target-feature=+crt-static"]);
    match process::stdout_alone(command.stderr(Stdio::null())) {
        Ok(messages) => executable_of(package, made(&messages)).map(Some),
        Err(_) => Ok(None),
    }
}

/// The binary of a lesson as it would be installed: optimised, and static.
pub fn release(lesson: &Lesson) -> Result<PathBuf> {
    let mut command = cargo("rustc");
    command.args([
        "--package",
        lesson.package(),
        "--bin",
        &lesson.dir,
        "--release",
        "--quiet",
        JSON,
    ]);
    command.args(["--target", &host_triple()?, "--", "-C", "target-feature=+crt-static"]);
    executable_of(&lesson.dir, executables(&mut command)?)
}

fn executable_of(name: &str, built: Vec<Executable>) -> Result<PathBuf> {
    let path = built.into_iter().find(|built| built.name == name).map(|built| built.path);
    let none = || format!("cargo rustc -p {name} made no executable named {name}");
    path.ok_or_else(|| Failure::failed(none()))
}

fn host_triple() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let text = process::stdout(Command::new(rustc).arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::unusable("rustc -vV names no host"))
}

/// Copies beside and renames, so that a box that runs the old program keeps it.
fn publish(built: &Path, name: &str) -> Result<()> {
    let published = workspace::bin_dir().join(name);
    let fresh = |new: &fs::Metadata, old: fs::Metadata| {
        old.len() == new.len() && old.modified().ok() >= new.modified().ok()
    };
    let new = fs::metadata(built).doing("stat", built)?;
    if fs::metadata(&published).is_ok_and(|old| fresh(&new, old)) {
        return Ok(());
    }
    let beside = published.with_extension(std::process::id().to_string());
    fs::copy(built, &beside).doing("copy a program to", &beside)?;
    fs::rename(&beside, &published).doing("rename a program to", &published)
}

const JSON: &str = "--message-format=json-render-diagnostics";

/// An executable that cargo has just made or found up to date.
#[derive(Debug, PartialEq, Eq)]
pub struct Executable {
    /// The cargo target's name: `snapshots`, `clone_pid`, `01-clone-pid`.
    pub name: String,
    /// The cargo target's kind: `lib`, `bin`, `test`.
    pub kind: String,
    /// True when it is a libtest harness.
    pub test: bool,
    /// The directory of its package.
    pub package_dir: PathBuf,
    /// The file to run.
    pub path: PathBuf,
}

/// Builds all test executables of the workspace. The book's checks it without mdbook.
pub fn build_tests() -> Result<Vec<Executable>> {
    let mut command = cargo("test");
    command.args(["--workspace", "--no-run", JSON]);
    Ok(executables(&mut command)?.into_iter().filter(|built| built.test).collect())
}

/// Builds one test target of the package `tests`.
pub fn build_test(target: &str) -> Result<Executable> {
    let built = build_these_tests([target])?.into_iter().next();
    built.ok_or_else(|| Failure::failed(format!("package tests has no test target {target}")))
}

/// Builds these test targets of the package `tests`.
pub fn build_these_tests<'a>(
    targets: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Executable>> {
    let mut command = cargo("test");
    command.args(["--quiet", "--package", "tests", "--no-run", JSON]);
    command.args(targets.into_iter().flat_map(|target| ["--test", target]));
    Ok(executables(&mut command)?.into_iter().filter(|built| built.test).collect())
}

/// Runs a cargo command that has [`JSON`] among its arguments and collects what it made.
fn executables(command: &mut Command) -> Result<Vec<Executable>> {
    Ok(made(&process::stdout(command)?))
}

fn made(messages: &str) -> Vec<Executable> {
    messages.lines().filter_map(executable).collect()
}

/// Reads one line of cargo's JSON; None unless it is about an executable.
fn executable(line: &str) -> Option<Executable> {
    #[derive(Deserialize)]
    struct Artifact {
        manifest_path: PathBuf,
        target: Target,
        profile: Profile,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
        kind: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Profile {
        test: bool,
    }
    let artifact: Artifact = serde_json::from_str(line).ok()?;
    Some(Executable {
        name: artifact.target.name,
        kind: artifact.target.kind.into_iter().next().unwrap_or_default(),
        test: artifact.profile.test,
        package_dir: artifact.manifest_path.parent()?.to_path_buf(),
        path: artifact.executable?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_s_message_about_a_test_executable_is_read() {
        let line = r#"{"reason":"compiler-artifact","manifest_path":"/w/tests/Cargo.toml",
            "target":{"kind":["test"],"name":"snapshots"},"profile":{"test":true},
            "executable":"/t/debug/deps/snapshots-1"}"#;
        let found = executable(line).unwrap();
        assert_eq!((found.name.as_str(), found.kind.as_str()), ("snapshots", "test"));
        assert_eq!(found.package_dir, Path::new("/w/tests"));
    }

    #[test]
    fn other_messages_are_passed_over() {
        for line in ["", "{}", r#"{"reason":"build-finished","success":true}"#] {
            assert_eq!(executable(line), None);
        }
    }
}
