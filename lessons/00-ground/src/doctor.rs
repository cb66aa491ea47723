//! `doctor`: what this machine can do, and the exact remedy for what it cannot.

use crate::needs::Need;

/// One line of the diagnosis.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Identifier, as experiments name their needs.
    pub id: String,
    /// What was looked at.
    pub what: String,
    /// Whether it is as the lessons need it.
    pub ok: bool,
    /// What to do when it is not.
    pub remedy: Option<String>,
}

/// Looks at everything.
pub fn examine() -> Vec<Finding> {
    Need::ALL.iter().map(|need| of_need(*need)).collect()
}

fn of_need(need: Need) -> Finding {
    let ok = need.is_met();
    let remedy = (!ok).then(|| need.remedy().to_string());
    Finding { id: need.id().to_string(), what: need.what().to_string(), ok, remedy }
}
