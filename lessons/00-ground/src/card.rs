//! The isolation card: one row for each thing that a container is made of, the host's value beside the process's.
//!
//! It reads only the kernel, so it is as true of a process of Docker, runc or bubblewrap as of the kit's own boxes.
//! What the kernel does not let the reader see is said to be unknown, never guessed.

mod inspect;
pub(crate) mod limits;
mod meaning;
mod powers;
mod rows;

use std::sync::OnceLock;

use nix::errno::Errno;

use crate::error::{Error, Kind, Result};
use crate::needs::Need;
use crate::proc::Process;
use crate::proc::ns::Namespace;
use crate::story::{self, CardRow, Event};
use crate::text::Text;
pub use inspect::inspect;
pub use powers::powers;

/// One value, and the identity by which it is compared; without one it is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    thing: &'static str,
    shown: Text,
    compared: Option<String>,
}

/// What one process is contained by.
#[derive(Clone, Debug)]
pub struct Card(Vec<Entry>);

impl Card {
    /// Reads the card of a process. Of another user's process some rows are unknown without root.
    ///
    /// # Errors
    /// When there is no such process, or it ends meanwhile.
    pub fn of(process: &Process) -> Result<Card> {
        let status = process.status()?;
        if status.state == 'Z' {
            return Err(Error::new(Kind::Failed, format!("{} leads nowhere", process.file("ns")))
                .remedy("the process has ended, and its parent has yet to collect it (a zombie)"));
        }
        let maps = process.uid_map()?;
        let mut entries = Vec::with_capacity(18);
        for kind in Namespace::ALL {
            entries.push(readable(rows::of_namespace(kind), rows::namespace(process, kind))?);
        }
        entries.push(readable(rows::ROOT, rows::root(process))?);
        entries.extend(limits::entries(process)?);
        entries.extend(rows::powers(process, &status, &maps));
        entries.push(rows::uid_map(&maps));
        entries.push(readable(rows::NETWORK, rows::network(process))?);
        entries.push(readable(rows::INIT, rows::init(process, &status))?);
        Ok(Card(entries))
    }

    /// The card beside the host's.
    pub fn against(&self, host: &Card) -> Vec<CardRow> {
        let row = |(inside, host): (&Entry, &Entry)| {
            let unknown = inside.compared.is_none() || host.compared.is_none();
            let isolated = !unknown && inside.compared != host.compared;
            let mut shown = inside.shown.clone();
            if isolated && inside.thing.ends_with("limit") {
                // The box was given it: it is the same on every machine, unlike a limit that the host has.
                shown.values.clear();
            }
            let (thing, host) = (inside.thing.to_string(), host.shown.clone());
            CardRow { thing, host, inside: shown, isolated, unknown }
        };
        self.0.iter().zip(&host.0).map(row).collect()
    }

    /// Tells the card as an event of the story.
    pub fn tell(&self) -> Result<()> {
        story::emit(&Event::Card { rows: self.against(host()?) });
        Ok(())
    }

    /// Whether something could not be seen.
    fn has_unknown(&self) -> bool {
        self.0.iter().any(|entry| entry.compared.is_none())
    }
}

/// The host's card: this process's own when it first asked. `--rootless` asks before it leaves the host's namespaces.
pub fn host() -> Result<&'static Card> {
    static HOST: OnceLock<Card> = OnceLock::new();
    if let Some(card) = HOST.get() {
        return Ok(card);
    }
    let card = Card::of(&Process::this())?;
    Ok(HOST.get_or_init(|| card))
}

fn entry(thing: &'static str, shown: impl AsRef<str>, compared: impl ToString) -> Entry {
    Entry { thing, shown: Text::from(shown), compared: Some(compared.to_string()) }
}

fn unknown(thing: &'static str, shown: &str) -> Entry {
    Entry { thing, shown: Text::from(shown), compared: None }
}

/// A value that the kernel keeps from this reader is unknown; see ptrace(2), "access mode checking".
fn readable(thing: &'static str, value: Result<Entry>) -> Result<Entry> {
    match value {
        Err(e) if matches!(e.errno(), Some(Errno::EACCES | Errno::EPERM)) => {
            let is_root = Need::InitialRoot.is_met();
            Ok(unknown(
                thing,
                if is_root { "not readable" } else { "not readable (run with sudo)" },
            ))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_neither_isolated_nor_shared() {
        let host = Card(vec![entry("root directory", "1:1", "a"), entry("network", "lo", "b")]);
        let refused = Err(Error::os("stat /proc/1/root", Errno::EACCES));
        let card = Card(vec![
            readable("root directory", refused).unwrap(),
            readable("network", Ok(entry("network", "lo", "c"))).unwrap(),
        ]);
        let rows = card.against(&host);
        assert_eq!((rows[0].isolated, rows[0].unknown), (false, true));
        assert_eq!((rows[1].isolated, rows[1].unknown), (true, false));
        assert!(card.has_unknown() && !host.has_unknown());
    }

    #[test]
    fn a_process_that_went_is_an_error() {
        let gone = Err(Error::os("stat /proc/1/root", Errno::ENOENT));
        assert!(readable("root directory", gone).is_err());
    }
}
