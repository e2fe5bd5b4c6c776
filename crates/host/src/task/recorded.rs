//! Episodes recorded in NumPy files: a task of one's own without a line of Rust.
//!
//! Each input population has a file of 0 and 1 with the shape `[episode][step][lane]`; one more
//! file names the class of every episode. Training draws episodes at random, with replacement, by
//! seed and number; an evaluation takes them in order, so it belongs on files of its own.

use super::{Part, Port, Task};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use trifactor_fixed::{DrawKey, mix32};
use trifactor_stimulus::{NpyArray, read_npy};

/// Largest file of recorded episodes, in bytes.
const MAX_FILE: u64 = 1 << 28;

/// Stream of the draw that chooses an episode.
const CHOICE: u32 = 0x0e91_50de;

/// Where the episodes are, as a settings file says it. Paths begin in the model's folder.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// For each input population a `.npy` file of 0 and 1, `[episode][step][lane]`.
    pub inputs: BTreeMap<String, PathBuf>,
    /// A `.npy` file with the class of each episode, from 0, `[episode]`.
    pub labels: PathBuf,
    /// Number of classes.
    pub classes: usize,
    /// First and last step, from 1, whose inputs the answer is about.
    pub window: (u64, u64),
}

/// The episodes themselves.
#[derive(Debug)]
pub(super) struct RecordedEpisodes {
    ports: Vec<Port>,
    /// One bit per `[episode][step][lane]` of each port.
    bits: Vec<Vec<u64>>,
    steps: usize,
    classes: usize,
    window: RangeInclusive<u64>,
    labels: Vec<usize>,
}

impl Recorded {
    /// Reads the files. Errors, as sentences: a file that cannot be read, shapes that do not
    /// agree, an element that is no spike, a label out of range, a window outside the episode.
    pub(super) fn load(&self, folder: &Path) -> Result<RecordedEpisodes, String> {
        let read = |path: &Path| read_npy(&folder.join(path), MAX_FILE).map_err(|e| e.to_string());
        if self.inputs.is_empty() {
            return Err("Recorded.inputs names no input population".to_owned());
        }
        if !(1..=1024).contains(&self.classes) {
            return Err(format!("Recorded.classes is {}; 1 to 1024 are possible", self.classes));
        }
        let labels = self.labels(&read(&self.labels)?)?;
        let (mut ports, mut bits, mut steps) = (Vec::<Port>::new(), Vec::new(), None);
        for (name, path) in &self.inputs {
            let array = read(path)?;
            let at = || format!("Recorded.inputs: '{}' of '{name}'", path.display());
            let [episodes, n, lanes] = array.shape[..] else {
                return Err(format!(
                    "{} has {} dimensions; [episode][step][lane] is needed",
                    at(),
                    array.shape.len()
                ));
            };
            if episodes != labels.len() {
                return Err(format!(
                    "{} holds {episodes} episodes and the labels {}",
                    at(),
                    labels.len()
                ));
            }
            if let Some(odd) = array.values.iter().position(|x| *x != 0.0 && *x != 1.0) {
                let (value, here) = (array.values[odd], odd % (n * lanes));
                return Err(format!(
                    "{} is {value} at episode {}, step {}, lane {}; spikes are 0 or 1",
                    at(),
                    odd / (n * lanes),
                    here / lanes + 1,
                    here % lanes
                ));
            }
            let steps = *steps.get_or_insert(n);
            if n != steps {
                let first = &ports[0].name;
                return Err(format!(
                    "Recorded.inputs: '{name}' has {n} steps and '{first}' {steps}"
                ));
            }
            ports.push(Port { name: name.clone(), lanes });
            // One input at a time is held as numbers of eight bytes.
            bits.push(packed(&array.values));
        }
        let steps = steps.unwrap_or(0);
        let (from, to) = self.window;
        if !(1 <= from && from <= to && to <= steps as u64) {
            return Err(format!(
                "Recorded.window is ({from}, {to}); steps 1 to {steps} are possible, in order"
            ));
        }
        let (classes, window) = (self.classes, from..=to);
        Ok(RecordedEpisodes { ports, bits, steps, classes, window, labels })
    }

    fn labels(&self, array: &NpyArray) -> Result<Vec<usize>, String> {
        let at = format!("Recorded.labels: '{}'", self.labels.display());
        if array.shape.len() != 1 || array.values.is_empty() {
            return Err(format!("{at} needs one dimension, [episode], and at least one episode"));
        }
        let wrong = |x: f64| !(x >= 0.0 && x < self.classes as f64 && x.fract() == 0.0);
        match array.values.iter().position(|x| wrong(*x)) {
            Some(episode) => Err(format!(
                "{at} is {} at episode {episode}; classes are 0 to {}",
                array.values[episode],
                self.classes - 1
            )),
            None => Ok(array.values.iter().map(|x| *x as usize).collect()),
        }
    }
}

/// One bit per value, 64 to a word.
fn packed(values: &[f64]) -> Vec<u64> {
    let word = |chunk: &[f64]| {
        chunk.iter().enumerate().fold(0, |word, (at, x)| word | u64::from(*x != 0.0) << at)
    };
    values.chunks(64).map(word).collect()
}

impl Task for RecordedEpisodes {
    fn ports(&self) -> Vec<Port> {
        self.ports.clone()
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn steps(&self) -> u64 {
        self.steps as u64
    }

    fn window(&self) -> RangeInclusive<u64> {
        self.window.clone()
    }

    fn recorded(&self) -> Option<usize> {
        Some(self.labels.len())
    }

    fn checksum(&self) -> Option<u32> {
        let mut sum = crc32fast::Hasher::new();
        self.labels.iter().for_each(|label| sum.update(&label.to_le_bytes()));
        for word in self.bits.iter().flatten() {
            sum.update(&word.to_le_bytes());
        }
        Some(sum.finalize())
    }

    fn episode(
        &self,
        seed: u32,
        part: Part,
        number: u32,
        spike: &mut dyn FnMut(u64, usize, usize),
    ) -> usize {
        let n = self.labels.len() as u64;
        let episode = match part {
            Part::Evaluation => u64::from(number) % n,
            Part::Training => {
                let draw = DrawKey::new(mix32(mix32(seed)), number, CHOICE, 0).draw(0, 0);
                (u64::from(draw) * n) >> 32
            }
        } as usize;
        for step in 0..self.steps {
            for (port, (p, bits)) in self.ports.iter().zip(&self.bits).enumerate() {
                let start = (episode * self.steps + step) * p.lanes;
                for lane in 0..p.lanes {
                    let bit = start + lane;
                    if bits[bit / 64] >> (bit % 64) & 1 == 1 {
                        spike(step as u64 + 1, port, lane);
                    }
                }
            }
        }
        self.labels[episode]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `.npy` file of bytes.
    fn npy(shape: &[usize], values: &[u8]) -> Vec<u8> {
        let list: Vec<String> = shape.iter().map(|n| format!("{n},")).collect();
        let mut head =
            format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({}), }}", list.join(""));
        while !(10 + head.len() + 1).is_multiple_of(64) {
            head.push(' ');
        }
        head.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((head.len() as u16).to_le_bytes());
        bytes.extend(head.as_bytes());
        bytes.extend(values);
        bytes
    }

    /// Two episodes of three steps; two lanes of one input and one of another.
    fn folder(spikes: &[u8], labels: &[u8]) -> (tempfile::TempDir, Recorded) {
        let folder = tempfile::tempdir().expect("a place for files");
        let write = |name: &str, bytes: Vec<u8>| {
            std::fs::write(folder.path().join(name), bytes).expect("it can be written");
        };
        write("a.npy", npy(&[2, 3, 2], spikes));
        write("b.npy", npy(&[2, 3, 1], &[0, 0, 1, 1, 0, 0]));
        write("labels.npy", npy(&[labels.len()], labels));
        let inputs = [("a".to_owned(), "a.npy".into()), ("b".to_owned(), "b.npy".into())];
        let spec = Recorded {
            inputs: inputs.into_iter().collect(),
            labels: "labels.npy".into(),
            classes: 2,
            window: (3, 3),
        };
        (folder, spec)
    }

    const SPIKES: [u8; 12] = [1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0];

    #[test]
    fn an_evaluation_shows_the_recorded_spikes_in_order() {
        let (folder, spec) = folder(&SPIKES, &[1, 0]);
        let task = spec.load(folder.path()).expect("legal");
        let mut seen = Vec::new();
        let label = task.episode(9, Part::Evaluation, 0, &mut |s, p, l| seen.push((s, p, l)));
        assert_eq!((label, seen), (1, vec![(1, 0, 0), (3, 0, 1), (3, 1, 0)]));
        let mut seen = Vec::new();
        let label = task.episode(9, Part::Evaluation, 3, &mut |s, p, l| seen.push((s, p, l)));
        assert_eq!((label, seen), (0, vec![(1, 1, 0), (2, 0, 0), (2, 0, 1)]));
    }

    #[test]
    fn training_draws_every_episode_by_seed_and_number() {
        let (folder, spec) = folder(&SPIKES, &[1, 0]);
        let task = spec.load(folder.path()).expect("legal");
        let labels = |seed| -> Vec<usize> {
            (0..400).map(|n| task.episode(seed, Part::Training, n, &mut |_, _, _| ())).collect()
        };
        assert_eq!(labels(1), labels(1));
        assert_ne!(labels(1), labels(2));
        let ones: usize = labels(1).iter().sum();
        assert!((150..250).contains(&ones), "{ones}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let refused = |spikes: &[u8], labels: &[u8], change: &dyn Fn(&mut Recorded)| {
            let (folder, mut spec) = folder(spikes, labels);
            change(&mut spec);
            spec.load(folder.path()).map(|_| ()).expect_err("it is wrong")
        };
        let mut two = SPIKES;
        two[5] = 2;
        let cases: [(&[u8], &[u8], &dyn Fn(&mut Recorded), &str); 6] = [
            (&two, &[1, 0], &|_| (), "is 2 at episode 0, step 3, lane 1"),
            (&SPIKES, &[1, 2], &|_| (), "is 2 at episode 1; classes are 0 to 1"),
            (&SPIKES, &[1, 0, 1], &|_| (), "holds 2 episodes and the labels 3"),
            (&SPIKES, &[1, 0], &|s| s.window = (2, 4), "window is (2, 4); steps 1 to 3"),
            (&SPIKES, &[1, 0], &|s| s.labels = "a.npy".into(), "needs one dimension"),
            (&SPIKES, &[1, 0], &|s| s.labels = "none.npy".into(), "none.npy"),
        ];
        for (spikes, labels, change, words) in cases {
            let message = refused(spikes, labels, change);
            assert!(message.contains(words), "{message}");
        }
    }
}
