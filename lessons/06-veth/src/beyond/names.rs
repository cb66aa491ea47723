//! Names in the box: /etc/hosts, /etc/resolv.conf and /etc/hostname, made for it and mounted over what the image has.

use std::cell::RefCell;
use std::fmt::Write;
use std::fs;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::str::FromStr;

use clone_pid::Part;
use ground::call::{doing, quietly};
use ground::lesson::run_dir;
use ground::{Error, Result};
use mount_ns::beyond::destination::{self, HostRoot};
use mount_ns::sys::Detached;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

/// `--add-host NAME:IP`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
}

impl FromStr for Host {
    type Err = Error;

    fn from_str(word: &str) -> Result<Host> {
        let wrong = || Error::usage("NAME:IP is wanted, like db:10.77.0.9");
        let (name, address) = word.split_once(':').ok_or_else(wrong)?;
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || !name.chars().all(part) {
            return Err(wrong());
        }
        let address = address.trim_start_matches('[').trim_end_matches(']');
        Ok(Host { name: name.into(), address: address.parse().map_err(|_| wrong())? })
    }
}

/// To ask whether it is there.
const LOOK: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);

/// The three files.
#[derive(Default)]
pub struct Names {
    /// Of the box.
    pub hostname: String,
    /// Its addresses, once they are known.
    pub addresses: Rc<RefCell<Vec<IpAddr>>>,
    /// Further names.
    pub hosts: Vec<Host>,
    /// Name servers; the host's when none is given.
    pub dns: Vec<IpAddr>,
    /// Whether 127.0.0.1 is the host's.
    pub shares_loopback: bool,
    /// The box's root directory, where it is a plain one: what it lacks need not be made ready.
    pub root: Option<PathBuf>,
    /// The directory of another box's files, which are this one's, too.
    pub lent_by: Option<PathBuf>,
    pub(crate) files: Vec<(&'static str, bool, Detached)>,
    pub(crate) host_root: HostRoot,
}

impl Names {
    fn etc_hosts(&self) -> String {
        let mut text =
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n".to_string();
        let name = &self.hostname;
        for address in self.addresses.borrow().iter() {
            let _ = writeln!(text, "{address}\t{name}");
        }
        if self.addresses.borrow().is_empty() {
            let _ = writeln!(text, "127.0.1.1\t{name}");
        }
        for Host { name, address } in &self.hosts {
            let _ = writeln!(text, "{address}\t{name}");
        }
        text
    }

    /// Whether it is known that the image has no such file. Links in it lead to where they lead in the box.
    fn is_missing(at: &str, root: Option<&OwnedFd>) -> bool {
        let how = OpenHow::new().flags(LOOK).resolve(ResolveFlag::RESOLVE_IN_ROOT);
        root.is_some_and(|root| matches!(openat2(root, at, how), Err(Errno::ENOENT)))
    }

    /// A name server at the host's 127.0.0.53 is not at the box's.
    fn resolv_conf(&self) -> String {
        let of_host = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        resolv_conf(&of_host, &self.dns, self.shares_loopback)
    }
}

fn resolv_conf(of_host: &str, dns: &[IpAddr], shares_loopback: bool) -> String {
    let server = |line: &str| line.strip_prefix("nameserver").map(|rest| rest.trim().to_string());
    let reachable = |address: &str| {
        let plain = address.split('%').next().unwrap_or(address);
        shares_loopback || plain.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback())
    };
    let kept = |line: &&str| match server(line) {
        Some(address) => dns.is_empty() && reachable(&address),
        None => !line.starts_with('#') && !line.is_empty(),
    };
    let mut text: String = of_host.lines().filter(kept).map(|line| format!("{line}\n")).collect();
    text.extend(dns.iter().map(|address| format!("nameserver {address}\n")));
    text
}

impl Part for Names {
    fn prepare(&mut self) -> Result<()> {
        self.host_root = HostRoot::here()?;
        let files: [(_, _, &dyn Fn() -> String); 3] = [
            ("/etc/hosts", !self.hosts.is_empty(), &|| self.etc_hosts()),
            ("/etc/resolv.conf", !self.dns.is_empty(), &|| self.resolv_conf()),
            ("/etc/hostname", false, &|| format!("{}\n", self.hostname)),
        ];
        let root = self.root.as_ref().and_then(|root| open(root, LOOK, Mode::empty()).ok());
        let mut ready = Vec::new();
        for (at, asked, text) in files {
            // A mount that is made and hung up nowhere costs its closer a wait of the kernel's, some milliseconds.
            if !asked && Names::is_missing(at, root.as_ref()) {
                continue;
            }
            let name = Path::new(at).file_name().unwrap_or_default();
            let source = run_dir()?.join(name);
            match self.lent_by.as_ref().map(|other| other.join(name)).filter(|it| it.exists()) {
                // A second name of the same file: it is there as long as one of the two runs.
                Some(other) => quietly(format_args!("link {}", other.display()))
                    .run(|| fs::hard_link(&other, &source))?,
                None => quietly(format_args!("write {}", source.display()))
                    .run(|| fs::write(&source, text()))?,
            }
            let copy = quietly(format_args!("open_tree {}", source.display()))
                .run(|| Detached::copy(&source))?;
            quietly(format_args!("mount_setattr MS_PRIVATE of {at}"))
                .run(|| copy.make_private())?;
            ready.push((at, asked, copy));
        }
        self.files = ready;
        Ok(())
    }

    /// A file that the image lacks is made only when something in it was asked for: it would stay.
    fn enter(&mut self) -> Result<()> {
        for (at, asked, copy) in self.files.drain(..) {
            let at = Path::new(at);
            if !asked && !at.exists() {
                continue;
            }
            let target = destination::open(at, &copy, &self.host_root)?;
            let shown = at.display();
            doing(format_args!("move_mount to {shown}"))
                .like_args(format_args!("mount --bind … {shown}"))
                .run(|| copy.attach(target.as_fd(), ""))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_server_on_the_hosts_loopback_is_left_out() {
        let host = "# comment\nnameserver 127.0.0.53\nnameserver 10.0.0.1\nsearch example.org\n";
        assert_eq!(resolv_conf(host, &[], false), "nameserver 10.0.0.1\nsearch example.org\n");
        assert!(resolv_conf(host, &[], true).contains("127.0.0.53"));
        let asked = resolv_conf(host, &[IpAddr::from([9, 9, 9, 9])], false);
        assert_eq!(asked, "search example.org\nnameserver 9.9.9.9\n");
    }

    #[test]
    fn hosts_have_a_name_and_an_address() {
        let six: Host = "db:fd00::2".parse().unwrap();
        assert_eq!(six.address.to_string(), "fd00::2");
        assert!(
            ["db", "db:", ":1.2.3.4", "d b:1.2.3.4", "db:1.2.3"]
                .iter()
                .all(|w| w.parse::<Host>().is_err())
        );
    }
}
