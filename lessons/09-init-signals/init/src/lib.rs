//! An init for a box: PID 1 in front of the application.
//!
//! It does three things. It *reaps*: orphans of the whole PID namespace become its children, and it waits for them. It
//! *forwards*: whatever signal is sent to it goes on to its child. It *ends* when its child ends, with the child's status,
//! or 128+n when the child died of signal n.
//!
//! It has no signal handler. It blocks every signal and takes them, one at a time, with sigtimedwait(2): what PID 1 blocks
//! the kernel queues for it, where a signal with its default action would be dropped.
//!
//! Two programs stand on this: the `Init` part of lesson 09, which forks in `seal`, and the static program beside it
//! (`main.rs`), a drop-in for tini in `docker run --init` and `podman run --init-path`. So there is no standard library in
//! here, no allocation, and no C library: the system calls are made in [`sys`].
//!
//! | to see … | look at |
//! | --- | --- |
//! | the fork, the child's process group, the terminal | [`divide()`] in `divide.rs` |
//! | the loop: reap, forward, end | [`Supervisor`] in `supervise.rs` |
//! | the options: tini's, and its environment variables | [`Options`] in `options.rs` |
//! | how the program is found and executed | `exec.rs` |
#![cfg_attr(not(test), no_std)]

mod divide;
mod exec;
mod options;
mod say;
pub mod signal;
mod supervise;
pub mod sys;

pub use divide::{Side, divide};
pub use options::{Asked, Options};
pub use supervise::Supervisor;
pub use sys::Words;

/// The program: `init [OPTIONS] -- COMMAND …`. Returns the status to exit with; in the child it comes back only when the
/// command could not be executed.
pub fn main(words: Words, environment: Words) -> u8 {
    let (options, command) = match Options::read(words, environment) {
        Asked::Run(options, command) => (options, command),
        Asked::Tell(text) => {
            sys::write(1, text.as_bytes());
            return 0;
        }
        Asked::Wrong(what, word) => {
            say::line(&[b"init: ", what.as_bytes(), word.to_bytes(), b"; -h shows the usage"]);
            return 1;
        }
    };
    if let Err(error) = options.apply() {
        say::failed(b"prctl", error);
        return 1;
    }
    match divide(options, false) {
        Ok(Side::Child) => exec::exec(command, environment),
        Ok(Side::Init(supervisor)) => supervisor.run(),
        Err(error) => {
            say::failed(b"fork", error);
            1
        }
    }
}
