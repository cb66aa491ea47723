//! What stands in a box's `/dev`, read from outside.

use std::fs::{self, FileType};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// What every box has. `mqueue` is beside it where the kernel has POSIX message queues.
pub const EXPECTED: [&str; 14] = [
    "fd -> /proc/self/fd",
    "full char 1:7 0666",
    "null char 1:3 0666",
    "ptmx -> pts/ptmx",
    "pts dir",
    "pts/ptmx char 5:2 0666",
    "random char 1:8 0666",
    "shm dir",
    "stderr -> /proc/self/fd/2",
    "stdin -> /proc/self/fd/0",
    "stdout -> /proc/self/fd/1",
    "tty char 5:0 0666",
    "urandom char 1:9 0666",
    "zero char 1:5 0666",
];

/// Each file below `dev`, a line each, sorted.
pub fn below(dev: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    describe_all(dev, dev, &mut lines);
    lines.retain(|line| line != "mqueue dir");
    lines.sort();
    lines
}

fn describe_all(dev: &Path, dir: &Path, lines: &mut Vec<String>) {
    for entry in fs::read_dir(dir).expect("list /dev").flatten() {
        let path = entry.path();
        let name = path.strip_prefix(dev).expect("it is below").display();
        let file = fs::symlink_metadata(&path).expect("lstat in /dev");
        let is = |of: fn(&FileType) -> bool| of(&file.file_type());
        let (device, mode) = (file.rdev(), file.mode() & 0o7777);
        let number = format!("{}:{}", libc::major(device), libc::minor(device));
        if is(FileType::is_symlink) {
            let to = fs::read_link(&path).expect("readlink in /dev");
            lines.push(format!("{name} -> {}", to.display()));
        } else if is(FileType::is_dir) {
            lines.push(format!("{name} dir"));
            describe_all(dev, &path, lines);
        } else if is(FileType::is_char_device) {
            lines.push(format!("{name} char {number} {mode:04o}"));
        } else if is(FileType::is_block_device) {
            lines.push(format!("{name} block {number} {mode:04o}"));
        } else {
            lines.push(format!("{name} other"));
        }
    }
}
