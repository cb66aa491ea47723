//! What an archive may cost.

use std::io::Read;

use tar::{EntryType, Header};

use super::*;

#[test]
fn more_than_the_limit_is_refused() {
    let yard = Yard::new();
    let limits = Limits { bytes: 10_000, entries: 3 };
    let many =
        archive(&[(Regular, "a", ""), (Regular, "b", ""), (Regular, "c", ""), (Regular, "d", "")]);
    assert!(
        unpack(&many[..], &yard.layer(), &[], limits)
            .unwrap_err()
            .to_string()
            .contains("3 entries")
    );
    let mut large = Vec::new();
    entry(&mut large, Regular, b"large", b"", &vec![1; 20_000]);
    assert!(
        unpack(&large[..], &yard.layer(), &[], limits)
            .unwrap_err()
            .to_string()
            .contains("10000 bytes")
    );
    let endless = std::io::repeat(0);
    assert!(unpack(endless, &yard.layer(), &[], limits).unwrap_err().to_string().contains("limit"));
}

#[test]
fn what_a_layer_takes_is_missing_to_the_next_and_directories_nobody_told_of_count() {
    let yard = Yard::new();
    let limits = Limits { bytes: 10_000, entries: 10 };
    let left =
        unpack(&archive(&[(Regular, "p/q/a", "four")])[..], &yard.layer(), &[], limits).unwrap();
    assert_eq!(left.entries, 10 - 3);
    assert!(left.bytes <= 10_000 - 1024, "{left:?}");
}

#[test]
fn names_that_never_end_do_not_fill_the_memory() {
    let yard = Yard::new();
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(32 << 20);
    header.set_cksum();
    let bytes = header.as_bytes().chain(std::io::repeat(b'a').take(32 << 20));
    let said = unpack(bytes, &yard.layer(), &[], Limits::default()).unwrap_err().to_string();
    assert!(said.contains("more than 1 MiB"), "{said}");
}
