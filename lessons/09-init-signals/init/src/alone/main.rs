//! The static program: `init [OPTIONS] -- COMMAND …`, without the standard library and without the C library.
//!
//! `cargo xtask` builds it beside the probe, as `bxw-init`. It is a drop-in for tini: `docker run --init` with dockerd's
//! `--init-path`, `podman run --init --init-path …`.
#![no_std]
#![no_main]

mod sys;

use init::Words;

/// Called by [`sys`] with what the kernel left on the stack.
fn start(words: Words, environment: Words) -> u8 {
    init::main(words, environment)
}
