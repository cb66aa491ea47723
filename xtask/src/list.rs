//! `cargo xtask list`: every lesson, its experiments, the claims they show and what they need.

use crate::contents::{Contents, Experiment, contents};
use crate::failure::{Failure, Result};
use crate::table::{layout, row};
use crate::{artifacts, lessons, workspace};

/// Builds all lessons, asks each, and prints a table, or the answers as one JSON array.
pub fn list(json: bool) -> Result<()> {
    let lessons = lessons::taught(&workspace::root())?;
    artifacts::build_lessons(&lessons)?;
    let ask = |lesson| contents(&artifacts::binary(lesson));
    let all = lessons.iter().map(ask).collect::<Result<Vec<Contents>>>()?;
    if json {
        let text = serde_json::to_string(&all);
        println!("{}", text.map_err(|e| Failure::failed(format!("list: {e}")))?);
    } else {
        print!("{}", table(&all));
    }
    Ok(())
}

fn table(all: &[Contents]) -> String {
    let mut rows = vec![row(["lesson", "experiment", "level", "claims", "needs"])];
    for lesson in all {
        let name = format!("{}-{}", lesson.lesson, lesson.name);
        rows.extend(lesson.experiments.iter().map(|experiment| line(&name, experiment)));
        if lesson.experiments.is_empty() {
            rows.push(row([&name, "", "", "", ""]));
        }
    }
    layout(&rows, &[]) + "one of them: cargo xtask run lesson NN EXPERIMENT\n"
}

fn line(lesson: &str, experiment: &Experiment) -> Vec<String> {
    let (claims, needs) = (experiment.claims.join(" "), experiment.needs.join(" "));
    row([lesson, &experiment.name, &experiment.level, &claims, &needs])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_without_experiments_is_still_listed() {
        let text = r#"{"lesson":"01","name":"clone-pid","title":"t","experiments":[]}"#;
        let table = table(&[serde_json::from_str(text).unwrap()]);
        assert!(table.contains("\n01-clone-pid\n"), "{table}");
    }
}
