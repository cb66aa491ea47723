//! Requests to a registry. See the distribution spec, "Pull".

use std::io::Read;
use std::time::Duration;

use ground::error::Kind;
use ground::{Error, Result};
use overlay::beyond::image::blob::read_small;
use overlay::beyond::image::spec;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::name::Place;
use crate::token;

/// A connection to one repository.
pub struct Client {
    agent: Agent,
    place: Place,
    /// What is sent as `Authorization`.
    authorization: Option<String>,
}

const MANIFESTS: [&str; 4] =
    [spec::MANIFEST, spec::INDEX, spec::DOCKER_MANIFEST, spec::DOCKER_LIST];

impl Client {
    pub fn new(place: Place) -> Result<Client> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .user_agent(concat!("boxwright/", env!("CARGO_PKG_VERSION")));
        Ok(Client { agent: config.build().into(), place, authorization: None })
    }

    /// A manifest or an index by tag or digest, and its media type.
    pub fn manifest(&mut self, word: &str) -> Result<(Vec<u8>, String)> {
        let mut response =
            self.get(&format!("manifests/{word}"), &[("Accept", &MANIFESTS.join(", "))])?;
        let media_type = header(&response, "content-type")
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_string();
        Ok((read_small(response.body_mut().as_reader(), "the manifest")?, media_type))
    }

    /// A blob, from a byte on. Returns where the server begins: not every server can begin in the middle.
    pub fn blob(&mut self, digest: &str, from: u64) -> Result<(impl Read + use<>, u64)> {
        let range = format!("bytes={from}-");
        let headers: &[(&str, &str)] = if from > 0 { &[("Range", &range)] } else { &[] };
        let response = self.get(&format!("blobs/{digest}"), headers)?;
        let begin = if response.status() == 206 { from } else { 0 };
        Ok((response.into_body().into_reader(), begin))
    }

    /// One request, and once more with a token when the registry asks for one.
    fn get(&mut self, what: &str, headers: &[(&str, &str)]) -> Result<Response<Body>> {
        let url = format!("{}/v2/{}/{what}", self.place.base, self.place.repository);
        let mut response = self.send(&url, headers)?;
        if response.status() == 401 {
            let challenge = header(&response, "www-authenticate");
            self.authorization =
                Some(token::answer(&self.agent, &challenge, &self.place.repository)?);
            response = self.send(&url, headers)?;
        }
        let status = response.status().as_u16();
        match status {
            200 | 206 => Ok(response),
            _ => Err(refused(&url, status, &mut response)),
        }
    }

    fn send(&self, url: &str, headers: &[(&str, &str)]) -> Result<Response<Body>> {
        let mut request = self.agent.get(url);
        for (key, value) in headers {
            request = request.header(*key, *value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        request.call().map_err(|e| unreachable(url, &e))
    }
}

/// A header as text; empty when it is missing.
pub fn header(response: &Response<Body>, name: &str) -> String {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().into()
}

/// The request did not get an answer.
pub fn unreachable(url: &str, e: &ureq::Error) -> Error {
    Error::new(Kind::Failed, format!("GET {url}: {e}"))
        .remedy("is the registry there? --plain-http is for one without TLS")
}

fn refused(url: &str, status: u16, response: &mut Response<Body>) -> Error {
    let said = read_small(response.body_mut().as_reader(), "the answer").unwrap_or_default();
    let said: String = String::from_utf8_lossy(&said).chars().take(200).collect();
    let error = Error::new(Kind::Failed, format!("GET {url}: status {status} {}", said.trim()));
    match status {
        401 | 403 => error.remedy(
            "it wants another user, or there is no such image: BXW_REGISTRY_AUTH=USER:PASSWORD",
        ),
        404 => error.remedy("there is no such image; check name, tag and --platform"),
        429 => error
            .remedy("too many requests: wait, or name a user with BXW_REGISTRY_AUTH=USER:PASSWORD"),
        _ => error,
    }
}
