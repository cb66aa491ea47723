//! `serve`: the built book over HTTP, on this machine only, one request at a time.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::problem::{Problem, Problems};
use crate::render;
use crate::workspace::Workspace;

/// What a page is made from; a change in one of these rebuilds the book.
const SOURCES: [&str; 4] = ["book/src", "book/theme", "lessons", "tests/snapshots"];

/// Serves until it is interrupted.
pub fn serve(workspace: &Workspace, port: u16) -> Result<(), Problems> {
    let failed = |e: io::Error| Problem::of("serve", format!("127.0.0.1:{port}: {e}; try --port"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
    render::build(workspace)?;
    println!("http://127.0.0.1:{port}/  (Ctrl-C ends; reload a page to see what changed)");
    let mut built = SystemTime::now();
    for stream in listener.incoming() {
        // A browser that went away is no trouble of ours.
        let _ = stream.and_then(|stream| answer(workspace, stream, &mut built));
    }
    Ok(())
}

fn answer(workspace: &Workspace, stream: TcpStream, built: &mut SystemTime) -> io::Result<()> {
    // Browsers open connections ahead and say nothing on them.
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    let mut request = String::new();
    BufReader::new(&stream).read_line(&mut request)?;
    let path = request.split(' ').nth(1).unwrap_or("/");
    let path = path.split(['?', '#']).next().unwrap_or("/").trim_start_matches('/');
    let page = path.is_empty() || path.ends_with(".html");
    if page && newest(workspace) > *built {
        *built = SystemTime::now();
        if let Err(problems) = render::build(workspace) {
            return reply(stream, "500 Not built", "text/plain", problems.to_string().as_bytes());
        }
    }
    match file(workspace, path).and_then(|file| Some((kind(&file), fs::read(file).ok()?))) {
        Some((kind, body)) => reply(stream, "200 OK", kind, &body),
        None => reply(stream, "404 Not Found", "text/plain", b"no such page\n"),
    }
}

fn reply(mut stream: TcpStream, status: &str, kind: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

/// The file behind a path: of the book, or a source that it links to.
fn file(workspace: &Workspace, path: &str) -> Option<PathBuf> {
    if path.split('/').any(|part| part == "..") {
        return None;
    }
    let path = if path.is_empty() { "index.html" } else { path };
    let source = path.starts_with("lessons/");
    let base = if source { workspace.root().to_path_buf() } else { render::html(workspace) };
    Some(base.join(path)).filter(|file| file.is_file())
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()) {
        Some("html") => "text/html",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "text/plain",
    }
}

/// When a source was last changed.
fn newest(workspace: &Workspace) -> SystemTime {
    let times = SOURCES.iter().filter_map(|dir| changed(&workspace.root().join(dir)));
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn changed(path: &Path) -> Option<SystemTime> {
    let own = fs::metadata(path).ok()?.modified().ok()?;
    let inside = fs::read_dir(path).into_iter().flatten().flatten();
    Some(inside.filter_map(|entry| changed(&entry.path())).fold(own, SystemTime::max))
}
