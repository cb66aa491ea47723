//! The configurations with which a student gets a virtual machine: each has its how-to, which the README links, and what can
//! read it here finds no mistake in it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Violation;

/// Configuration, its how-to, and the program that checks its syntax without a network or a hypervisor.
const CONFIGURATIONS: [(&str, &str, &[&str]); 3] = [
    ("cloud-init.yaml", "cloud-init.md", &["cloud-init", "schema", "--config-file"]),
    ("lima.yaml", "lima.md", &["limactl", "validate"]),
    ("Vagrantfile", "vagrant.md", &["ruby", "-c"]),
];

/// Checks them. A program that is not installed checks nothing.
pub fn check(root: &Path) -> Vec<Violation> {
    let readme = fs::read_to_string(root.join("README.md")).unwrap_or_default();
    let mut found = Vec::new();
    for (file, how_to, program) in CONFIGURATIONS {
        let at = |name: &str| format!("xtask/vm/{name}");
        for name in [file, how_to] {
            if !root.join(at(name)).is_file() {
                found.push(Violation::new(at(name), 1, "is missing"));
            }
        }
        if !readme.contains(&format!("({})", at(how_to))) {
            found.push(Violation::new("README.md", 1, format!("does not link {}", at(how_to))));
        }
        let says = complaint(program, &root.join(at(file)));
        found.extend(says.map(|says| Violation::new(at(file), 1, says)));
    }
    found
}

/// What the program finds wrong with the file.
fn complaint(program: &[&str], file: &Path) -> Option<String> {
    let output = Command::new(program[0]).args(&program[1..]).arg(file).output().ok()?;
    let says = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    (!output.status.success()).then(|| format!("{}: {says}", program[0]))
}
