//! `{{#output …}}` and `{{#help …}}`: what the lessons printed when it was last recorded.

use crate::directive::words;
use crate::html::escape;
use crate::terminal::{self, Line, Style};
use crate::workspace::{Recording, Workspace};

/// A recording, or a part of it: `01/demo`, `01/demo from "text"`, `01/demo from "text" to "text"`.
pub fn output(workspace: &Workspace, arguments: &str) -> Result<String, String> {
    let words = words(arguments)?;
    let (name, from, to) = match words[..] {
        [name] => (name, None, None),
        [name, "from", from] => (name, Some(from), None),
        [name, "from", from, "to", to] => (name, Some(from), Some(to)),
        _ => return Err("output wants: NN/NAME [from \"text\" [to \"text\"]]".to_string()),
    };
    let command = command(name)?;
    let recordings = workspace.recordings(name)?;
    let block = |recording: &Recording| {
        let part = part(&recording.text, from, to).map_err(|e| format!("{name}: {e}"))?;
        let lines = terminal::parse(&recording.text);
        Ok(figure("terminal", &command, recording.world, &pre(&lines[part])))
    };
    recordings.iter().map(block).collect()
}

/// A recorded help text: `01 run`.
pub fn help(workspace: &Workspace, arguments: &str) -> Result<String, String> {
    let words = words(arguments)?;
    let [lesson, verb] = words[..] else { return Err("help wants: NN SUBCOMMAND".to_string()) };
    let command = format!("cargo xtask run lesson {lesson} -- {verb} --help");
    let recordings = workspace.recordings(&format!("{lesson}/help-{verb}"))?;
    let text = |r: &Recording| r.text.trim_matches('\n').lines().map(help_line).collect::<String>();
    let block = |r: &Recording| figure("terminal help", &command, r.world, &text(r));
    Ok(recordings.iter().map(block).collect())
}

/// A line of help. Where it describes an option, what does not fit goes on below the description.
fn help_line(line: &str) -> String {
    let indent = line.len() - line.trim_start().len();
    let described = line[indent..].find("  ").map(|gap| {
        let rest = &line[indent + gap..];
        line.len() - rest.trim_start().len()
    });
    match described {
        Some(column) => {
            format!(
                "<span class=\"option\" style=\"--column: {column}ch\">{}\n</span>",
                escape(line)
            )
        }
        None => escape(line) + "\n",
    }
}

/// The command that prints what is recorded under a name.
fn command(name: &str) -> Result<String, String> {
    match name.split_once('/') {
        Some((lesson, "demo")) => Ok(format!("cargo xtask run lesson {lesson}")),
        Some((lesson, other)) => match other.strip_prefix("experiment-") {
            Some(experiment) => Ok(format!("cargo xtask run lesson {lesson} {experiment}")),
            None => Err(format!("{name}: recordings are named NN/demo or NN/experiment-NAME")),
        },
        None => Err(format!("{name}: recordings are named NN/demo or NN/experiment-NAME")),
    }
}

/// The lines from the first that holds `from` to the first after it that holds `to`.
fn part(
    text: &str,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<std::ops::Range<usize>, String> {
    let lines: Vec<&str> = text.lines().collect();
    let full = |i: &usize| !lines[*i].trim().is_empty();
    let find = |what: &str, after: usize| {
        let at = lines.iter().skip(after).position(|line| line.contains(what));
        at.map(|at| at + after).ok_or(format!("no line holds {what:?}"))
    };
    let start = from.map_or(Ok(0), |from| find(from, 0))?;
    let end = to.map_or(Ok(lines.len()), |to| find(to, start).map(|at| at + 1))?;
    let start = (start..end).find(full).ok_or("the recording is empty")?;
    let end = (start..end).rfind(full).unwrap_or(start) + 1;
    Ok(start..end)
}

fn figure(class: &str, command: &str, world: Option<&str>, inner: &str) -> String {
    let world = world.map_or(String::new(), |w| format!(" <span class=\"world\">{w}</span>"));
    format!(
        "<figure class=\"{class}\">\n<figcaption>{}{world}</figcaption>\n\n\
         <pre tabindex=\"0\">{inner}</pre>\n\n</figure>\n",
        escape(command)
    )
}

/// The lines as HTML.
fn pre(lines: &[Line]) -> String {
    let line = |line: &Line| line.iter().map(|span| tag(span.style, &span.text)).collect();
    terminal::shown(lines).map(line).collect::<Vec<String>>().join("\n")
}

fn tag(style: Style, text: &str) -> String {
    let text = escape(text);
    let class = match style {
        Style::Plain => return text,
        Style::Host => "host",
        Style::Box => "box",
        Style::Heading => "heading",
        Style::Rule => "rule",
        Style::Step => "step",
        Style::Call => "call",
        Style::Shell => "shell",
        Style::Evidence => "evidence",
        Style::Conclusion => "conclusion",
        Style::Note => "note",
        Style::Isolated => "isolated",
        Style::Shared => "shared",
        Style::Claim => "claim",
        Style::Holds => "holds",
        Style::Mixed => "mixed",
        Style::Refuted => "refuted",
        Style::Skipped => "skipped",
        // The same value has the same tint wherever it comes back.
        Style::Value(number) => {
            let inner = text.trim_start_matches("&lt;").trim_end_matches("&gt;");
            let tint = if number == 0 { 0 } else { (number - 1) % 6 + 1 };
            return format!("<span class=\"value v{tint}\"><i>&lt;</i>{inner}<i>&gt;</i></span>");
        }
    };
    format!("<span class=\"t-{class}\">{text}</span>")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\none\n\ntwo\nthree\n\n";

    #[test]
    fn a_part_goes_from_line_to_line() {
        assert_eq!(part(TEXT, None, None), Ok(1..5));
        assert_eq!(part(TEXT, Some("two"), None), Ok(3..5));
        assert_eq!(part(TEXT, Some("on"), Some("tw")), Ok(1..4));
        assert_eq!(part(TEXT, Some("one"), Some("one")), Ok(1..2));
        assert!(part(TEXT, Some("two"), Some("one")).unwrap_err().contains("one"));
        assert!(part("\n\n", None, None).is_err());
    }

    #[test]
    fn the_caption_is_what_to_type() {
        assert_eq!(command("01/demo").unwrap(), "cargo xtask run lesson 01");
        assert_eq!(command("02/experiment-leak").unwrap(), "cargo xtask run lesson 02 leak");
        assert!(command("demo").is_err());
    }

    #[test]
    fn the_description_of_an_option_hangs_in_its_column() {
        assert_eq!(help_line("Options:"), "Options:\n");
        let option = help_line("  -h, --help  Print <help>");
        assert!(option.contains("--column: 14ch") && option.contains("&lt;help&gt;\n"), "{option}");
    }

    #[test]
    fn a_placeholder_keeps_its_width() {
        let html = tag(Style::Value(7), "<pid 7>");
        assert_eq!(html, "<span class=\"value v1\"><i>&lt;</i>pid 7<i>&gt;</i></span>");
    }
}
