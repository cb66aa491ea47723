//! `logs`: what a box wrote.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use clap::{ArgMatches, Parser};
use ground::{Error, Result, interrupt};

use super::arguments;
use crate::beyond::runtime::attach::show;
use crate::beyond::runtime::monitor::log::Chunk;
use crate::beyond::runtime::monitor::reader::Reader;
use crate::beyond::runtime::store::Store;
use crate::beyond::runtime::when::rfc3339;

/// Show what a box wrote
#[derive(Parser)]
#[command(name = "logs")]
pub(super) struct Logs {
    /// Go on until it ends
    #[arg(short, long)]
    follow: bool,
    /// Only so many of the last lines, or all
    #[arg(short = 'n', long, value_name = "N", default_value = "all", value_parser = tail)]
    tail: Tail,
    /// When each line was written
    #[arg(short, long)]
    timestamps: bool,
    /// Name, or beginning of an ID
    #[arg(value_name = "BOX")]
    boxed: String,
}

type Tail = Option<usize>;

fn tail(word: &str) -> Result<Tail> {
    let number = |_| Error::usage("a number of lines, or all");
    if word == "all" { Ok(None) } else { word.parse().map(Some).map_err(number) }
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let logs: Logs = arguments(matches)?;
    let boxed = Store::open()?.find(&logs.boxed)?;
    let rotation = boxed.understand(&[], None)?.0.runtime.rotation();
    // In the foreground nobody writes a log, and who was never started wrote nothing.
    let mut log = Reader::open(&boxed.log(), rotation.map_or(1, |rotation| rotation.files))?;
    // What is rotated away before it was opened is lost.
    let pause = Duration::from_millis(if rotation.is_some() { 5 } else { 50 });
    let mut printer = Printer { timestamps: logs.timestamps, begun: None };
    let mut last = Last { most: logs.tail, lines: VecDeque::new(), open: None };
    loop {
        // Asked before the log is read to its end: what it writes before its end is then there.
        let lives = boxed.look().is_ok_and(|state| state.status.lives());
        while let Some(chunk) = log.chunk()? {
            match logs.tail {
                None => printer.print(&chunk)?,
                Some(_) => last.add(chunk),
            }
        }
        for chunk in last.lines.drain(..) {
            printer.print(&chunk)?;
        }
        last.most = None;
        last.open = None;
        if !(logs.follow && lives) {
            return Ok(0);
        }
        interrupt::sleep(pause);
    }
}

/// The last lines, each as a chunk of its own.
struct Last {
    most: Tail,
    lines: VecDeque<Chunk>,
    /// The stream of the last line, if that has no end yet.
    open: Option<u8>,
}

impl Last {
    fn add(&mut self, chunk: Chunk) {
        for line in chunk.data.split_inclusive(|byte| *byte == b'\n') {
            match self.lines.back_mut().filter(|_| self.open == Some(chunk.stream)) {
                Some(begun) => begun.data.extend(line),
                None => self.lines.push_back(Chunk { data: line.to_vec(), ..chunk }),
            }
            self.open = (line.last() != Some(&b'\n')).then_some(chunk.stream);
            let most = self.most.unwrap_or(usize::MAX);
            while self.lines.len() > most {
                self.lines.pop_front();
            }
        }
    }
}

/// Prints chunks, each to the stream that it was written to.
struct Printer {
    timestamps: bool,
    /// The stream on which a line has begun and not ended.
    begun: Option<u8>,
}

impl Printer {
    fn print(&mut self, chunk: &Chunk) -> Result<()> {
        let mut text = Vec::new();
        for line in chunk.data.split_inclusive(|byte| *byte == b'\n') {
            if self.timestamps && self.begun != Some(chunk.stream) {
                text.extend(format!("{} ", rfc3339(chunk.when)).bytes());
            }
            text.extend(line);
            self.begun = (line.last() != Some(&b'\n')).then_some(chunk.stream);
        }
        match chunk.stream {
            b'e' => show(io::stderr().as_fd(), &text),
            _ => show(io::stdout().as_fd(), &text),
        }
    }
}
