//! Text inside HTML.

/// Escapes text for use between tags and in attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Names that look like words.
const NAMES: [&str; 9] =
    ["chdir", "chroot", "fork", "ip", "iptables", "lsns", "mount", "runc", "waitpid"];

/// The sentence with a capital first letter, unless it begins with a name: the ledger's remarks are notes.
pub fn sentence(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let word = first.trim_end_matches([',', ';', ':']);
    let is_word = word.chars().all(|c| c.is_ascii_lowercase()) && !NAMES.contains(&word);
    match text.chars().next() {
        Some(c) if is_word => c.to_uppercase().chain(text.chars().skip(1)).collect(),
        _ => text.to_string(),
    }
}

/// The sentence with a full stop.
pub fn ended(text: &str) -> String {
    let stop = if text.ends_with(['.', '!', '?', '…']) || text.is_empty() { "" } else { "." };
    format!("{text}{stop}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_spelling() {
        assert_eq!(sentence("needs root"), "Needs root");
        assert_eq!(sentence("clone/clone3 create"), "clone/clone3 create");
        assert_eq!(sentence("chdir, then chroot"), "chdir, then chroot");
        assert_eq!(sentence("$$ stays"), "$$ stays");
        assert_eq!(sentence(""), "");
    }
}
