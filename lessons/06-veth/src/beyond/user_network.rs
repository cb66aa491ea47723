//! The network of a box that nobody had to ask root for: a program of the same user reads and writes the packets of the box
//! at one end, and sends on what they say with sockets of its own at the other. See pasta(1) and slirp4netns(1).

use std::fs::File;
use std::io::Read;
use std::process::{Child as Helper, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use clone_pid::{Child, Part};
use ground::call::{doing, quietly};
use ground::lesson::run_name;
use ground::needs::in_initial_user_namespace;
use ground::text::pid;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use crate::sys::die_with_parent;

/// How often to look for the route, every hundredth of a second.
const PATIENCE: u32 = 1000;

/// The programs that can do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The box has the addresses of the host
    Pasta,
    /// The box has 10.0.2.100, its gateway 10.0.2.2
    Slirp4netns,
}

impl Program {
    /// As `--network` names it.
    pub(super) fn named(word: &str) -> Option<Program> {
        [Program::Pasta, Program::Slirp4netns].into_iter().find(|program| program.name() == word)
    }

    fn name(self) -> &'static str {
        match self {
            Program::Pasta => "pasta",
            Program::Slirp4netns => "slirp4netns",
        }
    }

    /// With the services on the host's own loopback out of reach. pasta gives up most capabilities before it opens the
    /// network namespace, and may then not look at a process that has them: it is handed the namespace as standard input.
    fn words(self, pid: &str) -> Vec<String> {
        let words: &[&str] = match self {
            Program::Pasta => &[
                "--quiet",
                "--foreground",
                "--config-net",
                "--no-map-gw",
                "--netns-only",
                "--no-netns-quit",
            ],
            Program::Slirp4netns => &["--configure", "--mtu=65520", "--disable-host-loopback"],
        };
        let words = words.iter().map(|word| word.to_string());
        match self {
            Program::Pasta => {
                let none = ["-t", "none", "-u", "none", "-T", "none", "-U", "none", "--netns"];
                words.chain(none.map(str::to_string)).chain(["/proc/self/fd/0".into()]).collect()
            }
            Program::Slirp4netns => words.chain([pid.to_string(), "tap0".to_string()]).collect(),
        }
    }
}

/// What connects the network namespace of a box: a program of the user's.
pub struct UserNetwork {
    program: Program,
    helper: Option<Helper>,
}

impl UserNetwork {
    /// By this one.
    pub fn by(program: Program) -> UserNetwork {
        UserNetwork { program, helper: None }
    }

    /// Waits until the box has a route, or the program has ended.
    fn wait(&mut self, child: &Child) -> Result<()> {
        let Some(helper) = &mut self.helper else { return Ok(()) };
        for _ in 0..PATIENCE {
            if has_route(&child.process().read("net/route")?) {
                return Ok(());
            }
            if quietly("wait for the network").run(|| helper.try_wait())?.is_some() {
                break;
            }
            sleep(Duration::from_millis(10));
        }
        Err(failed(self.program, helper))
    }
}

impl Part for UserNetwork {
    fn prepare(&mut self) -> Result<()> {
        let name = self.program.name();
        if in_initial_user_namespace() {
            return Err(Error::usage(format!("--network {name} is for an ordinary user"))
                .remedy("root connects a box with --network veth or bridge"));
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let package = if self.program == Program::Pasta { "passt" } else { name };
        match std::env::split_paths(&path).any(|dir| dir.join(name).is_file()) {
            true => Ok(()),
            false => Err(Error::environment(format!("{name} is not installed"))
                .remedy(format!("the package is called {package}"))),
        }
    }

    fn attach(&mut self, child: &Child) -> Result<()> {
        let words = self.program.words(&child.pid().to_string());
        let mut command = Command::new(self.program.name());
        // By this word the sweeper finds it.
        command.args(&words).env("container", run_name());
        let namespace = format!("/proc/{}/ns/net", child.pid());
        let namespace =
            quietly("open the network namespace of the box").run(|| File::open(&namespace))?;
        command.stdin(namespace).stdout(Stdio::null()).stderr(Stdio::piped());
        die_with_parent(&mut command);
        let (name, first) = (self.program.name(), pid(child.pid()));
        let helper = doing(format_args!("start {name} for the network of {first}"))
            .like_args(format_args!("{name} … {first}"))
            .run(|| command.spawn())?;
        self.helper = Some(helper);
        self.wait(child)
    }

    fn release(&mut self) -> Result<()> {
        let Some(mut helper) = self.helper.take() else { return Ok(()) };
        quietly(format_args!("end {}", self.program.name())).run(|| {
            // It may have ended with the namespace.
            let _ = helper.kill();
            helper.wait().map(drop)
        })
    }
}

/// `/proc/net/route`: the second field is the destination, the default one is 0.
fn has_route(table: &str) -> bool {
    table.lines().skip(1).any(|line| line.split_whitespace().nth(1) == Some("00000000"))
}

/// Its last words.
fn failed(program: Program, helper: &mut Helper) -> Error {
    let _ = helper.kill();
    let mut said = String::new();
    if let Some(errors) = &mut helper.stderr {
        let _ = errors.take(4096).read_to_string(&mut said);
    }
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    let tun = match access("/dev/net/tun", AccessFlags::R_OK | AccessFlags::W_OK) {
        Ok(()) => "",
        Err(Errno::ENOENT) => "; there is no /dev/net/tun",
        Err(_) => "; /dev/net/tun is not open to you, as it is on most machines (mode 666)",
    };
    Error::environment(format!("{} gave the box no route: {}{tun}", program.name(), last.trim()))
        .remedy("try the other of pasta and slirp4netns, or --network none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_is_found() {
        let head = "Iface\tDestination\tGateway\n";
        assert!(has_route(&format!("{head}tap0\t0002000A\t0\ntap0\t00000000\t0202000A\n")));
        assert!(!has_route(head) && !has_route(&format!("{head}tap0\t0002000A\t0\n")));
    }
}
