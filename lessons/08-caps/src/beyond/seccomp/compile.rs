//! Rules become programs. `seccompiler` writes them; here it is decided which programs there must be.
//!
//! A program of `seccompiler` answers with one of two actions: one for what matches, one for everything else. A profile may
//! have many. But a process may have many filters, too: the kernel asks all of them, and the strictest answer counts
//! (KILL_PROCESS, KILL_THREAD, TRAP, ERRNO, TRACE, LOG, ALLOW, in this order). So a profile becomes
//!
//! - one program that allows every call that any rule names, and does the default to the others;
//! - for each action besides allowing, one that does it to the calls of its rules, and allows the others.

mod arrange;

use std::collections::BTreeMap;

use arrange::arrange;
use ground::error::Kind;
use ground::{Error, Result};
use nix::errno::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use super::conditions::Surroundings;
use super::names::{SCMP_ARCH, SCMP_ARCHES, is_foreign, number};
use super::profile::{Action, Arg, Op, Profile, Rule};

/// The kernel takes no longer program.
const MOST_INSTRUCTIONS: usize = libc::BPF_MAXINSNS as usize;

/// Of a system call.
const ARGUMENTS: u8 = 6;

/// Programs in the order in which they are to be installed, and what could not be said in them.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// Ready for the kernel.
    pub programs: Vec<BpfProgram>,
    /// Of seccomp(2).
    pub flags: u64,
    /// Names that mean nothing on this machine.
    pub unknown: Unknown,
    /// A call that starting a command takes, and that would fail.
    pub unstartable: Option<&'static str>,
}

/// What the first process still calls when it has its filters.
const STARTING: [&str; 4] = ["close_range", "rt_sigaction", "rt_sigprocmask", "execve"];

/// Names that mean nothing on this machine.
#[derive(Clone, Debug, Default)]
pub struct Unknown {
    /// How many are calls of another architecture.
    pub foreign: usize,
    /// Nobody's: newer than this kit, or misspelt.
    pub nobodys: Vec<String>,
}

/// The conditions under which each call matches; none at all when there is an empty rule.
type Matches = BTreeMap<i64, Vec<Vec<Arg>>>;

/// Compiles what counts here.
pub fn compile(profile: &Profile, here: &Surroundings) -> Result<Compiled> {
    check_architectures(profile)?;
    let default =
        action(profile.default_action, profile.default_errno_ret, &profile.default_errno)?;
    let mut compiled = Compiled { flags: flags(profile)?, ..Compiled::default() };
    let mut named = Matches::new();
    let mut by_action: Vec<(SeccompAction, Matches)> = Vec::new();
    for rule in profile.syscalls.iter().flatten() {
        if !here.count(rule)? {
            continue;
        }
        let action = action(rule.action, rule.errno_ret, &rule.errno)?;
        // To do to some calls what is done to all says nothing; runc skips it, too.
        if action == default {
            continue;
        }
        let matches = matches(rule, &mut compiled.unknown)?;
        merge(&mut named, matches.clone());
        match by_action.iter_mut().find(|(of, _)| *of == action) {
            Some((_, known)) => merge(known, matches),
            None => by_action.push((action, matches)),
        }
    }
    if let (Some(name), true) = (compiled.unknown.nobodys.first(), default == SeccompAction::Allow)
    {
        let what = format!("seccomp profile: no system call {name:?}");
        return Err(Error::usage(what).remedy(
            "what the profile does not name it allows, so a misspelt name would allow the call",
        ));
    }
    compiled.unstartable = unstartable(&default, &by_action);
    if default != SeccompAction::Allow {
        compiled.programs.push(program(named, default, SeccompAction::Allow)?);
    }
    for (action, matches) in by_action.into_iter().filter(|(a, _)| *a != SeccompAction::Allow) {
        compiled.programs.push(program(matches, SeccompAction::Allow, action)?);
    }
    compiled.programs.extend(without_x32());
    Ok(compiled)
}

fn unstartable(
    default: &SeccompAction,
    by_action: &[(SeccompAction, Matches)],
) -> Option<&'static str> {
    let harmless =
        |action: &SeccompAction| matches!(action, SeccompAction::Allow | SeccompAction::Log);
    let fails = |name: &&str| {
        let Some(number) = number(name) else { return false };
        let done = |(_, matches): &&(SeccompAction, Matches)| matches.contains_key(&number);
        let refused = by_action.iter().filter(done).any(|(action, matches)| {
            !harmless(action) && matches[&number].iter().any(Vec::is_empty)
        });
        refused || (!harmless(default) && !by_action.iter().any(|rule| done(&rule)))
    };
    STARTING.into_iter().find(fails)
}

fn matches(rule: &Rule, unknown: &mut Unknown) -> Result<Matches> {
    let args = rule.args.as_deref().unwrap_or_default();
    if let Some(arg) = args.iter().find(|arg| arg.index >= ARGUMENTS) {
        let (call, index) = (rule.calls().next().unwrap_or("?"), arg.index);
        let what = format!("seccomp profile: {call}: there is no argument {index}");
        return Err(Error::usage(what).remedy("a system call has six, from 0 to 5"));
    }
    let conditions = alternatives(args);
    let mut matches = Matches::new();
    for name in rule.calls() {
        match number(name) {
            Some(number) => matches.entry(number).or_default().extend(conditions.clone()),
            None if is_foreign(name) => unknown.foreign += 1,
            None => unknown.nobodys.push(name.to_string()),
        }
    }
    Ok(matches)
}

/// All comparisons of a rule must be true; where two ask about the same argument, each is a rule of its own.
fn alternatives(args: &[Arg]) -> Vec<Vec<Arg>> {
    let twice = |arg: &Arg| args.iter().filter(|other| other.index == arg.index).count() > 1;
    match args.iter().any(twice) {
        true => args.iter().map(|arg| vec![arg.clone()]).collect(),
        false => vec![args.to_vec()],
    }
}

fn merge(into: &mut Matches, from: Matches) {
    for (number, rules) in from {
        into.entry(number).or_default().extend(rules);
    }
}

fn program(matches: Matches, otherwise: SeccompAction, then: SeccompAction) -> Result<BpfProgram> {
    let arch: TargetArch = std::env::consts::ARCH.try_into().map_err(backend)?;
    let rules = matches.into_iter().map(|(number, rules)| Ok((number, conditions(&rules)?)));
    let rules = rules.collect::<Result<BTreeMap<_, _>>>()?;
    let filter = SeccompFilter::new(rules, otherwise, then, arch).map_err(backend)?;
    let program = arrange(filter.try_into().map_err(backend)?);
    match program.len() {
        0..=MOST_INSTRUCTIONS => Ok(program),
        n => Err(Error::usage(format!("seccomp profile: {n} instructions, the kernel takes 4096"))),
    }
}

/// No rules at all are `seccompiler`'s way to say always.
fn conditions(rules: &[Vec<Arg>]) -> Result<Vec<SeccompRule>> {
    if rules.iter().any(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let rule = |args: &Vec<Arg>| {
        let conditions = args.iter().map(condition).collect::<Result<Vec<_>>>()?;
        SeccompRule::new(conditions).map_err(backend)
    };
    rules.iter().map(rule).collect()
}

fn condition(arg: &Arg) -> Result<SeccompCondition> {
    let (op, value) = match arg.op {
        Op::Ne => (SeccompCmpOp::Ne, arg.value),
        Op::Lt => (SeccompCmpOp::Lt, arg.value),
        Op::Le => (SeccompCmpOp::Le, arg.value),
        Op::Eq => (SeccompCmpOp::Eq, arg.value),
        Op::Ge => (SeccompCmpOp::Ge, arg.value),
        Op::Gt => (SeccompCmpOp::Gt, arg.value),
        Op::MaskedEq => (SeccompCmpOp::MaskedEq(arg.value), arg.value_two),
    };
    SeccompCondition::new(arg.index, SeccompCmpArgLen::Qword, op, value).map_err(backend)
}

fn action(action: Action, errno: Option<u32>, name: &Option<String>) -> Result<SeccompAction> {
    let errno = match (errno, name) {
        (Some(errno), _) => errno,
        (None, Some(name)) => errno_of(name)?,
        (None, None) => Errno::EPERM as u32,
    };
    if errno > 4095 {
        return Err(Error::usage(format!("seccomp profile: {errno} is no errno")));
    }
    Ok(match action {
        Action::KillThread => SeccompAction::KillThread,
        Action::KillProcess => SeccompAction::KillProcess,
        Action::Trap => SeccompAction::Trap,
        Action::Errno => SeccompAction::Errno(errno),
        Action::Trace => SeccompAction::Trace(errno),
        Action::Log => SeccompAction::Log,
        Action::Allow => SeccompAction::Allow,
        Action::Notify => {
            return Err(Error::usage("seccomp profile: SCMP_ACT_NOTIFY")
                .remedy("it needs a program that answers, and `run` starts none; see the experiment seccomp-notify"));
        }
    })
}

fn errno_of(name: &str) -> Result<u32> {
    let all = (1..=133).map(Errno::from_raw);
    let found = all.into_iter().find(|errno| format!("{errno:?}") == name);
    let unknown = || Error::usage(format!("seccomp profile: no errno {name:?}"));
    found.map(|errno| errno as u32).ok_or_else(unknown)
}

fn flags(profile: &Profile) -> Result<u64> {
    let flag = |word: &String| match word.as_str() {
        "SECCOMP_FILTER_FLAG_LOG" => Ok(libc::SECCOMP_FILTER_FLAG_LOG),
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => Ok(libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW),
        // The box has one thread when it gets its filters.
        "SECCOMP_FILTER_FLAG_TSYNC" => Ok(0),
        other => Err(Error::usage(format!("seccomp profile: no flag {other:?}"))),
    };
    let flags = profile.flags.iter().flatten().map(flag);
    flags.collect::<Result<Vec<_>>>().map(|flags| flags.into_iter().fold(0, |all, one| all | one))
}

fn check_architectures(profile: &Profile) -> Result<()> {
    let maps = profile.arch_map.iter().flatten();
    let mapped = maps.flat_map(|map| {
        [&map.architecture].into_iter().chain(map.sub_architectures.iter().flatten())
    });
    let all: Vec<&String> = profile.architectures.iter().flatten().chain(mapped).collect();
    if let Some(strange) = all.iter().find(|arch| !SCMP_ARCHES.contains(&arch.as_str())) {
        return Err(Error::usage(format!("seccomp profile: no architecture {strange:?}")));
    }
    let ours = |arch: &&String| [SCMP_ARCH, "SCMP_ARCH_NATIVE"].contains(&arch.as_str());
    if all.is_empty() || all.iter().any(ours) {
        return Ok(());
    }
    Err(Error::usage(format!("seccomp profile: not for this machine, which is {SCMP_ARCH}")))
}

fn backend(e: seccompiler::BackendError) -> Error {
    Error::new(Kind::Usage, format!("seccomp profile: {e}"))
}

/// A 64-bit program may call by x32's numbers, ordinary ones with bit 30 set: another table, to which no rule was written.
/// A profile that allows what it does not name would allow them all. `seccompiler` compares whole numbers only, so this
/// program is by hand. Calls of 32-bit programs are another architecture, for which every program of it kills.
fn without_x32() -> Option<BpfProgram> {
    let op = |code: u32, jt: u8, jf: u8, k: u32| sock_filter { code: code as u16, jt, jf, k };
    let number = 0; // offset of seccomp_data.nr
    cfg!(target_arch = "x86_64").then(|| {
        vec![
            op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, number),
            op(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, 0x4000_0000),
            op(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
            op(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
        ]
    })
}

#[cfg(test)]
mod tests;
