//! A bar for each blob, in the last line of a terminal; pipes do not get it.

use std::cell::Cell;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use overlay::beyond::image::Digest;

const CELLS: u64 = 30;

/// How far a download has come; gone when dropped.
pub struct Bar {
    label: String,
    size: u64,
    shown: bool,
    last: Cell<Option<Instant>>,
}

impl Bar {
    pub fn new(digest: &Digest, size: u64, quiet: bool) -> Bar {
        let shown = !quiet && stderr().is_terminal();
        Bar { label: digest.short().into(), size, shown, last: Cell::new(None) }
    }

    /// At most twenty times a second.
    pub fn draw(&self, at: u64) {
        let recent = self.last.get().is_some_and(|last| last.elapsed() < Duration::from_millis(50));
        if !self.shown || recent && at < self.size {
            return;
        }
        self.last.set(Some(Instant::now()));
        let (full, mb) = (at * CELLS / self.size.max(1), |bytes: u64| bytes as f64 / 1e6);
        let cells: String = (0..CELLS).map(|i| if i < full { '█' } else { '·' }).collect();
        // A terminal that went away does not end the download.
        let _ = write!(
            stderr(),
            "\r\x1b[K{} {cells} {:.1} of {:.1} MB",
            self.label,
            mb(at),
            mb(self.size)
        );
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
