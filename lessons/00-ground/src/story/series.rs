//! A value of the kernel's that is looked at again and again while it changes.

use std::time::Instant;

use super::{Event, emit, listening};
use crate::text::Text;

/// The samples of one value, with the time since the first.
pub struct Series {
    what: &'static str,
    start: Instant,
}

/// One look at it.
pub struct Reading {
    /// How full the bar is, from 0 to 1.
    pub part: f64,
    /// Where in the bar the limit is.
    pub limit: f64,
    /// What stands behind the bar.
    pub text: String,
    /// What the kernel's files said, by name and unit.
    pub read: Vec<(&'static str, u64)>,
}

impl Series {
    /// Begins now.
    pub fn new(what: &'static str) -> Series {
        Series { what, start: Instant::now() }
    }

    /// Tells one.
    pub fn tell(&self, reading: Reading) {
        self.emit(reading, false);
    }

    /// Tells the last: on a terminal it stays.
    pub fn end(self, reading: Reading) {
        self.emit(reading, true);
    }

    fn emit(&self, reading: Reading, last: bool) {
        if !listening() {
            return;
        }
        let thousandths = |part: f64| (part.clamp(0.0, 1000.0) * 1000.0).round() as u32;
        let named = reading.read.into_iter().map(|(name, value)| (name.to_string(), value));
        emit(&Event::Sample {
            what: self.what.to_string(),
            ms: self.start.elapsed().as_millis() as u64,
            part: thousandths(reading.part),
            limit: thousandths(reading.limit),
            text: Text::from(reading.text),
            read: named.collect(),
            last,
        });
    }
}
