//! The program that cgroup v2 asks about devices, in eBPF, by hand.
//!
//! It gets a pointer to three numbers: kind and access in one, major, minor. What it returns is the answer: 1 or 0. See
//! [`BPF_PROG_TYPE_CGROUP_DEVICE`](https://docs.kernel.org/admin-guide/cgroup-v2.html#device-controller).

use crate::devices::Rule;
use crate::sys::bpf::Instruction;

/// Registers of the machine.
const ANSWER: u8 = 0;
const CONTEXT: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

/// `BPF_DEVCG_ACC_*`: the high half of the first number.
const MKNOD: i32 = 1;
const READ: i32 = 2;
const WRITE: i32 = 4;

/// A program that allows what any of the rules does, and nothing else.
pub fn assemble(rules: &[Rule]) -> Vec<Instruction> {
    let mut program = vec![
        load(KIND, 0),
        load(ACCESS, 0),
        alu(AND, KIND, 0xffff),
        alu(SHIFT_RIGHT, ACCESS, 16),
        load(MAJOR, 4),
        load(MINOR, 8),
    ];
    rules.iter().for_each(|rule| program.extend(of(rule)));
    program.extend([alu(MOVE, ANSWER, 0), EXIT]);
    program
}

/// Tests that leave for the next rule when one fails, and at their end the answer.
fn of(rule: &Rule) -> Vec<Instruction> {
    let mut tests = Vec::new();
    // BPF_DEVCG_DEV_BLOCK and BPF_DEVCG_DEV_CHAR.
    let kind =
        [('b', 1), ('c', 2)].iter().find(|(letter, _)| *letter == rule.kind).map(|(_, n)| *n);
    let bits = [(rule.mknod, MKNOD), (rule.read, READ), (rule.write, WRITE)];
    let refused: i32 = bits.iter().filter(|(allowed, _)| !allowed).map(|(_, bit)| bit).sum();
    if let Some(kind) = kind {
        tests.push(Test(vec![], UNLESS_EQUAL, KIND, kind));
    }
    if refused != 0 {
        // Whoever asks for more than is allowed does not get a part of it.
        tests.push(Test(
            vec![copy(ANSWER, ACCESS), alu(AND, ANSWER, refused)],
            UNLESS_EQUAL,
            ANSWER,
            0,
        ));
    }
    let numbers = [(rule.major, MAJOR), (rule.minor, MINOR)];
    for (number, register) in numbers.into_iter().filter_map(|(n, r)| n.map(|n| (n as i32, r))) {
        tests.push(Test(vec![], UNLESS_EQUAL, register, number));
    }
    let length: usize = tests.iter().map(|test| test.0.len() + 1).sum::<usize>() + 2;
    let mut program = Vec::with_capacity(length);
    for Test(before, code, register, with) in tests {
        program.extend(before);
        let rest = length - program.len() - 1;
        program.push(Instruction {
            code,
            registers: register,
            offset: rest as i16,
            immediate: with,
        });
    }
    program.extend([alu(MOVE, ANSWER, 1), EXIT]);
    program
}

/// What is computed first, and the jump: operation, register, constant.
struct Test(Vec<Instruction>, u8, u8, i32);

// Operation and operand in one byte: linux/bpf_common.h and linux/bpf.h.
const AND: u8 = 0x54;
const SHIFT_RIGHT: u8 = 0x74;
const MOVE: u8 = 0xb4;
/// `BPF_JMP32 | BPF_JNE | BPF_K`
const UNLESS_EQUAL: u8 = 0x56;
const EXIT: Instruction = Instruction { code: 0x95, registers: 0, offset: 0, immediate: 0 };

/// 32 bits from the context.
fn load(to: u8, offset: i16) -> Instruction {
    Instruction { code: 0x61, registers: CONTEXT << 4 | to, offset, immediate: 0 }
}

fn alu(code: u8, register: u8, immediate: i32) -> Instruction {
    Instruction { code, registers: register, offset: 0, immediate }
}

fn copy(to: u8, from: u8) -> Instruction {
    Instruction { code: 0xbc, registers: from << 4 | to, offset: 0, immediate: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Devices;
    use proptest::prelude::*;

    /// What the kernel's machine does with it.
    fn run(program: &[Instruction], kind: i32, access: i32, numbers: (i32, i32)) -> i32 {
        let context = [access << 16 | kind, numbers.0, numbers.1];
        let mut registers = [0i32; 6];
        let mut at = 0;
        loop {
            let Instruction { code, registers: r, offset, immediate } = program[at];
            let (to, from) = (usize::from(r & 15), usize::from(r >> 4));
            at += 1;
            match code {
                0x61 => registers[to] = context[offset as usize / 4],
                AND => registers[to] &= immediate,
                SHIFT_RIGHT => registers[to] = (registers[to] as u32 >> immediate) as i32,
                MOVE => registers[to] = immediate,
                0xbc => registers[to] = registers[from],
                UNLESS_EQUAL if registers[to] != immediate => at += offset as usize,
                UNLESS_EQUAL => {}
                _ => return registers[0],
            }
        }
    }

    #[test]
    fn the_usual_devices_and_no_others() {
        let program = assemble(&Devices::default().rules());
        let (block, char) = (1, 2);
        assert_eq!(run(&program, char, READ | WRITE, (1, 3)), 1);
        assert_eq!(run(&program, char, READ, (136, 7)), 1);
        assert_eq!(run(&program, char, READ, (1, 1)), 0);
        assert_eq!(run(&program, block, READ, (8, 0)), 0);
        assert_eq!(run(&program, block, MKNOD, (8, 0)), 1);
        assert_eq!(run(&program, block, MKNOD | READ, (8, 0)), 0);
    }

    proptest! {
        #[test]
        fn it_answers_as_the_rule_says(
            kind in 1..=2i32, access in 1..=7i32, major in 0..4i32, minor in 0..4i32,
            letter in 0..3usize, of in (prop::option::of(0..4u32), prop::option::of(0..4u32)), allowed in 1..8i32,
        ) {
            let rule = Rule {
                kind: ['a', 'b', 'c'][letter], major: of.0, minor: of.1,
                read: allowed & READ != 0, write: allowed & WRITE != 0, mknod: allowed & MKNOD != 0,
            };
            let wanted = (letter == 0 || letter as i32 == kind)
                && of.0.is_none_or(|n| n as i32 == major)
                && of.1.is_none_or(|n| n as i32 == minor)
                && access & !allowed == 0;
            prop_assert_eq!(run(&assemble(&[rule]), kind, access, (major, minor)), i32::from(wanted));
        }
    }
}
