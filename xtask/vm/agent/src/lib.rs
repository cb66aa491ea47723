//! What `cargo xtask vm` and the first process of its machine say to each other: [`frame`]s over
//! one virtio-serial port, and the [`job`] that the first of them carries. Both sides use this
//! library; the binary beside it is the machine's side.

pub mod frame;
pub mod job;
