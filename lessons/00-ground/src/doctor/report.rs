//! The diagnosis for people: a screen or two.

use colored::Colorize;

use super::{Diagnosis, Finding, Group, Status, every_lesson};

/// Width of the identifiers.
const ID: usize = 18;

/// Lines of text, coloured when `colored` says so.
pub fn render(diagnosis: &Diagnosis) -> String {
    let mut out = String::new();
    let mut heading = None;
    for (i, finding) in diagnosis.findings.iter().enumerate() {
        if heading.replace(finding.group) != Some(finding.group) {
            out.push_str(&format!("{}\n", title(finding.group).bold()));
        }
        out.push_str(&line(finding));
        // What helps several in a row is said once, below the last.
        let next = diagnosis.findings.get(i + 1).filter(|next| next.group == finding.group);
        let again = next.is_some_and(|next| next.remedy == finding.remedy);
        if let Some(remedy) = finding.remedy.as_ref().filter(|_| !again) {
            out.push_str(&format!("          {:<ID$} {} {remedy}\n", "", "→".bold()));
        }
    }
    out
}

fn title(group: Group) -> &'static str {
    match group {
        Group::Machine => "Machine",
        Group::Privileges => "Privileges",
        Group::Kernel => "Kernel",
        Group::Cgroups => "Control groups",
        Group::Network => "Network",
        Group::Lessons => "What can be run",
    }
}

/// One line, the remedy not included.
fn line(finding: &Finding) -> String {
    let mark = match finding.status {
        Status::Ok => "ok     ".green(),
        Status::Info => "info   ".normal(),
        Status::Limited => "limited".yellow(),
        Status::Missing => "missing".red(),
    };
    let concerns = match (finding.status, finding.group, finding.lessons.is_empty()) {
        (Status::Ok | Status::Info, ..) | (_, Group::Lessons, _) | (.., true) => String::new(),
        _ if finding.lessons.len() == every_lesson().len() => " [every lesson]".into(),
        _ => format!(" [{}]", finding.lessons.join(" ")),
    };
    format!("  {mark} {:<ID$} {}{}\n", finding.id, finding.what, concerns.dimmed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(id: &str, remedy: &str) -> Finding {
        Finding::new(Group::Network, id, Status::Limited, "a thing").affects(&[6]).remedy(remedy)
    }

    #[test]
    fn a_remedy_stands_once_below_the_findings_that_it_helps() {
        colored::control::set_override(false);
        let findings = vec![limited("veth", "sudo"), limited("bridge", "sudo"), limited("x", "y")];
        let expected = "Network\n\
            \x20 limited veth               a thing [06]\n\
            \x20 limited bridge             a thing [06]\n\
            \x20                            → sudo\n\
            \x20 limited x                  a thing [06]\n\
            \x20                            → y\n";
        assert_eq!(render(&Diagnosis { findings, status: 0 }), expected);
    }
}
