//! The lanes at both ends of each synapse, as the executor walks them.

use super::loops;
use trifactor_ir::Synapses;

/// The lanes at both ends of each synapse.
#[derive(Debug)]
pub(super) struct Edges {
    pub row_start: Vec<u32>,
    pub pre: Vec<u32>,
    pub post: Vec<u32>,
    pub n_post: usize,
    /// Where the rows of these lanes start, in chunks of the executor.
    pub pre_chunk: Vec<u32>,
    post_chunk: Vec<u32>,
}

impl Edges {
    /// For rows of `width` episodes.
    pub fn new(synapses: &Synapses, n_post: usize, width: usize) -> Self {
        let pre = synapses.pre_lanes();
        let post = synapses.post_lane.clone();
        Self {
            row_start: synapses.row_start.clone(),
            pre_chunk: first_chunks(pre.iter().copied(), width),
            post_chunk: first_chunks(post.iter().copied(), width),
            pre,
            post,
            n_post,
        }
    }
    /// Where the rows of post lanes start, for [`Onto::Listed`].
    pub fn post_chunk(&self) -> &[u32] {
        &self.post_chunk
    }
    pub fn n_pre(&self) -> usize {
        self.row_start.len().saturating_sub(1)
    }
    pub fn row(&self, pre: usize) -> std::ops::Range<usize> {
        self.row_start[pre] as usize..self.row_start[pre + 1] as usize
    }
}

/// First chunks of the rows of some lanes.
pub(super) fn first_chunks(lanes: impl Iterator<Item = u32>, width: usize) -> Vec<u32> {
    let step = loops::chunks_per_row(width);
    // An array that needs a larger number does not fit into memory.
    lanes.map(|lane| u32::try_from(lane as usize * step).unwrap_or(u32::MAX)).collect()
}
