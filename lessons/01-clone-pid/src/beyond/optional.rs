//! A part that is there or not, by a flag.

use ground::Result;
use nix::sched::CloneFlags;

use crate::part::{Birth, Child, Part};

impl<P: Part> Part for Option<P> {
    fn namespaces(&self) -> CloneFlags {
        self.as_ref().map_or(CloneFlags::empty(), Part::namespaces)
    }

    fn cgroups(&self) -> Result<Vec<Birth>> {
        self.as_ref().map_or(Ok(Vec::new()), Part::cgroups)
    }

    fn prepare(&mut self) -> Result<()> {
        self.as_mut().map_or(Ok(()), Part::prepare)
    }

    fn attach(&mut self, child: &Child) -> Result<()> {
        self.as_mut().map_or(Ok(()), |part| part.attach(child))
    }

    fn enter(&mut self) -> Result<()> {
        self.as_mut().map_or(Ok(()), Part::enter)
    }

    fn seal(&mut self) -> Result<()> {
        self.as_mut().map_or(Ok(()), Part::seal)
    }

    fn release(&mut self) -> Result<()> {
        self.as_mut().map_or(Ok(()), Part::release)
    }
}
