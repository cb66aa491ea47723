//! Where the blocks of a trace stand: later is lower, and nothing is too flat for its label.

use super::{Call, PROCESSES};

/// The least height of a block: two lines.
pub const LEAST: f64 = 38.0;

/// Calls of one process in one phase, without a call of another phase between them.
#[derive(Debug)]
pub struct Block {
    pub process: usize,
    pub phase: usize,
    /// Its calls, by their numbers in the trace.
    pub calls: Vec<usize>,
    pub top: f64,
    pub bottom: f64,
}

/// The blocks, and where each moment is.
#[derive(Debug)]
pub struct Layout {
    pub blocks: Vec<Block>,
    /// The number of a call at which something begins or ends, and its place.
    marks: Vec<(usize, f64)>,
}

impl Layout {
    /// Of a whole trace.
    pub fn of(calls: &[Call]) -> Layout {
        let mut blocks = blocks(calls);
        let ends = ends(&blocks, calls);
        let mut moments: Vec<usize> =
            blocks.iter().map(|block| block.calls[0]).chain(ends.iter().copied()).collect();
        moments.sort_unstable();
        moments.dedup();
        let mut marks: Vec<(usize, f64)> = Vec::new();
        for moment in moments {
            let before = marks.last().map_or(0.0, |(number, y)| y + gap(moment - number));
            let above = blocks.iter().zip(&ends).filter(|(_, end)| **end == moment);
            let least = above.map(|(block, _)| place(&marks, block.calls[0]) + LEAST);
            let y = least.fold(before, f64::max);
            marks.push((moment, y));
        }
        for (block, end) in blocks.iter_mut().zip(ends) {
            block.top = place(&marks, block.calls[0]);
            block.bottom = place(&marks, end);
        }
        Layout { blocks, marks }
    }

    /// Where a call is.
    pub fn at(&self, call: usize) -> f64 {
        place(&self.marks, call)
    }

    /// Where the block of a call ends.
    pub fn end_of(&self, call: usize) -> f64 {
        let block = self.blocks.iter().find(|block| block.calls.contains(&call));
        block.map_or(f64::INFINITY, |block| block.bottom)
    }

    /// Where the last block ends.
    pub fn height(&self) -> f64 {
        self.marks.last().map_or(0.0, |(_, y)| *y)
    }

    /// The calls with which something begins, and their places.
    pub fn marks(&self) -> &[(usize, f64)] {
        &self.marks
    }
}

/// What lies between two moments, however little it is.
fn gap(calls: usize) -> f64 {
    (calls as f64 * 0.3).clamp(5.0, 60.0)
}

/// Between two marks a call is where its number says.
fn place(marks: &[(usize, f64)], call: usize) -> f64 {
    let after = marks.partition_point(|(number, _)| *number <= call);
    match (after.checked_sub(1).map(|at| marks[at]), marks.get(after)) {
        (Some((from, y)), Some((to, end))) => {
            y + (end - y) * (call - from) as f64 / (to - from) as f64
        }
        (Some((_, y)), None) => y,
        (None, _) => 0.0,
    }
}

fn blocks(calls: &[Call]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut current: [Option<usize>; PROCESSES.len()] = [None; PROCESSES.len()];
    for (number, call) in calls.iter().enumerate() {
        let open = current[call.process].filter(|at| blocks[*at].phase == call.phase);
        match open {
            Some(at) => blocks[at].calls.push(number),
            None => {
                current[call.process] = Some(blocks.len());
                let (process, phase) = (call.process, call.phase);
                blocks.push(Block { process, phase, calls: vec![number], top: 0.0, bottom: 0.0 });
            }
        }
    }
    blocks
}

/// A block lasts until the next of its process: a call that waits lasts that long, too.
fn ends(blocks: &[Block], calls: &[Call]) -> Vec<usize> {
    let next = |(index, block): (usize, &Block)| {
        let later = blocks[index + 1..].iter().find(|later| later.process == block.process);
        let last = block.calls.last().map_or(calls.len(), |last| last + 1);
        later.map_or(last, |later| later.calls[0])
    };
    blocks.iter().enumerate().map(next).collect()
}
