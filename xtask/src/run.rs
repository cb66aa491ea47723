//! `cargo xtask run lesson NN`: build the lesson as the user, then become its binary.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use clap::{Args, Subcommand};

use crate::contents::contents;
use crate::elevate::{self, Elevation};
use crate::failure::{Context, Failure, Result};
use crate::lessons::{self, Lesson};
use crate::{artifacts, process, sys, workspace};

/// What can be run.
#[derive(Debug, Subcommand)]
pub enum Runnable {
    /// Run a lesson's demo, or one of its experiments
    Lesson(LessonArgs),
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// The arguments of `run lesson`.
#[derive(Debug, Args)]
pub struct LessonArgs {
    /// Number or name: 5, 05, memory-oom, 05-memory-oom
    lesson: String,
    /// The experiment to run instead of the demo, or all
    experiment: Option<String>,
    /// With all: the deep experiments too
    #[arg(long, requires = "experiment")]
    deep: bool,
    #[command(flatten)]
    face: Face,
    /// In a user namespace, without root, as far as the lesson can be shown that way
    #[arg(long)]
    rootless: bool,
    /// Arguments for the lesson's binary, instead of the demo: -- run -v /tmp:/mnt -- sh
    #[arg(last = true, conflicts_with = "experiment")]
    args: Vec<OsString>,
}

/// How the story is told; the default is coloured on a terminal and plain elsewhere.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Face {
    /// Plain text
    #[arg(long)]
    plain: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// Wait for Enter after each step
    #[arg(long)]
    step: bool,
}

impl Face {
    fn flag(&self) -> Option<&'static str> {
        let flags = [(self.plain, "--plain"), (self.json, "--json"), (self.step, "--step")];
        flags.into_iter().find_map(|(given, flag)| given.then_some(flag))
    }
}

/// Builds and becomes the lesson, as root of this machine. Returns only on failure.
pub fn run(what: Runnable) -> Result<()> {
    run_at(what, None)
}

/// As [`run`], at a given place.
pub fn run_at(what: Runnable, place: Option<Elevation>) -> Result<()> {
    let args = match what {
        Runnable::Lesson(args) => args,
        Runnable::Other(words) => return Err(no_lesson(&words)),
    };
    let all = lessons::discover(&workspace::root())?;
    let lesson = lessons::find(&all, &args.lesson)?;
    artifacts::build_lessons([lesson])?;
    if lesson.number > 1 || args.experiment.is_some() {
        artifacts::build_box_programs()?;
    }
    let binary = artifacts::binary(lesson);
    if let Some(experiment) = &args.experiment {
        known(&binary, lesson, experiment)?;
    }
    if place.is_none() && !args.rootless && !sys::is_root() {
        well_formed(&binary, &args)?;
    }
    let place = place.map_or_else(|| elevation(lesson, args.rootless), Ok)?;
    let mut command = place.command(&binary, &[]);
    command.args(words(&args));
    Err(process::exec(command))
}

/// `run 01`, most likely.
fn no_lesson(words: &[String]) -> Failure {
    let words = words.join(" ");
    Failure::unusable(format!("{words:?} cannot be run; try: run lesson {words}"))
}

fn elevation(lesson: &Lesson, rootless: bool) -> Result<Elevation> {
    if rootless {
        return Ok(Elevation::Direct);
    }
    let why = "the kernel lets only root make namespaces (or try --rootless)";
    elevate::to_root(&format!("{}: {why}", lesson.dir))
}

/// The lesson binary's own command line.
fn words(args: &LessonArgs) -> Vec<OsString> {
    let mut words: Vec<OsString> = args.face.flag().into_iter().map(Into::into).collect();
    words.extend(args.rootless.then(|| "--rootless".into()));
    match &args.experiment {
        Some(experiment) => words.extend(["experiment".into(), experiment.into()]),
        None if args.args.is_empty() => words.push("demo".into()),
        None => words.extend(args.args.iter().cloned()),
    }
    words.extend(args.deep.then(|| "--deep".into()));
    words
}

/// Has the lesson look at its arguments, as the user: nobody wants to type a password to learn of a typing mistake. Help,
/// which needs no root either, ends here.
fn well_formed(binary: &Path, args: &LessonArgs) -> Result<()> {
    let mut command = Command::new(binary);
    let output = command.args(words(args)).env("BXW_PARSE_ONLY", "1").output();
    let output = output.doing("start", binary)?;
    if output.status.success() && output.stdout.is_empty() {
        return Ok(());
    }
    print!("{}", String::from_utf8_lossy(&output.stdout));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    Err(Failure::status(process::shell_status(output.status)))
}

/// Refuses an unknown experiment here, before sudo asks for a password.
fn known(binary: &Path, lesson: &Lesson, experiment: &str) -> Result<()> {
    let contents = contents(binary)?;
    let names = || contents.experiments.iter().map(|e| e.name.as_str());
    if experiment == "all" || names().any(|name| name == experiment) {
        return Ok(());
    }
    let nearest = lessons::nearest(experiment, names().chain(["all"])).join(", ");
    let dir = &lesson.dir;
    Err(Failure::unusable(format!("{dir} has no experiment {experiment:?}; nearest: {nearest}")))
}
