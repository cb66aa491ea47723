//! Lesson 05, looked at from outside: what the files of a box's groups say, and whether the kernel keeps to them.

use std::process::Output;

use ground::cgroup::{self, Controller, Place, Version};
use ground::needs::{Need, has_capability};
use tests::{Background, binary, group, lesson, needs};

const L05: &str = "05-memory-oom";
const MEMORY: [Need; 3] = [Need::Admin, Need::Clone3, Need::MemoryController];
const PIDS: [Need; 3] = [Need::Admin, Need::Clone3, Need::PidsController];
const CAP_SYS_RESOURCE: u32 = 24;

/// `run FLAGS` with a probe verb as the command, the probe lent to the box.
fn arguments(flags: &[&str], verb: &[&str]) -> Vec<String> {
    let volume = format!("{}:/probe:ro", binary("bxw-probe").display());
    let args = [&["run", "--no-card", "-v", &volume], flags, &["/probe"], verb].concat();
    args.into_iter().map(str::to_string).collect()
}

fn running(flags: &[&str], verb: &[&str]) -> Background {
    let args = arguments(flags, verb);
    Background::start(L05, &args.iter().map(String::as_str).collect::<Vec<_>>())
}

fn ended(flags: &[&str], verb: &[&str]) -> Output {
    lesson(L05).args(arguments(flags, verb)).output().unwrap()
}

fn limits(place: &Place) -> (String, String) {
    let read = |file| place.read(file).unwrap_or_default();
    match place.version {
        Version::V1 => (read("memory.limit_in_bytes"), read("memory.memsw.limit_in_bytes")),
        Version::V2 => (read("memory.max"), read("memory.swap.max")),
    }
}

#[test]
fn memory_and_swap_become_the_files_of_the_group() {
    if !needs(&MEMORY) || !needs(&[Need::Swap]) {
        return;
    }
    let mib = |mib: u64| (mib << 20).to_string();
    for (flags, memory, both, swap) in [
        (["--memory", "32m"].as_slice(), 32, 64, 32),
        (&["-m", "0.03125g", "--memory-swap", "40M"], 32, 40, 8),
        (&["--memory=16m", "--memory-swap=16MiB"], 16, 16, 0),
    ] {
        let running = running(flags, &["sleep", "60"]);
        let place = group(&running, Controller::MEMORY);
        let expected = match place.version {
            Version::V1 => (mib(memory), mib(both)),
            Version::V2 => (mib(memory), mib(swap)),
        };
        assert_eq!(limits(&place), expected, "{flags:?}");
    }
}

#[test]
fn a_reservation_becomes_the_file_of_the_group() {
    if !needs(&MEMORY) {
        return;
    }
    let running = running(&["--memory-reservation", "8m"], &["sleep", "60"]);
    let place = group(&running, Controller::MEMORY);
    let v1 = place.version == Version::V1;
    let file = if v1 { "memory.soft_limit_in_bytes" } else { "memory.low" };
    assert_eq!(place.number(file).unwrap(), 8 << 20);
}

/// What was freed late, or not counted before the box was in its group, would let one of them live.
#[test]
fn whoever_takes_too_much_at_once_is_killed_100_times_of_100() {
    if !needs(&MEMORY) {
        return;
    }
    for turn in 0..100 {
        let output = ended(&["--memory", "8m", "--memory-swap", "8m"], &["eat-anon", "16"]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(137), "turn {turn}: {errors}");
        assert!(errors.starts_with("out of memory: the kernel killed "), "turn {turn}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

/// In v2 all parts share one group: the first that removes it would silence the others.
#[test]
fn what_became_of_the_box_is_told_of_memory_and_cpu() {
    if !needs(&MEMORY) || !needs(&PIDS) {
        return;
    }
    let flags = ["--memory", "8m", "--memory-swap", "8m", "--pids-limit", "5", "--cpus", "0.5"];
    let mut args = arguments(&flags, &["eat-anon", "16"]);
    args.insert(1, "--tell".into());
    let output = lesson(L05).args(args).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    for line in ["CPU time of the box", "that the OOM killer took: 1", "the kernel killed "] {
        assert!(told.contains(line), "no {line:?} in {told}");
    }
}

#[test]
fn whoever_stays_below_is_not_killed() {
    if !needs(&MEMORY) {
        return;
    }
    let output = ended(&["--memory", "32m", "--memory-swap", "32m"], &["eat-anon", "16"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn no_box_ever_has_more_tasks_than_its_limit() {
    if !needs(&PIDS) {
        return;
    }
    for _ in 0..20 {
        let output = ended(&["--pids-limit", "10"], &["forks-until", "30"]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "forks 9\nrefused EAGAIN\n");
    }
    let mut bomb = running(&["--pids-limit", "10"], &["script", "fork-bomb 2000 200; hold"]);
    let place = group(&bomb, Controller::PIDS);
    for _ in 0..100 {
        assert!(place.number("pids.current").unwrap() <= 10);
    }
    assert!(bomb.line().starts_with("forks "));
    assert_ne!(bomb.line(), "refusals 0");
}

#[test]
fn threads_count_and_zombies_count() {
    if !needs(&PIDS) {
        return;
    }
    for word in ["threads", "zombies"] {
        let output = ended(&["--pids-limit=6"], &[&format!("{word}-until"), "30"]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(text, format!("{word} 5\nrefused EAGAIN\n"));
    }
}

#[test]
fn no_limit_of_tasks_is_max() {
    if !needs(&PIDS) {
        return;
    }
    for flag in ["--pids-limit=-1", "--pids-limit=0"] {
        let running = running(&[flag], &["sleep", "60"]);
        assert_eq!(group(&running, Controller::PIDS).read("pids.max").unwrap(), "max");
    }
}

#[test]
fn the_command_has_the_score_that_was_asked_for() {
    if !needs(&MEMORY) {
        return;
    }
    let output = ended(&["--oom-score-adj", "300"], &["cat", "/proc/self/oom_score_adj"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "300\n");
    let output = ended(&["--oom-score-adj=-900"], &["cat", "/proc/self/oom_score_adj"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    match has_capability(CAP_SYS_RESOURCE) {
        true => assert_eq!(String::from_utf8_lossy(&output.stdout), "-900\n"),
        false => assert!(errors.contains("CAP_SYS_RESOURCE"), "{errors}"),
    }
}

#[test]
fn a_size_that_the_kernel_rounded_is_said() {
    if !needs(&MEMORY) {
        return;
    }
    let output = ended(&["--memory", "8000000", "--memory-swap=-1"], &["pid"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(errors.contains("8000000 was asked for, the kernel took 7999488"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn the_groups_go_with_the_box() {
    if !needs(&MEMORY) || !needs(&PIDS) {
        return;
    }
    let running = running(&["--memory", "16m", "--pids-limit", "5"], &["script", "eat-anon 64"]);
    let name = format!("bxw-{}-run-{}", ground::host::owner(), running.pid());
    running.wait();
    for controller in [Controller::MEMORY, Controller::PIDS, Controller::CPU] {
        let place = cgroup::parent(controller).unwrap().child(&name);
        assert!(!place.dir.exists(), "{}", place.dir.display());
    }
}

#[test]
fn bad_values_get_one_clear_line() {
    let size = "a size like 64m, 1.5g or 4096";
    for (flags, word) in [
        (["--memory", "64x"].as_slice(), size),
        (&["--memory", ""], size),
        (&["--memory=-1"], size),
        (&["--memory", "1e9"], size),
        (&["--memory", "9999999p"], "more bytes than there can be"),
        (&["--memory", "5m"], "at least 6m"),
        (&["--memory-swap", "64m"], "--memory"),
        (&["--memory=64m", "--memory-swap", "much"], size),
        (&["--memory-reservation", "some"], size),
        (&["--memory-swappiness", "101"], "0..=100"),
        (&["--pids-limit", "many"], "a whole number is wanted"),
        (&["--oom-score-adj", "1001"], "-1000..=1000"),
    ] {
        refused(flags, word);
    }
    if !needs(&MEMORY) || !needs(&PIDS) {
        return;
    }
    refused(&["--memory=64m", "--memory-swap=32m"], "at least as much as --memory");
    refused(&["--memory=64m", "--memory-reservation=65m"], "at most as much as --memory");
    refused(&["--pids-limit", "4194305"], "4194304");
    match cgroup::version(Controller::MEMORY) {
        Some(Version::V1) => refused(&["--memory-high", "8m"], "only cgroup v2 has it"),
        _ => refused(&["--memory-swappiness", "10"], "only cgroup v1 has it"),
    }
}

#[track_caller]
fn refused(flags: &[&str], word: &str) {
    let output = lesson(L05).arg("run").args(flags).arg("true").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{flags:?}: {errors}");
    assert_eq!(errors.lines().count(), 1, "{flags:?}: {errors}");
    assert!(errors.contains(word), "{flags:?}: no {word:?} in {errors}");
}
