//! Names and texts of errors, the same with every C library.

use std::borrow::Cow;
use std::io;

macro_rules! errors {
    ($($name:ident $text:literal)*) => {
        const ERRORS: &[(i32, &str, &str)] = &[$((libc::$name, stringify!($name), $text)),*];
    };
}

errors! {
    EPERM "Operation not permitted"
    ENOENT "No such file or directory"
    ESRCH "No such process"
    EINTR "Interrupted system call"
    EIO "Input/output error"
    ENXIO "No such device or address"
    E2BIG "Argument list too long"
    ENOEXEC "Exec format error"
    EBADF "Bad file descriptor"
    ECHILD "No child processes"
    EAGAIN "Resource temporarily unavailable"
    ENOMEM "Cannot allocate memory"
    EACCES "Permission denied"
    EFAULT "Bad address"
    EBUSY "Device or resource busy"
    EEXIST "File exists"
    EXDEV "Invalid cross-device link"
    ENODEV "No such device"
    ENOTDIR "Not a directory"
    EISDIR "Is a directory"
    EINVAL "Invalid argument"
    ENFILE "Too many open files in system"
    EMFILE "Too many open files"
    ENOTTY "Inappropriate ioctl for device"
    ETXTBSY "Text file busy"
    EFBIG "File too large"
    ENOSPC "No space left on device"
    EROFS "Read-only file system"
    EPIPE "Broken pipe"
    ERANGE "Numerical result out of range"
    ENAMETOOLONG "File name too long"
    ENOSYS "Function not implemented"
    ENOTEMPTY "Directory not empty"
    ELOOP "Too many levels of symbolic links"
    EOVERFLOW "Value too large for defined data type"
    EOPNOTSUPP "Operation not supported"
    EMSGSIZE "Message too long"
    EPROTONOSUPPORT "Protocol not supported"
    EAFNOSUPPORT "Address family not supported by protocol"
    EADDRINUSE "Address already in use"
    EADDRNOTAVAIL "Cannot assign requested address"
    ENETDOWN "Network is down"
    ENETUNREACH "Network is unreachable"
    ECONNRESET "Connection reset by peer"
    ETIMEDOUT "Connection timed out"
    ECONNREFUSED "Connection refused"
    EHOSTUNREACH "No route to host"
    ESTALE "Stale file handle"
    EDQUOT "Disk quota exceeded"
}

fn entry(error: &io::Error) -> Option<&'static (i32, &'static str, &'static str)> {
    ERRORS.iter().find(|(number, ..)| Some(*number) == error.raw_os_error())
}

/// `EPERM`; `E133` for one that has no name here, `EINVAL` for what the standard library refused by itself.
pub fn name(error: &io::Error) -> Cow<'static, str> {
    match (entry(error), error.raw_os_error()) {
        (Some((_, name, _)), _) => Cow::Borrowed(name),
        (None, Some(number)) => Cow::Owned(format!("E{number}")),
        (None, None) => Cow::Borrowed("EINVAL"),
    }
}

/// `Operation not permitted`.
pub fn text(error: &io::Error) -> Cow<'static, str> {
    match entry(error) {
        Some((.., text)) => Cow::Borrowed(text),
        None => Cow::Owned(error.to_string()),
    }
}
