//! Words of a line: quotes, backslashes and variables, as a shell knows them.

use ground::{Error, Result};

/// What a variable is at this point of the Dockerfile.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Splits a line into words; `$NAME`, `${NAME}`, `${NAME:-word}` and `${NAME:+word}` are replaced, but not in single
/// quotes.
pub fn split(line: &str, lookup: Lookup<'_>) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    let mut quote: Option<char> = None;
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => match chars.next() {
                Some(next) if quote.is_none() || matches!(next, '"' | '\\' | '$') => {
                    word.get_or_insert_default().push(next)
                }
                Some(next) => word.get_or_insert_default().extend(['\\', next]),
                None => word.get_or_insert_default().push('\\'),
            },
            ('$', None | Some('"')) => {
                let value = variable(&mut chars, lookup)?;
                word.get_or_insert_default().push_str(&value);
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    match quote {
        Some(open) => Err(Error::usage(format!("a quote {open} is not closed"))),
        None => {
            words.extend(word);
            Ok(words)
        }
    }
}

/// One word, whatever is in it.
pub fn expand(text: &str, lookup: Lookup<'_>) -> Result<String> {
    Ok(split(text, lookup)?.join(" "))
}

/// `KEY=VALUE …`, or the old `KEY VALUE`.
pub fn pairs(text: &str, lookup: Lookup<'_>) -> Result<Vec<(String, String)>> {
    let wrong = |word: &str| Error::usage(format!("{} is not KEY=VALUE", super::super::cut(word)));
    let first = text.split_whitespace().next().unwrap_or_default();
    if !first.contains('=') {
        let (key, value) = text.split_once(char::is_whitespace).ok_or_else(|| wrong(text))?;
        return Ok(vec![(key.into(), expand(value.trim(), lookup)?)]);
    }
    let pair = |word: String| match word.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_string(), value.to_string())),
        _ => Err(wrong(&word)),
    };
    split(text, lookup)?.into_iter().map(pair).collect()
}

/// After the dollar.
fn variable(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    lookup: Lookup<'_>,
) -> Result<String> {
    let is_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let braced = chars.next_if_eq(&'{').is_some();
    let name: String = std::iter::from_fn(|| chars.next_if(is_name)).collect();
    if !braced {
        return Ok(if name.is_empty() { "$".into() } else { lookup(&name).unwrap_or_default() });
    }
    let rest: String = chars.by_ref().take_while(|c| *c != '}').collect();
    let value = lookup(&name).filter(|value| !value.is_empty());
    match (rest.split_at_checked(2), name.is_empty()) {
        (_, true) => Err(Error::usage("${} without a name")),
        (Some((":-", word)), _) => value.map_or_else(|| expand(word, lookup), Ok),
        (Some((":+", word)), _) => {
            value.map_or_else(|| Ok(String::new()), |_| expand(word, lookup))
        }
        _ if rest.is_empty() => Ok(lookup(&name).unwrap_or_default()),
        _ => Err(Error::usage(format!("${{{name}{rest}}} is not known here"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split(line, &|name| (name == "A").then(|| "x y".to_string())).unwrap()
    }

    #[test]
    fn quotes_and_variables_are_those_of_a_shell() {
        assert_eq!(words(r#"a "b c" 'd $A' "$A" e\ f"#), ["a", "b c", "d $A", "x y", "e f"]);
        assert_eq!(words("${A}z ${B:-q} ${A:+r} [$B] \"\""), ["x yz", "q", "r", "[]", ""]);
        assert!(split("'a", &|_| None).is_err() && split("${a", &|_| None).is_ok());
        assert!(split("${A/b/c}", &|_| None).is_err());
    }

    #[test]
    fn pairs_come_in_two_forms() {
        let pair = |key: &str, value: &str| (key.to_string(), value.to_string());
        assert_eq!(pairs(r#"a=1 b="2 3""#, &|_| None).unwrap(), [pair("a", "1"), pair("b", "2 3")]);
        assert_eq!(pairs("a 1 2", &|_| None).unwrap(), [pair("a", "1 2")]);
        assert!(pairs("a", &|_| None).is_err() && pairs("a=1 b", &|_| None).is_err());
    }
}
