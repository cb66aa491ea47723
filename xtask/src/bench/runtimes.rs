//! Who is measured, and what each is asked to do: the same box.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::bundle;
use super::home::Home;
use crate::failure::{Context, Failure, Result};
use crate::{artifacts, lessons, process, sys, workspace};

/// A program that starts containers.
#[derive(Debug)]
pub struct Runtime {
    /// For people: `crun 1.8.1`.
    pub name: String,
    /// What kind of program it is.
    pub kind: Kind,
    /// Its file.
    pub program: PathBuf,
}

/// How a runtime is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The C program: stays with its box.
    Floor,
    /// The kit's.
    Ours,
    /// crun and runc: a bundle, and a directory of state.
    Oci,
    /// bubblewrap: stays with its box.
    Bubblewrap,
}

/// What is done to a box that runs.
#[derive(Debug, Clone, Copy)]
pub enum Verb {
    /// One more command in it: `true`.
    Exec,
    /// SIGTERM to its first process.
    Stop,
    /// Forget it, when it has ended.
    Delete,
    /// End it and forget it.
    Remove,
}

/// The runtimes that are here, and what they start.
#[derive(Debug)]
pub struct Stage {
    /// In the order in which they take turns.
    pub runtimes: Vec<Runtime>,
    /// One line for each that is not here, or does not work here.
    pub missing: Vec<String>,
    /// Whether controllers are in a v2 hierarchy.
    pub v2: bool,
    /// Where all is kept.
    pub home: Home,
}

impl Stage {
    /// Builds what is ours, finds what is not, and makes a root file system with two programs.
    pub fn set() -> Result<Stage> {
        let mut stage = Stage::ours()?;
        let floor = stage.home.work().join("floor");
        compile(&bench("floor.c"), &floor)?;
        let floor = Runtime { name: "floor (C)".into(), kind: Kind::Floor, program: floor };
        stage.runtimes.insert(0, floor);
        for program in ["crun", "runc"] {
            stage.add_installed(program, Kind::Oci);
        }
        stage.add_installed("bwrap", Kind::Bubblewrap);
        stage.prove()?;
        Ok(stage)
    }

    /// With our runtime alone.
    pub fn ours() -> Result<Stage> {
        let v2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        // Built before anything is made: it takes the longest, and may fail.
        let program = newest_lesson()?;
        let ours = Runtime { name: "boxwright".into(), kind: Kind::Ours, program };
        let stage = Stage { runtimes: vec![ours], missing: Vec::new(), v2, home: Home::make()? };
        stage.fill_root()?;
        Ok(stage)
    }

    fn fill_root(&self) -> Result<()> {
        let source = self.home.work().join("true.c");
        fs::write(&source, "int main(void) { return 0; }\n").doing("write", &source)?;
        compile(&source, &self.home.root().join("bin/true"))?;
        compile(&bench("hold.c"), &self.home.root().join("bin/hold"))
    }

    fn add_installed(&mut self, program: &str, kind: Kind) {
        let said = Command::new(program).arg("--version").output();
        match said.ok().and_then(|output| String::from_utf8(output.stdout).ok()) {
            Some(text) => {
                let version = text.split_whitespace().find(|word| word.contains('.'));
                let name = format!("{program} {}", version.unwrap_or_default());
                self.runtimes.push(Runtime { name, kind, program: found(program) });
            }
            None => self.missing.push(format!("{program}: not installed")),
        }
    }

    /// Leaves out whoever cannot start a box here, with what it says. Without ours there is nothing to measure.
    fn prove(&mut self) -> Result<()> {
        let mut works = Vec::new();
        for runtime in &self.runtimes {
            let output = self.run(runtime, 0)?.stdin(Stdio::null()).output();
            let output = output.doing("start", &runtime.program)?;
            if sys::interrupted() {
                return Err(Failure::status(130));
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let why = said.lines().next().map_or(output.status.to_string(), str::to_owned);
            works.push(output.status.success());
            if !output.status.success() {
                self.missing.push(format!("{}: does not work here: {why}", runtime.name));
            }
        }
        let mut works = works.into_iter();
        self.runtimes.retain(|_| works.next() == Some(true));
        match self.runtimes.iter().any(|runtime| runtime.kind == Kind::Ours) {
            true => Ok(()),
            false => Err(Failure::failed(self.missing.join("; "))),
        }
    }

    /// The name of the box in a place: of its cgroup, its state, itself.
    pub fn box_name(&self, place: usize) -> String {
        format!("{}-{place}", self.home.name())
    }

    /// The command by which a runtime makes a box, runs `true` in it, and removes it.
    pub fn run(&self, runtime: &Runtime, place: usize) -> Result<Command> {
        self.start(runtime, place, "/bin/true", &[])
    }

    /// The command by which a runtime starts a box that stays. [`Kind::Floor`] and [`Kind::Bubblewrap`] stay with it.
    pub fn start_alive(&self, runtime: &Runtime, place: usize) -> Result<Command> {
        let name = self.box_name(place);
        let pid_file = self.pid_file(place);
        let words: [OsString; 3] = match runtime.kind {
            Kind::Ours => ["--detach".into(), "--name".into(), name.into()],
            _ => ["--detach".into(), "--pid-file".into(), pid_file.into()],
        };
        self.start(runtime, place, "/bin/hold", &words)
    }

    /// The same as [`Stage::run`], in the background; our runtime only.
    pub fn run_detached(&self, ours: &Runtime) -> Result<Command> {
        self.start(ours, 0, "/bin/true", &["--detach".into(), "--rm".into()])
    }

    /// Where an OCI runtime writes the number of a box's first process.
    pub fn pid_file(&self, place: usize) -> PathBuf {
        self.home.work().join(format!("pid-{place}"))
    }

    fn start(
        &self,
        runtime: &Runtime,
        place: usize,
        program: &str,
        words: &[OsString],
    ) -> Result<Command> {
        let (root, name) = (self.home.root(), self.box_name(place));
        let mut command = self.command(runtime);
        match runtime.kind {
            Kind::Floor => {
                command.arg(if self.v2 { "v2" } else { "v1" }).arg(name).arg(root).arg(program)
            }
            Kind::Ours => command
                .args(["run", "--no-card", "--memory=256m", "--memory-swap=-1", "--network=none"])
                .args(["--cpus=1", "--pids-limit=100"])
                .args(words)
                .arg("--rootfs")
                .args([root.as_os_str(), "--".as_ref(), program.as_ref()]),
            Kind::Oci => {
                let dir = self.home.work().join(format!("bundle-{place}"));
                bundle::write(&dir, &root, &name, program)?;
                command.args(["run", "--bundle"]).arg(dir).args(words).arg(name)
            }
            Kind::Bubblewrap => command
                .args(["--unshare-all", "--die-with-parent", "--bind"])
                .arg(root)
                .args(["/", "--proc", "/proc", "--dev", "/dev", "--ro-bind", "/sys", "/sys"])
                .arg(program),
        };
        Ok(command)
    }

    /// What is done to a box that runs; `None` when the runtime has no word for it.
    pub fn verb(&self, runtime: &Runtime, verb: Verb, place: usize) -> Option<Command> {
        let (before, after): (&[&str], &[&str]) = match (runtime.kind, verb) {
            (Kind::Floor | Kind::Bubblewrap, _) => return None,
            (_, Verb::Exec) => (&["exec"], &["/bin/true"]),
            (Kind::Ours, Verb::Stop) => (&["stop"], &[]),
            (Kind::Ours, Verb::Delete) => (&["rm"], &[]),
            (Kind::Ours, Verb::Remove) => (&["rm", "--force"], &[]),
            (Kind::Oci, Verb::Stop) => (&["kill"], &["TERM"]),
            (Kind::Oci, Verb::Delete) => (&["delete"], &[]),
            (Kind::Oci, Verb::Remove) => (&["delete", "--force"], &[]),
        };
        let mut command = self.command(runtime);
        command.args(before).arg(self.box_name(place)).args(after).stdout(Stdio::null());
        Some(command)
    }

    /// Its processes carry the word by which `clean` finds them.
    fn command(&self, runtime: &Runtime) -> Command {
        let mut command = Command::new(&runtime.program);
        command.env("container", self.home.name()).stdin(Stdio::null());
        if runtime.kind == Kind::Oci {
            command.arg("--root").arg(self.home.state().join("oci"));
        }
        command
    }
}

/// As a static release binary, for that is how it would be installed.
fn newest_lesson() -> Result<PathBuf> {
    let taught = lessons::taught(&workspace::root())?;
    let lesson = taught.last().ok_or_else(|| Failure::failed("there is no lesson"))?;
    artifacts::release(lesson)
}

fn found(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|dir| dir.join(program));
    places.find(|place| place.is_file()).unwrap_or_else(|| program.into())
}

fn bench(file: &str) -> PathBuf {
    workspace::root().join("xtask/bench").join(file)
}

/// A static program, so that no loader is measured.
fn compile(source: &Path, program: &Path) -> Result<()> {
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-static", "-o"]).arg(program).arg(source);
    process::succeed(process::status(&mut cc)?)
}
