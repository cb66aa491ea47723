//! Boxes with terminals, through a pseudo-terminal.

use ground::needs::Need;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::LocalFlags;
use nix::unistd::Pid;
use tests::person::Person;
use tests::runtime::{NEEDS, Runtime};
use tests::{binary, eventually, needs};

#[test]
fn a_shell_in_a_terminal_works_as_people_expect() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let command = runtime.command(&["run", "-it", "--rm", "--name", "shell", "sh"]);
    let mut person = Person::types(&command, 30, 100);
    let before = person.modes();
    person.until("# ");
    assert!(!person.modes().local_flags.contains(LocalFlags::ICANON), "every key goes to the box");
    person.send("tty; stty size; echo $TERM\r");
    person.until("/dev/pts/0");
    person.until("30 100");
    person.until("xterm");
    person.resize(41, 121);
    person.send("sleep 0.3; stty size\r");
    person.until("41 121");
    // By a shell of its own: what it writes it writes as the foreground, to which Ctrl-C goes.
    person.send("sh -c 'echo be\"\"gin; exec sleep 1000'\r");
    person.until("begin");
    // Ctrl-C ends the foreground of the box, and neither the shell nor us.
    person.send("\x03");
    person.send("echo st''ill\r");
    person.until("still");
    person.send("exit 7\r");
    let modes = loop {
        if let Some(status) = person.child.try_wait().unwrap() {
            assert_eq!(status.code(), Some(7));
            break person.modes();
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    assert_eq!(modes, before, "the terminal is as it was");
    runtime.leaves_nothing();
}

#[test]
fn who_leaves_can_come_back_and_bring_others() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let command = runtime.command(&["run", "-it", "--name", "stay", "sh"]);
    let mut person = Person::types(&command, 24, 80);
    person.until("# ");
    // Ctrl-P alone is a key like others.
    person.send("echo o\x10\x11");
    assert_eq!(person.end(), 0);
    let boxed = runtime.named("stay");
    assert_eq!(boxed.state("Status"), "running");
    let attach = runtime.command(&["attach", "stay"]);
    let mut one = Person::types(&attach, 24, 80);
    let mut two = Person::types(&attach, 24, 80);
    // What was typed before is still in the line.
    std::thread::sleep(std::time::Duration::from_millis(300));
    one.send("k\r");
    one.until("ok");
    two.until("ok");
    two.send("exit 9\r");
    assert_eq!((one.end(), two.end()), (9, 9));
    assert_eq!(boxed.state("ExitCode"), "9");
    assert!(runtime.said(&["logs", "stay"]).contains("ok"), "a terminal has a log, too");
}

#[test]
fn a_terminal_is_restored_when_the_runtime_is_told_to_end() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
        let command = runtime.command(&["run", "-it", "--name", "told", "sh"]);
        let mut person = Person::types(&command, 24, 80);
        let before = person.modes();
        person.until("# ");
        kill(person.runtime(), signal).unwrap();
        let restored = || (person.modes() == before).then_some(());
        eventually(&format!("the terminal is as it was after {signal}"), restored);
        // The box runs on: only who looked at it is gone.
        assert_eq!(runtime.named("told").state("Status"), "running");
        runtime.said(&["rm", "-f", "told"]);
    }
}

/// A line comes back from `cat`: it has the terminal. What the terminal itself shows of it comes first, or is missing, if
/// it was typed before the shell had handed over.
fn echoes(person: &mut Person, word: &str) {
    person.send(&format!("{word}\r"));
    person.until(&format!("{word}\r\n"));
    person.send("again\r");
    person.until("again\r\n");
    person.until("again\r\n");
}

/// Ctrl-Z stops a job of the box's shell; we, and the shell that we were started from, do not notice.
#[test]
fn a_shell_in_a_box_has_jobs() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    for args in
        [&["run", "-it", "--rm", "--name", "jobs", "sh"][..], &["exec", "-it", "host", "sh"]]
    {
        if args[0] == "exec" {
            runtime.start("host", &["sleep", "1000"]);
        }
        let mut person = Person::types(&runtime.command(args), 24, 80);
        person.until("# ");
        person.send("cat\r");
        echoes(&mut person, "one");
        person.send("\x1a");
        person.until("Stopped");
        person.until("# ");
        person.send("fg\r");
        person.until("cat");
        echoes(&mut person, "two");
        person.send("\x04");
        person.until("# ");
        person.send("sleep 1000 &\r");
        person.until("# ");
        person.send("jobs\r");
        person.until("Running");
        person.send("kill %1; exit 6\r");
        assert_eq!(person.end(), 6, "{args:?}");
    }
}

/// Whoever is killed with -9: the box, its monitor, or the one who looks at it.
#[test]
fn a_terminal_is_restored_whoever_is_killed() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    runtime.start("host", &["sleep", "1000"]);
    let run = ["run", "-it", "--name", "shell", "sh"];
    for (args, victim) in [
        (&run[..], "box"),
        (&run, "monitor"),
        (&run, "runtime"),
        (&["exec", "-it", "host", "sh"], "runtime"),
    ] {
        let mut person = Person::types(&runtime.command(args), 24, 80);
        let before = person.modes();
        person.until("# ");
        assert_ne!(person.modes(), before);
        let boxed = runtime.named("shell");
        let pid = match victim {
            "box" => boxed.pid(),
            "monitor" => boxed.monitor(),
            _ => person.runtime(),
        };
        kill(pid, Signal::SIGKILL).unwrap();
        let restored = || (person.modes() == before).then_some(());
        eventually(&format!("the terminal is as it was: {args:?}, {victim}"), restored);
        if args[0] == "run" {
            let status = if victim == "runtime" { "running" } else { "exited" };
            boxed.becomes(status);
            runtime.said(&["rm", "-f", "shell"]);
        }
        let status = match victim {
            "box" => 137,
            "monitor" => 125,
            // setsid has the number of the signal for it.
            _ => 9,
        };
        assert_eq!(person.end(), status, "{victim}");
    }
    assert_eq!(runtime.named("host").state("Status"), "running");
}

/// A shell has set the terminal for the line that is typed at its prompt: the guardian leaves that alone.
#[test]
fn a_terminal_that_a_shell_has_restored_is_the_shells() {
    if !needs(&NEEDS) || !needs(&[Need::Bash]) {
        return;
    }
    let runtime = Runtime::new();
    let run = runtime.command(&["run", "-it", "--name", "shell", "sh"]);
    let mut bash = std::process::Command::new("bash");
    bash.args(["--norc", "--noprofile", "-i"]).env("BOX", run.get_program());
    bash.env("SUDO_UID", runtime.uid()).env("PS1", "prompt>");
    let mut person = Person::types(&bash, 24, 80);
    person.until("prompt>");
    person.send("$BOX run -it --network none --name shell sh\r");
    person.until("# ");
    let bash = person.runtime();
    let ours = tests::inits::child(bash);
    kill(ours, Signal::SIGKILL).unwrap();
    person.until("Killed");
    person.until("prompt>");
    person.send("echo st''atus $?; stty -a\r");
    person.until("status 137");
    person.until(" icanon");
    person.until(" echo ");
    runtime.said(&["rm", "-f", "shell"]);
}

#[test]
fn exec_gives_a_terminal_of_its_own() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    runtime.start("host", &["sleep", "1000"]);
    let mut person = Person::types(&runtime.command(&["exec", "-it", "host", "sh"]), 33, 77);
    person.until("# ");
    person.send("stty size; tty\r");
    person.until("33 77");
    person.until("/dev/pts/0");
    person.send("exit 11\r");
    assert_eq!(person.end(), 11);
    assert_eq!(runtime.named("host").state("Status"), "running");
}

#[test]
fn without_a_terminal_signals_are_passed_on() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let script = "trap 'exit 12' TERM; echo ready; while :; do sleep 0.02; done";
    runtime.start("trap", &["sh", "-c", script]);
    runtime.named("trap").says("ready");
    let mut attached = runtime.command(&["attach", "trap"]).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    kill(Pid::from_raw(attached.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(attached.wait().unwrap().code(), Some(12));
}

#[test]
fn a_foreground_box_cannot_be_attached_to() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let mut front = runtime.command(&["run", "--no-card", "--name", "front", "sleep", "1000"]);
    let mut front = front.spawn().unwrap();
    let boxed = runtime.named("front");
    eventually("it is there", || {
        (runtime.ask(&["ps", "-q", "-f", "name=front"]).0.len() == 12).then_some(())
    });
    boxed.becomes("running");
    eventually("it has a process", || (boxed.state("Pid") != "0").then_some(()));
    let (status, error) = runtime.refused(&["attach", "front"]);
    assert!(status == 1 && error.contains("foreground of another terminal"), "{error}");
    assert_eq!(runtime.ask(&["exec", "front", "sh", "-c", "exit 4"]).1, 4);
    runtime.said(&["stop", "-t", "0", "front"]);
    assert_eq!(front.wait().unwrap().code(), Some(137));
    assert!(binary("09-init-signals").is_file());
}
