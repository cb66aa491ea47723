//! A network namespace that plays the host: a lesson that is started in it makes its links, rules and settings there, and
//! everything ends with it.

use std::fs::File;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, setns};
use nix::unistd::Pid;
use veth::netlink::link::{self, End, Namespace};
use veth::netlink::{Cidr, Netlink, address, route};

use crate::{Background, binary, eventually};

/// The namespace, held by a process that sleeps in it.
pub struct Router {
    holder: Background,
}

impl Router {
    /// A new one, with its loopback up.
    #[allow(clippy::new_without_default)] // it makes something
    pub fn new() -> Router {
        let mut command = Command::new("unshare");
        command.args(["--net", "--"]).arg(binary("bxw-probe")).args(["sleep", "600"]);
        let router = Router { holder: Background::of(&mut command) };
        let own = inode(Pid::this());
        eventually("the router has its namespace", || {
            (inode(router.pid()) != own && is_probe(router.pid())).then_some(())
        });
        router.ask(|netlink| netlink.perform(link::set_loopback_up()).unwrap());
        router
    }

    /// The process that holds it.
    pub fn pid(&self) -> Pid {
        self.holder.pid()
    }

    /// A command line in it, with nothing on standard input.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.pid())).arg("--");
        command.arg(binary(program)).args(args).stdin(Stdio::null());
        command
    }

    /// The same for a program of the host.
    pub fn tool(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.pid())).arg("--").arg(program).args(args);
        command
    }

    /// Asks the kernel about it.
    pub fn ask<T: Send>(&self, question: impl FnOnce(&mut Netlink) -> T + Send) -> T {
        ask(self.pid(), question)
    }

    /// Does something on a thread of its own that is in it.
    pub fn inside<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        inside(self.pid(), act)
    }

    /// Lays a cable to another one: `wan`, with these addresses on this side and that.
    pub fn connect(&self, other: &Router, here: &[&str], there: &[&str]) {
        let far = Namespace::Of(other.pid());
        let far = End { namespace: far, ..End::new("wan") };
        self.ask(|netlink| {
            let near = End { up: true, ..End::new("wan") };
            netlink.perform(link::add_veth(&near, &far, None)).unwrap();
        });
        for (side, addresses) in [(self, here), (other, there)] {
            side.ask(|netlink| {
                let wan = netlink.link("wan").unwrap();
                let cidrs = addresses.iter().map(|word| word.parse::<Cidr>().unwrap());
                let requests = cidrs.map(|cidr| address::add(&wan, cidr));
                netlink.perform_all(requests.chain([link::set_up("wan", true)])).unwrap();
            });
        }
    }

    /// Sends what is for others to this address.
    pub fn default_route(&self, gateway: &str) {
        let gateway = gateway.parse().unwrap();
        self.ask(|netlink| netlink.perform(route::add_default(gateway)).unwrap());
    }

    /// The names of its links, without `lo`.
    pub fn links(&self) -> Vec<String> {
        let links = self.ask(|netlink| netlink.links().unwrap());
        links.into_iter().map(|link| link.name).filter(|name| name != "lo").collect()
    }
}

/// Asks the kernel about the network of a process.
pub fn ask<T: Send>(of: Pid, question: impl FnOnce(&mut Netlink) -> T + Send) -> T {
    inside(of, || question(&mut Netlink::route().unwrap()))
}

/// A thread may be in a network namespace of its own; the test's other threads stay where they are.
fn inside<T: Send>(of: Pid, act: impl FnOnce() -> T + Send) -> T {
    let namespace = File::open(format!("/proc/{of}/ns/net")).expect("the process is there");
    let there = move || {
        setns(namespace, CloneFlags::CLONE_NEWNET).expect("setns");
        act()
    };
    std::thread::scope(|scope| scope.spawn(there).join().expect("the thread ends"))
}

/// The identity of the network namespace of a process.
pub fn inode(of: Pid) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(format!("/proc/{of}/ns/net")).map(|meta| meta.ino()).ok()
}

fn is_probe(pid: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == "bxw-probe\n")
}
