//! Names of capabilities, see capabilities(7).

/// By number.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// The names of the capabilities up to number `last` that are not in `mask`.
pub fn missing(mask: u64, last: u32) -> Vec<String> {
    (0..=last.min(63)).filter(|number| mask >> number & 1 == 0).map(name).collect()
}

/// `CAP_SYS_ADMIN` for 21; a newer kernel's by number.
pub fn name(number: u32) -> String {
    let known = NAMES.get(number as usize).map(|name| name.to_uppercase());
    format!("CAP_{}", known.unwrap_or_else(|| number.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_ones_are_named() {
        assert_eq!(missing(0x1ff_feff_ffff, 40), ["CAP_SYS_RESOURCE"]);
        assert!(missing(0x1ff_ffff_ffff, 40).is_empty());
        assert_eq!(missing(0x1ff_ffff_ffff, 41), ["CAP_41"]);
    }
}
