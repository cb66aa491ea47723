//! A registry of few words, for what a real one does not do on demand: ask for a token, break off, lie.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What it has, and how it behaves.
#[derive(Default)]
pub struct Registry {
    /// By path below `/v2/`: media type and content.
    pub files: HashMap<String, (String, Vec<u8>)>,
    /// Without this token nobody reads.
    pub token: Option<String>,
    /// Blobs break off after so many bytes.
    pub breaks_after: Option<usize>,
}

/// A path, and the range that was asked for.
pub type Request = (String, Option<String>);

/// A running one. It ends with the test's process.
pub struct Running {
    /// `127.0.0.1:PORT`.
    pub host: String,
    /// Every request, in order.
    pub requests: Arc<Mutex<Vec<Request>>>,
}

impl Registry {
    /// Serves, one request a connection, each in a thread of its own.
    pub fn serve(self) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let requests: Arc<Mutex<Vec<_>>> = Arc::default();
        let (log, at) = (requests.clone(), host.clone());
        let registry = Arc::new(self);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (registry, at, log) = (registry.clone(), at.clone(), log.clone());
                // Whoever hangs up in the middle was meant to.
                thread::spawn(move || registry.answer(stream, &at, &log));
            }
        });
        Running { host, requests }
    }

    fn answer(
        &self,
        stream: TcpStream,
        host: &str,
        log: &Mutex<Vec<Request>>,
    ) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let request = lines.next().transpose()?.unwrap_or_default();
        let path = request.split(' ').nth(1).unwrap_or_default().to_string();
        let mut headers = HashMap::new();
        for line in lines.by_ref() {
            let line = line?;
            let Some((key, value)) = line.split_once(": ") else { break };
            headers.insert(key.to_lowercase(), value.to_string());
        }
        log.lock().unwrap().push((path.clone(), headers.get("range").cloned()));
        let mut to = stream;
        if path.starts_with("/token?") {
            let token = self.token.clone().unwrap_or_default();
            return reply(&mut to, "200 OK", "", format!("{{\"token\":\"{token}\"}}").as_bytes());
        }
        let wanted = self.token.as_ref().map(|token| format!("Bearer {token}"));
        if wanted.is_some() && headers.get("authorization") != wanted.as_ref() {
            let challenge = format!(
                "WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"test\",scope=\"repository:a:pull\"\r\n"
            );
            return reply(&mut to, "401 Unauthorized", &challenge, b"{}");
        }
        let Some((media_type, content)) = self.files.get(path.trim_start_matches("/v2/")) else {
            return reply(&mut to, "404 Not Found", "", b"{}");
        };
        let from = headers
            .get("range")
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let rest = &content[from.unwrap_or(0)..];
        let status = if from.is_some() { "206 Partial Content" } else { "200 OK" };
        let head = format!("Content-Type: {media_type}\r\n");
        match self.breaks_after.filter(|after| path.contains("/blobs/") && *after < rest.len()) {
            None => reply(&mut to, status, &head, rest),
            Some(after) => {
                let length = format!(
                    "HTTP/1.1 {status}\r\n{head}Content-Length: {}\r\nConnection: close\r\n\r\n",
                    rest.len()
                );
                to.write_all(length.as_bytes())?;
                to.write_all(&rest[..after])
            }
        }
    }
}

fn reply(to: &mut TcpStream, status: &str, head: &str, body: &[u8]) -> std::io::Result<()> {
    let length = body.len();
    to.write_all(
        format!("HTTP/1.1 {status}\r\n{head}Content-Length: {length}\r\nConnection: close\r\n\r\n")
            .as_bytes(),
    )?;
    to.write_all(body)?;
    to.flush()?;
    // Until the other side has read it.
    let _ = to.shutdown(std::net::Shutdown::Write);
    let _ = to.read(&mut [0]);
    Ok(())
}
