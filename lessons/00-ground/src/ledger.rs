//! The ledger of claims: what people say of containers, and what the kernel says.
//!
//! `book/claims.tsv` is the only copy; the experiments quote it, the tests hold their verdicts against it, and the
//! book's appendix is made from it.

/// The file, as it was when this program was built.
const LEDGER: &str = include_str!("../../../book/claims.tsv");

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// `C001` …
    pub id: &'static str,
    /// The articles that make it, by number; `kit` for the kit's own.
    pub source: &'static str,
    /// Subject in a few words.
    pub topic: &'static str,
    /// The claim itself.
    pub text: &'static str,
    /// The lesson it belongs to, as `01-clone-pid`.
    pub lesson: &'static str,
    /// `core`, `deep` or `reference`.
    pub level: &'static str,
    /// How it is put to the test.
    pub experiment: &'static str,
    /// What differs between cgroup v1 and v2.
    pub cgroup_note: &'static str,
    /// `holds`, `partly`, `refuted` or `outdated`.
    pub verdict: &'static str,
    /// What is true instead, or under which condition.
    pub correction: &'static str,
    /// What was seen on the reference machine.
    pub observed: &'static str,
}

/// Every row, in the order of the file. A row with a missing column would be a mistake of ours: a test counts them.
pub fn claims() -> impl Iterator<Item = Claim> {
    LEDGER.lines().skip(1).filter_map(claim)
}

/// The row with this ID.
pub fn find(id: &str) -> Option<Claim> {
    claims().find(|claim| claim.id == id)
}

fn claim(line: &'static str) -> Option<Claim> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [
        id,
        source,
        topic,
        text,
        lesson,
        level,
        experiment,
        cgroup_note,
        verdict,
        correction,
        observed,
    ] = columns[..]
    else {
        return None;
    };
    #[rustfmt::skip]
    let claim = Claim {
        id, source, topic, text, lesson, level, experiment, cgroup_note, verdict, correction, observed,
    };
    Some(claim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_claim_with_a_number_of_its_own() {
        let ids: std::collections::BTreeSet<_> = claims().map(|claim| claim.id).collect();
        assert_eq!(ids.len(), LEDGER.lines().count() - 1);
    }
}
