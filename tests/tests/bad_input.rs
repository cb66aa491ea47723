//! Bad input gets one clear line and the right status.

use std::fs::File;

use ground::needs::Need;
use tests::refusal::{refused, says};
use tests::{LESSONS, binary, lesson, needs};

const NEEDS: [Need; 2] = [Need::Admin, Need::Clone3];

#[test]
fn an_unknown_experiment_names_the_nearest() {
    for lesson in LESSONS {
        refused(lesson, &["experiment", "nonsense"], 2, &["no experiment \"nonsense\"", "nearest"]);
    }
    refused(LESSONS[0], &["experiment", "pid-won"], 2, &["nearest: pid-one"]);
}

#[test]
fn an_unknown_flag_or_subcommand_is_usage() {
    for lesson in LESSONS {
        refused(lesson, &["--frobnicate"], 2, &["--frobnicate"]);
        refused(lesson, &["frobnicate"], 2, &["frobnicate"]);
        refused(lesson, &["run", "--frobnicate", "true"], 125, &["--frobnicate"]);
        refused(lesson, &["run"], 125, &["COMMAND"]);
        refused(lesson, &["--plain", "--json"], 2, &["--json"]);
    }
}

#[test]
fn a_missing_command_is_127_and_one_that_cannot_be_executed_126() {
    if !needs(&NEEDS) {
        return;
    }
    for lesson in LESSONS {
        refused(
            lesson,
            &["run", "no-such-command"],
            127,
            &["execve no-such-command: ENOENT", "no such command"],
        );
        refused(lesson, &["run", "/no/such"], 127, &["execve /no/such: ENOENT"]);
        refused(
            lesson,
            &["run", "/etc/passwd"],
            126,
            &["execve /etc/passwd: EACCES", "not an executable"],
        );
        refused(lesson, &["run", "/etc"], 126, &["execve /etc: EACCES"]);
        refused(lesson, &["run", ""], 125, &["the command is empty"]);
    }
}

#[test]
fn the_commands_own_status_is_passed_on() {
    if !needs(&NEEDS) {
        return;
    }
    for lesson_name in LESSONS {
        for status in [0, 1, 125, 255] {
            let script = format!("exit {status}");
            lesson(lesson_name)
                .args(["run", "--no-card", "sh", "-c", &script])
                .assert()
                .code(status);
        }
    }
}

#[test]
fn a_host_name_that_is_too_long_is_refused_by_the_kernel() {
    if !needs(&NEEDS) {
        return;
    }
    let long = "x".repeat(65);
    refused(
        "01-clone-pid",
        &["run", "--hostname", &long, "true"],
        125,
        &["sethostname x", "EINVAL", "64 bytes"],
    );
}

#[test]
fn ten_thousand_arguments_arrive() {
    if !needs(&NEEDS) {
        return;
    }
    let words = vec!["x"; 10_000];
    let output = lesson("01-clone-pid")
        .args(["run", "--no-card", "sh", "-c", "echo $#", "sh"])
        .args(&words)
        .output();
    assert_eq!(String::from_utf8_lossy(&output.unwrap().stdout), "10000\n");
}

#[test]
fn too_many_arguments_are_named_as_such() {
    if !needs(&NEEDS) {
        return;
    }
    // Within the limit of the lesson's own execve; the box's environment adds what makes it too much.
    let limit = nix::unistd::sysconf(nix::unistd::SysconfVar::ARG_MAX).unwrap().unwrap() as usize;
    let word = "x".repeat(100_000);
    let words = vec![word.as_str(); limit / 100_000 + 2];
    let error = lesson("01-clone-pid").args(["run", "true"]).args(&words).output().unwrap_err();
    assert_eq!(
        error.raw_os_error(),
        Some(libc::E2BIG),
        "the kernel refuses it before the lesson starts"
    );
}

#[test]
fn without_privilege_it_says_what_to_do() {
    if !nix::unistd::getuid().is_root() {
        return refused("01-clone-pid", &["demo"], 2, &["CAP_SYS_ADMIN", "--rootless"]);
    }
    use std::os::unix::process::CommandExt;
    for (args, status) in [(["demo"].as_slice(), 2), (&["run", "true"], 125)] {
        let mut command = std::process::Command::new(binary("01-clone-pid"));
        command.args(args).uid(65534).gid(65534).env_remove("XDG_RUNTIME_DIR").current_dir("/");
        says(&command.output().unwrap(), status, &["CAP_SYS_ADMIN", "sudo", "--rootless"]);
    }
}

#[test]
fn a_full_disk_is_reported_once() {
    if !needs(&NEEDS) {
        return;
    }
    let mut command = std::process::Command::new(binary("01-clone-pid"));
    let output = command.stdout(File::create("/dev/full").unwrap()).output().unwrap();
    says(&output, 1, &["write the story", "No space left"]);
}

#[test]
fn a_reader_that_had_enough_ends_the_lesson_quietly() {
    if !needs(&NEEDS) {
        return;
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = std::process::Command::new(binary("01-clone-pid"));
    let output = command.stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(128 + libc::SIGPIPE));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_unreadable_proc_is_named() {
    if !needs(&NEEDS) {
        return;
    }
    let script = "mount -t tmpfs none /proc && exec \"$0\" run true";
    let mut command = std::process::Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).arg(binary("01-clone-pid"));
    says(&command.output().unwrap(), 125, &["/proc", "ENOENT"]);
}

/// What `cargo xtask run` asks before it asks for a password.
#[test]
fn wrong_arguments_are_found_without_privilege_and_right_ones_do_nothing() {
    for (args, status) in [
        (&["run", "--no-such-flag", "true"][..], 125),
        (&["run"], 125),
        (&["experiment", "no-such"], 2),
        (&["nonsense"], 2),
        (&["run", "true"], 0),
        (&["experiment", "all"], 0),
        (&["demo"], 0),
    ] {
        let mut command = assert_cmd::Command::from_std(tests::as_nobody("01-clone-pid", args));
        let output = command.env("BXW_PARSE_ONLY", "1").output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{args:?}: {errors}");
        assert_eq!(errors.lines().count(), usize::from(status != 0), "{args:?}: {errors}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}
