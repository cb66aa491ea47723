//! One experiment per file.
use ground::lesson::Experiment;
/// All, in reading order.
pub const ALL: &[Experiment] = &[];
