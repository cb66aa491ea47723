//! Ledger and experiments cover each other.

use std::collections::BTreeSet;

use ground::ledger::{self, Claim};
use tests::{LESSONS, list, workspace};

fn rows(lesson: &str) -> impl Iterator<Item = Claim> {
    ledger::claims().filter(move |claim| claim.lesson == lesson && claim.level != "reference")
}

#[test]
fn every_core_and_deep_claim_of_a_lesson_has_an_experiment_in_it() {
    for lesson in LESSONS {
        let decided: BTreeSet<String> =
            list(lesson).experiments.into_iter().flat_map(|experiment| experiment.claims).collect();
        for claim in rows(lesson) {
            assert!(
                decided.contains(claim.id),
                "{lesson} has no experiment for {}: {}",
                claim.id,
                claim.text
            );
        }
    }
}

#[test]
fn every_claim_that_an_experiment_names_is_in_the_ledger_and_of_that_lesson() {
    for lesson in LESSONS {
        for experiment in list(lesson).experiments {
            for id in experiment.claims {
                let claim =
                    ledger::find(&id).unwrap_or_else(|| panic!("{id} is not in the ledger"));
                assert_eq!(claim.lesson, lesson, "{id} of {}", experiment.name);
            }
        }
    }
}

#[test]
fn a_core_claim_is_decided_by_a_core_experiment() {
    for lesson in LESSONS {
        let core =
            list(lesson).experiments.into_iter().filter(|experiment| experiment.level == "core");
        let decided: BTreeSet<String> = core.flat_map(|experiment| experiment.claims).collect();
        for claim in rows(lesson).filter(|claim| claim.level == "core") {
            assert!(decided.contains(claim.id), "{} of {lesson} is core", claim.id);
        }
    }
}

#[test]
fn every_need_that_an_experiment_names_is_declared() {
    let declared: BTreeSet<&str> = ground::needs::Need::ALL.iter().map(|need| need.id()).collect();
    for lesson in LESSONS {
        for need in list(lesson).experiments.into_iter().flat_map(|experiment| experiment.needs) {
            assert!(declared.contains(need.as_str()), "{need} of {lesson}");
        }
    }
}

#[test]
fn every_experiment_is_recorded_in_a_world_that_can_run_it() {
    for lesson in LESSONS {
        let dir = workspace().join("tests/snapshots").join(&lesson[..2]);
        for experiment in list(lesson).experiments {
            let recorded = ["", ".v1", ".v2"].iter().any(|world| {
                dir.join(format!("experiment-{}{world}.snap", experiment.name)).is_file()
            });
            assert!(
                recorded,
                "{} of {lesson}: cargo xtask snap, where it can run",
                experiment.name
            );
        }
    }
}
