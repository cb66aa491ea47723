//! The verbs, a topic a file. Each file lists its own in `VERBS`.

use std::fmt::Write;

use crate::{Failure, Result};

/// One thing that the probe can do.
pub struct Verb {
    pub name: &'static str,
    /// Its arguments, as the usage shows them: `<X>` is required, `[X]` is not, `…` may repeat.
    pub args: &'static str,
    pub run: fn(&[String]) -> Result,
}

macro_rules! topics {
    ($($topic:ident)*) => {
        $(mod $topic;)*
        const TOPICS: &[&[Verb]] = &[$($topic::VERBS),*];
    };
}

topics! {
    cpu memory pages tasks report process files disk mounts descriptors ipc escape attacks powers power net net_ping waiting
    signals family script
}

fn all() -> impl Iterator<Item = &'static Verb> {
    TOPICS.iter().copied().flatten()
}

/// Finds the verb, counts its arguments, runs it.
pub fn call(name: &str, args: &[String]) -> Result {
    let verb = all().find(|verb| verb.name == name).ok_or_else(|| {
        Failure::Usage("no such verb; `bxw-probe` without arguments lists them".into())
    })?;
    let least = verb.args.matches('<').count();
    let most = least + verb.args.matches('[').count();
    let enough = args.len() >= least && (args.len() <= most || verb.args.ends_with('…'));
    if !enough {
        return Err(Failure::Usage(format!("usage: bxw-probe {name} {}", verb.args)));
    }
    (verb.run)(args)
}

/// One line for each verb.
pub fn usage() -> String {
    let mut text = String::from("usage: bxw-probe VERB [ARGS], where VERB is\n");
    for verb in all() {
        let _ = writeln!(text, "  {} {}", verb.name, verb.args);
    }
    text
}

/// Reads a number argument.
fn number<N: std::str::FromStr>(word: &str) -> Result<N> {
    word.parse().map_err(|_| Failure::Usage(format!("`{word}` is not a number in range")))
}

/// Reads a number of milliseconds.
fn milliseconds(word: &str) -> Result<std::time::Duration> {
    number(word).map(std::time::Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_verbs_share_a_name() {
        let mut names: Vec<_> = all().map(|verb| verb.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn arguments_are_counted() {
        let words = |n| vec!["x".to_string(); n];
        for (name, wrong) in [("pid", 1), ("cat", 0), ("cat", 2), ("hostname", 2), ("mknod", 3)] {
            assert!(matches!(call(name, &words(wrong)), Err(Failure::Usage(_))), "{name} {wrong}");
        }
    }
}
