//! Any bytes as a layer, compressed or not: nothing beside its directory may change.
#![no_main]

use std::fs;
use std::io::Read;

use libfuzzer_sys::fuzz_target;
use overlay::beyond::image::Limits;
use overlay::beyond::image::media::decompress;
use overlay::beyond::image::unpack::unpack;

fuzz_target!(|bytes: &[u8]| {
    let yard = std::env::temp_dir().join(format!("bxw-fuzz-{}", std::process::id()));
    let _ = fs::remove_dir_all(&yard);
    fs::create_dir_all(yard.join("layer")).unwrap();
    fs::write(yard.join("outside"), "as it was").unwrap();
    if let Ok((plain, _)) = decompress(bytes) {
        let limits = Limits { bytes: 1 << 20, entries: 1000 };
        let _ = unpack(plain.take(2 << 20), &yard.join("layer"), &[], limits);
    }
    assert_eq!(fs::read_dir(&yard).unwrap().count(), 2);
    assert_eq!(fs::read(yard.join("outside")).unwrap(), b"as it was");
});
