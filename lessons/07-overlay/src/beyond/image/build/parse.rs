//! Lines of a Dockerfile become steps. Whatever is not known is refused here, before anything is done.

use ground::{Error, Result};

use super::words::split;
use super::wrong;

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it begins, from 1.
    pub line: usize,
    /// All of it on one line.
    pub text: String,
    pub what: Instruction,
}

/// What is to be done. Variables are not yet replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    From(String),
    Run(Command),
    Copy {
        flags: Vec<(String, String)>,
        paths: Command,
    },
    /// Of ENV and LABEL.
    Set {
        label: bool,
        pairs: String,
    },
    Workdir(String),
    User(String),
    Entrypoint(Command),
    Cmd(Command),
}

/// A command as its words, or as a line for a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Exec(Vec<String>),
    Shell(String),
}

impl Command {
    fn of(text: &str, line: usize) -> Result<Command> {
        if text.starts_with("<<") {
            return Err(wrong(
                line,
                "here-documents are not known here; write the command on one line",
            ));
        }
        match serde_json::from_str::<Vec<String>>(text) {
            Ok(words) if words.is_empty() => Err(wrong(line, "an empty list of words")),
            Ok(words) => Ok(Command::Exec(words)),
            Err(_) => Ok(Command::Shell(text.to_string())),
        }
    }

    /// The words that are executed.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Command::Exec(words) => words.clone(),
            Command::Shell(line) => ["/bin/sh", "-c", line].map(str::to_string).to_vec(),
        }
    }
}

const KNOWN: &str = "known are FROM, RUN, COPY, ENV, WORKDIR, USER, LABEL, ENTRYPOINT and CMD";

/// Reads a Dockerfile.
pub fn parse(text: &str) -> Result<Vec<Step>> {
    let steps =
        logical_lines(text).map(|(line, text)| step(line, &text?)).collect::<Result<Vec<_>>>()?;
    match steps.first().map(|step| &step.what) {
        None => Err(Error::usage("the Dockerfile holds no instruction")),
        Some(Instruction::From(_)) => {
            match steps.iter().skip(1).find(|step| matches!(step.what, Instruction::From(_))) {
                Some(second) => Err(wrong(
                    second.line,
                    "a second FROM: builds of several stages are not known here",
                )),
                None => Ok(steps),
            }
        }
        Some(_) => Err(wrong(steps[0].line, "the first instruction must be FROM")),
    }
}

fn step(line: usize, text: &str) -> Result<Step> {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (keyword, rest) = (word.to_ascii_uppercase(), rest.trim());
    if rest.is_empty() {
        return Err(wrong(line, format!("{keyword} of nothing")));
    }
    let (flags, plain) = flags(rest);
    let only =
        |allowed: &[&str]| match flags.iter().find(|(flag, _)| !allowed.contains(&flag.as_str())) {
            Some((flag, _)) => Err(wrong(line, format!("--{flag} of {keyword} is not known here"))),
            None => Ok(()),
        };
    let what = match keyword.as_str() {
        "FROM" => only(&[]).and_then(|()| from(line, plain))?,
        "RUN" => only(&[]).and_then(|()| Command::of(plain, line)).map(Instruction::Run)?,
        "COPY" => {
            only(&["chown", "chmod"])?;
            Instruction::Copy { flags, paths: Command::of(plain, line)? }
        }
        "ENV" | "LABEL" => {
            let (label, pairs) = (keyword == "LABEL", rest.to_string());
            super::words::pairs(&pairs, &|_| None).map_err(|e| wrong(line, e))?;
            Instruction::Set { label, pairs }
        }
        "WORKDIR" => Instruction::Workdir(rest.into()),
        "USER" => Instruction::User(rest.into()),
        "ENTRYPOINT" => Instruction::Entrypoint(Command::of(rest, line)?),
        "CMD" => Instruction::Cmd(Command::of(rest, line)?),
        "ADD" => return Err(wrong(line, "ADD is not known here; COPY copies files")),
        _ => {
            return Err(wrong(
                line,
                format!("{} is not known here; {KNOWN}", super::super::cut(word)),
            ));
        }
    };
    Ok(Step { line, text: text.to_string(), what })
}

/// `--name=value` before the rest.
fn flags(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut flags = Vec::new();
    while let Some(flag) = rest.strip_prefix("--") {
        let (flag, after) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
        let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
        flags.push((name.to_string(), value.to_string()));
        rest = after.trim_start();
    }
    (flags, rest)
}

/// `IMAGE`, or `IMAGE AS NAME`: with one stage the name is of no use, and no harm.
fn from(line: usize, rest: &str) -> Result<Instruction> {
    let words = split(rest, &|_| None).map_err(|e| wrong(line, e))?;
    match words.as_slice() {
        [image] => Ok(Instruction::From(image.clone())),
        [image, word, _] if word.eq_ignore_ascii_case("as") => Ok(Instruction::From(image.clone())),
        _ => Err(wrong(line, "FROM takes one image")),
    }
}

/// Lines without comments, those that end with a backslash joined with the next; with the number of the first.
fn logical_lines(text: &str) -> impl Iterator<Item = (usize, Result<String>)> + '_ {
    let mut lines = text.lines().enumerate().peekable();
    let mut first = true;
    std::iter::from_fn(move || {
        loop {
            let (number, line) = lines.next()?;
            let trimmed = line.trim();
            let directive =
                trimmed.strip_prefix('#').map(|rest| rest.replace(' ', "").to_lowercase());
            if first
                && directive
                    .as_ref()
                    .is_some_and(|it| it.starts_with("escape=") && it != "escape=\\")
            {
                return Some((
                    number + 1,
                    Err(wrong(number + 1, "another escape character is not known here")),
                ));
            }
            first &= directive.is_some();
            if directive.is_some() || trimmed.is_empty() {
                continue;
            }
            let mut joined = trimmed.to_string();
            while let Some(start) = joined.strip_suffix('\\') {
                joined = start.to_string();
                // Comments and empty lines between are left out.
                let is_blank =
                    |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
                while lines.next_if(|(_, line)| is_blank(line)).is_some() {}
                let Some((_, next)) = lines.next() else { break };
                joined.push_str(next.trim_end());
            }
            return Some((number + 1, Ok(joined.trim().to_string())));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_comments_left_out() {
        let text =
            "# a comment\nFROM scratch\n\nRUN one \\\n  # between\n\n  two\nCMD [\"a\", \"b\"]\n";
        let steps = parse(text).unwrap();
        let lines: Vec<_> = steps.iter().map(|step| step.line).collect();
        assert_eq!(lines, [2, 4, 8]);
        assert_eq!(steps[1].what, Instruction::Run(Command::Shell("one   two".into())));
        assert_eq!(steps[2].what, Instruction::Cmd(Command::Exec(vec!["a".into(), "b".into()])));
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_line() {
        for (text, line, word) in [
            ("RUN x", 1, "FROM"),
            ("FROM a\nFROM b", 2, "second FROM"),
            ("FROM a\n\nADD x /", 3, "ADD"),
            ("FROM a\nHEALTHCHECK x", 2, "HEALTHCHECK"),
            ("FROM --platform=x a", 1, "--platform"),
            ("FROM a\nRUN --mount=type=cache x", 2, "--mount"),
            ("FROM a\nCOPY --from=b c d", 2, "--from"),
            ("FROM a\nRUN <<EOF\nEOF", 2, "here-documents"),
            ("FROM a\nRUN", 2, "RUN of nothing"),
            ("# escape=`\nFROM a", 1, "escape"),
            ("FROM a\nENV x=\"", 2, "quote"),
        ] {
            let said = parse(text).unwrap_err().to_string();
            assert!(said.contains(&format!("line {line}:")) && said.contains(word), "{said}");
        }
        assert!(parse("# nothing\n").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in "(FROM|RUN|ENV|CMD|COPY|#| |\\\\|\n|\"|\\$|\\{|[a-z=\\[\\]]){0,60}") {
            let _ = parse(&text);
        }
    }
}
