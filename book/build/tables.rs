//! Tables made from the ledger and from what experiments need.

use ground::ledger::{Claim, claims as all_claims};
use ground::needs::Need;

use crate::experiments::{Experiment, Experiments};
use crate::html::{ended, escape, sentence};
use crate::ledger::{self, VERDICTS};
use crate::workspace::Workspace;

/// Where the ledger is shown in full, below `book/src`.
const LEDGER_PAGE: &str = "appendix/ledger.md";

/// `{{#claims 01}}`: the claims of a lesson, each with its verdict and what shows it.
pub fn claims(workspace: &Workspace, lesson: &str, up: &str) -> Result<String, String> {
    let experiments = Experiments::of(workspace, lesson)?;
    let row = |claim: &Claim| {
        let cell = match experiments.0.is_empty() {
            true => String::new(),
            false => {
                format!(
                    "<td data-of=\"Experiment\">{}</td>",
                    codes(&experiments.deciding(claim.id))
                )
            }
        };
        format!(
            "<tr><td data-of=\"Claim\">{} {}{}</td><td data-of=\"Verdict\">{}</td>\
             <td data-of=\"What to add\">{}</td>{cell}</tr>\n",
            link(claim.id, up),
            escape(claim.text),
            if claim.level == "core" { "" } else { " <span class=\"level\">deep</span>" },
            badge(claim.verdict),
            escape(&sentence(claim.correction)),
        )
    };
    let rows: String = ledger::of_lesson(lesson)?.iter().map(row).collect();
    let column = if experiments.0.is_empty() { "" } else { "<th>Experiment</th>" };
    let head = format!("<th>Claim</th><th>Verdict</th><th>What to add</th>{column}");
    Ok(table("claims", &head, &rows))
}

/// `{{#experiments 01}}`: the experiments of a lesson, in reading order.
pub fn experiments(workspace: &Workspace, lesson: &str, up: &str) -> Result<String, String> {
    let experiments = Experiments::of(workspace, lesson)?;
    if experiments.0.is_empty() {
        return Err(format!("nothing is recorded as tests/snapshots/{lesson}/list.snap"));
    }
    let ids =
        |claims: &[String]| claims.iter().map(|id| link(id, up)).collect::<Vec<_>>().join(" ");
    let row = |e: &Experiment| {
        let (name, title) = (escape(&e.name), escape(&sentence(&e.title)));
        let level = if e.level == "core" { "" } else { " <span class=\"level\">deep</span>" };
        format!(
            "<tr><td data-of=\"Experiment\"><code>{name}</code>{level}</td>\
             <td data-of=\"What it shows\">{title}</td><td data-of=\"Claims\">{}</td></tr>\n",
            ids(&e.claims)
        )
    };
    let rows: String = experiments.0.iter().map(row).collect();
    Ok(table("experiments", "<th>Experiment</th><th>What it shows</th><th>Claims</th>", &rows))
}

/// `{{#myths 01}}`: the claims of a lesson that are not simply true.
pub fn myths(workspace: &Workspace, lesson: &str, up: &str) -> Result<String, String> {
    let experiments = Experiments::of(workspace, lesson)?;
    let rows = ledger::of_lesson(lesson)?;
    let boxes = rows.iter().filter_map(|claim| {
        let kind = ledger::myth(claim)?;
        Some(myth(claim, kind, lesson, &experiments.deciding(claim.id), up))
    });
    Ok(boxes.collect::<Vec<_>>().join("\n"))
}

fn myth(claim: &Claim, kind: &str, lesson: &str, experiments: &[&str], up: &str) -> String {
    let command = |name: &&str| format!("<code>cargo xtask run lesson {lesson} {name}</code>");
    let see = match experiments {
        [] => String::new(),
        names => {
            line("See for yourself", &names.iter().map(command).collect::<Vec<_>>().join(", "))
        }
    };
    let mut kernel = escape(&ended(&sentence(claim.correction)));
    if !claim.observed.is_empty() {
        kernel = format!(
            "{kernel} <span class=\"observed\">Seen: {}</span>",
            escape(&ended(claim.observed))
        );
    }
    format!(
        "<section class=\"myth {}\">\n<p class=\"kind\">{kind} {}</p>\n{}{}{see}</section>\n",
        claim.verdict,
        link(claim.id, up),
        line("People say", &format!("“{}”", escape(claim.text.trim_end_matches('.')))),
        line("The kernel says", &kernel),
    )
}

fn line(label: &str, html: &str) -> String {
    format!("<p><b>{label}</b> <span>{html}</span></p>\n")
}

/// `{{#ledger}}`: every row, by lesson.
pub fn ledger(workspace: &Workspace) -> Result<String, String> {
    let mut out = String::new();
    for lesson in ledger::lessons() {
        let number = lesson.split('-').next().unwrap_or(lesson);
        let experiments = Experiments::of(workspace, number)?;
        let rows = ledger::of_lesson(number)?;
        out += &format!("\n## {lesson} {{#ledger-{number}}}\n\n");
        out += &rows
            .iter()
            .map(|claim| entry(claim, &experiments.deciding(claim.id)))
            .collect::<String>();
    }
    Ok(out)
}

fn entry(claim: &Claim, experiments: &[&str]) -> String {
    let detail = |label: &str, html: &str| match html {
        "" | "n/a" => String::new(),
        html => format!("<dt>{label}</dt><dd>{html}</dd>\n"),
    };
    let details = [
        detail("But", &escape(claim.correction)),
        detail("Shown by", &escape(claim.experiment)),
        detail("Experiment", &codes(experiments)),
        detail("cgroup", &escape(claim.cgroup_note)),
        detail("Seen", &escape(claim.observed)),
        detail("Source", &escape(&claim.source.replace(',', ", "))),
    ];
    format!(
        "<section class=\"row\" id=\"{id}\">\n<p class=\"head\"><a href=\"#{id}\">{id}</a> {} \
         <span class=\"level\">{}</span> <span class=\"topic\">{}</span></p>\n<p>{}</p>\n<dl>\n{}</dl>\n</section>\n\n",
        badge(claim.verdict),
        escape(claim.level),
        escape(claim.topic),
        escape(claim.text),
        details.concat(),
        id = claim.id,
    )
}

/// `{{#tally}}`: how many claims of each lesson got which verdict.
pub fn tally() -> Result<String, String> {
    let mut body = String::new();
    for lesson in ledger::lessons() {
        let number = lesson.split('-').next().unwrap_or(lesson);
        let rows = ledger::of_lesson(number)?;
        let name = format!("<a href=\"#ledger-{number}\">{lesson}</a>");
        body += &sums(&name, &rows);
    }
    body += &sums("all", &all_claims().collect::<Vec<_>>());
    let verdicts: String = VERDICTS.iter().map(|v| format!("<th>{v}</th>")).collect();
    Ok(table("tally", &format!("<th>Lesson</th><th>claims</th>{verdicts}"), &body))
}

fn sums(name: &str, rows: &[Claim]) -> String {
    let count = |verdict: &&str| rows.iter().filter(|claim| claim.verdict == *verdict).count();
    let cells: String = VERDICTS.iter().map(|v| format!("<td>{}</td>", count(v))).collect();
    format!("<tr><td>{name}</td><td>{}</td>{cells}</tr>\n", rows.len())
}

/// `{{#needs}}`: what an experiment may need of the machine, and what to do when it is missing.
pub fn needs() -> String {
    let row = |need: &Need| {
        format!(
            "<tr><td data-of=\"Name\"><code>{}</code></td><td data-of=\"What it is\">{}</td>\
             <td data-of=\"When it is missing\">{}</td></tr>\n",
            need.id(),
            escape(need.what()),
            escape(need.remedy()),
        )
    };
    let rows: String = Need::ALL.iter().map(row).collect();
    table("needs", "<th>Name</th><th>What it is</th><th>When it is missing</th>", &rows)
}

fn table(class: &str, head: &str, rows: &str) -> String {
    format!(
        "<div class=\"table-wrapper {class}\">\n<table>\n<thead><tr>{head}</tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    )
}

fn codes(names: &[&str]) -> String {
    names.iter().map(|n| format!("<code>{}</code>", escape(n))).collect::<Vec<_>>().join(" ")
}

fn badge(verdict: &str) -> String {
    format!("<span class=\"verdict {0}\">{0}</span>", escape(verdict))
}

fn link(id: &str, up: &str) -> String {
    format!("<a class=\"claim-id\" href=\"{up}{LEDGER_PAGE}#{id}\">{id}</a>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_has_a_verdict_that_is_counted() {
        assert!(all_claims().all(|claim| VERDICTS.contains(&claim.verdict)));
    }

    #[test]
    fn a_block_of_html_holds_no_blank_line() {
        let rows: Vec<Claim> = all_claims().collect();
        let blocks = rows.iter().map(|claim| myth(claim, "x", "01", &["a"], ""));
        assert!(blocks.chain([tally().unwrap(), needs()]).all(|block| !block.contains("\n\n")));
    }
}
