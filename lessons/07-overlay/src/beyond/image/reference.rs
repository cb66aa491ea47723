//! What people call an image: `debian`, `debian:12`, `localhost:5000/team/tool@sha256:…`.

use std::fmt::{self, Display};

use ground::{Error, Result};

use super::digest::Digest;

/// A name, and a tag or a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// As on Docker Hub: without `docker.io/` and `library/`.
    pub name: String,
    /// What the name is followed by.
    pub version: Version,
}

/// Which of the images of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// A word that can be moved to another image.
    Tag(String),
    /// This very manifest.
    Digest(Digest),
}

impl Reference {
    /// Reads one. Without a tag it is `latest`.
    pub fn parse(word: &str) -> Result<Reference> {
        let refused = |why: &str| {
            Err(Error::usage(format!("image name {} {why}", super::cut(word)))
                .remedy("write NAME, NAME:TAG or NAME@sha256:…, in lower case"))
        };
        let (name, version) = match word.split_once('@') {
            Some((name, digest)) => (without_tag(name).0, Version::Digest(Digest::parse(digest)?)),
            None => match without_tag(word) {
                (name, Some(tag)) => (name, Version::Tag(tag.into())),
                (name, None) => (name, Version::Tag("latest".into())),
            },
        };
        if !is_name(name) {
            return refused("is not one");
        }
        match &version {
            Version::Tag(tag) if !is_tag(tag) => refused("has a tag that is not one"),
            _ => Ok(Reference { name: familiar(name).into(), version }),
        }
    }
}

impl Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Version::Tag(tag) => write!(f, "{}:{tag}", self.name),
            Version::Digest(digest) => write!(f, "{}@{digest}", self.name),
        }
    }
}

/// A colon before the last slash belongs to a port.
fn without_tag(word: &str) -> (&str, Option<&str>) {
    match word.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (word, None),
    }
}

fn familiar(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

/// The distribution spec's grammar: components of lower-case letters and digits with single separators between, the first
/// of which may be a host and a port.
fn is_name(name: &str) -> bool {
    let is_host = |word: &str| {
        (word.contains(['.', ':']) || word == "localhost")
            && word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && word.bytes().all(|c| c.is_ascii_alphanumeric() || b".-:[]".contains(&c))
    };
    let path = match name.split_once('/') {
        Some((host, path)) if is_host(host) => path,
        _ => name,
    };
    name.len() <= 255 && path.split('/').all(is_component)
}

fn is_component(word: &str) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = |c: Option<u8>| c.is_some_and(inner);
    ends(word.bytes().next())
        && ends(word.bytes().next_back())
        && word.bytes().all(|c| inner(c) || b"._-".contains(&c))
}

fn is_tag(tag: &str) -> bool {
    let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|c| word(c) || b".-".contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_the_way_people_type_them() {
        for (typed, told) in [
            ("debian", "debian:latest"),
            ("docker.io/library/debian:12", "debian:12"),
            ("localhost:5000/a/b", "localhost:5000/a/b:latest"),
            ("Host.example:1/a_b:T-1", "Host.example:1/a_b:T-1"),
        ] {
            assert_eq!(Reference::parse(typed).unwrap().to_string(), told);
        }
        let digest = Digest::of(b"").to_string();
        let both = Reference::parse(&format!("a:1@{digest}")).unwrap();
        assert_eq!(both.to_string(), format!("a@{digest}"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for word in ["", ":", "A", "a b", "../x", "a//b", "a:", "a:b c", "-a", "a@sha256:1", "a\n"]
        {
            assert!(Reference::parse(word).is_err(), "{word:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_told_is_read_again(word in "[a-z0-9.:/@_-]{1,40}") {
            if let Ok(reference) = Reference::parse(&word) {
                proptest::prop_assert_eq!(Reference::parse(&reference.to_string()).unwrap(), reference);
            }
        }
    }
}
