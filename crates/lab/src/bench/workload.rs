//! The workloads: their models and what is shown to them.

use crate::error::LabError;
use crate::prepare::{find_chip, prepare};
use std::path::Path;
use tempfile::TempDir;
use trifactor_image::Image;
use trifactor_model::{Model, load};
use trifactor_stimulus::parse_npy;

/// Steps of the recorded inputs.
pub const RECORDED: usize = 1000;

const WEIGHTS: (&str, &[u8]) =
    ("plastic-weights.npy", include_bytes!("../../data/workloads/plastic-weights.npy"));

/// A workload with its learning epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Workload {
    /// 1,000 neurons, 95,321 static synapses.
    W1,
    /// Pair STDP on 78,400 synapses.
    W2 {
        /// Steps per learning epoch.
        epoch: u32,
    },
    /// A tag and a reward on 78,400 synapses.
    W3 {
        /// Steps per learning epoch.
        epoch: u32,
    },
}

impl Workload {
    /// All that are measured, in the order of the report.
    pub const ALL: [Self; 5] = [
        Self::W1,
        Self::W2 { epoch: 1 },
        Self::W2 { epoch: 4 },
        Self::W3 { epoch: 1 },
        Self::W3 { epoch: 4 },
    ];

    /// Its key in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W2 { epoch: 1 } => "W2_e1",
            Self::W2 { .. } => "W2_e4",
            Self::W3 { epoch: 1 } => "W3_e1",
            Self::W3 { .. } => "W3_e4",
        }
    }
    /// The projection whose weights are reported.
    pub const fn projection(self) -> &'static str {
        match self {
            Self::W1 => "recurrent",
            Self::W2 { .. } | Self::W3 { .. } => "ff",
        }
    }
    const fn epoch(self) -> u32 {
        match self {
            Self::W1 => 1,
            Self::W2 { epoch } | Self::W3 { epoch } => epoch,
        }
    }
    const fn model_text(self) -> &'static str {
        match self {
            Self::W1 => include_str!("../../data/workloads/w1.ron"),
            Self::W2 { .. } => include_str!("../../data/workloads/w2.ron"),
            Self::W3 { .. } => include_str!("../../data/workloads/w3.ron"),
        }
    }
    /// The files that the model names.
    fn model_files(self) -> &'static [(&'static str, &'static [u8])] {
        match self {
            Self::W1 => &[
                ("w1-pairs.npy", include_bytes!("../../data/workloads/w1-pairs.npy")),
                ("w1-weights.npy", include_bytes!("../../data/workloads/w1-weights.npy")),
            ],
            Self::W2 { .. } => &[WEIGHTS],
            Self::W3 { .. } => &[
                WEIGHTS,
                ("digit-values.npy", include_bytes!("../../data/workloads/digit-values.npy")),
            ],
        }
    }

    /// Loads the model through the loader that reads every model: from a folder, here a temporary
    /// one.
    pub fn model(self) -> Result<Model, LabError> {
        let text = self.model_text().replace("epoch: 1,", &format!("epoch: {},", self.epoch()));
        let folder = unpack(&text, self.model_files())?;
        Ok(load(folder.path())?)
    }

    /// The image of the model, for the chip of its file.
    pub fn image(self) -> Result<Image, LabError> {
        let model = self.model()?;
        let chip = find_chip(&model.chip)?;
        Ok(prepare(&model, chip)?.compiled.image)
    }

    /// Spikes of the recorded steps by input population, in the order of the model's inputs.
    /// Shape: `[step][input]` lanes.
    pub fn inputs(self) -> Result<Vec<Vec<Vec<u32>>>, LabError> {
        let by_step = |lists: Vec<Vec<u32>>| lists.into_iter().map(|lanes| vec![lanes]).collect();
        Ok(match self {
            Self::W1 => by_step(bits(include_bytes!("../../data/workloads/w1-drive.npy"))?),
            Self::W2 { .. } => by_step(images()?),
            Self::W3 { .. } => images()?
                .into_iter()
                .zip(digits()?)
                .map(|(image, digits)| vec![image, digits])
                .collect(),
        })
    }
}

fn images() -> Result<Vec<Vec<u32>>, LabError> {
    bits(include_bytes!("../../data/workloads/plastic-spikes.npy"))
}

/// The reward in binary, one step early: a digit's spike arrives in the step after the one in
/// which it fires (S3).
fn digits() -> Result<Vec<Vec<u32>>, LabError> {
    let reward = parse_npy("reward.npy", include_bytes!("../../data/workloads/reward.npy"))?.values;
    let of_step = |t: usize| {
        let value = reward[(t + 1) % reward.len()] as u32;
        (0..5).filter(|digit| value >> digit & 1 == 1).collect()
    };
    Ok((0..reward.len()).map(of_step).collect())
}

/// Lanes that fire in each step, from one row of bits per lane, the first step in the most
/// significant bit.
fn bits(file: &[u8]) -> Result<Vec<Vec<u32>>, LabError> {
    let array = parse_npy("spikes", file)?;
    let mut steps = vec![Vec::new(); RECORDED];
    let row = RECORDED / 8;
    for (lane, bytes) in (0u32..).zip(array.values.chunks_exact(row)) {
        for (t, step) in steps.iter_mut().enumerate() {
            if (bytes[t / 8] as u8) << (t % 8) & 0x80 != 0 {
                step.push(lane);
            }
        }
    }
    Ok(steps)
}

/// A model's folder that lasts as long as the value.
pub(super) fn unpack(model: &str, files: &[(&str, &[u8])]) -> Result<TempDir, LabError> {
    let write = |path: &Path, bytes: &[u8]| {
        std::fs::write(path, bytes)
            .map_err(|source| LabError::Write { path: path.display().to_string(), source })
    };
    let folder = tempfile::tempdir().map_err(|source| LabError::Write {
        path: std::env::temp_dir().display().to_string(),
        source,
    })?;
    write(&folder.path().join("model.ron"), model.as_bytes())?;
    for (name, bytes) in files {
        write(&folder.path().join(name), bytes)?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_reaches_the_network() {
        for workload in Workload::ALL {
            let model = workload.model().expect("it loads");
            assert_eq!(model.network.epoch, workload.epoch(), "{}", workload.name());
        }
    }

    #[test]
    fn the_recorded_inputs_are_those_of_the_tables() {
        let mean = |w: Workload| {
            let inputs = w.inputs().expect("they are read");
            assert_eq!(inputs.len(), RECORDED);
            inputs.iter().map(|lists| lists[0].len()).sum::<usize>() as f64 / RECORDED as f64
        };
        assert_eq!(mean(Workload::W1), 50.224);
        assert_eq!(mean(Workload::W2 { epoch: 1 }), 39.221);
        // The reward of step 1 would have to be sent in step 0.
        let reward = digits().expect("it is read");
        assert!(reward[RECORDED - 1].is_empty());
        assert_eq!(reward[249], [2, 4], "20 in step 251");
        assert!(reward[248].is_empty());
    }
}
