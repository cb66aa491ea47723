//! Names and numbers of system calls and architectures.

use syscalls::Sysno;

/// The number of a call on this machine.
pub fn number(name: &str) -> Option<i64> {
    name.parse::<Sysno>().ok().map(|call| i64::from(call.id()))
}

/// Whether some other architecture has a call of that name; profiles list them all.
pub fn is_foreign(name: &str) -> bool {
    macro_rules! in_any {
        ($($arch:ident)*) => { false $(|| name.parse::<syscalls::$arch::Sysno>().is_ok())* };
    }
    in_any!(x86 x86_64 arm aarch64 riscv64 powerpc powerpc64 s390x mips mips64 loongarch64)
        || OF_ONE_ARCHITECTURE.contains(&name)
}

/// Calls that only some 32-bit kernels ever had, under names that Docker and Podman use.
const OF_ONE_ARCHITECTURE: [&str; 8] = [
    "arm_fadvise64_64",
    "arm_sync_file_range",
    "breakpoint",
    "cacheflush",
    "set_tls",
    "riscv_flush_icache",
    "riscv_hwprobe",
    "swapcontext",
];

/// As Docker's `arches` calls this machine.
pub const ARCH: &str = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => "amd64",
    b"aarch64" => "arm64",
    _ => std::env::consts::ARCH,
};

/// As libseccomp calls it.
pub const SCMP_ARCH: &str = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => "SCMP_ARCH_X86_64",
    b"aarch64" => "SCMP_ARCH_AARCH64",
    b"riscv64" => "SCMP_ARCH_RISCV64",
    _ => "SCMP_ARCH_UNKNOWN",
};

/// Every architecture of libseccomp: in a profile another word is a mistake.
pub const SCMP_ARCHES: [&str; 22] = [
    "SCMP_ARCH_NATIVE",
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_libc() {
        assert_eq!(number("read"), Some(libc::SYS_read));
        assert_eq!(number("openat2"), Some(libc::SYS_openat2));
        assert_eq!(number("no_such_call"), None);
    }

    #[test]
    fn names_of_other_machines_are_known() {
        assert!(
            is_foreign("_llseek") && is_foreign("socketcall") && is_foreign("s390_runtime_instr")
        );
        assert!(!is_foreign("no_such_call"));
    }
}
