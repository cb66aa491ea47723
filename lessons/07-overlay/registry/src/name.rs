//! Which host and which repository a name means.

use ground::{Error, Result};

/// A repository of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `https://registry-1.docker.io`.
    pub base: String,
    /// `library/debian`.
    pub repository: String,
}

impl Place {
    /// What is before the first slash is a host if it looks like one, as Docker has it.
    pub fn parse(word: &str, plain: bool) -> Result<Place> {
        let name = word.split('@').next().unwrap_or(word);
        let name = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => name,
            _ => name,
        };
        let is_host = |word: &str| word.contains(['.', ':']) || word == "localhost";
        let (host, repository) = match name.split_once('/') {
            Some((host, rest)) if is_host(host) => (host, rest.to_string()),
            _ => ("docker.io", name.to_string()),
        };
        if repository.is_empty() {
            return Err(Error::usage("a name after the host is missing"));
        }
        if matches!(host, "docker.io" | "index.docker.io") {
            let repository =
                if repository.contains('/') { repository } else { format!("library/{repository}") };
            return Ok(Place { base: "https://registry-1.docker.io".into(), repository });
        }
        let scheme = if plain || is_here(host) { "http" } else { "https" };
        Ok(Place { base: format!("{scheme}://{host}"), repository })
    }
}

/// What does not leave this machine needs no TLS.
fn is_here(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost"
        || name == "[::1]"
        || name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_a_host() {
        for (word, base, repository) in [
            ("debian:12", "https://registry-1.docker.io", "library/debian"),
            ("a/b", "https://registry-1.docker.io", "a/b"),
            ("localhost:5000/a:1", "http://localhost:5000", "a"),
            ("127.0.0.1:5000/a", "http://127.0.0.1:5000", "a"),
            ("127.evil.example/a", "https://127.evil.example", "a"),
            ("ghcr.io/a/b@sha256:00", "https://ghcr.io", "a/b"),
        ] {
            let place = Place::parse(word, false).unwrap();
            assert_eq!(
                (place.base.as_str(), place.repository.as_str()),
                (base, repository),
                "{word}"
            );
        }
    }
}
