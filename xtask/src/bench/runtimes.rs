//! Who is measured, and what each is asked to do: the same box.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::bundle;
use crate::failure::{Context, Failure, Result};
use crate::{artifacts, lessons, process, workspace};

/// The most containers that one measurement has at once, each in a place of its own.
pub const PLACES: usize = 8;

/// A program that starts containers.
#[derive(Debug)]
pub struct Runtime {
    /// For the report: `crun 1.8.1`.
    pub name: String,
    kind: Kind,
    program: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Floor,
    Ours,
    Oci,
    Bubblewrap,
}

/// The runtimes that are here, and what they start. Removed with the value.
#[derive(Debug)]
pub struct Stage {
    /// In the order in which they take turns.
    pub runtimes: Vec<Runtime>,
    /// One line for each that is not here.
    pub missing: Vec<String>,
    /// Whether controllers are in a v2 hierarchy.
    pub v2: bool,
    dir: PathBuf,
}

impl Stage {
    /// Builds what is ours, finds what is not, and makes a root file system with one program.
    pub fn set() -> Result<Stage> {
        let dir = workspace::state_dir()?.join("bench");
        let _ = fs::remove_dir_all(&dir);
        let v2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        let mut stage = Stage { runtimes: Vec::new(), missing: Vec::new(), v2, dir };
        stage.make_root()?;
        stage.add_floor()?;
        stage.add_ours()?;
        for program in ["crun", "runc"] {
            stage.add_installed(program, Kind::Oci);
        }
        stage.add_installed("bwrap", Kind::Bubblewrap);
        (0..PLACES)
            .try_for_each(|place| bundle::write(&stage.bundle(place), &stage.root(), place))?;
        Ok(stage)
    }

    fn root(&self) -> PathBuf {
        self.dir.join("rootfs")
    }

    fn bundle(&self, place: usize) -> PathBuf {
        self.dir.join(format!("bundle-{place}"))
    }

    fn make_root(&self) -> Result<()> {
        for name in ["bin", "dev", "proc", "sys", "tmp", "etc"] {
            let dir = self.root().join(name);
            fs::create_dir_all(&dir).doing("make directory", &dir)?;
        }
        let source = self.dir.join("true.c");
        fs::write(&source, "int main(void) { return 0; }\n").doing("write", &source)?;
        compile(&source, &self.root().join("bin/true"))
    }

    fn add_floor(&mut self) -> Result<()> {
        let program = self.dir.join("floor");
        compile(&workspace::root().join("xtask/bench/floor.c"), &program)?;
        self.runtimes.push(Runtime { name: "floor (C)".into(), kind: Kind::Floor, program });
        Ok(())
    }

    /// The newest lesson, as a static release binary.
    fn add_ours(&mut self) -> Result<()> {
        let taught = lessons::taught(&workspace::root())?;
        let lesson = taught.last().ok_or_else(|| Failure::failed("there is no lesson"))?;
        let program = artifacts::release(lesson)?;
        self.runtimes.push(Runtime { name: lesson.dir.clone(), kind: Kind::Ours, program });
        Ok(())
    }

    fn add_installed(&mut self, program: &str, kind: Kind) {
        let said = Command::new(program).arg("--version").output();
        match said.ok().and_then(|output| String::from_utf8(output.stdout).ok()) {
            Some(text) => {
                let version = text.split_whitespace().find(|word| word.contains('.'));
                let name = format!("{program} {}", version.unwrap_or_default());
                self.runtimes.push(Runtime { name, kind, program: program.into() });
            }
            None => self.missing.push(format!("{program}: not installed")),
        }
    }

    /// The command by which a runtime starts `true` in a box, in one of the places.
    pub fn command(&self, runtime: &Runtime, place: usize) -> Command {
        let root = self.root();
        let mut command = Command::new(&runtime.program);
        match runtime.kind {
            Kind::Floor => {
                command.arg(if self.v2 { "v2" } else { "v1" }).arg(root).arg("/bin/true")
            }
            Kind::Ours => command
                .args(["run", "--no-card", "--memory=256m", "--memory-swap=-1", "--network=none"])
                .args(["--cpus=1", "--pids-limit=100", "--rootfs"])
                .args([root.as_os_str(), "--".as_ref(), "/bin/true".as_ref()]),
            Kind::Oci => command
                .args(["run", "--bundle"])
                .arg(self.bundle(place))
                .arg(format!("bxw-bench-{place}")),
            Kind::Bubblewrap => command
                .args(["--unshare-all", "--die-with-parent", "--bind"])
                .arg(root)
                .args(["/", "--proc", "/proc", "--dev", "/dev", "--ro-bind", "/sys", "/sys"])
                .arg("/bin/true"),
        };
        command
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A static program, so that no loader is measured.
fn compile(source: &Path, program: &Path) -> Result<()> {
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-static", "-o"]).arg(program).arg(source);
    process::succeed(process::status(&mut cc)?)
}
