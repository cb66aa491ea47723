//! The kit's init in the place of podman's own: `podman run --init --init-path`.

use std::process::Command;

use ground::needs::Need;
use tests::{Scratch, binary, eventually, needs, program, said};

/// podman, with all that it keeps in a directory of the test's.
struct Podman {
    scratch: Scratch,
}

impl Podman {
    fn new() -> Podman {
        let scratch = Scratch::new();
        scratch.image("root");
        Podman { scratch }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("podman");
        command.args(["--runtime", "runc", "--cgroup-manager", "cgroupfs"]);
        command.args(["--storage-driver", "vfs", "--root", &self.scratch.at("store")]);
        command.args(["--runroot", &self.scratch.at("run")]).args(args);
        command
    }

    /// `podman run FLAGS` of the probe's script, behind the kit's init.
    fn run(&self, flags: &[&str], script: &str) -> Command {
        let init = binary("bxw-init").display().to_string();
        let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
        let place = ["--network=none", "--cgroups=no-conmon", "--rootfs", &self.scratch.at("root")];
        let init = ["--init", "--init-path", &init];
        let probe = ["/bxw-probe", "script", script];
        self.command(&[&["run"], flags, &limits, &init, &place[..], &probe].concat())
    }

    fn said(&self, args: &[&str]) -> String {
        said(&mut self.command(args)).trim().to_string()
    }
}

fn podman() -> Option<Podman> {
    let there = needs(&[Need::Admin, Need::InitialRoot]) && program("podman") && program("runc");
    there.then(Podman::new)
}

#[test]
fn podman_takes_it_for_its_own_and_passes_statuses_on() {
    let Some(podman) = podman() else { return };
    let ends = |script: &str| podman.run(&["--rm"], script).output().expect("podman starts");
    for (script, status) in [("exit 7", 7), ("orphans 500 0; exit 3", 3)] {
        let output = ends(script);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{script}: {errors}");
    }
}

#[test]
fn podman_stops_and_kills_through_it() {
    let Some(podman) = podman() else { return };
    for (script, verb, status) in [
        ("await TERM; exit 5", &["stop", "-t", "10"][..], "5"),
        ("await USR1; exit 6", &["kill", "-s", "USR1"], "6"),
        // Without an init nobody would die of this: PID 1 has no handler.
        ("orphans 100 0; hold", &["kill", "-s", "TERM"], "143"),
    ] {
        let id = said(&mut podman.run(&["-d"], script)).trim().to_string();
        let pid = podman.said(&["inspect", "-f", "{{.State.Pid}}", &id]);
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
        assert_eq!(read("comm").unwrap(), "podman-init\n");
        assert!(read("cmdline").unwrap().starts_with("/run/podman-init\0--\0/bxw-probe"));
        let waits = || {
            let logs = podman.said(&["logs", &id]);
            (logs.contains("awaiting") || logs.contains("ready")).then_some(())
        };
        eventually("the command waits for the signal", waits);
        podman.said(&[verb, &[&id]].concat());
        assert_eq!(podman.said(&["wait", &id]), status, "{script}");
        podman.said(&["rm", &id]);
    }
}
