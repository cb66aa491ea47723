//! What the init says, on standard error, one line a write: others may write there too.

use core::ffi::CStr;

use crate::signal;
use crate::sys::{self, Errno};

/// Writes one line. What does not fit into 512 bytes is cut off.
pub fn line(parts: &[&[u8]]) {
    let mut buffer = [0; 512];
    let mut used = 0;
    for byte in parts.iter().copied().flatten().take(buffer.len() - 1).chain(b"\n") {
        buffer[used] = *byte;
        used += 1;
    }
    sys::write(2, &buffer[..used]);
}

/// A call that failed.
pub fn failed(doing: &[u8], error: Errno) {
    let mut digits = [0; 10];
    let (word, errno) = match error.name() {
        Some(name) => (&b""[..], name.as_bytes()),
        None => (&b"errno "[..], decimal(error.0, &mut digits)),
    };
    line(&[b"init: ", doing, b": ", word, errno]);
}

/// A program that could not be executed.
pub fn failed_to_execute(name: &CStr, error: Errno) {
    let remedy: &[u8] = match error {
        Errno::ENOENT | Errno::ENOTDIR => {
            b": there is no such program, or its interpreter is missing"
        }
        Errno::EACCES => b": not an executable file, or a directory on the way is closed",
        _ => b"",
    };
    let mut digits = [0; 10];
    let errno = error.name().map_or_else(|| decimal(error.0, &mut digits), str::as_bytes);
    line(&[b"init: execve ", name.to_bytes(), b": ", errno, remedy]);
}

/// A signal by name, or by number.
pub fn signal(number: i32, digits: &mut [u8; 10]) -> &[u8] {
    match signal::name(number) {
        Some(name) => name.as_bytes(),
        None => decimal(number, digits),
    }
}

/// A number that is not negative.
pub fn decimal(number: i32, digits: &mut [u8; 10]) -> &[u8] {
    let (mut rest, mut start) = (number.max(0), digits.len());
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 || start == 0 {
            return &digits[start..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 7, 10, 4194304, i32::MAX] {
            assert_eq!(decimal(number, &mut [0; 10]), number.to_string().as_bytes());
        }
    }
}
