//! Any bytes are a profile or an error, and what is a profile compiles or is an error.
#![no_main]

use caps::CapSet;
use caps::beyond::seccomp::{Profile, Surroundings, compile};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(profile) = Profile::parse(text) {
        let _ = compile(&profile, &Surroundings { caps: CapSet::DEFAULT, kernel: (6, 1) });
    }
});
