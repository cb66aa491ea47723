//! Sizes as Docker takes them.

use ground::{Error, Result};

/// `64m` is 67108864 bytes, `1.5g` one and a half times 1073741824. A number alone is bytes; b, k, m, g, t, p in either
/// case, and a `b` or `ib` after them, change nothing else: all are powers of 1024.
pub fn parse(word: &str) -> Result<u64> {
    let lower = word.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &lower[digits.len()..];
    let power = ["", "k", "m", "g", "t", "p"].iter().position(|prefix| {
        let rest = unit.strip_prefix(prefix);
        rest.is_some_and(|rest| matches!(rest, "" | "b") || (rest == "ib" && !prefix.is_empty()))
    });
    let number = Some(digits).filter(|d| decimal(d)).and_then(|d| d.parse::<f64>().ok());
    let bytes = power.zip(number).map(|(power, number)| number * 1024f64.powi(power as i32));
    // Beyond what the kernel calls no limit.
    match bytes {
        Some(bytes) if bytes < i64::MAX as f64 => Ok(bytes as u64),
        Some(_) => Err(Error::usage("more bytes than there can be")),
        None => Err(Error::usage("a size like 64m, 1.5g or 4096")),
    }
}

fn decimal(digits: &str) -> bool {
    digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().any(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed_as_docker_does() {
        let cases = [
            ("4096", 4096),
            ("4b", 4),
            ("64m", 64 << 20),
            ("64M", 64 << 20),
            ("64MB", 64 << 20),
            ("64MiB", 64 << 20),
            ("1.5g", 3 << 29),
            ("0.5k", 512),
            ("1t", 1 << 40),
        ];
        for (word, bytes) in cases {
            assert_eq!(parse(word).unwrap(), bytes, "{word}");
        }
    }

    #[test]
    fn a_bad_size_says_what_a_good_one_is() {
        for word in ["", "m", "-1", "64x", "64mm", "1.2.3m", "1e9", "inf", "64 m", ".", "ib", "4ib"]
        {
            assert_eq!(
                parse(word).unwrap_err().to_string(),
                "a size like 64m, 1.5g or 4096",
                "{word}"
            );
        }
        assert!(parse("9999999p").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_word_panics(word in "\\PC*") {
            let _ = parse(&word);
        }
    }
}
