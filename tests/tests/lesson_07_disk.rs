//! Lesson 07's limits of a disk, looked at from outside: how much a box writes, and how fast.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Output};

use ground::cgroup::{self, Controller, Version};
use ground::needs::Need;
use tests::refusal::refused;
use tests::{Background, Scratch, eventually, lesson, needs, on_shared_mounts, said};

const L07: &str = "07-overlay";
const LAYERS: [Need; 3] = [Need::Admin, Need::Clone3, Need::Overlay];
const DISK: [Need; 4] = [Need::InitialRoot, Need::Clone3, Need::IoController, Need::LoopDevice];

fn ran(args: &[&str]) -> Output {
    let run = ["run", "--no-card", "--network", "none"];
    lesson(L07).args([&run, args].concat()).output().unwrap()
}

/// A loop device over a file of the test; taken apart when dropped.
struct Loop {
    at: String,
    _scratch: Scratch,
}

fn loop_device() -> Loop {
    let scratch = Scratch::new();
    let file = scratch.file("disk", vec![0; 8 << 20]);
    let shown = said(Command::new("losetup").args(["--find", "--show", &file]));
    Loop { at: shown.trim().to_string(), _scratch: scratch }
}

impl Loop {
    fn path(&self) -> &str {
        &self.at
    }

    fn number(&self) -> String {
        let number = fs::metadata(&self.at).unwrap().rdev();
        format!("{}:{}", libc::major(number), libc::minor(number))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["--detach", &self.at]).status();
    }
}

#[test]
fn the_limits_of_a_disk_become_the_files_of_the_group() {
    if !needs(&DISK) {
        return;
    }
    let disk = loop_device();
    let at = disk.path();
    let [rb, wb, ri, wi] =
        [("read-bps", "2m"), ("write-bps", "1m"), ("read-iops", "30"), ("write-iops", "20")]
            .map(|(flag, value)| format!("--device-{flag}={at}:{value}"));
    let running = Background::start(
        L07,
        &["run", "--no-card", "--network", "none", &rb, &wb, &ri, &wi, "sleep", "60"],
    );
    let name = format!("bxw-{}-run-{}", ground::host::owner(), running.pid());
    let place = cgroup::parent(Controller::IO).unwrap().child(name);
    eventually("the box is in its group", || {
        place.processes().ok().filter(|inside| !inside.is_empty())
    });
    let number = disk.number();
    match place.version {
        Version::V1 => {
            for (file, value) in [
                ("read_bps", 2 << 20),
                ("write_bps", 1 << 20),
                ("read_iops", 30),
                ("write_iops", 20),
            ] {
                let text = place.read(&format!("blkio.throttle.{file}_device")).unwrap();
                assert_eq!(text, format!("{number} {value}"));
            }
        }
        Version::V2 => {
            let text = place.read("io.max").unwrap();
            assert_eq!(text, format!("{number} rbps=2097152 wbps=1048576 riops=30 wiops=20"));
        }
    }
}

#[test]
fn a_box_writes_no_faster_than_its_limit() {
    if !needs(&DISK) {
        return;
    }
    let disk = loop_device();
    let volume = format!("{0}:{0}", disk.path());
    let limit = format!("--device-write-bps={}:1m", disk.path());
    let output = lesson(L07)
        .args([
            "run",
            "--no-card",
            "-v",
            &volume,
            &limit,
            "probe",
            "write-direct",
            disk.path(),
            "1024",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let took: u64 = text.trim().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(took >= 700, "1 MiB in {took} ms");
}

#[test]
fn what_is_no_disk_gets_one_clear_line() {
    let usage = |flag: &str, word: &str| refused(L07, &["run", flag, "true"], 125, &[word]);
    usage("--device-write-bps=/dev/sda", "/dev/sda:1mb");
    usage("--device-write-bps=/dev/sda:fast", "/dev/sda:1mb");
    usage("--device-read-bps=sda:1m", "/dev/sda:1mb");
    usage("--device-read-iops=/dev/sda:1m", "/dev/sda:100");
    usage("--device-write-iops=/dev/sda:0", "above 0");
    if !needs(&DISK) {
        return;
    }
    usage("--device-write-bps=/dev/null:1m", "/dev/null is no disk");
    usage("--device-write-bps=/dev/none:1m", "lsblk");
}

#[test]
fn no_box_writes_more_than_its_size() {
    if !needs(&LAYERS) {
        return;
    }
    let script = "dd if=/dev/zero of=/big bs=64k count=64 2>/dev/null; wc -c < /big";
    let output = ran(&["--storage-opt", "size=1m", "sh", "-c", script]);
    let bytes: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
    assert!(bytes <= 1 << 20, "{bytes}");
    assert!(bytes > 1 << 19, "{bytes}");
    let free = ran(&["--overlay", "sh", "-c", script]);
    assert_eq!(String::from_utf8_lossy(&free.stdout).trim(), (4 << 20).to_string());
}

/// The state directory is put on a file system with quotas, in a mount namespace that ends with the lesson.
#[test]
fn where_there_are_project_quotas_they_hold_the_box() {
    if !needs(&LAYERS) || !needs(&[Need::InitialRoot, Need::LoopDevice, Need::ProjectQuota]) {
        return;
    }
    let scratch = Scratch::new();
    let disk = scratch.file("disk", vec![0; 64 << 20]);
    let state = format!("/run/bxw-{}", ground::host::owner());
    let setup = format!(
        "mkfs.ext4 -q -O quota,project -E quotatype=prjquota {disk}\n\
         mkdir -p {state}\nmount -o loop,prjquota {disk} {state}"
    );
    let script = "dd if=/dev/zero of=/big bs=64k count=64 2>/dev/null; wc -c < /big";
    let args = [
        "run",
        "--no-card",
        "--network",
        "none",
        "--tell",
        "--storage-opt",
        "size=1m",
        "sh",
        "-c",
        script,
    ];
    let output = on_shared_mounts(&setup, L07, &args).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let bytes: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect(&told);
    assert!(bytes <= 1 << 20 && bytes > 1 << 19, "{bytes} {told}");
    assert!(
        told.contains("at most 1048576 bytes") && !told.contains("mount tmpfs on /run"),
        "{told}"
    );
}
