//! The input spikes of a session.

use crate::error::{DebugError, wrong};
use trifactor_diag::did_you_mean;
use trifactor_emu::Reset;
use trifactor_image::Map;

/// Longest trial that a file may describe.
pub(crate) const MAX_STEPS: u32 = 10_000_000;

/// What happens before and in a step.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StimulusStep {
    /// What is reset before the step (S6).
    pub resets: Vec<Reset>,
    /// Lanes that fire: input population in the map, lanes.
    pub spikes: Vec<(usize, Vec<u32>)>,
}

/// The spikes of a trial. Behind its last step nothing fires.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stimulus {
    /// What the trial is called, such as `trial 3`.
    pub name: String,
    /// The seed of the trial's draws (S7).
    pub seed: u32,
    /// Step 1 and those that follow.
    pub steps: Vec<StimulusStep>,
    /// Spikes that were added by hand: step, population, lane.
    pub(crate) fired: Vec<(u32, usize, u32)>,
}

impl Stimulus {
    /// A trial of that name with these steps.
    pub fn new(name: &str, seed: u32, steps: Vec<StimulusStep>) -> Self {
        Self { name: name.to_owned(), seed, steps, fired: Vec::new() }
    }

    /// So many steps in which no input fires.
    pub fn silent(seed: u32, steps: u32) -> Self {
        Self::new("no input", seed, vec![StimulusStep::default(); steps as usize])
    }

    /// What tells it from other trials, spikes that were added by hand left out: a hash of its
    /// seed, spikes and resets.
    pub(crate) fn identity(&self) -> String {
        let mut hash = blake3::Hasher::new();
        let mut add = |n: u64| {
            hash.update(&n.to_le_bytes());
        };
        add(self.seed.into());
        for (number, step) in (1u32..).zip(&self.steps) {
            let mut spikes: Vec<(usize, u32)> = step
                .spikes
                .iter()
                .flat_map(|(p, lanes)| lanes.iter().map(|lane| (*p, *lane)))
                .collect();
            spikes.retain(|(p, lane)| !self.by_hand(number, *p, *lane));
            spikes.sort_unstable();
            // Steps in which nothing happens only count.
            if spikes.is_empty() && step.resets.is_empty() {
                continue;
            }
            add(number.into());
            add(step.resets.len() as u64);
            step.resets.iter().for_each(|reset| add(*reset as u64));
            add(spikes.len() as u64);
            for (population, lane) in spikes {
                add(population as u64);
                add(lane.into());
            }
        }
        hash.finalize().to_string()
    }

    fn by_hand(&self, step: u32, population: usize, lane: u32) -> bool {
        self.fired.contains(&(step, population, lane))
    }

    /// The same trial with these spikes added by hand and no others.
    pub(crate) fn with_fired(&self, fired: &[(u32, usize, u32)]) -> Self {
        let mut other = self.clone();
        for (step, population, lane) in std::mem::take(&mut other.fired) {
            let step = other.steps.get_mut(step.saturating_sub(1) as usize);
            for (p, lanes) in step.into_iter().flat_map(|step| &mut step.spikes) {
                lanes.retain(|l| (*p, *l) != (population, lane));
            }
        }
        for (step, population, lane) in fired {
            other.fire(*step, *population, &[*lane]);
        }
        other
    }

    /// Reads spikes as lines of a step (from 1), a population and a lane, with commas or spaces
    /// between them. Empty lines, lines that begin with `#` and a first line of titles are
    /// skipped. The trial has `steps` steps, or ends 20 steps behind the last spike.
    ///
    /// Errors: the first line that cannot be used, with what is wrong.
    pub fn parse(text: &str, map: &Map, seed: u32, steps: Option<u32>) -> Result<Self, DebugError> {
        let mut spikes: Vec<(u32, usize, u32)> = Vec::new();
        let mut titles = true;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let words: Vec<&str> =
                line.split([',', ' ', '\t', ';']).filter(|word| !word.is_empty()).collect();
            let first = std::mem::replace(&mut titles, false);
            if first && words.first().is_some_and(|word| word.parse::<u32>().is_err()) {
                continue;
            }
            let fail = |what: String| wrong(format!("line {number}: {what}"));
            let [step, name, lane] = words[..] else {
                return fail(format!("'{line}' is not a step, a population and a lane"));
            };
            let step = match step.parse() {
                Ok(step @ 1..=MAX_STEPS) => step,
                _ => return fail(format!("'{step}' is not a step from 1 to {MAX_STEPS}")),
            };
            let at = match input(map, name) {
                Ok(at) => at,
                Err(e) => return fail(e.to_string()),
            };
            let n = map.populations[at].n;
            match lane.parse::<u32>() {
                Ok(lane) if lane < n => spikes.push((step, at, lane)),
                _ => return fail(format!("'{name}' has lanes 0 to {}, not '{lane}'", n - 1)),
            }
        }
        let last = spikes.iter().map(|(step, ..)| *step).max().unwrap_or(0);
        let mut stimulus = Self::silent(seed, steps.unwrap_or(last + 20));
        for (step, population, lane) in spikes {
            stimulus.add(step, population, &[lane]);
        }
        Ok(stimulus)
    }

    /// Number of steps.
    pub fn len(&self) -> u32 {
        self.steps.len() as u32
    }

    /// Whether it has no steps.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Lets lanes fire by hand in a step, which may lie behind the last one.
    pub(crate) fn fire(&mut self, step: u32, population: usize, lanes: &[u32]) {
        let known = self.steps.get(step.saturating_sub(1) as usize);
        let own = |lane: u32| {
            let mut spikes = known.into_iter().flat_map(|step| &step.spikes);
            spikes.any(|(p, lanes)| *p == population && lanes.contains(&lane))
        };
        let new: Vec<u32> = lanes.iter().copied().filter(|lane| !own(*lane)).collect();
        self.fired.extend(new.iter().map(|lane| (step, population, *lane)));
        self.add(step, population, &new);
    }

    fn add(&mut self, step: u32, population: usize, lanes: &[u32]) {
        let at = step.saturating_sub(1) as usize;
        if at >= self.steps.len() {
            self.steps.resize(at + 1, StimulusStep::default());
        }
        let spikes = &mut self.steps[at].spikes;
        match spikes.iter_mut().find(|(p, _)| *p == population) {
            Some((_, list)) => {
                list.extend_from_slice(lanes);
                list.sort_unstable();
                list.dedup();
            }
            None => spikes.push((population, lanes.to_vec())),
        }
    }
}

/// The input population of that name.
pub(crate) fn input(map: &Map, name: &str) -> Result<usize, DebugError> {
    let inputs = || map.populations.iter().filter(|p| p.slices.is_empty());
    if let Some(at) = map.populations.iter().position(|p| p.name == name) {
        if map.populations[at].slices.is_empty() {
            return Ok(at);
        }
        return wrong(format!("'{name}' is no input: its neurons spike by themselves"));
    }
    let names: Vec<&str> = inputs().map(|p| p.name.as_str()).collect();
    let near = did_you_mean(name, names.iter().copied());
    let near = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
    let list = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    wrong(format!("there is no input '{name}'{near} (inputs: {list})"))
}
