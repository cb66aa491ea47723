//! Lesson 04, looked at from outside: what the files of a box's groups say, and whether its load obeys.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ground::cgroup::{self, Controller, CpuStat, Place, Version};
use ground::needs::Need;
use ground::proc::Process;
use nix::sys::signal::{Signal, kill};
use tests::{Background, binary, eventually, group, lesson, needs};

const L04: &str = "04-cgroup-cpu";
const NEEDS: [Need; 3] = [Need::Admin, Need::Clone3, Need::CpuController];

/// `run FLAGS` with a probe verb as the command, the probe lent to the box.
fn probing(flags: &[&str], verb: &[&str]) -> Background {
    let volume = format!("{}:/probe:ro", binary("bxw-probe").display());
    let args = [&["run", "--no-card", "-v", &volume], flags, &["/probe"], verb].concat();
    Background::start(L04, &args)
}

/// Ends the box, and lets the lesson clean up.
fn end(running: Background) {
    let place = group(&running, Controller::CPU);
    for pid in place.processes().unwrap() {
        let _ = kill(pid, Signal::SIGKILL);
    }
    running.wait();
    assert!(!place.dir.exists(), "{} is left", place.dir.display());
}

fn quota(place: &Place) -> String {
    match place.version {
        Version::V2 => place.read("cpu.max").unwrap(),
        Version::V1 => {
            let file = |name| place.read(name).unwrap();
            format!("{} {}", file("cpu.cfs_quota_us"), file("cpu.cfs_period_us"))
        }
    }
}

fn throttled(place: &Place) -> u64 {
    let text = place.read("cpu.stat").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("nr_throttled "));
    line.unwrap().parse().unwrap()
}

#[test]
fn cpus_become_quota_and_period() {
    if !needs(&NEEDS) {
        return;
    }
    for (flags, expected) in [
        (["--cpus", "0.25"].as_slice(), "25000 100000"),
        (&["--cpu-quota", "7000"], "7000 100000"),
        (&["--cpu-quota=7000", "--cpu-period=20000"], "7000 20000"),
    ] {
        let running = probing(flags, &["sleep", "60"]);
        assert_eq!(quota(&group(&running, Controller::CPU)), expected);
        end(running);
    }
}

#[test]
fn a_loop_is_throttled_and_stays_below_its_ceiling() {
    if !needs(&NEEDS) {
        return;
    }
    let mut running = probing(&["--cpus", "0.1"], &["spin", "800"]);
    let place = group(&running, Controller::CPU);
    let (wall, cpu) = (running.line(), running.line());
    let number = |line: &str| line.split(' ').nth(1).unwrap().parse::<f64>().unwrap();
    assert!(number(&cpu) < number(&wall) * 0.1 * 2.0, "{cpu}, {wall}");
    running.wait();
    // The group has gone with the box: the counter is asked of another one.
    assert!(!place.dir.exists());
    let running = probing(&["--cpus", "0.05"], &["spin", "60000"]);
    let place = group(&running, Controller::CPU);
    eventually("it is throttled", || (throttled(&place) > 0).then_some(()));
    end(running);
}

/// All CPU time that the box has used since its birth is on the group's account.
#[test]
fn a_box_is_limited_from_its_first_instruction() {
    if !needs(&NEEDS) {
        return;
    }
    for _ in 0..5 {
        let running = probing(&["--cpus", "0.1"], &["spin", "60000"]);
        let (cpu, cpuacct) =
            (group(&running, Controller::CPU), group(&running, Controller::CPUACCT));
        eventually("it is throttled", || (throttled(&cpu) > 0).then_some(()));
        let boxed = cpu.processes().unwrap()[0];
        let schedule = Process::of(boxed).read("schedstat").unwrap();
        let nanos: u64 = schedule.split(' ').next().unwrap().parse().unwrap();
        let account = CpuStat::of(&cpu, Some(&cpuacct)).unwrap().usage;
        // In v1 the child has to write its 0; that is some 100 µs.
        let all = Duration::from_nanos(nanos).saturating_sub(Duration::from_millis(2));
        assert!(account >= all, "{account:?} of {all:?}");
        end(running);
    }
}

#[test]
fn the_group_and_its_limit_come_before_the_box() {
    if !needs(&NEEDS) {
        return;
    }
    let args = ["run", "--tell", "--no-card", "--cpus", "0.1", "true"];
    let output = lesson(L04).args(args).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let at = |word: &str| told.find(word).unwrap_or_else(|| panic!("no {word} in {told}"));
    assert!(at("mkdir") < at("10000") && at("10000") < at("clone3"), "{told}");
}

#[test]
fn shares_become_the_files_value() {
    if !needs(&NEEDS) {
        return;
    }
    let running = probing(&["--cpu-shares", "512"], &["sleep", "60"]);
    let place = group(&running, Controller::CPU);
    match place.version {
        Version::V1 => assert_eq!(place.number("cpu.shares").unwrap(), 512),
        Version::V2 => assert_eq!(place.number("cpu.weight").unwrap(), 20),
    }
    end(running);
}

#[test]
fn a_value_that_the_kernel_changed_is_said() {
    if !needs(&NEEDS) {
        return;
    }
    let output =
        lesson(L04).args(["run", "--no-card", "--cpu-shares", "1", "true"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("1 was asked for"), "{errors}");
}

#[test]
fn a_cpuset_binds_to_its_cpu() {
    if !needs(&NEEDS) || !needs(&[Need::CpusetController]) {
        return;
    }
    let mut running = probing(&["--cpuset-cpus", "0"], &["script", "cpus; spin 60000"]);
    assert_eq!(running.line(), "cpus 1");
    let boxed = group(&running, Controller::CPUSET).processes().unwrap()[0];
    let status = Process::of(boxed).read("status").unwrap();
    assert!(status.contains("Cpus_allowed_list:\t0\n"), "{status}");
    end(running);
}

#[test]
fn the_box_sees_its_group_as_the_root() {
    if !needs(&NEEDS) || !needs(&[Need::CgroupNamespaces]) {
        return;
    }
    // In v1 the box has a group of its own in some hierarchies only, and shares the others with its neighbours.
    let script = "cat /proc/self/cgroup; cd /sys/fs/cgroup; \
                  if test -d cpu; then find cpu* -name 'bxw-*'; else find . -name 'bxw-*'; fi; \
                  cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu*/cpu.cfs_quota_us 2>/dev/null; \
                  for d in /sys/fs/cgroup /sys/fs/cgroup/cpu; do mkdir $d/x 2>/dev/null && echo made; done";
    let args = ["run", "--no-card", "--cpus", "0.5", "sh", "-c", script];
    let output = lesson(L04).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("bxw-") && !text.contains("made"), "{text}");
    assert!(
        text.lines().filter(|line| line.contains(':')).all(|line| line.ends_with(":/")),
        "{text}"
    );
    assert!(text.contains("50000"), "{text}");
}

#[test]
fn another_group_can_be_the_parent() {
    if !needs(&NEEDS) || !needs(&[Need::InitialRoot]) {
        return;
    }
    let name = format!("bxw-{}-test-parent-{}", ground::host::owner(), std::process::id());
    let parents: Vec<Guard> = [Controller::CPU, Controller::CPUACCT, Controller::FREEZER]
        .iter()
        .map(|controller| Guard::make(&cgroup::parent(*controller).unwrap().child(&name).dir))
        .collect();
    let running =
        probing(&["--cgroup-parent", &format!("/{name}"), "--cpus", "0.5"], &["spin", "60000"]);
    let inside = || {
        let groups = Process::of(running.boxed()).cgroups().ok()?;
        let mut paths = groups.iter().map(|group| group.path.as_str());
        paths.find(|path| path.starts_with(&format!("/{name}/"))).map(str::to_string)
    };
    let group = eventually("the box is below the parent", inside);
    let place = cgroup::below(Controller::CPU, Path::new(&group)).unwrap();
    assert_eq!(quota(&place), "50000 100000");
    place.processes().unwrap().into_iter().for_each(|pid| kill(pid, Signal::SIGKILL).unwrap());
    running.wait();
    assert!(!place.dir.exists());
    drop(parents);
}

/// A group that the test has made.
struct Guard(PathBuf);

impl Guard {
    fn make(dir: &Path) -> Guard {
        // In v2 one directory has all controllers.
        let _ = fs::create_dir(dir);
        Guard(dir.into())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn clean_removes_the_groups_of_a_killed_lesson_though_they_are_frozen() {
    if !needs(&NEEDS) || !needs(&[Need::Freezer]) {
        return;
    }
    let running = probing(&["--cpus", "0.1"], &["spin", "60000"]);
    let (cpu, freezer) = (group(&running, Controller::CPU), group(&running, Controller::FREEZER));
    let (file, word) = match freezer.version {
        Version::V1 => ("freezer.state", "FROZEN"),
        Version::V2 => ("cgroup.freeze", "1"),
    };
    fs::write(freezer.dir.join(file), word).unwrap();
    running.signal(Signal::SIGKILL);
    running.wait();
    let start = Instant::now();
    lesson("00-ground").arg("clean").assert().success();
    assert!(!cpu.dir.exists() && !freezer.dir.exists());
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn bad_values_get_one_clear_line() {
    for (flags, word) in [
        (["--cpus", "0"].as_slice(), "0.01"),
        (&["--cpus", "0.001"], "0.01"),
        (&["--cpus", "100000"], "CPUs"),
        (&["--cpus", "half"], "0.5"),
        (&["--cpus=-1"], "0.5"),
        (&["--cpus", "0.5", "--cpu-quota", "5000"], "--cpu-quota"),
        (&["--cpuset-cpus", "1-0"], "0-2,5"),
        (&["--cpuset-mems", "x"], "0-2,5"),
        (&["--cpuset-cpus", "0-999999"], "a machine can have"),
        (&["--cpu-shares", "many"], "a whole number is wanted"),
        (&["--cpu-period", "-5"], "-5"),
    ] {
        refused(flags, word);
    }
    if !needs(&NEEDS) {
        return;
    }
    // As if they had been left out, as in Docker.
    let zeros = ["--cpu-quota=0", "--cpu-period=0", "--cpu-shares=0"];
    let args = [&["run", "--no-card"][..], &zeros, &["true"]].concat();
    lesson(L04).args(args).assert().success().stderr("");
    refused(&["--cpu-quota", "999"], "at least 1000");
    refused(&["--cpu-period", "999"], "from 1000");
    refused(&["--cpu-period", "1000001"], "1000000");
    refused(&["--cpuset-cpus", "8000"], "cpuset.cpus");
    refused(&["--cgroup-parent", "/no/such/group", "--cpus", "0.5"], "--cgroup-parent");
    refused(&["--cgroup-parent", "../..", "--cpus", "0.5"], "without ..");
}

#[track_caller]
fn refused(flags: &[&str], word: &str) {
    let output = lesson(L04).arg("run").args(flags).arg("true").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{flags:?}: {errors}");
    assert_eq!(errors.lines().count(), 1, "{flags:?}: {errors}");
    assert!(errors.contains(word), "{flags:?}: no {word:?} in {errors}");
}
