//! The events, and with them the schema of `--json`: one object a line, told apart by `kind`.
//!
//! The schema is stable: a field may be added, none is renamed or removed. Every text is an object
//! `{"text": …, "values": [{"type", "at", "len"}, …]}`; the values that vary by machine are located by byte offset.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// On which side of the wall an event happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// In the namespaces of the caller.
    Host,
    /// In the container.
    Box,
}

/// What an experiment says of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The kernel does what the claim says.
    Holds,
    /// True in part, or only under a condition that the claim leaves out.
    Partly,
    /// The kernel does something else.
    Refuted,
    /// Was true of older kernels.
    Outdated,
    /// Not decided here: a need is missing.
    Skipped,
}

impl Verdict {
    /// The word the ledger uses.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Partly => "partly",
            Verdict::Refuted => "refuted",
            Verdict::Outdated => "outdated",
            Verdict::Skipped => "skipped",
        }
    }
}

/// One row of the isolation card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardRow {
    /// What a container is made of: `pid namespace`, `memory limit` …
    pub thing: String,
    /// What the host has.
    pub host: Text,
    /// What the process has.
    pub inside: Text,
    /// Whether the two differ.
    pub isolated: bool,
    /// Whether one of the two could not be read, so that nobody knows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}

/// One event of the story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[allow(missing_docs)] // the fields are what their names say
pub enum Event {
    /// A lesson begins.
    Lesson { lesson: String, title: String },
    /// An experiment begins.
    Experiment { lesson: String, experiment: String, title: String },
    /// A claim that the experiment puts to the test, in the ledger's words.
    Claim { claim: String, text: String },
    /// What is about to happen and why.
    Step { lane: Lane, text: Text },
    /// A system call, the shell command that does the same, and the result.
    Call {
        lane: Lane,
        call: Text,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shell: Option<Text>,
        result: Text,
    },
    /// What was read back, and from where.
    Evidence { lane: Lane, source: Text, value: Text },
    /// A line that the command in the box printed.
    Output { lane: Lane, text: Text },
    /// What follows from the evidence.
    Conclusion { text: Text },
    /// A value while it changes: a bar in place on a terminal, in recordings nothing. `part` and `limit` are thousandths of
    /// the full bar, `ms` counts from the first sample of the series, `read` is what the kernel's files said.
    Sample {
        what: String,
        ms: u64,
        part: u32,
        limit: u32,
        text: Text,
        read: BTreeMap<String, u64>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        last: bool,
    },
    /// Something beside the story.
    Note { text: Text },
    /// The isolation card.
    Card { rows: Vec<CardRow> },
    /// The end of an experiment.
    Verdict {
        lesson: String,
        experiment: String,
        claims: BTreeMap<String, Verdict>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}
