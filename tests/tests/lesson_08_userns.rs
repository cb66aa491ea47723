//! Lesson 08's user namespaces, looked at from outside: maps, owners of files on both sides, boxes of ordinary users.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use ground::needs::Need;
use ground::proc::Process;
use ground::proc::ns::Namespace;
use tests::refusal::{leaving_nothing, refused, says};
use tests::sealed::{BOX, line, running, said, set};
use tests::{Background, Scratch, as_nobody, binary, needs, program};

const L08: &str = "08-caps";
const ROOTLESS: [Need; 4] =
    [Need::UserNamespaces, Need::Clone3, Need::MountApi, Need::MountSetattr];

fn can_map() -> bool {
    needs(&BOX) && needs(&[Need::InitialRoot])
}

/// A map of a process, its lines separated by commas.
fn map(process: &Process, file: &str) -> String {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    process.read(file).unwrap().lines().map(words).collect::<Vec<_>>().join(", ")
}

#[test]
fn maps_are_as_the_flags_say() {
    if !can_map() {
        return;
    }
    for (flags, uids, gids) in [
        ([].as_slice(), "0 0 4294967295", "0 0 4294967295"),
        (&["--userns", "host"], "0 0 4294967295", "0 0 4294967295"),
        (&["--userns", "private"], "0 100000 65536", "0 100000 65536"),
        (&["--uidmap", "0:200000:1000"], "0 200000 1000", "0 200000 1000"),
        (&["--gidmap", "0:200000:1000"], "0 200000 1000", "0 200000 1000"),
        (
            &["--uidmap", "0:200000:10", "--uidmap=10:300000:5", "--gidmap", "0:400000:1"],
            "0 200000 10, 10 300000 5",
            "0 400000 1",
        ),
    ] {
        let running = running(flags);
        let process = running.process();
        assert_eq!([map(&process, "uid_map"), map(&process, "gid_map")], [uids, gids], "{flags:?}");
        let first = uids.split(' ').nth(1).unwrap();
        assert_eq!(line(&process, "Uid"), [first; 4].join(" "), "{flags:?}");
        let host = Process::this().namespace(Namespace::User).unwrap();
        let own = process.namespace(Namespace::User).unwrap() != host;
        assert_eq!(own, uids != "0 0 4294967295", "{flags:?}");
        // What is given up is given up over its own namespace, too.
        assert_eq!(set(&process, "CapBnd"), 0xa804_25fb, "{flags:?}");
    }
}

#[test]
fn a_map_of_340_lines_is_written_and_one_of_341_refused() {
    if !can_map() {
        return;
    }
    let lines: Vec<String> = (0..341).map(|i| format!("--uidmap={i}:{i}:1")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let running = running(&lines[..340]);
    assert_eq!(running.process().uid_map().unwrap().len(), 340);
    let args = [&["run"], &lines[..], &["true"]].concat();
    refused(L08, &args, 125, &["uid map has 341 lines", "340"]);
}

#[test]
fn the_root_and_an_idmapped_volume_belong_to_the_root_of_the_box() {
    if !can_map() {
        return;
    }
    let scratch = Scratch::new();
    let lent = scratch.dir("lent");
    let volume = format!("{lent}:/lent:idmap");
    let flags = ["--userns", "private", "-v", &volume];
    let owners = said(&flags, "stat /; stat /lent; write /lent/made hello; write /tmp/made hello");
    let owned: Vec<_> = owners.lines().filter_map(|line| line.strip_prefix("owner ")).collect();
    assert_eq!(owned, ["0:0", "0:0"]);
    let made = fs::metadata(scratch.at("lent/made")).unwrap();
    assert_eq!((made.uid(), made.gid()), (0, 0), "on the disk");

    let running = running(&flags);
    let mounts = running.process().read("mountinfo").unwrap();
    for at in ["/", "/lent"] {
        let mount = mounts.lines().find(|line| line.split(' ').nth(4) == Some(at)).unwrap();
        assert!(mount.contains("idmapped"), "{mount}");
    }
}

#[test]
fn a_plain_volume_belongs_to_nobody_in_the_box() {
    if !can_map() {
        return;
    }
    let scratch = Scratch::new();
    let volume = format!("{}:/lent", scratch.dir("lent"));
    let flags = ["--userns", "private", "-v", &volume];
    let text = said(&flags, "stat /lent; writable /lent/made");
    assert!(text.contains("owner 65534:65534"), "{text}");
    let output = tests::sealed::ended(&flags, "write /lent/made hello");
    assert!(String::from_utf8_lossy(&output.stderr).contains("EACCES"));
    assert!(scratch.listing("lent").is_empty());
}

#[test]
fn an_ordinary_user_needs_no_root() {
    if !needs(&ROOTLESS) {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let run = ["run", "--no-card", "--network", "none", "--rootfs", &image];
    let args = [&run[..], &["/bxw-probe", "script", "report; sleep 60"]].concat();
    let mut running = Background::of(&mut as_nobody(L08, &args));
    assert_eq!(running.line(), "pid 1");
    assert_eq!(running.line(), "ppid 0");
    assert_eq!(running.line(), "uid 0");
    let process = running.process();
    let ours = Process::this();
    for kind in [Namespace::User, Namespace::Mount, Namespace::Pid, Namespace::Ipc] {
        assert_ne!(process.namespace(kind).unwrap(), ours.namespace(kind).unwrap(), "{kind:?}");
    }
    assert_eq!([set(&process, "CapEff"), set(&process, "CapBnd")], [0xa804_25fb; 2]);
    assert_eq!(line(&process, "Seccomp"), "2");
    assert_ne!(line(&process, "Uid"), "0 0 0 0", "out here it is an ordinary user");
    assert_eq!(process.uid_map().unwrap()[0].length, 1);
}

/// `NAME ARGS…` by an ordinary user of a host whose `/etc/passwd`, `/etc/subuid` and `/etc/subgid` are the test's.
fn with_subordinate_ids(scratch: &Scratch, subuid: &str, path: &str, args: &[&str]) -> Command {
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    scratch.file("passwd", format!("{passwd}\nbxwtest:x:54321:54321::/:/bin/sh\n"));
    ["subuid", "subgid"].iter().for_each(|file| drop(scratch.file(file, subuid)));
    for file in ["passwd", "subuid", "subgid"] {
        scratch.open_to_all(file, 0o644);
    }
    let script = format!(
        "set -e; cd {}; for f in passwd subuid subgid; do mount --bind $f /etc/$f; done; \
         export PATH={path}; cd /; exec setpriv --reuid 54321 --regid 54321 --clear-groups \"$@\"",
        scratch.at(".")
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script, "sh"]).arg(binary(L08)).args(args);
    command.env_remove("SUDO_UID").env("XDG_RUNTIME_DIR", "/nowhere");
    command
}

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

fn can_be_another() -> bool {
    let programs = ["unshare", "setpriv", "newuidmap", "newgidmap"];
    let files = ["/etc/subuid", "/etc/subgid"].iter().all(|file| fs::exists(file).unwrap_or(false));
    needs(&ROOTLESS)
        && needs(&[Need::InitialRoot])
        && programs.iter().all(|name| program(name))
        && files
}

#[test]
fn subordinate_ids_are_mapped_by_newuidmap() {
    if !can_be_another() {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let run = ["run", "--no-card", "--network", "none", "--rootfs", &image];
    let probe = ["/bxw-probe", "script", "pid; sleep 60"];
    let subuid = "somebody:1:2\nbxwtest:300000:65536\n";
    let of = |flags: &[&str]| {
        let args = [&run, flags, &probe].concat();
        let mut running = Background::of(&mut with_subordinate_ids(&scratch, subuid, PATH, &args));
        assert_eq!(running.line(), "pid 1", "{flags:?}");
        running
    };
    let plain = of(&[]);
    let expected = "0 54321 1, 1 300000 65536";
    assert_eq!(map(&plain.process(), "uid_map"), expected);
    assert_eq!(map(&plain.process(), "gid_map"), expected);
    assert_eq!(line(&plain.process(), "Uid"), "54321 54321 54321 54321");
    // One in the other: its maps are of the outer's users, and are read here as the host's.
    let nested = of(&["--userns", "private"]);
    assert_eq!(map(&nested.process(), "uid_map"), "0 300000 65536");
    assert_eq!(line(&nested.process(), "Uid"), "300000 300000 300000 300000");
    let user = of(&["--user", "1000"]);
    assert_eq!(line(&user.process(), "Uid"), "300999 300999 300999 300999");
}

/// One that failed, or that said something else than the ledger, would end this with 1; no experiment at all with 77.
#[test]
fn every_experiment_works_without_root_or_names_its_need() {
    if !can_be_another() {
        return;
    }
    let all = ["--plain", "--rootless", "experiment", "all", "--deep"];
    let demo = ["--plain", "--rootless", "demo"];
    let scratch = Scratch::new();
    let said = |mut command: Command| {
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    said(as_nobody(L08, &demo));
    let alone = said(as_nobody(L08, &all));
    let with_others = said(with_subordinate_ids(&scratch, "bxwtest:300000:65536\n", PATH, &all));
    assert!(alone.contains("needs other-users") && !with_others.contains("needs other-users"));
}

#[test]
fn a_newuidmap_that_refuses_or_is_missing_is_one_line() {
    if !can_be_another() {
        return;
    }
    let scratch = Scratch::new();
    scratch.dir("refusing");
    for (name, text) in
        [("newuidmap", "echo 'uid range not allowed' >&2; exit 1"), ("newgidmap", "")]
    {
        scratch.program(&format!("refusing/{name}"), format!("#!/bin/sh\n{text}\n"));
    }
    let refusing = format!("{}:{PATH}", scratch.at("refusing"));
    let output =
        with_subordinate_ids(&scratch, "bxwtest:300000:9\n", &refusing, &["run", "true"]).output();
    says(&output.unwrap(), 125, &["uid range not allowed", "/etc/subuid"]);

    let args = ["run", "--uidmap", "0:0:5", "true"];
    // Nobody has given the user more than itself.
    let output = with_subordinate_ids(&scratch, "other:300000:9\n", PATH, &args).output();
    says(&output.unwrap(), 125, &["uid map 0:0:5", "out of range", "/etc/subuid", "newuidmap"]);
}

#[test]
fn a_wrong_map_is_one_line() {
    if !needs(&[Need::Admin, Need::Clone3]) {
        return;
    }
    leaving_nothing(|| {
        for (flags, words) in [
            (["--uidmap", "0:1"].as_slice(), ["0:1", "INSIDE:OUTSIDE:LENGTH"]),
            (&["--gidmap", "0:0:0"], ["0:0:0", "at least one ID"]),
            (&["--uidmap", "0:4294967290:10"], ["no such range", "4294967294"]),
            (&["--uidmap", "5:100000:10"], ["no ID 0", "root"]),
            (
                &["--uidmap", "0:1000:10", "--uidmap", "9:3000:5"],
                ["9:3000:5 overlaps with", "0:1000:10"],
            ),
            (
                &["--uidmap", "0:1000:10", "--uidmap", "20:1009:5"],
                ["20:1009:5 overlaps with", "once"],
            ),
            (&["--userns", "host", "--uidmap", "0:0:1"], ["--userns host", "user namespace"]),
            (&["--userns", "mine"], ["mine", "private"]),
            (&["--userns", "private", "--overlay"], ["owners of an overlay", "--rootfs"]),
            (&["-v", "/tmp:/t:idmap"], ["idmap", "--userns private"]),
            (&["-v", "/tmp:/t:ro,idmapped"], ["unknown option", "idmap"]),
        ] {
            refused(L08, &[&["run"], flags, &["true"]].concat(), 125, &words);
        }
    });
}
