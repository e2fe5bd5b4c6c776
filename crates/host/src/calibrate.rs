//! Post-training calibration: which values states really take, and the formats that fit them.
//!
//! A plan knows worst cases: an accumulator in which every synapse fires at once, a modulator at
//! the end of its declared range. [`calibrate`] runs training episodes in floating point, looks at
//! every value of every state in every step, and proposes the binary points with which the same
//! number of bits resolves most while nothing that was seen saturates. A proposal is kept only if
//! the chip's plan accepts it.

use crate::HostError;
use crate::network::{Link, differentiable};
use crate::settings::Settings;
use crate::task::Part;
use crate::tile::{Episodes, TileRunner};
use serde::Serialize;
use trifactor_fixed::QFormat;
use trifactor_ir::{CheckedNetwork, Group, Network, Read, StateId, StateRole};
use trifactor_isa::Chip;
use trifactor_quant::{FormatRequest, Plan, Requests, StateFormat, plan};
use trifactor_reference::float::TapeView;

/// Room above the largest value seen.
const MARGIN: f64 = 1.25;
/// As many fraction bits below the finest weight there is nothing left to resolve in a membrane.
const BELOW_WEIGHTS: i8 = 8;
/// Most fraction bits of a state.
const MAX_FRAC: i8 = 24;
/// Episodes of one task, after which it is the next one's turn.
const CHUNK: usize = 16;
/// Magnitudes are counted by exponent and three bits of the mantissa.
const BIN_SHIFT: u32 = 20;
const BINS: usize = 1 << (31 - BIN_SHIFT);

/// What one state did.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Seen {
    state: StateId,
    /// Values beyond these ends would saturate.
    held: (f32, f32),
    low: f32,
    high: f32,
    outside: u64,
    bins: Vec<u64>,
}

/// Counts the values of states while a tape runs.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Recorder {
    seen: Vec<Seen>,
}

impl Recorder {
    fn new(states: impl Iterator<Item = (StateId, StateFormat)>) -> Self {
        let seen = states.map(|(state, format)| {
            let lsb = format.q.lsb();
            // The end of a range and of its format may lie one unit apart.
            let low = format.value(format.raw.lo) - lsb;
            let high = format.value(format.raw.hi) + lsb;
            let held = (low as f32, high as f32);
            let bins = vec![0; BINS];
            Seen { state, held, low: f32::INFINITY, high: f32::NEG_INFINITY, outside: 0, bins }
        });
        Self { seen: seen.collect() }
    }

    /// Counts the values at the end of a step, those of the first `live` episodes.
    pub fn see(&mut self, view: &TapeView<'_, f32>, width: usize, live: usize) {
        for seen in &mut self.seen {
            for row in view.state(seen.state).chunks_exact(width) {
                for x in &row[..live] {
                    seen.low = seen.low.min(*x);
                    seen.high = seen.high.max(*x);
                    seen.outside += u64::from(*x < seen.held.0 || *x > seen.held.1);
                    seen.bins[(x.abs().to_bits() >> BIN_SHIFT) as usize] += 1;
                }
            }
        }
    }

    /// What two recorders saw together.
    pub fn merged(mut self, other: Self) -> Self {
        for (seen, more) in self.seen.iter_mut().zip(other.seen) {
            seen.low = seen.low.min(more.low);
            seen.high = seen.high.max(more.high);
            seen.outside += more.outside;
            seen.bins.iter_mut().zip(more.bins).for_each(|(sum, n)| *sum += n);
        }
        self
    }
}

impl Seen {
    fn count(&self) -> u64 {
        self.bins.iter().sum()
    }

    /// A magnitude that this share of all values does not exceed, to within an eighth.
    fn quantile(&self, share: f64) -> f64 {
        let wanted = (share * self.count() as f64).ceil() as u64;
        let mut sum = 0;
        let bin = self.bins.iter().position(|n| {
            sum += n;
            sum >= wanted
        });
        let end = f32::from_bits((bin.unwrap_or(0) as u32 + 1) << BIN_SHIFT);
        f64::from(end.min(self.high.max(-self.low)))
    }
}

/// One line of the table.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StateReport {
    /// Full name.
    pub name: String,
    /// What it is, in a word.
    pub kind: &'static str,
    /// Smallest value seen.
    pub low: f64,
    /// Largest value seen.
    pub high: f64,
    /// Magnitude that 99.9 % of all values do not exceed, to within an eighth.
    pub usual: f64,
    /// Values looked at.
    pub values: u64,
    /// Share of them that the present format does not hold.
    pub saturated: f64,
    /// The format it has.
    pub now: QFormat,
    /// The format that fits what was seen.
    pub proposed: QFormat,
}

/// What a calibration found.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Calibration {
    /// Episodes that were run.
    pub episodes: usize,
    /// All states that a phase sets, in the network's order.
    pub states: Vec<StateReport>,
    /// Lines for `formats` in model.ron.
    pub formats: Vec<String>,
    /// Narrower ranges that say the same to the float reading: full name and range.
    pub ranges: Vec<(String, (f64, f64))>,
}

/// How a calibration or a table of bits runs.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// Seed of the episodes.
    pub seed: u32,
    /// Their number.
    pub episodes: usize,
    /// Worker threads; results do not depend on it.
    pub threads: usize,
}

/// Runs training episodes of the last stage and proposes formats. `progress` is told how many are
/// done.
///
/// Errors: the settings do not fit the network.
pub fn calibrate(
    network: &CheckedNetwork,
    settings: &Settings,
    (now, chip, requests): (&Plan, &Chip, &Requests),
    how: Measurement,
    progress: &mut dyn FnMut(usize),
) -> Result<Calibration, HostError> {
    let states: Vec<(StateId, &'static str)> =
        network.states.ids().filter_map(|s| Some((s, kind_of(network, now, s)?))).collect();
    let watched = states.iter().map(|(s, _)| (*s, now.states[*s]));
    let recorder = record(network, settings, watched, how, progress)?;

    let mut merged = requests.clone();
    let mut proposals = Vec::new();
    for ((state, kind), seen) in states.iter().zip(&recorder.seen) {
        let q = now.states[*state].q;
        let name = network.full_name(*state);
        let better = match *kind {
            "current" => None,
            "membrane" => membrane_frac(network, now, *state, &recorder),
            _ => fitting(q, seen),
        };
        let better = better.filter(|frac| *frac != q.frac).filter(|frac| {
            let mut request = requests.get(&name).copied().unwrap_or_default();
            (request.bits, request.frac) = (Some(q.bits), Some(*frac));
            let before = merged.insert(name.clone(), request);
            let fits = plan(network, chip, &merged).is_ok();
            if !fits {
                undo(&mut merged, &name, before);
            }
            fits
        });
        proposals.push(better.map(|frac| QFormat { frac, ..q }));
    }
    let mut found = Calibration {
        episodes: how.episodes,
        states: Vec::new(),
        formats: Vec::new(),
        ranges: Vec::new(),
    };
    for (((state, kind), seen), proposal) in states.iter().zip(&recorder.seen).zip(&proposals) {
        let q = now.states[*state].q;
        let name = network.full_name(*state);
        // A current has the binary point of its membrane.
        let of_membrane = || {
            let at = states
                .iter()
                .position(|(s, k)| *k == "membrane" && same_lanes(network, *s, *state))?;
            proposals[at]
        };
        let proposed = if *kind == "current" { of_membrane() } else { *proposal }.unwrap_or(q);
        if proposed != q && *kind != "current" {
            found.formats.push(format!("\"{name}\": (bits: {}, frac: {}),", q.bits, proposed.frac));
            if let Some((lo, hi)) = network.states[*state].range {
                // The format ends one unit below a power of two.
                let end = proposed.range().1 + proposed.lsb();
                if *kind != "membrane" && hi.max(-lo) > end {
                    found.ranges.push((name.clone(), (lo.max(-end), hi.min(end))));
                }
            }
        }
        let count = seen.count();
        found.states.push(StateReport {
            name,
            kind,
            low: f64::from(seen.low),
            high: f64::from(seen.high),
            usual: seen.quantile(0.999),
            values: count,
            saturated: seen.outside as f64 / count.max(1) as f64,
            now: q,
            proposed,
        });
    }
    Ok(found)
}

fn undo(requests: &mut Requests, name: &str, before: Option<FormatRequest>) {
    match before {
        Some(request) => requests.insert(name.to_owned(), request),
        None => requests.remove(name),
    };
}

/// Runs episodes of the last stage, its tasks in turn as a training shows them.
fn record(
    network: &CheckedNetwork,
    settings: &Settings,
    states: impl Iterator<Item = (StateId, StateFormat)>,
    how: Measurement,
    progress: &mut dyn FnMut(usize),
) -> Result<Recorder, HostError> {
    let network = differentiable(network)?;
    let mut tasks = Vec::new();
    for spec in settings.stages.last().map(|s| s.tasks.as_slice()).unwrap_or_default() {
        let task = spec.build(&settings.folder)?;
        let link = Link::new(&network, &settings.readout, task.as_ref())?;
        tasks.push((task, link));
    }
    let (_, first_link) =
        tasks.first().ok_or_else(|| HostError::settings("stages: at least one is needed"))?;
    let mut runner = TileRunner::forward(&network, first_link, how.threads)?;
    let recorder = Recorder::new(states);
    runner.record(&recorder);
    for (turn, first) in (0..how.episodes).step_by(CHUNK).enumerate() {
        let (task, link) = &tasks[turn % tasks.len()];
        let count = CHUNK.min(how.episodes - first);
        let (seed, part) = (how.seed, Part::Training);
        let episodes = Episodes { seed, part, first: first as u32, count };
        runner.run(task.as_ref(), link, episodes, false);
        progress(first + count);
    }
    Ok(runner.recorded().unwrap_or(recorder))
}

/// What a state is, if a phase sets it and it has a format worth choosing.
fn kind_of(network: &Network, plan: &Plan, state: StateId) -> Option<&'static str> {
    let s = &network.states[state];
    if s.role != StateRole::Variable {
        return None;
    }
    let (phase, _) = network.setter(state)?;
    match network.phases[phase].group {
        Group::Plasticity if is_weight(network, state) => Some("weight"),
        Group::Plasticity => Some("tag"),
        Group::Traces => Some("trace"),
        Group::Modulators => Some("modulator"),
        // Counters are whole numbers, and a pseudo-derivative ends at its height.
        Group::Neurons if !plan.states[state].q.signed => None,
        Group::Neurons if s.name == "v" => Some("membrane"),
        Group::Neurons => Some("current"),
        Group::Deliver => None,
    }
}

/// Whether some delivery sends this state's value to a target.
pub(crate) fn is_weight(network: &Network, state: StateId) -> bool {
    network
        .phases
        .values()
        .any(|p| p.group == Group::Deliver && p.reads.values().any(|r| *r == Read::State(state)))
}

fn same_lanes(network: &Network, a: StateId, b: StateId) -> bool {
    network.states[a].space == network.states[b].space
}

/// The most fraction bits that hold what was seen, with some room.
fn fitting(q: QFormat, seen: &Seen) -> Option<i8> {
    let (low, high) = (MARGIN * f64::from(seen.low.min(0.0)), MARGIN * f64::from(seen.high));
    // A state that never moved says nothing.
    let moved = low < 0.0 || high > 0.0;
    let found = QFormat::for_range(q.bits, q.signed, low, high.max(0.0), MAX_FRAC)?;
    moved.then_some(found.frac)
}

/// The same for a membrane and its current, which share a binary point with the threshold.
fn membrane_frac(
    network: &Network,
    plan: &Plan,
    state: StateId,
    recorder: &Recorder,
) -> Option<i8> {
    let q = plan.states[state].q;
    let space = network.states[state].space;
    let mut reach = 0f64;
    for seen in recorder.seen.iter().filter(|s| same_lanes(network, s.state, state)) {
        reach = reach.max(MARGIN * f64::from(seen.high.max(-seen.low)));
    }
    let mut finest = None;
    for (id, s) in network.states.iter().filter(|(_, s)| s.space == space) {
        if matches!(s.name.as_str(), "threshold" | "bias" | "v_min")
            && let Some((low, high)) = s.init.bounds()
        {
            // Twice the threshold leaves room for the last input before a spike.
            reach = reach.max(2.0 * low.abs().max(high.abs()));
        }
        if s.role == StateRole::Accumulator {
            let delivers = network
                .phases
                .values()
                .filter(|p| p.group == Group::Deliver && p.writes.contains(&id));
            let weights = delivers.flat_map(|p| p.reads.values()).filter_map(|r| match r {
                Read::State(w) => Some(plan.states[*w].q.frac),
                _ => None,
            });
            finest = weights.chain(finest).max();
        }
    }
    let most = finest?.saturating_add(BELOW_WEIGHTS).clamp(-8, 20);
    let found = QFormat::for_range(q.bits, true, -reach, reach, most)?;
    (reach > 0.0).then_some(found.frac)
}
