//! The token that a registry may ask for: `401`, `WWW-Authenticate: Bearer realm="…",service="…",scope="…"`. Who has no
//! password asks for one all the same: it is for what everybody may read. See the distribution project's "Token
//! Authentication Specification".

use ground::error::Kind;
use ground::{Error, Result};
use overlay::beyond::image::blob::read_small;
use overlay::beyond::image::spec;
use ureq::Agent;

use crate::client::unreachable;

/// `USER:PASSWORD`. On a command line everybody could read it.
const VARIABLE: &str = "BXW_REGISTRY_AUTH";

/// What is to be sent as `Authorization` after this challenge.
pub fn answer(agent: &Agent, challenge: &str, repository: &str) -> Result<String> {
    let basic =
        std::env::var(VARIABLE).ok().map(|pair| format!("Basic {}", base64(pair.as_bytes())));
    let (scheme, parameters) = challenge.split_once(' ').unwrap_or((challenge, ""));
    let wrong = |what: &str| Error::new(Kind::Failed, format!("the registry asks for {what}"));
    if scheme.eq_ignore_ascii_case("basic") {
        return basic.ok_or_else(|| wrong("a password").remedy("BXW_REGISTRY_AUTH=USER:PASSWORD"));
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(wrong("something that is neither a password nor a token"));
    }
    let realm = parameter(parameters, "realm")
        .ok_or_else(|| wrong("a token, and does not say where from"))?;
    let scope =
        parameter(parameters, "scope").unwrap_or_else(|| format!("repository:{repository}:pull"));
    let mut request = agent.get(&realm).query("scope", scope);
    if let Some(service) = parameter(parameters, "service") {
        request = request.query("service", service);
    }
    if let Some(basic) = basic {
        request = request.header("Authorization", basic);
    }
    let mut response = request.call().map_err(|e| unreachable(&realm, &e))?;
    if response.status() != 200 {
        let what = format!("GET {realm}: status {}", response.status().as_u16());
        return Err(Error::new(Kind::Failed, what).remedy("the user or the password is wrong"));
    }
    token(&read_small(response.body_mut().as_reader(), "the token")?)
}

fn token(bytes: &[u8]) -> Result<String> {
    let answer: std::collections::BTreeMap<String, Word> = spec::parse(bytes, "the token")?;
    let found = ["token", "access_token"].iter().find_map(|key| match answer.get(*key) {
        Some(Word::Text(token)) if token.bytes().all(|c| c.is_ascii_graphic()) => Some(token),
        _ => None,
    });
    let found =
        found.ok_or_else(|| Error::new(Kind::Failed, "the registry's answer holds no token"))?;
    Ok(format!("Bearer {found}"))
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Word {
    Text(String),
    Other(serde::de::IgnoredAny),
}

/// `key="value"`, separated by commas, which may stand in quotes, too.
fn parameter(list: &str, key: &str) -> Option<String> {
    let mut rest = list;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_start_matches([',', ' ']).trim();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if name.eq_ignore_ascii_case(key) {
            return Some(value.to_string());
        }
        rest = next;
    }
    None
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        let letter = |i: usize| LETTERS[(bits >> (18 - 6 * i)) as usize & 63] as char;
        (0..4).map(|i| if i <= chunk.len() { letter(i) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_taken_apart() {
        let list = r#"realm="https://a/t?x=1",service="r.io",scope="repository:a/b:pull,push""#;
        assert_eq!(parameter(list, "realm").unwrap(), "https://a/t?x=1");
        assert_eq!(parameter(list, "scope").unwrap(), "repository:a/b:pull,push");
        assert_eq!(parameter(list, "error"), None);
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
