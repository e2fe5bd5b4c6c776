//! Encoders: from an array of values 0 to 1 to the lanes that fire in each step.
//!
//! Steps count from 1 inside a presentation. Everything is integer arithmetic or a keyed draw,
//! so the spikes are the same bits on every machine.

use crate::draws::StimulusDraws;
use serde::{Deserialize, Serialize};
use trifactor_fixed::mix32;

/// Probability 1, or one whole spike, in the fixed point of this module.
const ONE: u64 = 1 << 32;

/// A population that takes its spikes from outside.
#[derive(Clone, PartialEq, Debug)]
pub struct Input {
    /// The author's name.
    pub name: String,
    /// Number of lanes.
    pub n: u32,
    /// How values become spikes; needed to present pictures and arrays.
    pub encoder: Option<Encoder>,
}

/// Where the phase accumulators of [`Encoder::Rate`] begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum PhaseStart {
    /// At 0: equal values fire together.
    #[default]
    Zero,
    /// At a value in 0..1 of its own for each lane, the same in every trial; the number is a seed.
    PerLane(u32),
}

/// How a value in 0..=1 becomes spikes. Values outside are clamped.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Encoder {
    /// Regular firing: an accumulator grows by `value * max_rate` in every step; when it reaches
    /// 1 the lane fires and 1 is taken away. Accumulators hold 32 fraction bits.
    Rate {
        /// Spikes per step at value 1, above 0 and at most 1.
        max_rate: f64,
        /// Start of the accumulators.
        #[serde(default)]
        phase: PhaseStart,
    },
    /// In every step the lane fires with probability `value * max_rate`.
    Poisson {
        /// Probability at value 1, above 0 and at most 1.
        max_rate: f64,
    },
    /// One spike, in step `1 + round((1 - value) * (steps - 1))`; none at or below the threshold.
    Latency {
        /// Steps over which latencies spread, at least 1.
        steps: u32,
        /// Largest value that does not fire.
        #[serde(default)]
        threshold: f64,
    },
    /// One spike in step 1 above the threshold.
    Burst {
        /// Largest value that does not fire.
        #[serde(default)]
        threshold: f64,
    },
}

impl Encoder {
    /// What is wrong with the encoder's numbers, if anything.
    pub fn fault(&self) -> Option<String> {
        match *self {
            Self::Rate { max_rate, .. } | Self::Poisson { max_rate } => {
                let legal = max_rate > 0.0 && max_rate <= 1.0;
                (!legal)
                    .then(|| format!("max_rate is {max_rate}; it must be above 0 and at most 1"))
            }
            Self::Latency { steps: 0, .. } => Some("steps is 0; at least 1 is needed".to_owned()),
            Self::Latency { threshold, .. } | Self::Burst { threshold } => {
                (!threshold.is_finite()).then(|| "threshold is not finite".to_owned())
            }
        }
    }
    /// The spikes for these values. `input` and `site` key the draws.
    pub fn encode(&self, values: &[f32], draws: StimulusDraws, input: u32, site: u8) -> Firing {
        let value = |v: &f32| f64::from(v.clamp(0.0, 1.0));
        let rate = |max: f64| values.iter().map(|v| fixed_point(value(v) * max)).collect();
        match *self {
            Self::Rate { max_rate, phase } => Firing::Regular {
                rate: rate(max_rate),
                start: match phase {
                    PhaseStart::Zero => vec![0; values.len()],
                    PhaseStart::PerLane(seed) => (0u32..)
                        .take(values.len())
                        .map(|lane| mix32(mix32(seed ^ 0x9e37_79b9) ^ lane))
                        .collect(),
                },
            },
            Self::Poisson { max_rate } => {
                Firing::Random { probability: rate(max_rate), draws, input, site }
            }
            Self::Latency { steps, threshold } => Firing::Once {
                step: values
                    .iter()
                    .map(value)
                    .map(|v| {
                        let late = ((1.0 - v) * f64::from(steps.saturating_sub(1))).round() as u32;
                        if v > threshold { 1 + late } else { 0 }
                    })
                    .collect(),
            },
            Self::Burst { threshold } => Firing::Once {
                step: values.iter().map(|v| u32::from(value(v) > threshold)).collect(),
            },
        }
    }
}

/// A probability or rate with 32 fraction bits.
pub(crate) fn fixed_point(p: f64) -> u64 {
    ((p * ONE as f64).round() as u64).min(ONE)
}

/// Which lanes fire when, decided up to the step.
#[derive(Clone, PartialEq, Debug)]
pub enum Firing {
    /// Accumulators with 32 fraction bits.
    Regular {
        /// Growth per step. Shape: `[lanes]`.
        rate: Vec<u64>,
        /// Accumulator before step 1. Shape: `[lanes]`.
        start: Vec<u32>,
    },
    /// A draw per lane and step.
    Random {
        /// Probability with 32 fraction bits. Shape: `[lanes]`.
        probability: Vec<u64>,
        /// Source of the draws.
        draws: StimulusDraws,
        /// Number of the input population.
        input: u32,
        /// Number of the presentation.
        site: u8,
    },
    /// At most one spike a lane.
    Once {
        /// Its step, 0 for none. Shape: `[lanes]`.
        step: Vec<u32>,
    },
    /// Explicit spikes.
    Listed(Vec<(u32, u32)>),
    /// The same lane in a range of steps, both ends included, with a probability if any.
    Lane {
        /// The lane.
        lane: u32,
        /// First and last step.
        steps: (u32, u32),
        /// Probability with 32 fraction bits and source; `None` fires in every step.
        random: Option<(u64, StimulusDraws, u32, u8)>,
    },
}

impl Firing {
    /// Adds the lanes that fire in `step` of the presentation, which is step `trial_step` of the
    /// trial; both count from 1.
    pub fn fire(&self, step: u32, trial_step: u32, lanes: &mut Vec<u32>) {
        match self {
            Self::Regular { rate, start } => {
                for (lane, (&rate, &start)) in (0u32..).zip(rate.iter().zip(start)) {
                    // The accumulator without its subtractions; below 2^64 since rate <= 2^32.
                    let level =
                        |s: u32| (u128::from(start) + u128::from(rate) * u128::from(s)) >> 32;
                    if level(step) > level(step - 1) {
                        lanes.push(lane);
                    }
                }
            }
            Self::Random { probability, draws, input, site } => {
                for (lane, &p) in (0u32..).zip(probability) {
                    if p > 0 && u64::from(draws.lane(*input, *site, trial_step, lane)) < p {
                        lanes.push(lane);
                    }
                }
            }
            Self::Once { step: at } => {
                lanes.extend((0u32..).zip(at).filter(|(_, s)| **s == step).map(|(lane, _)| lane));
            }
            Self::Listed(spikes) => {
                let from = spikes.partition_point(|(s, _)| *s < step);
                lanes
                    .extend(spikes[from..].iter().take_while(|(s, _)| *s == step).map(|(_, l)| *l));
            }
            Self::Lane { lane, steps, random } => {
                let fires = match random {
                    None => true,
                    Some((p, draws, input, site)) => {
                        u64::from(draws.lane(*input, *site, trial_step, *lane)) < *p
                    }
                };
                if step >= steps.0 && step <= steps.1 && fires {
                    lanes.push(*lane);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spikes(encoder: Encoder, values: &[f32], steps: u32, seed: u32) -> Vec<Vec<u32>> {
        assert_eq!(encoder.fault(), None);
        let firing = encoder.encode(values, StimulusDraws::new(seed, 0), 0, 0);
        (1..=steps)
            .map(|s| {
                let mut lanes = Vec::new();
                firing.fire(s, s, &mut lanes);
                lanes
            })
            .collect()
    }

    proptest! {
        #[test]
        fn regular_firing_equals_the_accumulator_it_describes(
            values in proptest::collection::vec(0.0f32..=1.0, 1..6),
            max_rate in 0.01f64..=1.0,
            seed in any::<u32>(),
            seeded in any::<bool>(),
        ) {
            let phase = if seeded { PhaseStart::PerLane(seed) } else { PhaseStart::Zero };
            let encoder = Encoder::Rate { max_rate, phase };
            let got = spikes(encoder, &values, 200, 1);
            let Firing::Regular { rate, start } = encoder.encode(&values, StimulusDraws::new(1, 0), 0, 0)
                else { panic!("a rate is regular") };
            for lane in 0..values.len() {
                let mut acc = u64::from(start[lane]);
                for (s, fired) in got.iter().enumerate() {
                    acc += rate[lane];
                    let fires = acc >= ONE;
                    if fires { acc -= ONE; }
                    prop_assert_eq!(fired.contains(&(lane as u32)), fires, "step {}", s + 1);
                }
            }
        }
    }

    #[test]
    fn the_brightest_lane_fires_in_every_step_at_rate_one_and_a_dark_lane_never() {
        for lanes in
            spikes(Encoder::Rate { max_rate: 1.0, phase: PhaseStart::Zero }, &[0.0, 1.0], 50, 1)
        {
            assert_eq!(lanes, [1]);
        }
        for lanes in spikes(Encoder::Poisson { max_rate: 1.0 }, &[0.0, 1.0], 50, 1) {
            assert_eq!(lanes, [1]);
        }
    }

    #[test]
    fn random_firing_has_its_probability_and_changes_with_the_seed() {
        let n = 20_000;
        let fired = spikes(Encoder::Poisson { max_rate: 0.5 }, &[0.5], n, 3);
        let count: usize = fired.iter().map(Vec::len).sum();
        // Four standard errors of a binomial with p = 1/4.
        let bound = 4.0 * (f64::from(n) * 0.25 * 0.75).sqrt();
        assert!((count as f64 - 0.25 * f64::from(n)).abs() < bound, "{count}");
        assert_ne!(fired, spikes(Encoder::Poisson { max_rate: 0.5 }, &[0.5], n, 4));
    }

    #[test]
    fn latency_puts_the_brightest_first_and_silences_the_dark() {
        let fired =
            spikes(Encoder::Latency { steps: 11, threshold: 0.2 }, &[1.0, 0.5, 0.25, 0.125], 12, 1);
        let when = |lane| fired.iter().position(|l| l.contains(&lane)).map(|s| s + 1);
        assert_eq!([when(0), when(1), when(2), when(3)], [Some(1), Some(6), Some(9), None]);
    }

    #[test]
    fn a_burst_is_one_spike_in_the_first_step() {
        let fired = spikes(Encoder::Burst { threshold: 0.5 }, &[0.5, 0.51], 3, 1);
        assert_eq!(fired, vec![vec![1], vec![], vec![]]);
    }

    #[test]
    fn impossible_encoders_are_named() {
        for bad in [
            Encoder::Rate { max_rate: 0.0, phase: PhaseStart::Zero },
            Encoder::Poisson { max_rate: f64::NAN },
            Encoder::Poisson { max_rate: 1.5 },
            Encoder::Latency { steps: 0, threshold: 0.0 },
            Encoder::Burst { threshold: f64::INFINITY },
        ] {
            assert!(bad.fault().is_some(), "{bad:?}");
        }
    }
}
