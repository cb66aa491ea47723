//! The command line that all lessons share, and how a lesson begins and ends.
//!
//! ```text
//! NN-name [--plain|--json|--step] [--rootless] [demo | run [FLAGS] -- CMD… | experiment NAME|all | list]
//! ```

mod cli;
mod experiment;
mod run;

use std::ffi::OsString;
use std::io::{IsTerminal, stderr, stdout};
use std::os::fd::AsRawFd;
use std::panic;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::Args;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getuid;

use cli::{Asked, Parsed};
pub use cli::{Cli, Command, FaceFlags, Look, OwnVerb, RunArgs, Verb, arguments, one_line};
pub use experiment::{Experiment, Findings, Level};
pub use run::{adopt_run, begin_run, end_run, run_dir, run_name};

use crate::call::IntoErrno;
use crate::card::{self, Card};
use crate::error::{Error, Result};
use crate::interrupt::{self, Interrupted};
use crate::needs::Need;
use crate::proc::Process;
use crate::story::{self, Event, Face};
use crate::{guard, rootless};

/// A lesson: what its `main.rs` hands to [`main`].
pub struct Lesson<R> {
    /// Name of the binary, `01-clone-pid`: `env!("CARGO_BIN_NAME")`.
    pub program: &'static str,
    /// One line.
    pub title: &'static str,
    /// The narrated walk through the mechanism.
    pub demo: fn() -> Result<()>,
    /// Starts a container by the lesson's flags; returns the status of `run`.
    pub run: fn(R, Command) -> Result<u8>,
    /// Verbs of this lesson alone, beside the common ones.
    pub verbs: &'static [OwnVerb],
    /// In the order in which they are to be read.
    pub experiments: &'static [Experiment],
}

impl<R> Lesson<R> {
    /// `01` and `clone-pid`.
    fn number_and_name(&self) -> (&'static str, &'static str) {
        self.program.split_once('-').unwrap_or(("00", self.program))
    }

    /// From the lesson about user namespaces on, an ordinary user need not ask for one to `run` a box.
    fn runs_for_everybody(&self) -> bool {
        self.number_and_name().0 >= "08"
    }
}

static LOOK: OnceLock<Look> = OnceLock::new();

/// How this lesson's story is to be shown.
pub fn look() -> Look {
    LOOK.get().copied().unwrap_or_default()
}

/// Shows the isolation card at the end of a `run`: on standard error, unless a story is being told.
pub fn show_card(card: &Card) -> Result<()> {
    if !story::listening() {
        look().tell_on(stderr(), stderr().is_terminal());
    }
    card.tell()
}

/// Runs a lesson's command line from end to end.
pub fn main<R: Args>(lesson: Lesson<R>) -> ExitCode {
    let Parsed { look, rootless, asked } = match cli::parse(&lesson) {
        Ok(parsed) => parsed,
        Err(status) => return ExitCode::from(status),
    };
    let is_run = asked.is_like_run();
    if std::env::var_os(PARSE_ONLY).is_some() {
        return ExitCode::from(well_formed(&lesson, asked));
    }
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        let status = perform(&lesson, look, rootless, asked)?;
        end_of_story(status)
    }));
    // However it ended: a bar that stands in the terminal's last line goes before anything is printed there.
    story::stop();
    let status = match outcome {
        Ok(Ok(status)) => status,
        Ok(Err(e)) => {
            cli::complain(lesson.program, &e);
            if is_run { e.run_status() } else { e.status() }
        }
        Err(payload) => match payload.downcast::<Interrupted>() {
            Ok(interrupted) => 128 + interrupted.0 as u8,
            Err(payload) => panic::resume_unwind(payload),
        },
    };
    ExitCode::from(status)
}

/// Asked before sudo is: are these arguments worth a password? A status other than 0, and one line, when they are not.
const PARSE_ONLY: &str = "BXW_PARSE_ONLY";

fn well_formed<R: Args>(lesson: &Lesson<R>, asked: Asked<R>) -> u8 {
    let (checked, status) = match asked {
        Asked::Common(Verb::Run(args)) => (Command::new(args.command, args.no_card).map(drop), 125),
        Asked::Common(Verb::Experiment { name, deep }) => {
            (experiment::choose(lesson.experiments, &name, deep).map(drop), 2)
        }
        _ => (Ok(()), 0),
    };
    checked.map_or_else(
        |e| {
            cli::complain(lesson.program, &e);
            status
        },
        |()| 0,
    )
}

fn perform<R: Args>(lesson: &Lesson<R>, look: Look, rootless: bool, asked: Asked<R>) -> Result<u8> {
    if let Asked::Common(Verb::List { json }) = asked {
        cli::list(lesson, json)?;
        return Ok(0);
    }
    let chosen = match &asked {
        Asked::Common(Verb::Experiment { name, deep }) => {
            experiment::choose(lesson.experiments, name, *deep)?
        }
        _ => Vec::new(),
    };
    let brings_one = matches!(asked, Asked::Common(Verb::Run(_))) && lesson.runs_for_everybody();
    let rootless = rootless || (brings_one && !Need::Admin.is_met());
    let _ends = begin(look, rootless, &asked)?;
    if !chosen.is_empty() {
        return experiment::perform(lesson.number_and_name().0, &chosen);
    }
    let verb = match asked {
        Asked::Own(verb, arguments) => return (verb.run)(&arguments),
        Asked::Common(verb) => verb,
    };
    need_admin()?;
    match verb {
        Verb::Run(args) => (lesson.run)(args.flags, Command::new(args.command, args.no_card)?),
        _ => {
            let (number, _) = lesson.number_and_name();
            story::emit(&Event::Lesson { lesson: number.into(), title: lesson.title.into() });
            (lesson.demo)().map(|()| 0)
        }
    }
}

/// From here on there may be something to undo: what the run makes goes with what this returns.
fn begin<R: Args>(look: Look, rootless: bool, asked: &Asked<R>) -> Result<run::Ends> {
    let _ = LOOK.set(look);
    interrupt::block()?;
    end_with_sudo();
    let ends = run::allow()?;
    match asked {
        Asked::Own(..) => {}
        Asked::Common(Verb::Run(run)) => look.tell_run(run.tell),
        Asked::Common(_) => look.tell_on(stdout(), stdout().is_terminal()),
    }
    if rootless {
        // The last moment to see the host from the host.
        card::host()?;
        rootless::enter()?;
    } else if Need::Admin.is_met() {
        guard::enter()?;
    }
    Ok(ends)
}

/// What the user started is sudo. If that is killed, this process would go on as root without anybody's knowing.
fn end_with_sudo() {
    if getuid().is_root() && std::env::var_os("SUDO_UID").is_some() {
        // SIGTERM and not SIGKILL: there may be something to undo.
        let _ = prctl::set_pdeathsig(Signal::SIGTERM);
    }
}

fn need_admin() -> Result<()> {
    // Without /proc nothing can be told, and no need can be judged.
    Process::this().status()?;
    match Need::Admin.is_met() {
        true => Ok(()),
        false => {
            let what = "a container needs CAP_SYS_ADMIN to make namespaces";
            Err(Error::environment(what).remedy(Need::Admin.remedy()))
        }
    }
}

/// What could not be written fails the lesson; a reader that had enough (`| head`) ends it like SIGPIPE would.
fn end_of_story(status: u8) -> Result<u8> {
    match story::stop() {
        Some(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(128 + libc::SIGPIPE as u8),
        Some(e) => Err(Error::os("write the story", e.into_errno())),
        None => Ok(status),
    }
}

/// The arguments of a box's command must be C strings.
pub fn c_strings(words: &[OsString]) -> Result<Vec<std::ffi::CString>> {
    use std::os::unix::ffi::OsStrExt;
    let c_string = |word: &OsString| {
        let what =
            || Error::usage(format!("argument {word:?} holds a NUL byte, which ends a C string"));
        std::ffi::CString::new(word.as_bytes()).map_err(|_| what())
    };
    words.iter().map(c_string).collect()
}

impl Look {
    fn tell_run(&self, tell: bool) {
        if tell {
            self.tell_on(stderr(), stderr().is_terminal());
        }
    }

    /// Whether a line may be redrawn in place. A dumb terminal cannot.
    pub fn is_live(&self, terminal: bool) -> bool {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
        terminal && !dumb && !self.flags.plain && !self.flags.json
    }

    /// Begins the story on `out`.
    pub fn tell_on(&self, out: impl std::io::Write + AsRawFd + 'static, terminal: bool) {
        let face = self.face(terminal);
        let fd = out.as_raw_fd();
        match self.is_live(terminal) {
            true => story::tell_live(out, fd),
            false => story::tell_to(face, out),
        }
        story::wait_at_steps(self.step && face != Face::Json);
    }
}
