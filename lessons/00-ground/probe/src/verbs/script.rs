//! Several verbs in one process: what one of them mounts, the next can list.

use super::Verb;
use crate::{Failure, Result};

pub const VERBS: &[Verb] = &[Verb { name: "script", args: "<VERB ARGS; VERB ARGS; …>", run: script }];

/// Words are separated by blanks, verbs by semicolons; there is no quoting. The first failure ends the script.
fn script(args: &[String]) -> Result {
    for step in args[0].split(';') {
        let words: Vec<String> = step.split_whitespace().map(str::to_owned).collect();
        if let Some((name, args)) = words.split_first() {
            super::call(name, args).map_err(|failure| within(name, failure))?;
        }
    }
    Ok(())
}

fn within(name: &str, failure: Failure) -> Failure {
    match failure {
        Failure::Usage(text) => Failure::Usage(format!("{name}: {text}")),
        Failure::Call(call, error) => Failure::Call(format!("{name}: {call}"), error),
    }
}
