//! A box whose command is the kit's probe, and what it says: for the experiments of every lesson.

use std::collections::HashMap;

use ground::rootfs::probe;
use ground::{Error, Result};

use crate::{Container, IpcNamespace, PidNamespace, Running};

/// A box without parts that runs probe verbs, its output captured.
pub fn probing(script: &str) -> Result<Container> {
    Container::new(&[probe()?.as_os_str(), "script".as_ref(), script.as_ref()])?.capture()
}

/// The same with processes and IPC of its own: PID 1 is the probe.
pub fn boxed(script: &str) -> Result<Container> {
    Ok(probing(script)?.with(PidNamespace).with(IpcNamespace))
}

/// The `key value` lines that the probe prints.
pub struct Report(pub HashMap<String, String>);

impl Report {
    /// Runs the box to its end.
    pub fn of(container: Container) -> Result<Report> {
        let output = container.start()?.output()?;
        Ok(Report::parse(&output.text))
    }

    /// Reads lines up to and including the one whose key is `last`, from a box that goes on running.
    pub fn until(running: &mut Running, last: &str) -> Result<Report> {
        let mut text = String::new();
        while let Some(line) = running.line()? {
            let done = line.split(' ').next() == Some(last);
            text += &(line + "\n");
            if done {
                break;
            }
        }
        Ok(Report::parse(&text))
    }

    /// Takes the lines apart. Of two with the same key the last one counts.
    pub fn parse(text: &str) -> Report {
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Report(pairs.map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    /// The value of a line.
    ///
    /// # Errors
    /// Kind `Environment` when the probe printed no such line.
    pub fn get(&self, key: &str) -> Result<&str> {
        let missing = || Error::environment(format!("the probe printed no {key}"));
        self.0.get(key).map(String::as_str).ok_or_else(missing)
    }
}
