//! The experiments of a lesson: what it said of itself when it was last recorded.

use serde_json::Value;

use crate::workspace::Workspace;

/// One experiment of `list --json`.
#[derive(Debug)]
pub struct Experiment {
    /// As typed.
    pub name: String,
    /// One line.
    pub title: String,
    /// `core` or `deep`.
    pub level: String,
    /// The claims that it decides.
    pub claims: Vec<String>,
}

/// Those of one lesson, in reading order. Empty when nothing is recorded.
#[derive(Debug, Default)]
pub struct Experiments(pub Vec<Experiment>);

impl Experiments {
    /// Reads what `list --json` of a lesson, such as `01`, printed.
    pub fn of(workspace: &Workspace, lesson: &str) -> Result<Experiments, String> {
        match workspace.experiment_list(lesson) {
            Some(text) => {
                read(&text).ok_or(format!("tests/snapshots/{lesson}/list.snap: not a list"))
            }
            None => Ok(Experiments::default()),
        }
    }

    /// The names of those that decide a claim.
    pub fn deciding(&self, claim: &str) -> Vec<&str> {
        let of_claim = |e: &&Experiment| e.claims.iter().any(|id| id == claim);
        self.0.iter().filter(of_claim).map(|e| e.name.as_str()).collect()
    }
}

fn read(text: &str) -> Option<Experiments> {
    let list: Value = serde_json::from_str(text).ok()?;
    let all = list["experiments"].as_array()?.iter().map(experiment);
    all.collect::<Option<_>>().map(Experiments)
}

fn experiment(value: &Value) -> Option<Experiment> {
    let text = |value: &Value| value.as_str().map(str::to_string);
    Some(Experiment {
        name: text(&value["name"])?,
        title: text(&value["title"])?,
        level: text(&value["level"])?,
        claims: value["claims"].as_array()?.iter().map(text).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_name_their_experiments() {
        let list = r#"{"experiments":[
            {"name":"a","title":"x","level":"core","claims":["C001","C002"]},
            {"name":"b","title":"y","level":"deep","claims":["C002"]}]}"#;
        let experiments = read(list).unwrap();
        assert_eq!(experiments.deciding("C002"), ["a", "b"]);
        assert!(experiments.deciding("C009").is_empty());
        assert!(read("[]").is_none());
    }
}
