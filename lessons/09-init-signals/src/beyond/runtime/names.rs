//! What a box is called: 64 hexadecimal digits that nobody else has, and a name that a person can say.

use std::fs::File;
use std::io::Read;

use ground::Result;
use ground::call::quietly;

/// Digits of an ID that are shown.
pub const SHOWN: usize = 12;

const ADJECTIVES: [&str; 32] = [
    "able", "blue", "brave", "bright", "busy", "calm", "clean", "clever", "cool", "eager", "early",
    "fair", "fast", "fine", "free", "fresh", "gentle", "glad", "green", "happy", "kind", "light",
    "lucky", "merry", "neat", "quick", "quiet", "ready", "red", "sharp", "sunny", "wise",
];

const NOUNS: [&str; 32] = [
    "anchor", "badger", "beaver", "birch", "bridge", "cedar", "cliff", "cloud", "comet", "crane",
    "dolphin", "falcon", "fern", "finch", "harbor", "heron", "island", "lantern", "maple",
    "meadow", "otter", "pebble", "pine", "raven", "reef", "river", "robin", "sparrow", "spruce",
    "summit", "willow", "wren",
];

/// 32 bytes of the kernel's random numbers. See random(4).
pub fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    quietly("read /dev/urandom").run(|| File::open("/dev/urandom")?.read_exact(&mut bytes))?;
    Ok(bytes)
}

/// The ID that these bytes are.
pub fn id(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Names for it, one after another: `quick_otter`, and when all of those are taken, `quick_otter_5f3a`.
pub fn suggestions(bytes: &[u8; 32]) -> impl Iterator<Item = String> {
    let pair = |two: &[u8]| {
        format!("{}_{}", ADJECTIVES[two[0] as usize % 32], NOUNS[two[1] as usize % 32])
    };
    let numbered = format!("{}_{:02x}{:02x}{:02x}", pair(bytes), bytes[2], bytes[3], bytes[4]);
    let short: Vec<String> = bytes.chunks(2).take(8).map(pair).collect();
    short.into_iter().chain([numbered])
}
