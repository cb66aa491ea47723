//! The first process of the machine that `cargo xtask vm` starts.
//!
//! It lives twice. Once it boots: file systems of the kernel, modules, cgroups ([`boot`]), says
//! that it is ready and waits for a job. There a snapshot is taken, and every machine restored from
//! it goes on from that very read: it sets the clock, mounts the host's files ([`world`]) and
//! runs the command ([`command`]). It never powers the machine off: whoever started it has the
//! exit status by then and ends the machine from outside.
#![allow(clippy::print_stderr)] // it is the machine's console, shown when something goes wrong

mod boot;
mod command;
mod sys;
mod world;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use vm_agent::frame::{self, Kind};
use vm_agent::job::Job;

/// An error with what was tried.
type Result<T> = std::result::Result<T, String>;

/// Names the operation that an error belongs to.
trait Doing<T> {
    fn doing(self, what: &str) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: &str) -> Result<T> {
        self.map_err(|error| format!("{what}: {error}"))
    }
}

const PORT: &str = "/dev/vport0p1";

fn main() {
    if let Err(text) = live() {
        eprintln!("vm-agent: {text}");
    }
    loop {
        thread::park();
    }
}

fn live() -> Result<()> {
    boot::boot()?;
    let mut port = port()?;
    frame::write(&mut port, Kind::Ready, &[]).doing("write to the port")?;
    let job = job(&mut port)?;
    if let Err(text) = work(&job, &port) {
        frame::write(&mut port, Kind::Failed, text.as_bytes()).doing("write to the port")?;
    }
    Ok(())
}

/// The driver makes the port in its own time.
fn port() -> Result<File> {
    let mut port = OpenOptions::new().read(true).write(true).open(PORT);
    for _ in 0..1000 {
        if port.is_ok() {
            break;
        }
        thread::sleep(Duration::from_millis(10));
        port = OpenOptions::new().read(true).write(true).open(PORT);
    }
    port.doing(&format!("open {PORT}"))
}

fn job(port: &mut File) -> Result<Job> {
    match frame::read(port).doing("read the job")? {
        (Kind::Job, payload) => Job::decode(&payload).ok_or_else(|| "the job is garbled".into()),
        (kind, _) => Err(format!("expected a job, not {kind:?}")),
    }
}

fn work(job: &Job, port: &File) -> Result<()> {
    sys::set_clock(job.time).doing("clock_settime")?;
    let random = OpenOptions::new().write(true).open("/dev/urandom");
    let mut random = random.doing("open /dev/urandom")?;
    random.write_all(job.seed.as_encoded_bytes()).doing("write /dev/urandom")?;
    sys::reseed(&random).doing("RNDRESEEDCRNG")?;
    world::enter(job)?;
    command::run(job, port)
}
