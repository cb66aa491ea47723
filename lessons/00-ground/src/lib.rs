//! What every lesson stands on.
//!
//! | to … | look in |
//! | --- | --- |
//! | ask the kernel for something, with an error that teaches | [`call`], [`error`] |
//! | tell what happens, in two lanes and several faces | [`story`], [`text`] |
//! | read what the kernel says of a process | [`proc`], [`card`] |
//! | find the hierarchies of cgroups, and read a group | [`cgroup`] |
//! | leave nothing behind on the host, and do it no harm | [`host`], [`interrupt`], [`guard`] |
//! | find a root file system without a download | [`rootfs`] |
//! | see what host, processes and groups use | [`top`] |
//! | know what this machine can do | [`needs`], [`doctor`], [`rootless`] |
//! | be a lesson: command line, experiments, ledger | [`lesson`], [`ledger`] |
//!
//! No mechanism of containers is in here: those are the lessons. The binary `00-ground` offers `doctor`, `inspect`,
//! `top` and `clean`, which need no lesson.

pub mod call;
pub mod card;
pub mod cgroup;
pub mod doctor;
pub mod error;
pub mod guard;
pub mod host;
pub mod interrupt;
pub mod ledger;
pub mod lesson;
pub mod needs;
mod netlink;
pub mod proc;
pub mod rootfs;
pub mod rootless;
pub mod story;
mod sys;
pub mod text;
pub mod top;

pub use error::{Error, Result};
