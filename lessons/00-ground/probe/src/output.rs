//! What the probe prints.

use std::fmt::{Arguments, Display};
use std::io::{self, Write};

use crate::{During, Result, errno, sys};

/// Prints one line: `say!("pid {pid}")?`. Every line is written at once, also into a pipe.
macro_rules! say {
    ($($arg:tt)*) => { $crate::output::line(format_args!($($arg)*)) };
}
pub(crate) use say;

pub fn line(text: Arguments<'_>) -> Result {
    let line = format!("{text}\n");
    sys::stdout().write_all(line.as_bytes()).during("write(stdout)")
}

/// Prints a system call with its result, `call chroot("esc") = 0`, and hands the result on.
pub fn call<T>(call: impl Display, result: io::Result<T>) -> Result<T> {
    match &result {
        Ok(_) => say!("call {call} = 0")?,
        Err(error) => say!("call {call} = -1 {}", errno::name(error))?,
    }
    result.during(call)
}

/// Prints `line`, then waits until a signal ends the process.
pub fn say_and_wait(text: &str) -> Result {
    say!("{text}")?;
    loop {
        sys::pause();
    }
}
