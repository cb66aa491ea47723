//! Rust source with comments and literals blanked, so that a word found is a word of code.

/// Replaces every character of comments, strings and character literals by a space. Newlines stay,
/// so line numbers do too.
pub fn code_only(source: &str) -> String {
    let mut rest = source;
    let mut code = String::with_capacity(source.len());
    let mut previous = ' ';
    while let Some(first) = rest.chars().next() {
        let length = token(rest, previous).unwrap_or(first.len_utf8());
        let (token, after) = rest.split_at(length);
        if length == first.len_utf8() && first != '"' {
            code.push(first);
        } else {
            code.extend(token.chars().map(|c| if c == '\n' { c } else { ' ' }));
        }
        previous = first;
        rest = after;
    }
    code
}

/// The length of the comment or literal that `rest` begins with, if it begins with one.
fn token(rest: &str, previous: char) -> Option<usize> {
    let word = previous.is_alphanumeric() || previous == '_';
    match rest.as_bytes() {
        [b'/', b'/', ..] => Some(rest.find('\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(block_comment(rest)),
        [b'"', ..] => Some(string(rest)),
        [b'r', b'"' | b'#', ..] if !word => raw_string(rest, 1),
        [b'b', b'r', b'"' | b'#', ..] if !word => raw_string(rest, 2),
        [b'\'', ..] => character(rest),
        _ => None,
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `r#"…"#` with its prefix of `r` or `br`; None for a raw identifier.
fn raw_string(rest: &str, prefix: usize) -> Option<usize> {
    let hashes = rest[prefix..].bytes().take_while(|byte| *byte == b'#').count();
    let body = prefix + hashes + 1;
    if rest.as_bytes().get(body - 1) != Some(&b'"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    Some(rest[body..].find(&end).map_or(rest.len(), |at| body + at + end.len()))
}

/// `'x'` or `'\u{1f}'`; None for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inner = rest[1..].chars().next()?;
    if inner == '\\' {
        return rest.get(3..)?.find('\'').map(|at| at + 4);
    }
    let end = 1 + inner.len_utf8();
    rest[end..].starts_with('\'').then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::code_only;

    #[test]
    fn comments_and_literals_are_blank() {
        for hidden in [
            "// unsafe",
            "/* a /* unsafe */ b */",
            "\"unsafe \\\" unsafe\"",
            "r#\"unsafe \" unsafe\"#",
            "br\"unsafe\"",
            "'\\''",
            "'\"'",
        ] {
            let masked = code_only(&format!("let a = {hidden}\n; x"));
            assert_eq!(masked.split_whitespace().collect::<String>(), "leta=;x", "{hidden}");
            assert_eq!(masked.lines().count(), 2);
        }
    }

    #[test]
    fn code_stays() {
        for code in ["fn f<'a>(x: &'a str) { unsafe {} }", "r#type + br", "a / b", "é != 'é"] {
            assert_eq!(code_only(code), code);
        }
    }

    #[test]
    fn open_ends_do_not_run_away() {
        for open in ["/*", "\"x", "r#\"x", "'", "'\\", "//", "r#", "br#"] {
            assert_eq!(code_only(open).chars().count(), open.chars().count(), "{open}");
        }
    }
}
