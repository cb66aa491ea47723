//! How large a crowd a test is.

/// As large as a few seconds allow. `BXW_SOAK=1` makes it as large as the issue that asked for it has it, and `BXW_SOAK=5`
/// five times that.
pub fn crowd(usual: usize, soak: usize) -> usize {
    let times = std::env::var("BXW_SOAK").ok().and_then(|times| times.parse::<usize>().ok());
    times.map_or(usual, |times| soak * times)
}
