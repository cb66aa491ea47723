//! `.dockerignore`, and the wildcards of `COPY`.

use std::path::Path;

/// What is not part of the context.
#[derive(Debug, Default)]
pub struct Ignored {
    /// Patterns in order; with true, what matches is part of it after all.
    patterns: Vec<(Vec<String>, bool)>,
}

impl Ignored {
    /// Reads the file's text.
    pub fn parse(text: &str) -> Ignored {
        let lines =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let pattern = |line: &str| {
            let (line, back) =
                line.strip_prefix('!').map_or((line, false), |line| (line.trim(), true));
            (parts(line), back)
        };
        Ignored { patterns: lines.map(pattern).collect() }
    }

    /// Whether a path of the context is left out. A pattern that matches a directory matches all that is in it; the last
    /// one that matches decides.
    pub fn has(&self, path: &Path) -> bool {
        let names: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
        let matches =
            |pattern: &[String]| (1..=names.len()).any(|end| match_parts(pattern, &names[..end]));
        self.patterns
            .iter()
            .rev()
            .find(|(pattern, _)| matches(pattern))
            .is_some_and(|(_, back)| !back)
    }

    /// Whether something below an ignored directory may come back.
    pub fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|(_, back)| *back)
    }
}

/// A pattern by its components.
pub fn parts(pattern: &str) -> Vec<String> {
    pattern.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_string).collect()
}

/// `**` stands for any number of components.
fn match_parts<S: AsRef<str>>(pattern: &[String], names: &[S]) -> bool {
    match (pattern.split_first(), names.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "**" => {
            (0..=names.len()).any(|skip| match_parts(rest, &names[skip..]))
        }
        (Some((first, rest)), Some((name, names))) => {
            matches(first, name.as_ref()) && match_parts(rest, names)
        }
        _ => false,
    }
}

/// `*` and `?` within one component, as Go's filepath.Match; without its character classes.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // The last star, and how much it has taken: without going back further this is linear in the pattern.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let ignored = Ignored::parse("# no\n*.log\ntarget\n**/tmp\n!keep.log\n");
        let has = |path| ignored.has(Path::new(path));
        assert!(has("a.log") && has("target/x/y") && has("tmp") && has("a/b/tmp/c"));
        assert!(!has("keep.log") && !has("a/b.log") && !has("src"));
    }

    #[test]
    fn stars_take_any_number_of_letters() {
        assert!(matches("*", "") && matches("a*c", "abbc") && matches("*.t?t", "a.b.txt"));
        assert!(!matches("a*c", "abcd") && !matches("?", ""));
    }
}
