//! How a need is declared.

use super::{Need, Probe};

/// A need as it is declared.
pub(super) struct Declared {
    pub need: Need,
    pub id: &'static str,
    pub what: &'static str,
    pub remedy: &'static str,
    pub lessons: &'static [u8],
    pub essential: bool,
    pub probe: Probe,
}

/// A need of the kernel, which a newer one meets, if nothing else is said.
pub(super) const fn need(
    need: Need,
    id: &'static str,
    what: &'static str,
    probe: Probe,
) -> Declared {
    let remedy = "boot a newer kernel";
    Declared { need, id, what, remedy, lessons: &[], essential: false, probe }
}

impl Declared {
    /// Lessons of which a part cannot be shown without it.
    pub const fn affects(self, lessons: &'static [u8]) -> Declared {
        Declared { lessons, ..self }
    }

    /// Lessons that cannot be shown at all without it.
    pub const fn essential(self, lessons: &'static [u8]) -> Declared {
        Declared { lessons, essential: true, ..self }
    }

    pub const fn remedy(self, remedy: &'static str) -> Declared {
        Declared { remedy, ..self }
    }
}
