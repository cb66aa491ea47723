//! Any bytes as the JSON of an image: refused or read, and what was read is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use overlay::beyond::image::spec::{ImageConfig, Index, Manifest, bytes, parse};

fuzz_target!(|input: &[u8]| {
    if let Ok(manifest) = parse::<Manifest>(input, "manifest") {
        let _ = manifest.check();
        parse::<Manifest>(&bytes(&manifest), "manifest").unwrap();
    }
    if let Ok(index) = parse::<Index>(input, "index") {
        parse::<Index>(&bytes(&index), "index").unwrap();
    }
    if let Ok(config) = parse::<ImageConfig>(input, "config") {
        parse::<ImageConfig>(&bytes(&config), "config").unwrap();
    }
});
