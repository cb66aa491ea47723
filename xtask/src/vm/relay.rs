//! Between our stdin, stdout and stderr and the command's.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use vm_agent::frame::{self, Kind};

use super::sys;
use crate::failure::{Failure, Result};

/// Ctrl-], which pressed three times in a row ends a machine that no longer listens.
const ESCAPE: u8 = 0x1d;

/// Our end of the port, shared by the threads that write to it.
#[derive(Clone)]
struct Port(Arc<Mutex<UnixStream>>);

impl Port {
    fn send(&self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        let mut stream = self.0.lock().map_err(|_| io::Error::other("a thread has failed"))?;
        frame::write(&mut *stream, kind, payload)
    }
}

/// Hands over the job and carries input and output until the command ends; returns its status.
pub fn run(stream: &UnixStream, job: &[u8], terminal: bool) -> Result<u8> {
    let clone = || stream.try_clone().map_err(lost);
    let port = Port(Arc::new(Mutex::new(clone()?)));
    port.send(Kind::Job, job).map_err(lost)?;
    let escaped = Arc::new(AtomicBool::new(false));
    let (input, wish, hangup) = (port.clone(), escaped.clone(), clone()?);
    thread::spawn(move || {
        // Without a reader there is nothing to be done about it: the end comes over the port.
        let _ = carry_stdin(&input, terminal);
        if terminal {
            wish.store(true, Ordering::Relaxed);
            let _ = hangup.shutdown(std::net::Shutdown::Both);
        }
    });
    if terminal {
        thread::spawn(move || carry_window(&port));
    }
    match carry_output(&mut clone()?) {
        Err(_) if escaped.load(Ordering::Relaxed) => Ok(130),
        result => result,
    }
}

fn lost(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::unusable("the machine has ended by itself"),
        _ => Failure::unusable(format!("the connection to the machine: {error}")),
    }
}

fn carry_output(stream: &mut UnixStream) -> Result<u8> {
    // Descriptors of our own: the standard library's stdout holds back what ends in no newline.
    let own = |fd: io::Result<std::os::fd::OwnedFd>| fd.map(File::from).map_err(lost);
    let mut stdout = own(io::stdout().as_fd().try_clone_to_owned())?;
    let mut stderr = own(io::stderr().as_fd().try_clone_to_owned())?;
    loop {
        let (kind, payload) = frame::read(stream).map_err(lost)?;
        let written = match (kind, &payload[..]) {
            (Kind::Stdout, bytes) => stdout.write_all(bytes),
            (Kind::Stderr, bytes) => stderr.write_all(bytes),
            (Kind::Exit, &[status]) => return Ok(status),
            (Kind::Failed, text) => {
                return Err(Failure::unusable(String::from_utf8_lossy(text).into_owned()));
            }
            _ => Ok(()),
        };
        written.map_err(|error| Failure::unusable(format!("write the output: {error}")))?;
    }
}

/// Returns at the end of stdin, and in a terminal when the escape was pressed.
fn carry_stdin(port: &Port, terminal: bool) -> io::Result<()> {
    let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut bytes = [0; 32 * 1024];
    let mut escapes = 0;
    loop {
        let length = stdin.read(&mut bytes)?;
        port.send(Kind::Stdin, &bytes[..length])?;
        if length == 0 {
            return Ok(());
        }
        for byte in &bytes[..length] {
            escapes = if *byte == ESCAPE { escapes + 1 } else { 0 };
            if terminal && escapes == 3 {
                return Ok(());
            }
        }
    }
}

/// Tells changes of the terminal's size.
fn carry_window(port: &Port) {
    let mut last = sys::window();
    loop {
        thread::sleep(Duration::from_millis(250));
        let now = sys::window();
        if let Some((rows, columns)) = now
            && now != last
        {
            let payload = [rows.to_le_bytes(), columns.to_le_bytes()].concat();
            if port.send(Kind::Window, &payload).is_err() {
                return;
            }
        }
        last = now;
    }
}
