//! QEMU's monitor protocol, as far as saving and restoring needs it; one JSON object a line. See
//! https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::failure::{Failure, Result};

/// Longer than any answer or migration takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection to the monitor of one QEMU.
pub struct Monitor {
    reader: BufReader<UnixStream>,
    ready: bool,
}

impl Monitor {
    /// Takes over our end of the monitor's socket.
    pub fn new(stream: UnixStream) -> Monitor {
        Monitor { reader: BufReader::new(stream), ready: false }
    }

    /// Stops the machine and writes all of its state but the RAM, which is in a file already.
    pub fn save(&mut self, state: &Path) -> Result<()> {
        self.leave_ram_out()?;
        self.execute("migrate", json!({ "uri": format!("exec:cat > {}", quoted(state)) }))?;
        self.until("query-migrate", "completed")
    }

    /// Puts that state into a machine that was started with the RAM, and lets it run on.
    pub fn restore(&mut self, state: &Path) -> Result<()> {
        self.leave_ram_out()?;
        let uri = format!("exec:cat {}", quoted(state));
        self.execute("migrate-incoming", json!({ "uri": uri }))?;
        self.until("query-status", "running")
    }

    fn leave_ram_out(&mut self) -> Result<()> {
        let ignore = json!([{ "capability": "x-ignore-shared", "state": true }]);
        self.execute("migrate-set-capabilities", json!({ "capabilities": ignore })).map(drop)
    }

    /// Asks until the answer's `status` is the one wanted.
    fn until(&mut self, question: &str, wanted: &str) -> Result<()> {
        let start = Instant::now();
        loop {
            let answer = self.execute(question, json!({}))?;
            let status = answer["status"].as_str().unwrap_or_default();
            if status == wanted {
                return Ok(());
            }
            if status == "failed" || start.elapsed() > PATIENCE {
                return Err(failure(&format!("{question} says {answer}")));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        if !self.ready {
            self.ready = true;
            self.execute("qmp_capabilities", json!({}))?;
        }
        let line = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        let stream = self.reader.get_mut();
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| failure(&error.to_string()))?;
        stream.write_all(line.as_bytes()).map_err(|error| failure(&error.to_string()))?;
        self.answer(command)
    }

    /// Greeting and events have neither `return` nor `error`.
    fn answer(&mut self, command: &str) -> Result<Value> {
        loop {
            let mut line = String::new();
            match self.reader.read_line(&mut line) {
                Ok(0) => return Err(failure("it has ended")),
                Ok(_) => {}
                Err(error) => return Err(failure(&error.to_string())),
            }
            let mut answer: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(error) = answer.get("error") {
                return Err(failure(&format!("{command}: {}", error["desc"])));
            }
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
        }
    }
}

fn failure(what: &str) -> Failure {
    Failure::unusable(format!("QEMU's monitor: {what}"))
}

/// For the shell that QEMU starts.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reaches_the_shell_in_one_piece() {
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }

    #[test]
    fn events_are_no_answers() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        for line in [r#"{"QMP":{}}"#, r#"{"return":{}}"#, r#"{"event":"STOP"}"#] {
            theirs.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        theirs.write_all(b"{\"return\":{\"status\":\"running\"}}\n").unwrap();
        Monitor::new(ours).until("query-status", "running").unwrap();
    }
}
