//! Tasks: episodes of input spikes with a class that the read-out should name at the end.
//!
//! The engine knows a task through [`Task`] alone; a settings file names one through
//! [`TaskSpec`]. A new task is a new file here and one line in `TaskSpec`.
//!
//! ```
//! use trifactor_host::task::TaskSpec;
//! let task = TaskSpec::CueAssociation(Default::default()).build(".".as_ref()).unwrap();
//! assert_eq!(task.steps(), 1050);
//! ```

mod batch;
mod cue;
mod recorded;

pub use batch::Batch;
pub use cue::{CueAssociation, Group, Rest, Script, Sides};

pub use recorded::Recorded;

use crate::HostError;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use std::path::Path;

/// Which half of all permutations an episode uses: training never shows one of the other half.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Part {
    /// For training.
    Training,
    /// For evaluation.
    Evaluation,
}

/// An input population that a task drives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Port {
    /// Name of the model's input population.
    pub name: String,
    /// Number of lanes.
    pub lanes: usize,
}

/// How many of so many evaluation episodes are different ones. Repeated ones would make intervals
/// narrow without adding knowledge.
pub fn distinct(task: &dyn Task, asked: usize) -> usize {
    task.recorded().map_or(asked, |n| n.min(asked))
}

/// A source of episodes. An episode depends on its seed, part and number alone.
pub trait Task: Send + Sync {
    /// The input populations it drives.
    fn ports(&self) -> Vec<Port>;
    /// Number of classes, one output of the read-out each.
    fn classes(&self) -> usize;
    /// Steps of an episode.
    fn steps(&self) -> u64;
    /// Steps, from 1, whose inputs the answer is about. The network answers as many steps later as
    /// its layers have latency (S3).
    fn window(&self) -> RangeInclusive<u64>;
    /// Number of different evaluation episodes, where they are recorded and not drawn; those with
    /// higher numbers repeat them.
    fn recorded(&self) -> Option<usize> {
        None
    }
    /// Checksum of what an episode depends on beyond seed, part, number and the task's settings:
    /// the content of files.
    fn checksum(&self) -> Option<u32> {
        None
    }
    /// Calls `spike(step, port, lane)` for every input spike, steps from 1, and returns the class.
    fn episode(
        &self,
        seed: u32,
        part: Part,
        number: u32,
        spike: &mut dyn FnMut(u64, usize, usize),
    ) -> usize;
}

/// A task as a settings file names it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum TaskSpec {
    /// One-shot cue association.
    CueAssociation(CueAssociation),
    /// Episodes recorded in NumPy files.
    Recorded(Recorded),
}

impl TaskSpec {
    /// The task; files are looked for in `folder`. Errors: a value out of its limits, a file that
    /// cannot be read or does not fit.
    pub fn build(&self, folder: &Path) -> Result<Box<dyn Task>, HostError> {
        match self {
            Self::CueAssociation(cue) => {
                cue.check().map_err(HostError::settings)?;
                Ok(Box::new(cue.clone()))
            }
            Self::Recorded(recorded) => {
                Ok(Box::new(recorded.load(folder).map_err(HostError::settings)?))
            }
        }
    }
}
