//! Which files of `/proc` are the box's own.

use clone_pid::{Container, IpcNamespace, Part, PidNamespace, UtsNamespace, beyond::probing};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::{count, name, size};
use memory_oom::MemoryLimit;
use mount_ns::{MountNamespace, Proc, Sys};
use nix::sched::CloneFlags;
use std::fs;

pub const EXPERIMENT: Experiment = Experiment {
    name: "resource-view",
    title: "what free, top and uptime read in a box is the host's, and what ps and ip read is its own",
    level: Level::Core,
    claims: &["C085", "C087"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController, Need::NetworkNamespaces],
    run,
};

const LIMIT: u64 = 64;
const HOSTNAME: &str = "box";

/// A network namespace; lesson 06 furnishes it.
struct Network;

impl Part for Network {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWNET
    }
}

fn isolated(script: &str) -> Result<Container> {
    let container = probing(script)?
        .with(PidNamespace)
        .with(UtsNamespace { hostname: Some(HOSTNAME.into()) })
        .with(IpcNamespace)
        .with(Network)
        .with(MemoryLimit::mib(LIMIT).without_swap())
        .with(cgroup_cpu::CgroupNamespace)
        .with(MountNamespace::private());
    Ok(container.with(Proc).with(Sys::default()))
}

fn run(findings: &mut Findings) -> Result<()> {
    step(format!(
        "A box with {LIMIT} MiB of memory and every namespace reads what free, top and uptime read"
    ));
    let before = Machine::host();
    let script = "cat /proc/meminfo; cat /proc/stat; cat /proc/loadavg";
    let inside = Machine::of(&muted(|| isolated(script)?.start()?.output())?.text);
    let after = Machine::host();
    evidence("/proc/meminfo, MemTotal in KiB", size(before.memory));
    box_evidence("/proc/meminfo, MemTotal in KiB", size(inside.memory));
    let the_same = inside.memory == before.memory;
    evidence("/proc/stat, cpu lines", count(before.cpus));
    box_evidence("/proc/stat, cpu lines", count(inside.cpus));
    let between = before.ticks <= inside.ticks && inside.ticks <= after.ticks;
    box_evidence("/proc/stat, ticks used since boot: between the host's before and after", between);
    let load = inside.load == before.load || inside.load == after.load;
    box_evidence("/proc/loadavg, the three averages are the host's", load);
    if the_same && between && load {
        conclude("these files know no namespace and no group: free and top show the machine");
    }

    step("…and what ps, ip and hostname read");
    let own = own_files()?;
    if own {
        conclude("these belong to a namespace: processes, interfaces, host name");
    }
    findings.because("memory, CPU and load files are global; /proc/PID, /proc/net, /proc/sys/net, /sys/class/net and the names in /proc/sys/kernel are per namespace");
    let cpus = between && inside.cpus == before.cpus;
    findings.holds("C085", the_same && cpus && load);
    findings.partly("C087", the_same && cpus, own);
    Ok(())
}

/// What the global files say.
struct Machine {
    memory: u64,
    cpus: usize,
    ticks: u64,
    load: String,
}

impl Machine {
    fn host() -> Machine {
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        Machine::of(&(read("/proc/meminfo") + &read("/proc/stat") + &read("/proc/loadavg")))
    }

    fn of(text: &str) -> Machine {
        let line = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("");
        let is_cpu = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
        // user, nice and system only: idle and iowait may go backwards.
        let ticks = line("cpu ").split_whitespace().take(3);
        let memory = line("MemTotal:").split_whitespace().next();
        // The last field is a process number, and those are per namespace.
        let load = text.lines().last().unwrap_or("").split(' ').take(3);
        Machine {
            memory: memory.and_then(|kib| kib.parse().ok()).unwrap_or(0),
            cpus: text.lines().filter(is_cpu).count(),
            ticks: ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum(),
            load: load.collect::<Vec<_>>().join(" "),
        }
    }
}

/// Each of them differs from the host's.
fn own_files() -> Result<bool> {
    let numbers = |name: &String| name.parse::<u32>().is_ok();
    let inside = |file: &str| -> Result<Vec<String>> {
        let text = muted(|| isolated(&format!("ls {file}"))?.start()?.output())?.text;
        Ok(text.lines().map(str::to_string).collect())
    };
    let processes: Vec<_> = inside("/proc")?.into_iter().filter(numbers).collect();
    box_evidence("/proc, processes", processes.join(" "));
    let on_host = ground::proc::all()?.len();
    evidence("/proc, processes", count(on_host));
    let interfaces = inside("/sys/class/net")?;
    box_evidence("/sys/class/net", interfaces.join(" "));
    let of_host = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let of_host: Vec<_> = of_host.map(|entry| entry.file_name()).collect();
    let script = "cat /proc/net/dev; cat /proc/sys/kernel/hostname";
    let text = muted(|| isolated(script)?.start()?.output())?.text;
    let shown = text.lines().filter_map(|line| line.split_once(':')).map(|(dev, _)| dev.trim());
    let shown: Vec<_> = shown.filter(|device| !device.contains(['|', ' '])).collect();
    box_evidence("/proc/net/dev", shown.join(" "));
    let hostname = text.lines().last().unwrap_or_default();
    box_evidence("/proc/sys/kernel/hostname", hostname);
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    evidence("/proc/sys/kernel/hostname", name(host.trim()));
    let fewer = interfaces.contains(&"lo".to_string()) && interfaces.len() <= of_host.len();
    Ok(processes == ["1"] && on_host > 1 && fewer && shown == interfaces && hostname == HOSTNAME)
}
