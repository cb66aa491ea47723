//! `image …` and `build …` on the command line.

mod commands;
mod show;

pub use show::print;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};
use ground::Result;
use ground::lesson::{OwnVerb, arguments};

use super::reference::Reference;
use super::store::Store;
use super::unpack::Limits;

/// `image …`.
pub const IMAGE: OwnVerb = OwnVerb {
    command: Image::command,
    run: |matches| commands::perform(arguments::<Image>(matches)?),
    like_run: false,
};

/// `build …`.
pub const BUILD: OwnVerb = OwnVerb {
    command: super::build::Build::command,
    run: |matches| super::build::perform(arguments(matches)?),
    like_run: false,
};

/// Both.
pub const VERBS: [OwnVerb; 2] = [IMAGE, BUILD];

/// Import, list, save and remove images
#[derive(Parser)]
#[command(name = "image")]
pub struct Image {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    verb: Verb,
}

/// Which store.
#[derive(Args, Clone)]
pub struct Place {
    /// Directory of the store, instead of this user's
    #[arg(long, global = true, value_name = "DIR")]
    pub store: Option<PathBuf>,
}

impl Place {
    /// Opens it.
    pub fn open(&self) -> Result<Store> {
        Store::open(self.store.as_deref())
    }
}

/// How much an archive may unpack to.
#[derive(Args, Clone, Copy)]
pub struct Most {
    /// Refuse an archive that unpacks to more: bytes, or with k, m, g
    #[arg(long, value_name = "SIZE", value_parser = memory_oom::size::parse, default_value = "32g")]
    pub unpack_limit: u64,
}

impl Most {
    /// As limits.
    pub fn limits(self) -> Limits {
        Limits { bytes: self.unpack_limit, ..Limits::default() }
    }
}

#[derive(Subcommand)]
enum Verb {
    /// Take in an archive of docker or podman save, an OCI layout, or a root file system
    Import {
        /// A file, a directory, or - for standard input
        from: PathBuf,
        /// What to call it, instead of what the archive says
        #[arg(long, short, value_name = "NAME[:TAG]", value_parser = Reference::parse)]
        name: Option<Reference>,
        #[command(flatten)]
        most: Most,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Fetch an image from a registry (needs the program bxw-pull)
    #[command(disable_help_flag = true)]
    Pull {
        /// NAME[:TAG|@DIGEST], and the flags of bxw-pull
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<std::ffi::OsString>,
    },
    /// Write images into an archive that podman, skopeo, umoci and docker read
    Save {
        /// Names or digests
        #[arg(required = true)]
        images: Vec<String>,
        /// The archive; - for standard output
        #[arg(long, short, value_name = "FILE", required_unless_present = "layout")]
        output: Option<PathBuf>,
        /// Write an OCI image layout into a new directory instead
        #[arg(long, value_name = "DIR", conflicts_with = "output")]
        layout: Option<PathBuf>,
    },
    /// List the images
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show an image: config, layers, history
    Inspect {
        /// Name or digest
        image: String,
        /// Read every blob, and tell what is missing or corrupt
        #[arg(long)]
        verify: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove names, and images without any
    Rm {
        /// Names or digests
        #[arg(required = true)]
        images: Vec<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove what no name leads to
    Prune {
        /// Read every blob, and remove the corrupt
        #[arg(long)]
        verify: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}
