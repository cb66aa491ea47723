//! Experiments: a claim, an action, the evidence, a verdict.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::ledger;
use crate::needs::Need;
use crate::story::{self, Event, Verdict};

/// Who should run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Everybody: it is the lesson.
    Core,
    /// The curious.
    Deep,
}

/// One experiment.
pub struct Experiment {
    /// As typed: `pid-one`.
    pub name: &'static str,
    /// One line.
    pub title: &'static str,
    /// Core or deep.
    pub level: Level,
    /// The claims that it decides.
    pub claims: &'static [&'static str],
    /// What it cannot do without.
    pub needs: &'static [Need],
    /// Does it, and records what it found.
    pub run: fn(&mut Findings) -> Result<()>,
}

impl Experiment {
    pub(super) fn as_json(&self) -> Value {
        let level = if self.level == Level::Core { "core" } else { "deep" };
        let needs: Vec<_> = self.needs.iter().map(|need| need.id()).collect();
        let (name, title, claims) = (self.name, self.title, self.claims);
        json!({"name": name, "title": title, "level": level, "claims": claims, "needs": needs})
    }
}

/// What an experiment found, claim by claim. Every verdict is computed from what was observed.
#[derive(Default)]
pub struct Findings {
    claims: BTreeMap<String, Verdict>,
    reason: Option<String>,
}

impl Findings {
    /// The claim holds when `observed` is true, and is refuted when not.
    pub fn holds(&mut self, claim: &str, observed: bool) {
        self.set(claim, if observed { Verdict::Holds } else { Verdict::Refuted });
    }

    /// The claim holds in part: `so_far` was seen, and beyond it the `limit` was seen too. Without the limit it would hold
    /// altogether, without either it would be refuted.
    pub fn partly(&mut self, claim: &str, so_far: bool, limit: bool) {
        self.set(
            claim,
            match (so_far, limit) {
                (true, true) => Verdict::Partly,
                (true, false) => Verdict::Holds,
                (false, _) => Verdict::Refuted,
            },
        );
    }

    /// The claim was true of older kernels: `now` contradicts it, by an addition that the kernel made since.
    pub fn outdated(&mut self, claim: &str, now: bool) {
        self.set(claim, if now { Verdict::Outdated } else { Verdict::Holds });
    }

    /// Why a verdict is what it is, in one sentence.
    pub fn because(&mut self, reason: impl Into<String>) {
        self.reason = Some(reason.into());
    }

    fn set(&mut self, claim: &str, verdict: Verdict) {
        self.claims.insert(claim.to_string(), verdict);
    }
}

/// The experiments that a name stands for.
pub(super) fn choose(
    all: &'static [Experiment],
    name: &str,
    deep: bool,
) -> Result<Vec<&'static Experiment>> {
    if name == "all" {
        return Ok(all.iter().filter(|e| deep || e.level == Level::Core).collect());
    }
    if let Some(found) = all.iter().find(|e| e.name == name) {
        return Ok(vec![found]);
    }
    let mut near: Vec<_> =
        all.iter().map(|e| (strsim::jaro_winkler(name, e.name), e.name)).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<_> = near.iter().take(3).map(|(_, name)| *name).collect();
    Err(Error::usage(format!("no experiment {name:?}; nearest: {}", near.join(", "))))
}

/// What an experiment came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    AsInLedger,
    /// The mechanism does not work, or this kernel does something else than the one that the ledger was written on.
    Otherwise,
    Skipped,
}

/// Performs them in order. Status 0; 1 when a verdict is not the ledger's; 77 when every one was skipped.
pub(super) fn perform(lesson: &str, chosen: &[&Experiment]) -> Result<u8> {
    let outcomes: Vec<Outcome> =
        chosen.iter().map(|one| perform_one(lesson, one)).collect::<Result<_>>()?;
    Ok(match () {
        () if outcomes.contains(&Outcome::Otherwise) => 1,
        () if outcomes.iter().all(|outcome| *outcome == Outcome::Skipped) => 77,
        () => 0,
    })
}

fn perform_one(lesson: &str, experiment: &Experiment) -> Result<Outcome> {
    story::emit(&Event::Experiment {
        lesson: lesson.to_string(),
        experiment: experiment.name.to_string(),
        title: experiment.title.to_string(),
    });
    for claim in experiment.claims.iter().filter_map(|id| ledger::find(id)) {
        story::emit(&Event::Claim { claim: claim.id.to_string(), text: claim.text.to_string() });
    }
    let mut findings = Findings::default();
    let missing = experiment.needs.iter().find(|need| !need.is_met());
    if let Some(need) = missing {
        let skipped = experiment.claims.iter().map(|id| (id.to_string(), Verdict::Skipped));
        findings.claims.extend(skipped);
        findings.because(format!("needs {}: {}; {}", need.id(), need.what(), need.remedy()));
    } else {
        (experiment.run)(&mut findings)?;
    }
    // An experiment that forgets one of its claims has not decided it.
    for id in experiment.claims {
        findings.claims.entry(id.to_string()).or_insert(Verdict::Skipped);
    }
    story::verdict(lesson, experiment.name, &findings.claims, findings.reason.as_deref());
    if missing.is_some() {
        return Ok(Outcome::Skipped);
    }
    let unlike = |(id, verdict): &(&String, &Verdict)| {
        ledger::find(id).is_none_or(|claim| claim.verdict != verdict.word())
    };
    let Some((id, _)) = findings.claims.iter().find(unlike) else { return Ok(Outcome::AsInLedger) };
    let expected = ledger::find(id).map_or("nothing of it", |claim| claim.verdict);
    story::note(format!("the ledger says of {id}: {expected}"));
    Ok(Outcome::Otherwise)
}
