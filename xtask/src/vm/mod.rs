//! `cargo xtask vm`: the same commands in a disposable machine of QEMU's that has cgroup v2 only.
//!
//! The host builds, as the user; the machine runs finished binaries, as its root. It sees the
//! host's files at their places, read-only below a layer in its memory, and writes to the host
//! in `<target>/xtask` alone. There is no disk image, no network, no installation:
//!
//! | step | where |
//! | --- | --- |
//! | a kernel: asked for, the host's own, or fetched; its modules | [`kernel`], [`fetch`], [`modules`], [`vmlinux`] |
//! | the first root directory, with the package `vm-agent` as first process | [`initramfs`], [`cpio`] |
//! | KVM or TCG | [`accel`] |
//! | QEMU, its monitor, snapshot and restoring | [`qemu`], [`qmp`], [`machine`], [`cache`] |
//! | the command's input and output | [`relay`] |
//!
//! `vm run`, `vm test` and `vm doctor` are what they are without `vm`, with
//! [`Elevation::Machine`]: the binary is started through `xtask vm -- BINARY` as it would be through
//! `sudo -- BINARY`.

mod accel;
mod cache;
mod cpio;
mod fetch;
mod initramfs;
mod kernel;
mod machine;
mod modules;
mod qemu;
mod qmp;
mod relay;
mod sys;
mod unpack;
mod vmlinux;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand, ValueEnum};
use vm_agent::job::Job;

pub use machine::ready;

use crate::elevate::{self, Elevation};
use crate::failure::{Context, Failure, Result};
use crate::{host, process, run, test, workspace};

/// The arguments of `vm`.
#[derive(Debug, Args)]
#[command(
    override_usage = "cargo xtask vm [OPTIONS] run|test|shell|doctor …\n       cargo xtask vm [OPTIONS] -- COMMAND [ARGUMENT]…"
)]
pub struct VmArgs {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    what: Option<What>,
    /// A command to run in the machine: -- COMMAND [ARGUMENT]…
    #[arg(last = true, hide = true)]
    command: Vec<OsString>,
}

/// What the machine is like.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Processors [default: 1]
    #[arg(long, global = true, value_parser = clap::value_parser!(u32).range(1..=64))]
    cpus: Option<u32>,
    /// RAM in MiB
    #[arg(long, global = true, value_name = "MIB", default_value_t = 1024)]
    #[arg(value_parser = clap::value_parser!(u32).range(256..=65536))]
    memory: u32,
    /// The kernel to boot, with its modules in ../lib/modules/RELEASE or /lib/modules/RELEASE
    #[arg(long, global = true, value_name = "PATH")]
    kernel: Option<PathBuf>,
    /// The cgroup hierarchy
    #[arg(long, global = true, value_name = "VERSION", default_value = "v2")]
    cgroup: Cgroup,
    /// Boot afresh instead of restoring the snapshot
    #[arg(long, global = true)]
    boot: bool,
    /// A variable for the command in the machine
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<OsString>,
}

/// A cgroup hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Cgroup {
    /// One for all controllers
    V2,
    /// One for each controller, when the kernel still has them
    V1,
}

impl Cgroup {
    fn name(self) -> &'static str {
        match self {
            Cgroup::V1 => "v1",
            Cgroup::V2 => "v2",
        }
    }
}

/// What to do in the machine.
#[derive(Debug, Subcommand)]
enum What {
    /// Run a lesson there: cargo xtask vm run lesson 05
    #[command(subcommand)]
    Run(run::Runnable),
    /// Run the tests of the package tests there
    Test {
        /// Only tests whose SUITE::NAME contains one of these
        filters: Vec<String>,
    },
    /// Open a shell there
    Shell,
    /// Say which machine this is, and what it offers to the lessons
    Doctor,
}

/// Starts a machine for what is wanted.
pub fn vm(args: VmArgs) -> Result<()> {
    let place = || Elevation::Machine(words(&args.options).leak());
    match args.what {
        Some(What::Run(what)) => run::run_at(what, Some(place())),
        Some(What::Test { ref filters }) => test::test_at(filters, place()),
        Some(What::Shell) => shell(args.options),
        Some(What::Doctor) => doctor(&args.options, place()),
        None if args.command.is_empty() => Err(Failure::unusable(
            "say what to do: cargo xtask vm run, test, shell, doctor or -- COMMAND",
        )),
        None => command(&args.options, &args.command),
    }
}

/// The options as a command line has them, for a machine that another xtask starts.
fn words(options: &Options) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    if let Some(cpus) = options.cpus {
        words.extend(["--cpus".into(), cpus.to_string().into()]);
    }
    words.extend(["--memory".into(), options.memory.to_string().into()]);
    words.extend(["--cgroup".into(), options.cgroup.name().into()]);
    if let Some(kernel) = &options.kernel {
        // The other xtask may start in another directory.
        let kernel = kernel.canonicalize().unwrap_or_else(|_| kernel.clone());
        words.extend(["--kernel".into(), kernel.into()]);
    }
    words.extend(options.boot.then(|| "--boot".into()));
    options.env.iter().for_each(|variable| words.extend(["--env".into(), variable.clone()]));
    words
}

/// Runs one command in one machine and ends as it ended.
fn command(options: &Options, args: &[OsString]) -> Result<()> {
    let plan = machine::plan(options)?;
    let qemu = plan.start(options.boot)?;
    let raw = sys::Raw::enter().map_err(|e| Failure::unusable(format!("tcsetattr: {e}")))?;
    let window = raw.as_ref().map(|_| sys::window().unwrap_or((24, 80)));
    let job = job(options, args, &plan.config.state, window)?;
    let ended = relay::run(&qemu.port, &job.encode(), window.is_some());
    drop(raw);
    match ended {
        Ok(0) => Ok(()),
        Ok(status) => Err(Failure::status(status)),
        Err(failure) => Err(machine::with_console(failure, qemu)),
    }
}

fn job(
    options: &Options,
    args: &[OsString],
    state: &Path,
    terminal: Option<(u16, u16)>,
) -> Result<Job> {
    let cwd = env::current_dir().doing("find", Path::new("."))?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Job {
        time: since.as_secs(),
        seed: seed()?.into(),
        kept: kept([workspace::root(), workspace::target_dir(), cwd.clone()]),
        state: state.to_path_buf(),
        cwd,
        env: environment(&options.env),
        args: args.to_vec(),
        terminal,
    })
}

fn seed() -> Result<String> {
    let mut bytes = [0; 32];
    let random = Path::new("/dev/urandom");
    File::open(random).and_then(|mut file| file.read_exact(&mut bytes)).doing("read", random)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Of the directories that the command may need, those that the machine's own `/tmp`, `/run` and
/// `/var/tmp` would cover; none inside of another.
fn kept(dirs: [PathBuf; 3]) -> Vec<PathBuf> {
    const COVERED: [&str; 3] = ["/tmp", "/run", "/var/tmp"];
    let real = dirs.into_iter().map(|dir| dir.canonicalize().unwrap_or(dir));
    let mut dirs: Vec<PathBuf> = real
        .filter(|dir| COVERED.iter().any(|top| dir.starts_with(top) && dir != Path::new(top)))
        .collect();
    dirs.sort();
    dirs.dedup_by(|inner, outer| inner.starts_with(&*outer));
    dirs
}

/// What the command there finds: the variables that sudo would be asked to keep, and the given.
fn environment(given: &[OsString]) -> Vec<OsString> {
    const PASSED: [&str; 4] = ["PATH", "LANG", "TERM", "COLORTERM"];
    let passed = |name: &OsStr| elevate::is_kept(name) || PASSED.iter().any(|p| name == *p);
    let ours = env::vars_os().filter(|(name, _)| passed(name));
    let ours = ours.map(|(name, value)| elevate::assignment(name, &value));
    ["HOME=/root".into(), "USER=root".into()]
        .into_iter()
        .chain(ours)
        .chain(given.iter().cloned())
        .collect()
}

/// The host's bash when there is one, without settings made for the host.
fn shell(mut options: Options) -> Result<()> {
    options.env.insert(0, "PS1=[vm] \\w # ".into());
    match elevate::is_installed("bash") {
        true => command(&options, &["bash".into(), "--norc".into()]),
        false => command(&options, &["sh".into()]),
    }
}

fn doctor(options: &Options, place: Elevation) -> Result<()> {
    let ground = host::ground()?;
    let plan = machine::plan(options)?;
    let (kernel, image) = (&plan.kernel, plan.kernel.image.display());
    println!("kernel        {} ({image})", kernel.release);
    println!("acceleration  {}", plan.config.accel.qemu().0);
    println!(
        "snapshot      {}",
        if plan.has_snapshot() { "there" } else { "made at the first start" }
    );
    println!();
    let mut command = place.command(&ground, &[]);
    command.arg("doctor");
    Err(process::exec(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_the_way_to_another_xtask() {
        use clap::Parser;
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            vm: VmArgs,
        }
        let line = ["x", "--cpus", "2", "--env", "A=b c", "--cgroup", "v1", "--", "sh", "-c", "x"];
        let vm = Line::parse_from(line).vm;
        assert_eq!(vm.command, ["sh", "-c", "x"]);
        let again = ["x".into()].into_iter().chain(words(&vm.options));
        assert_eq!(words(&Line::parse_from(again).vm.options), words(&vm.options));
        let run =
            Line::parse_from(["x", "run", "lesson", "5", "--memory", "512", "--", "run", "sh"]);
        assert_eq!(run.vm.options.memory, 512);
        assert!(matches!(run.vm.what, Some(What::Run(_))));
    }

    #[test]
    fn the_classroom_configurations_carry_the_script_word_for_word() {
        let script = include_str!("../../vm/setup.sh").lines();
        let lines: Vec<String> = script.map(|line| format!("      {line}")).collect();
        let script = lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
        for text in [include_str!("../../vm/cloud-init.yaml"), include_str!("../../vm/lima.yaml")] {
            assert!(text.contains(&script));
        }
    }

    #[test]
    fn only_what_would_be_covered_is_kept_and_once() {
        let dirs = ["/home/a/kit", "/tmp/x/target/debug", "/tmp/x"].map(PathBuf::from);
        assert_eq!(kept(dirs), [Path::new("/tmp/x")]);
        assert_eq!(kept(["/tmp", "/run/a", "/tmpx"].map(PathBuf::from)), [Path::new("/run/a")]);
    }
}
