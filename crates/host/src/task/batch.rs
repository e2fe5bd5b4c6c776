//! The spikes of up to 64 episodes, one bit each.

use super::{Part, Task};

/// Episodes of one task side by side.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    episodes: usize,
    steps: u64,
    /// First word of each port inside a step.
    first: Vec<usize>,
    words_per_step: usize,
    /// `[step][port lane]`; bit e of a word is episode e.
    words: Vec<u64>,
    /// Class of each episode.
    labels: Vec<usize>,
}

impl Batch {
    /// The largest number of episodes.
    pub const MAX: usize = 64;

    /// Fills the batch with the episodes of these numbers.
    ///
    /// Panics if there are more than [`Self::MAX`] of them.
    pub fn fill(&mut self, task: &dyn Task, seed: u32, part: Part, numbers: &[u32]) {
        assert!(numbers.len() <= Self::MAX, "internal: {} episodes in a batch", numbers.len());
        self.episodes = numbers.len();
        self.steps = task.steps();
        self.first.clear();
        self.words_per_step = 0;
        for port in task.ports() {
            self.first.push(self.words_per_step);
            self.words_per_step += port.lanes;
        }
        self.words.clear();
        self.words.resize(self.steps as usize * self.words_per_step, 0);
        self.labels.clear();
        for (e, number) in numbers.iter().enumerate() {
            let (words, first, stride) = (&mut self.words, &self.first, self.words_per_step);
            let label = task.episode(seed, part, *number, &mut |step, port, lane| {
                words[(step as usize - 1) * stride + first[port] + lane] |= 1 << e;
            });
            self.labels.push(label);
        }
    }

    /// Steps in which there is input.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Class of each episode.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The words of a port's lanes in a step from 1; all zero after the last step.
    pub fn lanes(&self, step: u64, port: usize, lanes: usize) -> Option<&[u64]> {
        if step > self.steps {
            return None;
        }
        let at = (step as usize - 1) * self.words_per_step + self.first[port];
        Some(&self.words[at..at + lanes])
    }

    /// Whether an episode's lane fires in a step.
    pub fn fires(&self, step: u64, port: usize, lane: usize, episode: usize) -> bool {
        let words = self.lanes(step, port, lane + 1);
        words.is_some_and(|w| w[lane] >> episode & 1 == 1)
    }
}
