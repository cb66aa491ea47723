use super::*;
use crate::CapSet;
use proptest::prelude::*;

const HERE: Surroundings = Surroundings { caps: CapSet::DEFAULT, kernel: (6, 1) };

fn compiled(text: &str) -> Result<Compiled, String> {
    let profile = Profile::parse(text).map_err(|e| e.to_string())?;
    compile(&profile, &HERE).map_err(|e| e.to_string())
}

/// What the kernel would answer: every program is run, the strictest answer counts.
fn answer(compiled: &Compiled, number: i64, args: [u64; 6]) -> u32 {
    let answers = compiled.programs.iter().map(|program| run(program, number, args));
    // As the kernel orders them: by the action as a signed number.
    answers.min_by_key(|answer| (answer & libc::SECCOMP_RET_ACTION_FULL) as i32).unwrap()
}

/// A machine for the instructions that `seccompiler` writes.
fn run(program: &[sock_filter], number: i64, args: [u64; 6]) -> u32 {
    let mut data = Vec::from((number as u32).to_ne_bytes());
    data.extend(AUDIT_ARCH.to_ne_bytes());
    data.extend(0u64.to_ne_bytes());
    data.extend(args.iter().flat_map(|arg| arg.to_ne_bytes()));
    let (mut accumulator, mut at) = (0u32, 0);
    loop {
        let sock_filter { code, jt, jf, k } = program[at].clone();
        let code = u32::from(code);
        at += 1;
        match code & 7 {
            libc::BPF_LD => {
                let word = &data[k as usize..k as usize + 4];
                accumulator = u32::from_ne_bytes(word.try_into().unwrap());
            }
            libc::BPF_ALU => accumulator &= k,
            libc::BPF_RET => return k,
            _ => {
                let taken = match code & 0xf0 {
                    libc::BPF_JA => {
                        at += k as usize;
                        continue;
                    }
                    libc::BPF_JEQ => accumulator == k,
                    libc::BPF_JGT => accumulator > k,
                    libc::BPF_JGE => accumulator >= k,
                    other => panic!("jump {other:x}"),
                };
                at += usize::from(if taken { jt } else { jf });
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const AUDIT_ARCH: u32 = 0xc000_00f3;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const EPERM: u32 = libc::SECCOMP_RET_ERRNO | 1;
const ENOSYS: u32 = libc::SECCOMP_RET_ERRNO | 38;

#[test]
fn arranged_or_not_the_answers_are_the_same() {
    let mut matches = Matches::new();
    let is_four = Arg { index: 0, value: 4, value_two: 0, op: Op::Eq };
    let masked = Arg { index: 1, value: 0xff00, value_two: 0x200, op: Op::MaskedEq };
    for number in (0..600).filter(|number| number % 7 != 3) {
        let rules = if number % 11 == 5 {
            vec![vec![is_four.clone()], vec![masked.clone()]]
        } else {
            vec![Vec::new()]
        };
        matches.insert(number, rules);
    }
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let rules = matches.iter().map(|(number, rules)| (*number, conditions(rules).unwrap()));
    let filter =
        SeccompFilter::new(rules.collect(), SeccompAction::Errno(1), SeccompAction::Allow, arch);
    let plain: BpfProgram = filter.unwrap().try_into().unwrap();
    let arranged = arrange(plain.clone());
    assert!(arranged.len() < plain.len() * 3 / 4, "{} of {}", arranged.len(), plain.len());
    for number in (-2..700).chain([i64::from(i32::MAX), 0x4000_0000]) {
        for (first, second) in [(0, 0), (4, 0), (u64::MAX, 0x2ff), (4, 0x200)] {
            let args = [first, second, 0, 0, 0, 0];
            assert_eq!(
                run(&arranged, number, args),
                run(&plain, number, args),
                "{number} {args:?}"
            );
        }
    }
}

#[test]
fn three_actions_become_stacked_programs() {
    let it = compiled(
        r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
            {"names": ["kill"], "action": "SCMP_ACT_KILL_PROCESS"}]}"#,
    )
    .unwrap();
    assert_eq!(answer(&it, libc::SYS_read, [0; 6]), ALLOW);
    assert_eq!(answer(&it, libc::SYS_write, [0; 6]), EPERM);
    assert_eq!(answer(&it, libc::SYS_clone3, [0; 6]), ENOSYS);
    assert_eq!(answer(&it, libc::SYS_kill, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS);
}

#[test]
fn arguments_are_compared() {
    let it = compiled(
        r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 2114060288, "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 2, "op": "SCMP_CMP_LT"}]}]}"#,
    )
    .unwrap();
    assert_eq!(answer(&it, libc::SYS_clone, [17, 0, 0, 0, 0, 0]), ALLOW);
    assert_eq!(answer(&it, libc::SYS_clone, [libc::CLONE_NEWUSER as u64, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(answer(&it, libc::SYS_socket, [1, 1, 0, 0, 0, 0]), ALLOW);
    assert_eq!(answer(&it, libc::SYS_socket, [1, 2, 0, 0, 0, 0]), EPERM);
}

#[test]
fn two_comparisons_of_one_argument_are_alternatives() {
    let it = compiled(
        r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}]}"#,
    )
    .unwrap();
    let of = |value| answer(&it, libc::SYS_personality, [value, 0, 0, 0, 0, 0]);
    assert_eq!([of(0), of(8), of(9)], [ALLOW, ALLOW, EPERM]);
}

#[test]
fn a_rule_without_conditions_goes_before_those_with() {
    let it = compiled(
        r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["kill"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 0, "op": "SCMP_CMP_EQ"}]},
            {"names": ["kill"], "action": "SCMP_ACT_ALLOW"}]}"#,
    )
    .unwrap();
    assert_eq!(answer(&it, libc::SYS_kill, [1, 9, 0, 0, 0, 0]), ALLOW);
}

#[test]
fn the_numbers_of_x32_are_refused_even_by_a_profile_that_allows_the_rest() {
    let it = compiled(
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_ERRNO"}]}"#,
    )
    .unwrap();
    assert_eq!(answer(&it, libc::SYS_kill, [0; 6]), EPERM);
    assert_eq!(answer(&it, libc::SYS_read, [0; 6]), ALLOW);
    #[cfg(target_arch = "x86_64")]
    assert_eq!(answer(&it, libc::SYS_kill | 0x4000_0000, [0; 6]), ENOSYS);
}

#[test]
fn mistakes_are_one_line() {
    let with = |inner: &str| {
        compiled(&format!("{{\"defaultAction\": \"SCMP_ACT_ALLOW\", {inner}}}")).unwrap_err()
    };
    let kill = |rest: &str| {
        with(&format!(r#""syscalls": [{{"names": ["kill"], "action": "SCMP_ACT_ERRNO", {rest}}}]"#))
    };
    assert!(with(r#""architectures": ["SCMP_ARCH_VAX"]"#).contains("SCMP_ARCH_VAX"));
    assert!(with(r#""architectures": ["SCMP_ARCH_S390X"]"#).contains("not for this machine"));
    assert!(with(r#""flags": ["X"]"#).contains("flag"));
    assert!(kill(r#""errnoRet": 5000"#).contains("5000"));
    assert!(kill(r#""errno": "EWHAT""#).contains("EWHAT"));
    assert!(
        kill(r#""args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]"#).contains("argument")
    );
    assert!(kill(r#""includes": {"caps": ["CAP_WHAT"]}"#).contains("CAP_WHAT"));
    assert!(
        with(r#""syscalls": [{"names": ["kil"], "action": "SCMP_ACT_ERRNO"}]"#).contains("kil")
    );
    assert!(
        with(r#""syscalls": [{"names": ["kill"], "action": "SCMP_ACT_NOTIFY"}]"#)
            .contains("NOTIFY")
    );
}

#[test]
fn the_kits_own_profile_compiles() {
    let it = compile(&Profile::kits_own().unwrap(), &HERE).unwrap();
    assert!(it.programs.iter().all(|program| program.len() < MOST_INSTRUCTIONS));
    assert!(it.unknown.nobodys.is_empty(), "{:?}", it.unknown.nobodys);
    assert_eq!(answer(&it, libc::SYS_read, [0; 6]), ALLOW);
    assert_eq!(answer(&it, libc::SYS_mount, [0; 6]), EPERM);
    assert_eq!(answer(&it, libc::SYS_clone3, [0; 6]), ENOSYS);
    assert_eq!(answer(&it, libc::SYS_keyctl, [0; 6]), EPERM);
}

proptest! {
    /// One rule, one argument: the programs answer as the profile says, whatever the numbers.
    #[test]
    fn a_comparison_means_what_it_says(op in 0..6usize, value: u64, near in -1i64..=1, other: u64) {
        let (word, holds): (&str, fn(&u64, &u64) -> bool) = [
            ("NE", u64::ne as fn(&u64, &u64) -> bool), ("LT", u64::lt), ("LE", u64::le),
            ("EQ", u64::eq), ("GE", u64::ge), ("GT", u64::gt),
        ][op];
        let it = compiled(&format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{{"names": ["kill"], "action": "SCMP_ACT_ALLOW",
                "args": [{{"index": 1, "value": {value}, "op": "SCMP_CMP_{word}"}}]}}]}}"#
        )).unwrap();
        for arg in [value.wrapping_add_signed(near), other] {
            let wanted = if holds(&arg, &value) { ALLOW } else { EPERM };
            prop_assert_eq!(answer(&it, libc::SYS_kill, [0, arg, 0, 0, 0, 0]), wanted);
        }
    }
}

/// A rule of words that mean something, in places where they may not.
fn any_rule() -> impl Strategy<Value = String> {
    let of = |words: &[&str]| {
        proptest::sample::select(words.iter().map(|w| w.to_string()).collect::<Vec<_>>())
    };
    let name = of(&["kill", "clone", "socketcall", "execve", "nobody's", ""]);
    let action = of(&["ALLOW", "ERRNO", "KILL_PROCESS", "TRACE", "LOG", "NOTIFY"]);
    let op = of(&["EQ", "NE", "GT", "MASKED_EQ"]);
    let args = proptest::collection::vec((0u8..8, any::<u64>(), any::<u64>(), op), 0..4);
    let condition = of(&[
        "{}",
        r#"{"caps": ["CAP_KILL"]}"#,
        r#"{"minKernel": "4.8"}"#,
        r#"{"arches": ["s390"]}"#,
    ]);
    let parts = (name, action, any::<Option<u16>>(), args, condition.clone(), condition);
    parts.prop_map(|(name, action, errno, args, includes, excludes)| {
        let arg = |(index, value, two, op): &(u8, u64, u64, String)| {
            format!(r#"{{"index": {index}, "value": {value}, "valueTwo": {two}, "op": "SCMP_CMP_{op}"}}"#)
        };
        let args: Vec<_> = args.iter().map(arg).collect();
        let errno = errno.map_or("null".into(), |errno| errno.to_string());
        format!(
            r#"{{"names": ["{name}"], "action": "SCMP_ACT_{action}", "errnoRet": {errno}, "args": [{}], "includes": {includes}, "excludes": {excludes}}}"#,
            args.join(", ")
        )
    })
}

proptest! {
    /// What the fuzz target looks for with better aim: a panic, or a program that runs off its end.
    #[test]
    fn any_profile_is_programs_that_answer_or_one_line(rules in proptest::collection::vec(any_rule(), 0..6), number in 0i64..500, args: [u64; 6]) {
        let text = format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{}]}}"#, rules.join(", "));
        match compiled(&text) {
            Ok(it) => { answer(&it, number, args); }
            Err(said) => prop_assert_eq!(said.lines().count(), 1, "{}", said),
        }
    }
}
