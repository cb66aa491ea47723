//! Reads what a libtest executable prints. Its JSON is unstable; its text has not changed in years.

/// What one executable reported.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The names of the failed tests, as listed at the end.
    pub failed: Vec<String>,
    /// The names of the tests marked `ignore`.
    pub ignored: Vec<String>,
    /// The failed tests' own output, in full.
    pub details: String,
    /// Passed, failed and ignored as libtest counts them; None when it did not live to say so.
    pub counts: Option<[usize; 3]>,
}

/// Reads the output of a whole run. What tests let through to stdout may stand anywhere between
/// libtest's own lines.
pub fn parse(output: &str) -> Outcome {
    let mut outcome = Outcome::default();
    let lines: Vec<&str> = output.lines().collect();
    let end = lines.iter().rposition(|line| line.starts_with("test result: "));
    outcome.counts = end.and_then(|end| counts(lines[end]));
    let lines = &lines[..end.unwrap_or(lines.len())];
    outcome.ignored = lines.iter().filter_map(|line| ignored(line)).collect();
    let heads = || lines.iter().enumerate().filter(|(_, line)| **line == "failures:");
    if let (Some((first, _)), Some((last, _))) = (heads().next(), heads().next_back()) {
        outcome.details = lines[first + 1..last].join("\n").trim().to_owned();
        let names = lines[last + 1..].iter().filter_map(|line| line.strip_prefix("    "));
        outcome.failed = names.map(str::to_owned).collect();
    }
    outcome
}

/// `test result: FAILED. 3 passed; 1 failed; 0 ignored; …`
fn counts(line: &str) -> Option<[usize; 3]> {
    let (_, counts) = line.split_once(". ")?;
    let count = |word: &str| {
        let part = counts.split("; ").find_map(|part| part.strip_suffix(word))?;
        part.trim().parse().ok()
    };
    Some([count("passed")?, count("failed")?, count("ignored")?])
}

/// `test NAME ... ignored` or `test NAME ... ignored, REASON`
fn ignored(line: &str) -> Option<String> {
    let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    (result == "ignored" || result.starts_with("ignored,"))
        .then(|| name.strip_suffix(" - should panic").unwrap_or(name).to_owned())
}

/// `NAME: test`, a line of `--list --format terse`.
pub fn listed(line: &str) -> Option<&str> {
    line.strip_suffix(": test")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: &str = "
running 4 tests
test a::good ... ok
test later ... ignored, needs a second machine
test bad ... noise from a child
FAILED
test worse - should panic ... FAILED

failures:

---- bad stdout ----
thread 'bad' panicked at src/lib.rs:3:5:
no such thing
failures:
---- worse stdout ----
note: test did not panic as expected

failures:
    bad
    worse

test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.00s

";

    #[test]
    fn failures_are_named_and_quoted_in_full() {
        let outcome = parse(FAILED);
        assert_eq!(outcome.failed, ["bad", "worse"]);
        assert_eq!(outcome.ignored, ["later"]);
        assert_eq!(outcome.counts, Some([1, 2, 1]));
        assert!(outcome.details.starts_with("---- bad stdout ----"));
        assert!(outcome.details.contains("no such thing"));
        assert!(outcome.details.ends_with("did not panic as expected"));
    }

    #[test]
    fn a_clean_run_has_only_counts() {
        let output = "running 1 test\ntest x ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(parse(output), Outcome { counts: Some([1, 0, 0]), ..Outcome::default() });
    }

    #[test]
    fn an_executable_that_dies_has_no_counts() {
        assert_eq!(parse("running 2 tests\ntest x ... ok\n").counts, None);
        assert_eq!(parse("").counts, None);
    }

    #[test]
    fn a_listing_names_tests_only() {
        assert_eq!(listed("a::b: test"), Some("a::b"));
        assert_eq!(listed("fast: benchmark"), None);
    }
}
