//! [`doing`]: the one way in which the kit asks the kernel for something.
//!
//! Operation and object are written down once, where the call is made. They become the error text when the call fails
//! and a line of the narration when somebody listens; when nobody does, nothing is formatted or allocated.
//!
//! ```
//! use ground::call::doing;
//! doing("make directory /proc/self/x").like("mkdir /proc/self/x").run(|| std::fs::create_dir("/proc/self/x"))
//!     .expect_err("/proc is not a place to make directories");
//! ```

use std::fmt::{Arguments, Display};

use nix::errno::Errno;

use crate::error::{Error, Result};
use crate::story;

/// A system call about to be made: what it does, and to what.
pub struct Doing<W> {
    what: W,
    shell: Option<String>,
    hints: [Option<Hint>; 4],
    /// Those for which there was no room: as long as there are none, nothing is allocated.
    more_hints: Vec<Hint>,
    quiet: bool,
}

type Hint = (Errno, &'static str);

/// Names operation and object of the next call. Take `format_args!` when the object varies: it is formatted on demand.
pub fn doing<W: Display>(what: W) -> Doing<W> {
    Doing { what, shell: None, hints: [None; 4], more_hints: Vec::new(), quiet: false }
}

/// Names a call that is not worth a line of the story (opening a file, making a directory): only its error is told.
pub fn quietly<W: Display>(what: W) -> Doing<W> {
    Doing { quiet: true, ..doing(what) }
}

impl<W: Display> Doing<W> {
    /// The shell command that does the same, for people who learn by typing.
    pub fn like(self, shell: &str) -> Self {
        self.like_args(format_args!("{shell}"))
    }

    /// [`Doing::like`] with arguments that vary.
    pub fn like_args(mut self, shell: Arguments<'_>) -> Self {
        if story::listening() {
            self.shell = Some(shell.to_string());
        }
        self
    }

    /// What to try when the call fails with `errno`. Of two for one errno the first is told.
    pub fn hint(mut self, errno: Errno, remedy: &'static str) -> Self {
        match self.hints.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = Some((errno, remedy)),
            None => self.more_hints.push((errno, remedy)),
        }
        self
    }

    /// Makes the call.
    pub fn run<T, E: IntoErrno>(self, call: impl FnOnce() -> Result<T, E>) -> Result<T> {
        self.run_showing(call, |_| Some("ok".to_string()))
    }

    /// Makes the call, and tells its result in the words of `show`; with `None` this side of a clone stays silent.
    pub fn run_showing<T, E: IntoErrno>(
        self,
        call: impl FnOnce() -> Result<T, E>,
        show: impl FnOnce(&T) -> Option<String>,
    ) -> Result<T> {
        let mut words = None;
        let outcome = call().map_err(|error| {
            words = error.words();
            error.into_errno()
        });
        if story::listening() && !self.quiet {
            let result = match &outcome {
                Ok(value) => show(value),
                Err(errno) => Some(format!("{errno:?}")),
            };
            if let Some(result) = result {
                story::call(&self.what, self.shell.as_deref(), &result);
            }
        }
        outcome.map_err(|errno| self.error(errno, words))
    }

    fn error(&self, errno: Errno, words: Option<String>) -> Error {
        let error = Error::os(&self.what, errno);
        let mut hints = self.hints.iter().flatten().chain(&self.more_hints);
        let hint = hints.find(|(of, _)| *of == errno).map(|(_, remedy)| *remedy);
        match (words, hint) {
            (Some(words), Some(hint)) => error.remedy(format_args!("{words}; {hint}")),
            (Some(words), None) => error.remedy(words),
            (None, Some(hint)) => error.remedy(hint),
            (None, None) => error,
        }
    }
}

/// Error types that carry an errno.
pub trait IntoErrno {
    /// The errno; `EIO` for an error that came from no system call.
    fn into_errno(self) -> Errno;

    /// What the kernel said beside the errno, where it has a way to.
    fn words(&self) -> Option<String> {
        None
    }
}

impl IntoErrno for Errno {
    fn into_errno(self) -> Errno {
        self
    }
}

impl IntoErrno for std::io::Error {
    fn into_errno(self) -> Errno {
        use std::io::ErrorKind::{InvalidData, InvalidInput};
        match (self.raw_os_error(), self.kind()) {
            (Some(raw), _) => Errno::from_raw(raw),
            (None, InvalidInput) => Errno::EINVAL,
            (None, InvalidData) => Errno::EILSEQ,
            (None, _) => Errno::EIO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_hints_none_is_lost() {
        let errnos = [Errno::EPERM, Errno::ENOENT, Errno::EBUSY, Errno::EINVAL, Errno::EROFS];
        let remedies = ["become root", "make it", "wait", "look again", "write elsewhere"];
        for (errno, remedy) in errnos.into_iter().zip(remedies) {
            let call = errnos.into_iter().zip(remedies);
            let call = call.fold(quietly("look"), |call, (errno, remedy)| call.hint(errno, remedy));
            let error = call.run(|| Err::<(), _>(errno)).unwrap_err();
            assert!(error.to_string().ends_with(remedy), "{error}");
        }
    }

    #[test]
    fn the_first_hint_for_an_errno_is_told() {
        let call = quietly("look").hint(Errno::EPERM, "this").hint(Errno::EPERM, "that");
        let error = call.run(|| Err::<(), _>(Errno::EPERM)).unwrap_err();
        assert!(error.to_string().ends_with("this"), "{error}");
    }
}
