//! The clap types of a lesson's command line.
#![allow(clippy::print_stdout, clippy::print_stderr)] // `list` and the one error line

use std::ffi::OsString;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use serde_json::json;

use super::{Lesson, Level};
use crate::call::IntoErrno;
use crate::error::{Error, Result};
use crate::story::Face;

/// A lesson's command line.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = false)]
pub struct Cli<R: Args> {
    /// How the story is shown.
    #[command(flatten)]
    pub look: Look,
    /// Become root of a user namespace instead of asking for root; what needs the real root is skipped
    #[arg(long, global = true)]
    pub rootless: bool,
    /// What to do; the demo when left out.
    #[command(subcommand)]
    pub verb: Option<Verb<R>>,
}

/// How the story is shown.
#[derive(Args, Clone, Copy, Default)]
pub struct Look {
    /// The flags that choose a face.
    #[command(flatten)]
    pub flags: FaceFlags,
    /// Wait for Enter after each step
    #[arg(long, global = true)]
    pub step: bool,
}

/// The flags that choose a face.
#[derive(Args, Clone, Copy, Default)]
#[group(multiple = false)]
pub struct FaceFlags {
    /// Without colour, as in a pipe
    #[arg(long, global = true)]
    pub plain: bool,
    /// One JSON object a line
    #[arg(long, global = true)]
    pub json: bool,
}

impl Look {
    /// The face for an output that is, or is not, a terminal. See no-color.org and bixense.com/clicolors.
    pub fn face(&self, terminal: bool) -> Face {
        if self.flags.json {
            return Face::Json;
        }
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0");
        let colour = !self.flags.plain && !is_set("NO_COLOR") && (forced || terminal);
        // Left alone, colored lets CLICOLOR_FORCE beat NO_COLOR and --plain.
        colored::control::set_override(colour);
        if colour { Face::Colour } else { Face::Plain }
    }
}

/// What a lesson can do.
#[derive(Subcommand)]
pub enum Verb<R: Args> {
    /// Tell the mechanism, step by step (this is the default)
    Demo,
    /// Run a command in a container made of this lesson's parts
    Run(RunArgs<R>),
    /// Put claims to the test
    Experiment {
        /// Name of the experiment, or `all`
        name: String,
        /// With `all`: those beyond the core, too
        #[arg(long)]
        deep: bool,
    },
    /// List the experiments
    List {
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// `run`: this lesson's flags, and the command.
#[derive(Args)]
pub struct RunArgs<R: Args> {
    /// This lesson's flags.
    #[command(flatten)]
    pub flags: R,
    /// Tell every system call on standard error
    #[arg(long)]
    pub tell: bool,
    /// Leave the isolation card out
    #[arg(long)]
    pub no_card: bool,
    /// Command and arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    pub command: Vec<OsString>,
}

/// A verb that one lesson has beside the common ones: `image pull`, `ps`.
#[derive(Clone, Copy)]
pub struct OwnVerb {
    /// Name, flags and subcommands: `clap::Command::new("ps")`, or `<Arguments as clap::CommandFactory>::command`.
    pub command: fn() -> clap::Command,
    /// Does it; returns the exit status. Nothing is told unless it begins a story: `look().tell_on(…)`.
    pub run: fn(&ArgMatches) -> Result<u8>,
    /// Whether errors end it as `docker run` ends, with 125 and above.
    pub like_run: bool,
}

/// The command that a box is to run.
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<OsString>,
    /// Whether the isolation card is wanted at the end.
    pub card: bool,
}

impl Command {
    /// clap hands an unknown flag over as the command's first word; no command is called like one.
    pub(super) fn new(argv: Vec<OsString>, no_card: bool) -> Result<Command> {
        match argv.first().and_then(|word| word.to_str()).filter(|word| word.starts_with('-')) {
            Some(flag) => Err(Error::usage(format!("unexpected argument {flag}"))
                .remedy("--help shows the flags")),
            None => Ok(Command { argv, card: !no_card }),
        }
    }
}

/// What was asked for on the command line.
pub(super) enum Asked<R: Args> {
    /// One of the verbs that every lesson has.
    Common(Verb<R>),
    /// One of this lesson's own, with its arguments.
    Own(&'static OwnVerb, ArgMatches),
}

impl<R: Args> Asked<R> {
    /// Whether errors end it as `docker run` ends, with 125 and above.
    pub(super) fn is_like_run(&self) -> bool {
        match self {
            Asked::Common(verb) => matches!(verb, Verb::Run(_)),
            Asked::Own(verb, _) => verb.like_run,
        }
    }
}

/// The flags before the verb, and the verb.
pub(super) struct Parsed<R: Args> {
    pub(super) look: Look,
    pub(super) rootless: bool,
    pub(super) asked: Asked<R>,
}

/// Parses the arguments; an `Err` is the exit status after clap has said what is wrong. `run` follows Docker: 125.
pub(super) fn parse<R: Args>(lesson: &Lesson<R>) -> Result<Parsed<R>, u8> {
    let program = lesson.program;
    let command = Cli::<R>::command().name(program).bin_name(program).about(lesson.title);
    let asked = std::env::args_os().skip(1).find(|arg| !arg.to_string_lossy().starts_with('-'));
    // To describe all verbs with their flags takes longer than to start a box.
    let own = if asked.as_ref().is_some_and(|verb| verb == "run") { &[] } else { lesson.verbs };
    let own: Vec<_> = own.iter().map(|verb| (verb, (verb.command)())).collect();
    let names: Vec<_> =
        own.iter().map(|(verb, command)| (command.get_name().to_string(), *verb)).collect();
    let command = command.subcommands(own.into_iter().map(|(_, command)| command));
    let command = command.mut_subcommand("run", |run| match has_image(&run) {
        true => run.mut_arg("command", |arg| arg.required(false)),
        false => run,
    });
    let parsed = command.try_get_matches().and_then(|matches| understand(&names, matches));
    parsed.map_err(|e| {
        // Help and version go to standard output and are no error.
        if !e.use_stderr() {
            let _ = e.print();
            return 0;
        }
        eprintln!("{program}: {}", one_line(&e.to_string()));
        let asked = asked.and_then(|verb| verb.into_string().ok()).unwrap_or_default();
        let like_run = |(name, own): &(String, &OwnVerb)| own.like_run && *name == asked;
        if asked == "run" || names.iter().any(like_run) { 125 } else { 2 }
    })
}

/// An image brings a command of its own.
fn has_image(run: &clap::Command) -> bool {
    run.get_arguments().any(|arg| arg.get_id() == "image")
}

/// A verb of the lesson's own is not among those that clap's derived types know.
fn understand<R: Args>(
    own: &[(String, &'static OwnVerb)],
    matches: ArgMatches,
) -> Result<Parsed<R>, clap::Error> {
    let found = matches.subcommand().and_then(|(name, arguments)| {
        let (_, verb) = own.iter().find(|(own, _)| own == name)?;
        Some((*verb, arguments.clone()))
    });
    if let Some((verb, arguments)) = found {
        let look = Look::from_arg_matches(&matches)?;
        let rootless = matches.get_flag("rootless");
        return Ok(Parsed { look, rootless, asked: Asked::Own(verb, arguments) });
    }
    let Cli { look, rootless, verb } = Cli::from_arg_matches(&matches)?;
    Ok(Parsed { look, rootless, asked: Asked::Common(verb.unwrap_or(Verb::Demo)) })
}

/// The arguments of a verb, as its own type.
pub fn arguments<T: FromArgMatches>(matches: &ArgMatches) -> Result<T> {
    T::from_arg_matches(matches).map_err(|e| Error::usage(one_line(&e.to_string())))
}

/// clap's paragraphs as one line.
pub fn one_line(message: &str) -> String {
    let lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let kept = lines.take_while(|line| {
        !line.starts_with("Usage:") && !line.starts_with("For more information")
    });
    let line = kept.collect::<Vec<_>>().join("; ").replace(":; ", ": ");
    let line = WORDS.iter().fold(line, |line, (theirs, ours)| line.replace(theirs, ours));
    format!("{}; --help shows the usage", line.trim_start_matches("error: "))
}

/// What Rust says of a number, and what that means to who has typed it.
const WORDS: [(&str, &str); 4] = [
    ("invalid digit found in string", "a whole number is wanted, in digits"),
    ("cannot parse integer from empty string", "a whole number is wanted, in digits"),
    ("number too large to fit in target type", "the number is too large"),
    ("number too small to fit in target type", "the number is too small"),
];

/// The one line of an error.
pub(super) fn complain(program: &str, error: &Error) {
    eprintln!("{program}: {error}");
}

/// Lists the experiments.
pub(super) fn list<R>(lesson: &Lesson<R>, json: bool) -> Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let written = if json {
        let experiments: Vec<_> =
            lesson.experiments.iter().map(super::Experiment::as_json).collect();
        let ((number, name), title) = (lesson.number_and_name(), lesson.title);
        let object =
            json!({"lesson": number, "name": name, "title": title, "experiments": experiments});
        writeln!(out, "{object}")
    } else {
        let line = |e: &super::Experiment| {
            let level = if e.level == Level::Core { "core" } else { "deep" };
            format!("{:<20} {level}  {}  [{}]\n", e.name, e.title, e.claims.join(" "))
        };
        out.write_all(lesson.experiments.iter().map(line).collect::<String>().as_bytes())
    };
    written.map_err(|e| Error::os("write the list", e.into_errno()))
}
