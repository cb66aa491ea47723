//! From a command line to a box, the same way whoever does it: `run`, a monitor that starts it again, `exec`.

use std::cell::Cell;
use std::ffi::OsString;
use std::rc::Rc;

use cgroup_cpu::Group;
use clap::{CommandFactory, FromArgMatches};
use clone_pid::{Container, Part};
use ground::cgroup::Controller;
use ground::lesson::{Cli, Verb, one_line};
use ground::{Error, Result};
use memory_oom::Memory;

use super::record::{Spec, Word};
use crate::flags::Flags;

/// The parts of a box. `main.rs` has the one of this lesson.
pub trait PartsList: 'static {
    /// The container that the flags describe.
    fn container(flags: &Flags, argv: &[OsString]) -> Result<Container>;
}

/// Understands what was typed after `run`. Of a flag that may be given once the last one counts: so `exec` can put its own
/// behind those of `run`.
pub fn understand(flags: &[OsString], command: &[OsString]) -> Result<(Flags, Vec<OsString>)> {
    let parser = Cli::<Flags>::command().mut_subcommand("run", |run| run.args_override_self(true));
    let begin = ["box", "run"].map(OsString::from);
    let words = begin.iter().chain(flags).cloned().chain(["--".into()]).chain(command.to_vec());
    let wrong = |e: clap::Error| Error::usage(one_line(&e.to_string()));
    let matches = parser.try_get_matches_from(words).map_err(wrong)?;
    match Cli::<Flags>::from_arg_matches(&matches).map_err(wrong)?.verb {
        Some(Verb::Run(run)) => Ok((run.flags, run.command)),
        _ => Err(Error::usage("this is no `run`")),
    }
}

impl Spec {
    /// What was typed, for a box that is to be kept. `words` are those after the verb, the command's at the end.
    pub fn new(flags: &Flags, words: &[OsString], command: &[OsString]) -> Result<Spec> {
        let entrypoint = &flags.runtime.entrypoint;
        if command.is_empty() && flags.image.is_none() && entrypoint.is_none() {
            let what = "<COMMAND>... was not given";
            return Err(Error::usage(what).remedy("an --image may have one of its own"));
        }
        let own = &words[..words.len().saturating_sub(command.len())];
        let own = own.strip_suffix(&["--".into()]).unwrap_or(own);
        let here = std::env::current_dir().unwrap_or_default().into_os_string();
        Ok(Spec {
            id: String::new(),
            name: flags.runtime.name.clone().unwrap_or_default(),
            created: 0,
            flags: own.iter().map(Word::from).collect(),
            command: command.iter().map(Word::from).collect(),
            cwd: (&here).into(),
            env: flags.runtime.environment()?,
            labels: flags.runtime.labels(),
            auto_remove: flags.runtime.auto_remove,
            tty: flags.runtime.tty,
            image: None,
            network_of: None,
        })
    }

    /// Its flags and its command, with words of `more` behind the flags and, for `exec`, another command.
    pub fn understand(
        &self,
        more: &[OsString],
        command: Option<&[OsString]>,
    ) -> Result<(Flags, Vec<OsString>)> {
        let flags: Vec<OsString> = self.flags.iter().map(OsString::from).collect();
        let own: Vec<OsString> = self.command.iter().map(OsString::from).collect();
        understand(&[&flags, more].concat(), command.unwrap_or(&own))
    }

    /// The command as one line.
    pub fn command_line(&self) -> String {
        let words = self.command.iter().map(|word| OsString::from(word).display().to_string());
        words.collect::<Vec<_>>().join(" ")
    }
}

/// The container of a box, with its environment.
pub fn container<P: PartsList>(
    flags: &Flags,
    env: &[String],
    argv: &[OsString],
) -> Result<Container> {
    let usual = [("HOME", "/root"), ("HOSTNAME", &flags.hostname), ("TERM", "xterm")];
    let wanted = if flags.runtime.tty { 3 } else { 2 };
    let own = env.iter().filter_map(|entry| entry.split_once('='));
    let container =
        own.into_iter().try_fold(P::container(flags, argv)?, |container, (key, value)| {
            container.env(key, value)
        })?;
    usual[..wanted]
        .iter()
        .try_fold(container, |container, (key, value)| container.env_unless_set(key, value))
}

/// Whether the OOM killer was at work. It is asked when the command has ended and the group is still there: list it last.
#[derive(Clone, Default)]
pub struct OomWatch(Rc<Cell<bool>>);

impl OomWatch {
    /// Of this box.
    pub fn part(&self, group: Group) -> impl Part + 'static {
        Watcher { group, seen: self.clone() }
    }

    /// The answer.
    pub fn killed(&self) -> bool {
        self.0.get()
    }
}

struct Watcher {
    group: Group,
    seen: OomWatch,
}

impl Part for Watcher {
    fn release(&mut self) -> Result<()> {
        let kills = self.group.place(Controller::MEMORY).and_then(|place| Memory::kills(&place));
        if kills.is_ok_and(|kills| kills > 0) {
            self.seen.0.set(true);
        }
        Ok(())
    }
}
