//! Sockets that the standard library does not make, and the names of the interfaces.

use std::ffi::CStr;
use std::io::{self, Error};
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::check;

/// socket(2), close-on-exec
fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes only integers.
    let fd = check(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) })?;
    // SAFETY: the kernel has just opened this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn family(v6: bool) -> (i32, i32) {
    match v6 {
        true => (libc::AF_INET6, libc::IPPROTO_ICMPV6),
        false => (libc::AF_INET, libc::IPPROTO_ICMP),
    }
}

/// A raw(7) socket for ICMP: takes CAP_NET_RAW.
pub fn raw_icmp(v6: bool) -> io::Result<OwnedFd> {
    let (family, protocol) = family(v6);
    socket(family, libc::SOCK_RAW, protocol)
}

/// A socket for echo requests, and whether it is a raw one. The other kind, see icmp(7), needs no capability, but a group
/// in `net.ipv4.ping_group_range`, and in a new network namespace that range is empty.
pub fn echo(v6: bool) -> io::Result<(UdpSocket, bool)> {
    let (family, protocol) = family(v6);
    match socket(family, libc::SOCK_DGRAM, protocol) {
        Ok(fd) => Ok((fd.into(), false)),
        Err(_) => raw_icmp(v6).map(|fd| (fd.into(), true)),
    }
}

/// Forbids the fragmentation of what is sent, also by this host: `IP_MTU_DISCOVER` of ip(7), `IPV6_MTU_DISCOVER`
pub fn dont_fragment(socket: &UdpSocket, v6: bool) -> io::Result<()> {
    let (level, option, value) = match v6 {
        true => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DO),
        false => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DO),
    };
    let (at, len) = ((&raw const value).cast(), size_of_val(&value) as libc::socklen_t);
    // SAFETY: the kernel reads the four bytes of `value`.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, at, len) }).map(drop)
}

/// The interfaces of this network namespace, as it says without `/proc` and `/sys`: if_nameindex(3)
pub fn interfaces() -> io::Result<Vec<String>> {
    // SAFETY: takes no argument.
    let list = unsafe { libc::if_nameindex() };
    if list.is_null() {
        return Err(Error::last_os_error());
    }
    let mut names = Vec::new();
    let mut at = list;
    loop {
        // SAFETY: the array goes on until an element without a name, at which this loop ends.
        let entry = unsafe { &*at };
        if entry.if_name.is_null() {
            break;
        }
        // SAFETY: a string that ends in NUL and lives until the list is freed.
        let name = unsafe { CStr::from_ptr(entry.if_name) };
        names.push(name.to_string_lossy().into_owned());
        // SAFETY: this element was not the last, so there is one after it.
        at = unsafe { at.add(1) };
    }
    // SAFETY: if_nameindex has made the list, and nothing points into it any more.
    unsafe { libc::if_freenameindex(list) };
    Ok(names)
}
