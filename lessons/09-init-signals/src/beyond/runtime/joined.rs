//! `--network container:BOX`: the network of another box, as the containers of a pod have it, and its names.

use ground::error::Kind;
use ground::host::state_dir;
use ground::{Error, Result};
use veth::beyond::join::Target;
use veth::beyond::network::Mode;

use super::boxed::Boxed;
use super::names::SHOWN;
use super::record::Spec;
use super::store::Store;
use crate::flags::Flags;

impl Spec {
    /// Finds out which box is meant: what has a name now may have another one at the next start. A number that is no box's
    /// name is that of a process, as in lesson 06.
    pub fn choose_network(&mut self, flags: &Flags, store: &Store) -> Result<()> {
        let Some(Mode::Join(Target::Box(word))) = &flags.network else { return Ok(()) };
        let is_number = word.len() < SHOWN && word.bytes().all(|byte| byte.is_ascii_digit());
        let other = match store.find(word) {
            Ok(other) if other.spec.name == *word || !is_number => other,
            // Lesson 06 looks for it, and says so when there is none.
            _ => return Ok(()),
        };
        let own = [
            ("--hostname", flags.hostname != "box"),
            ("--add-host", !flags.add_host.is_empty()),
            ("--dns", !flags.dns.is_empty()),
        ];
        if let Some((flag, _)) = own.iter().find(|(_, given)| *given) {
            let what = format!("{flag} and --network container:{word}: its names are that box's");
            return Err(Error::usage(what).remedy(format!("leave {flag} out")));
        }
        self.network_of = Some(other.spec.id);
        Ok(())
    }
}

impl Boxed {
    /// The box whose network it has.
    pub(super) fn network_owner(&self) -> Result<Option<Boxed>> {
        let Some(id) = &self.spec.network_of else { return Ok(None) };
        let gone = || {
            let what = format!("the box {} is gone, whose network it has", &id[..SHOWN]);
            Error::new(Kind::Failed, what).remedy("`rm` this one, too")
        };
        let other = Store::open()?.boxes()?.into_iter().find(|other| other.spec.id == *id);
        other.ok_or_else(gone).map(Some)
    }

    // ANCHOR: joined
    /// The network that the other box has now: at each start it may be another one. Host name, /etc/hosts and
    /// /etc/resolv.conf are the other's too; its files are lent, so what one of them writes there both read.
    pub fn join_network(&self, flags: &mut Flags) -> Result<()> {
        let Some(other) = self.network_owner()? else { return Ok(()) };
        let state = other.look()?;
        let first =
            other.first(&state).map_err(|e| e.remedy("`start` it: its network is wanted"))?;
        other.shares_users(&state, "without root, `create` this one and `start` it")?;
        let (mut theirs, _) = other.understand(&[], None)?;
        // It may have its own from a third. That one may have ended since; then its name is not known any more.
        let _ = other.join_network(&mut theirs);
        let run = state.run.find("run-").map_or("", |at| &state.run[at..]);
        let network = flags.lesson_06();
        network.network = Some(Mode::Join(Target::Box(first.pid().to_string())));
        (network.add_host, network.dns) = (theirs.add_host.clone(), theirs.dns.clone());
        network.names_of = Some(state_dir()?.join(run));
        flags.set_hostname(&theirs.hostname);
        Ok(())
    }
    // ANCHOR_END: joined
}
