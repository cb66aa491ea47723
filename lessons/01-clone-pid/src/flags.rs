//! The flags that this lesson adds to `run`.

use clap::Args;

use crate::UtsNamespace;

/// `run --hostname`.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// Host name inside the box
    #[arg(long, value_name = "NAME", default_value = "box")]
    pub hostname: String,
}

impl Flags {
    /// The part that the flags describe.
    pub fn uts(&self) -> UtsNamespace {
        UtsNamespace { hostname: Some(self.hostname.clone()) }
    }
}
