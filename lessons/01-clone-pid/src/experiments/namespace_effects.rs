//! Each kind of namespace, alone, with one visible effect.

use std::fs;

use clone_pid::beyond::{TimeNamespace, UserNamespace};
use clone_pid::{Container, Part, PidNamespace, UtsNamespace};
use ground::call::doing;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::proc::ns::Namespace;
use ground::story::{box_evidence, conclude, step};
use ground::text::count;
use ground::{Result, lesson};
use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;

use super::{Only, Report, probing};

pub const EXPERIMENT: Experiment = Experiment {
    name: "namespace-effects",
    title: "what each kind of namespace hides, one at a time",
    level: Level::Deep,
    claims: &["C004"],
    needs: &[Need::Admin, Need::Clone3, Need::TimeNamespaces, Need::NetworkNamespaces],
    run,
};

/// A mount namespace whose mounts stay in it, also where the host's are shared. Lesson 02 has the whole of it.
struct PrivateMounts;

impl Part for PrivateMounts {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWNS
    }

    fn enter(&mut self) -> Result<()> {
        let (none, flags) = (None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE);
        doing("mount / MS_REC|MS_PRIVATE")
            .like("mount --make-rprivate /")
            .run(|| mount(none, "/", none, flags, none))
    }
}

/// A System V key that only this run uses.
fn key() -> u32 {
    0x6278_0000 | std::process::id() & 0xffff
}

fn run(findings: &mut Findings) -> Result<()> {
    let seen = [uts()?, ipc()?, pid_numbers()?, mounts()?, network()?, user()?, time()?];
    let hidden = seen.iter().filter(|seen| **seen).count();
    conclude(format!(
        "{hidden} of {} kinds of namespace hid their resource from the box",
        seen.len()
    ));
    findings.holds("C004", hidden == seen.len());
    Ok(())
}

fn uts() -> Result<bool> {
    step("uts: the box renames itself");
    let uts = UtsNamespace { hostname: Some("elsewhere".into()) };
    let report = Report::of(probing("hostname")?.with(uts))?;
    box_evidence("gethostname()", report.get("hostname")?);
    let host = nix::unistd::gethostname().unwrap_or_default();
    Ok(report.get("hostname")? == "elsewhere" && host != "elsewhere")
}

fn ipc() -> Result<bool> {
    step("ipc: a shared memory segment made in one box, looked up in a second one");
    let made = probing(&format!("shmget {} create; sleep 60", key()))?.with(Only(Namespace::Ipc));
    let mut made = made.start()?;
    Report::until(&mut made, "shmid")?;
    let found = |container: Container| Ok::<_, ground::Error>(container.start()?.output()?.text);
    let apart = found(probing(&format!("shmget {}", key()))?.with(Only(Namespace::Ipc)))?;
    let together = probing(&format!("shmget {}", key()))?.with(Only(Namespace::Ipc));
    let together = together.join(made.child())?.output()?.text;
    let missing = apart.contains("ENOENT");
    box_evidence("shmget in the second box", if missing { "ENOENT" } else { "found" });
    box_evidence("shmget by a guest of the first box", word(together.starts_with("shmid")));
    made.kill()?;
    Ok(missing && together.starts_with("shmid"))
}

fn pid_numbers() -> Result<bool> {
    step("pid: the box asks for its number");
    let report = Report::of(probing("pid")?.with(PidNamespace))?;
    box_evidence("getpid()", report.get("pid")?);
    Ok(report.get("pid")? == "1")
}

fn mounts() -> Result<bool> {
    step("mnt: the box mounts a tmpfs, the host looks for it");
    let dir = lesson::run_dir()?.join("mnt");
    ground::call::quietly("make a mount point").run(|| fs::create_dir_all(&dir))?;
    let script = format!("mount-tmpfs {}; mounts", dir.display());
    let text = probing(&script)?.with(PrivateMounts).start()?.output()?.text;
    let inside = text.lines().any(|point| point == dir.to_string_lossy());
    let outside = Process::this().mounts()?.iter().any(|mount| mount.point == dir);
    box_evidence("the box sees its mount", word(inside));
    box_evidence("the host sees it", word(outside));
    Ok(inside && !outside)
}

/// Devices that a kernel makes by itself, of the same name in many network namespaces: a tunnel's fallback device, say.
const IN_ALL: [&str; 9] =
    ["lo", "tunl0", "gre0", "gretap0", "erspan0", "sit0", "ip6tnl0", "ip_vti0", "ip6_vti0"];

/// The same, with a number.
const KINDS_IN_ALL: [&str; 3] = ["ip6gre", "ifb", "dummy"];

fn network() -> Result<bool> {
    step("net: the box lists its network interfaces");
    let boxed = probing("cat /proc/self/net/dev")?.with(Only(Namespace::Network)).create()?;
    let theirs = boxed.child().process().namespace(Namespace::Network)?;
    let apart = theirs != Process::this().namespace(Namespace::Network)?;
    let text = boxed.start()?.output()?.text;
    let of_host = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let inside = interfaces(&text);
    let of_host = interfaces(&of_host);
    let leaked = inside.iter().filter(|name| of_host.contains(name) && !is_in_all(name)).count();
    box_evidence("has a network namespace of its own", word(apart));
    box_evidence("has lo", word(inside.contains(&"lo")));
    box_evidence("interfaces of the host", leaked);
    Ok(apart && inside.contains(&"lo") && leaked == 0)
}

/// The names in `/proc/net/dev`, below its two lines of heading.
fn interfaces(text: &str) -> Vec<&str> {
    let rows = text.lines().skip(2).filter_map(|line| line.split_once(':'));
    rows.map(|(name, _)| name.trim()).collect()
}

fn is_in_all(name: &str) -> bool {
    IN_ALL.contains(&name) || KINDS_IN_ALL.iter().any(|kind| name.starts_with(kind))
}

fn user() -> Result<bool> {
    step("user: the box is root in a user namespace in which only one user exists");
    let text =
        probing("report; cat /proc/self/uid_map")?.with(UserNamespace).start()?.output()?.text;
    let report = Report::parse(&text);
    let map: Vec<&str> = text.lines().last().unwrap_or_default().split_whitespace().collect();
    box_evidence("getuid()", report.get("uid")?);
    box_evidence("/proc/self/uid_map maps", format!("{} user", map.last().unwrap_or(&"no")));
    Ok(report.get("uid")? == "0" && map.last() == Some(&"1"))
}

fn time() -> Result<bool> {
    const DAY: u32 = 86_400;
    step("time: the box has been up for a day longer than the machine");
    let part = TimeNamespace { uptime: DAY };
    let text = probing("cat /proc/uptime")?.with(part).start()?.output()?.text;
    let seconds = |text: &str| text.split('.').next().and_then(|s| s.trim().parse::<u64>().ok());
    let host = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let (inside, outside) = (seconds(&text).unwrap_or(0), seconds(&host).unwrap_or(0));
    box_evidence("/proc/uptime of the box", format!("{} s", count(inside)));
    box_evidence("/proc/uptime of the host", format!("{} s", count(outside)));
    Ok(inside.abs_diff(outside + u64::from(DAY)) < 60)
}

fn word(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
