//! [`Boxed`]: one box of the store, and the truth about it.
//!
//! What `state.json` says is believed only as far as the kernel confirms it. A box runs as long as its monitor (in the
//! foreground: the runtime itself) holds a lock, which dies with its holder; whoever finds it free writes down what is so.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clone_pid::Child;
use ground::call::quietly;
use ground::cgroup::{Controller, Frozen};
use ground::error::Kind;
use ground::host::sweep;
use ground::proc::read_records;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::Pid;

use super::names::SHOWN;
use super::record::{self, Spec, State, Status, now};
use super::verbs::place;

/// The lock whose holder is the parent of the box.
const MONITOR: &str = "monitor";
/// The lock around every change of the state is that of the directory itself.
const LOCK: &str = ".";
/// In the file `exit`, in place of a status.
const RUNS: &str = "   \n";
/// The same, when nobody saw how it ended.
const UNSEEN: &str = "?  \n";

/// A box of the store.
#[derive(Clone, Debug)]
pub struct Boxed {
    /// `<data>/boxes/ID`.
    pub dir: PathBuf,
    /// How to make it.
    pub spec: Spec,
}

impl Boxed {
    /// Reads one. `None`: it has just been removed, or a power failure came before it was on the disk.
    pub(super) fn read(dir: &Path) -> Result<Option<Boxed>> {
        let spec = record::read(&dir.join("box.json"))?;
        Ok(spec.map(|spec| Boxed { dir: dir.to_path_buf(), spec }))
    }

    /// Furnishes the directory of a new one, which is in this state. Its maker is its monitor as long as it keeps the lock.
    pub(super) fn furnish(dir: &Path, spec: &Spec, state: &State) -> Result<Lock> {
        let [monitor, _exit] = [MONITOR, "exit"].map(|file| {
            let at = dir.join(file);
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false).mode(0o600);
            quietly(format_args!("create {}", at.display())).run(|| options.open(&at))
        });
        let durable = !spec.auto_remove;
        record::furnish(&dir.join("state.json"), state, durable && !state.status.lives())?;
        record::furnish(&dir.join("box.json"), spec, durable)?;
        Lock::on(monitor?, MONITOR)
    }

    /// Removes its directory, whatever is in it.
    pub(super) fn remove(dir: &Path) -> std::io::Result<()> {
        for file in [MONITOR, "exit", "state.json", "box.json"] {
            let _ = fs::remove_file(dir.join(file));
        }
        // Mostly that was all.
        fs::remove_dir(dir).or_else(|_| fs::remove_dir_all(dir))
    }

    /// Twelve digits of its ID.
    pub fn short(&self) -> &str {
        &self.spec.id[..SHOWN]
    }

    /// The log of its output.
    pub fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    // ANCHOR: truth
    /// How it goes, as far as the kernel confirms it.
    pub fn look(&self) -> Result<State> {
        let state = self.state()?;
        if !state.status.lives() || self.is_watched()? {
            return Ok(self.melted(state));
        }
        let lock = self.lock()?;
        // Its monitor may have come to its end, in order, in between.
        let state = self.state()?;
        match state.status.lives() && !self.is_watched()? {
            true => Ok(self.repair(state, &lock)),
            false => Ok(state),
        }
    }

    /// `pause` writes down what it is about to do, and `unpause` what it has done: one that was killed in between has left
    /// a box that says it is frozen, and is not.
    fn melted(&self, mut state: State) -> State {
        let frozen =
            || place(self, &state, Controller::FREEZER).and_then(|place| place.frozen()).ok();
        if state.status == Status::Paused && frozen() == Some(Frozen::No) {
            state.status = Status::Running;
        }
        state
    }

    /// Nobody saw its end: the monitor was killed, or the machine was. What it left is removed as `clean` would.
    fn repair(&self, mut state: State, lock: &Lock) -> State {
        if state.boot == boot() {
            let run = state.run.find("run-").map_or("", |at| &state.run[at..]);
            // What cannot be removed now is found by `clean`.
            let _ = sweep::dead_run(run);
        }
        state.status = Status::Exited;
        (state.pid, state.code, state.finished) = (None, None, now());
        match self.told() {
            // The monitor has seen its end; there was no room for more.
            Some((code, when)) => (state.code, state.finished) = (code, when),
            None => self.tell(UNSEEN),
        }
        if state.code.is_none() {
            state.error = "its monitor was killed, or the machine".to_string();
        }
        // On a full disk the next who looks comes to the same answer.
        let _ = self.write(&state, lock);
        state
    }

    /// Whether somebody holds the lock of a monitor. See flock(2): it goes with the last descriptor of its holder.
    fn is_watched(&self) -> Result<bool> {
        let Some(file) = self.open(MONITOR)? else { return Ok(false) };
        match Flock::lock(file, FlockArg::LockSharedNonblock) {
            Ok(_) => Ok(false),
            Err((_, Errno::EWOULDBLOCK)) => Ok(true),
            Err((_, errno)) => Err(Error::os("flock monitor", errno)),
        }
    }
    // ANCHOR_END: truth

    /// Becomes its monitor, and says so. Of two who try, one is told that it runs already.
    pub(super) fn watch(&self, state: State) -> Result<Lock> {
        let lock = self.not_watched()?;
        let file = self.open(MONITOR)?.ok_or_else(|| self.gone())?;
        // Whoever looks holds it for a moment, so this waits.
        let held = Lock::on(file, MONITOR)?;
        self.tell_end(None);
        self.write(&state, &lock)?;
        Ok(held)
    }

    /// The lock around a change, of a box that nobody watches: as long as it is held nobody will.
    pub(super) fn not_watched(&self) -> Result<Lock> {
        let lock = self.lock()?;
        match self.state()?.status.lives() && self.is_watched()? {
            true => {
                let what = format!("{} is running already", self.spec.name);
                Err(Error::new(Kind::Failed, what))
            }
            false => Ok(lock),
        }
    }

    /// Changes the state.
    pub fn update(&self, change: impl FnOnce(&mut State)) -> Result<State> {
        let lock = self.lock()?;
        let mut state = self.state()?;
        change(&mut state);
        self.write(&state, &lock)?;
        Ok(state)
    }

    /// As it is written, true or not.
    fn state(&self) -> Result<State> {
        let at = self.dir.join("state.json");
        match record::read(&at)? {
            Some(state) => Ok(state),
            // It was running when the power failed, and its last state was not on the disk.
            None if at.exists() => Ok(State {
                status: Status::Exited,
                error: "its state was lost in a power failure".to_string(),
                ..State::default()
            }),
            None => Err(self.gone()),
        }
    }

    fn write(&self, state: &State, _: &Lock) -> Result<()> {
        // That it runs is not worth a wait for the disk: after a power failure it does not.
        let durable = !self.spec.auto_remove && !state.status.lives();
        record::write(&self.dir.join("state.json"), state, durable)
    }

    /// The lock around a change.
    pub(super) fn lock(&self) -> Result<Lock> {
        let file = self.open(LOCK)?.ok_or_else(|| self.gone())?;
        Lock::on(file, "a box")
    }

    fn open(&self, file: &str) -> Result<Option<File>> {
        match File::open(self.dir.join(file)) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            other => {
                quietly(format_args!("open {file} of {}", self.short())).run(|| other).map(Some)
            }
        }
    }

    fn gone(&self) -> Error {
        Error::new(Kind::Failed, format!("{} has been removed", self.spec.name))
    }

    /// For `wait`, which holds this file open: it can be read even when the box has been removed.
    pub(super) fn tell_end(&self, code: Option<u8>) {
        self.tell(&code.map_or(RUNS.to_string(), |code| format!("{code:<3}\n")));
    }

    /// Always as long, and in the same place: once a monitor has written it, this takes no more room, and a full disk does
    /// not matter.
    fn tell(&self, text: &str) {
        let open = OpenOptions::new().write(true).open(self.dir.join("exit"));
        let _ = open.and_then(|mut file| file.write_all(text.as_bytes()));
    }

    /// What was told of its end, and when; nothing as long as it runs.
    fn told(&self) -> Option<(Option<u8>, u64)> {
        let at = self.dir.join("exit");
        let (text, meta) = (fs::read_to_string(&at).ok()?, fs::metadata(&at).ok()?);
        let when = u64::try_from(meta.mtime()).ok()? * 1_000_000_000 + meta.mtime_nsec() as u64;
        (text.len() == RUNS.len() && text != RUNS).then(|| (text.trim().parse().ok(), when))
    }

    /// Its first process, which no other can be mistaken for.
    pub fn first(&self, state: &State) -> Result<Child> {
        let stopped = || Error::new(Kind::Failed, format!("{} is not running", self.spec.name));
        let pid = state.pid.filter(|_| state.status.lives()).ok_or_else(stopped)?;
        let child = Child::open(Pid::from_raw(pid)).map_err(|_| stopped())?;
        // The number could belong to somebody else by now; the descriptor cannot change any more.
        match ticks(pid) == Some(state.ticks) {
            true => Ok(child),
            false => Err(stopped()),
        }
    }
}

/// A lock that is held.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

impl Lock {
    fn on(file: File, what: &str) -> Result<Lock> {
        let held = Flock::lock(file, FlockArg::LockExclusive);
        held.map(|file| Lock { _file: file })
            .map_err(|(_, errno)| Error::os(format_args!("flock {what}"), errno))
    }
}

/// The name of this boot: `/proc/sys/kernel/random/boot_id`.
pub fn boot() -> String {
    let id = read_records(Path::new("/proc/sys/kernel/random/boot_id"), 1).unwrap_or_default();
    String::from_utf8_lossy(&id).trim().to_string()
}

/// When a process began, in clock ticks since the boot: field 22 of `/proc/PID/stat`. The second one is a name in
/// parentheses, and may hold both.
pub fn ticks(pid: i32) -> Option<u64> {
    let stat = read_records(Path::new(&format!("/proc/{pid}/stat")), 1).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    stat[stat.rfind(')')?..].split_whitespace().nth(20)?.parse().ok()
}
