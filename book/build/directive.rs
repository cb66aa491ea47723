//! A line of a chapter that is replaced by what it names.

use crate::workspace::Workspace;
use crate::{bench, chart, diagram, snapshot, source, tables, trace};

/// `{{#name arguments}}`, on a line of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Directive<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// The directive on a line; `None` for prose. One that shares its line with prose is a mistake.
pub fn parse(line: &str) -> Result<Option<Directive<'_>>, String> {
    let Some(at) = start(line) else { return Ok(None) };
    let inner = line[at + 3..].split_once("}}").filter(|(_, rest)| rest.trim().is_empty());
    match inner {
        Some((inner, _)) if line[..at].trim().is_empty() => {
            let (name, arguments) = inner.trim().split_once(' ').unwrap_or((inner.trim(), ""));
            Ok(Some(Directive { name, arguments: arguments.trim() }))
        }
        _ => Err("a directive stands on a line of its own".to_string()),
    }
}

/// Where one begins; `\{{#` and what stands in backticks are prose.
fn start(line: &str) -> Option<usize> {
    let mut found = line.match_indices("{{#").map(|(at, _)| at);
    found.find(|at| {
        let before = &line[..*at];
        !before.ends_with('\\') && before.matches('`').count().is_multiple_of(2)
    })
}

impl Directive<'_> {
    /// What it stands for. `depth` is the number of directories between `book/src` and the chapter's file.
    pub fn expand(&self, workspace: &Workspace, depth: usize) -> Result<String, String> {
        let up = "../".repeat(depth);
        match self.name {
            "source" => source::include(workspace, self.arguments, &up),
            "output" => snapshot::output(workspace, self.arguments),
            "help" => snapshot::help(workspace, self.arguments),
            "chart" => chart::include(workspace, self.arguments),
            "bench" => bench::include(workspace, self.arguments),
            "trace" => trace::include(workspace, self.arguments, &up),
            "diagram" => diagram::include(workspace, self.arguments),
            "experiments" => tables::experiments(workspace, self.arguments, &up),
            "claims" => tables::claims(workspace, self.arguments, &up),
            "myths" => tables::myths(workspace, self.arguments, &up),
            "ledger" => tables::ledger(workspace),
            "tally" => tables::tally(),
            "needs" => Ok(tables::needs()),
            other => Err(format!("there is no directive {other:?}")),
        }
    }
}

/// Words of a directive's arguments; what is in double quotes is one word.
pub fn words(arguments: &str) -> Result<Vec<&str>, String> {
    let mut words = Vec::new();
    let mut rest = arguments.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quotation mark is not closed")?,
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_is_a_line_of_its_own() {
        let source = Directive { name: "source", arguments: "a.rs:b" };
        assert_eq!(parse("{{#source a.rs:b}}"), Ok(Some(source)));
        assert_eq!(parse("{{#needs}}"), Ok(Some(Directive { name: "needs", arguments: "" })));
        assert_eq!(parse("write `{{#needs}}` or \\{{#needs}}"), Ok(None));
        for wrong in ["see {{#needs}}", "{{#needs}} here", "{{#needs"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(
            words("01/demo from \"a b\" to c").unwrap(),
            ["01/demo", "from", "a b", "to", "c"]
        );
        assert!(words("from \"a").is_err());
    }
}
