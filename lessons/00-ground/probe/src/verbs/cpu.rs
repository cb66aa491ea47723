//! Loads of the CPU, and what a process can tell of its own use. Times are in ms and µs, as whole numbers.

use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::{Verb, milliseconds, number};
use crate::output::{say, say_and_wait};
use crate::{During, Failure, Result, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "spin", args: "<MILLISECONDS>", run: spin },
    Verb { name: "spinners", args: "<COUNT>", run: spinners },
    Verb { name: "copy", args: "<MILLISECONDS>", run: copy },
    Verb { name: "pin", args: "<CPU>", run: pin },
    Verb { name: "cpus", args: "", run: cpus },
    Verb { name: "threads", args: "<COUNT>", run: threads },
    Verb { name: "touch", args: "<MIB>", run: touch },
];

/// Works until so much time has passed; says how much of it was CPU time.
fn until(span: Duration, mut work: impl FnMut() -> Result) -> Result {
    let (start, used) = (Instant::now(), sys::cpu_time().during("clock_gettime")?);
    while start.elapsed() < span {
        work()?;
    }
    let used = sys::cpu_time().during("clock_gettime")?.saturating_sub(used);
    say!("wall-us {}", start.elapsed().as_micros())?;
    say!("cpu-us {}", used.as_micros())
}

/// Some microseconds of nothing.
fn idle_loop() {
    for i in 0..10_000u32 {
        black_box(i);
    }
}

/// Asks nothing of the kernel but the time.
fn spin(args: &[String]) -> Result {
    until(milliseconds(&args[0])?, || {
        idle_loop();
        Ok(())
    })
}

/// Children that spin until their parent ends.
fn spinners(args: &[String]) -> Result {
    for _ in 0..number(&args[0])? {
        let endless = || loop {
            idle_loop();
        };
        say!("child {}", sys::fork(endless).during("fork")?)?;
    }
    say_and_wait("ready")
}

/// Has the kernel copy zeroes to nowhere.
fn copy(args: &[String]) -> Result {
    let mut from = File::open("/dev/zero").during("open(/dev/zero)")?;
    let mut to = File::options().write(true).open("/dev/null").during("open(/dev/null)")?;
    let mut buffer = vec![0; 1 << 16];
    until(milliseconds(&args[0])?, || {
        from.read_exact(&mut buffer).during("read(/dev/zero)")?;
        to.write_all(&buffer).during("write(/dev/null)")
    })
}

/// From now on runs on one CPU only, with all its children.
fn pin(args: &[String]) -> Result {
    let cpu: usize = number(&args[0])?;
    if cpu >= 1024 {
        return Err(Failure::Usage(format!("`{cpu}` is more than a CPU set holds")));
    }
    sys::pin(cpu).during(format_args!("sched_setaffinity({cpu})"))
}

/// On how many CPUs it may run: what nproc(1) and runtimes of languages ask.
fn cpus(_: &[String]) -> Result {
    say!("cpus {}", sys::cpus().during("sched_getaffinity")?)
}

/// Threads that sleep, beside the first.
fn threads(args: &[String]) -> Result {
    for _ in 0..number(&args[0])? {
        let started = std::thread::Builder::new().spawn(|| {
            loop {
                sys::pause();
            }
        });
        started.during("clone")?;
    }
    say_and_wait("ready")
}

/// Takes memory and writes to every page of it.
fn touch(args: &[String]) -> Result {
    let mut memory = vec![0u8; number::<usize>(&args[0])? << 20];
    memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    black_box(&memory);
    say_and_wait("ready")
}
