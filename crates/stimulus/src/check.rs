//! What can be wrong with a protocol before any data file is read.

use crate::dataset::DatasetSpec;
use crate::encode::Input;
use crate::protocol::{
    At, ForEach, MAX_SEGMENTS, MAX_STEPS, Phase, Present, Protocol, ProtocolFault, Rates, Sampler,
    Score, What,
};

/// Most phases of a protocol.
const MAX_PHASES: usize = 256;
/// Most classes, shots and questions of a few-shot trial, and most items.
const MAX_ITEMS: u32 = 10_000;

impl Sampler {
    /// Names of the data sets it draws from.
    pub fn datasets(&self) -> Vec<&str> {
        match self {
            Self::Single | Self::Sweep { .. } => vec![],
            Self::FewShot { data, .. } => vec![data],
            Self::Items { support, queries } => vec![&support.0, &queries.0],
        }
    }
    /// Numbers of labelled pictures and questions of a trial.
    pub(crate) fn counts(&self) -> (u64, u64) {
        match *self {
            Self::Single | Self::Sweep { .. } => (0, 0),
            Self::FewShot { ways, shots, queries, .. } => {
                (u64::from(ways) * u64::from(shots), u64::from(ways) * u64::from(queries))
            }
            Self::Items { ref support, ref queries } => {
                (u64::from(support.1), u64::from(queries.1))
            }
        }
    }
    fn has_items(&self) -> bool {
        matches!(self, Self::FewShot { .. } | Self::Items { .. })
    }
}

impl Protocol {
    /// The number of trials unless the caller says otherwise: the author's, else the number of
    /// values of a sweep, else 1.
    pub fn default_trials(&self) -> u32 {
        self.trials.unwrap_or_else(|| (self.sampler.values().len() as u32).max(1))
    }

    /// Everything wrong with the protocol for these inputs and data sets; keys begin with
    /// `protocol`.
    pub fn faults(
        &self,
        inputs: &[Input],
        datasets: &[(String, DatasetSpec)],
    ) -> Vec<ProtocolFault> {
        let mut check = Check { protocol: self, inputs, faults: Vec::new() };
        check.whole(datasets);
        for (i, phase) in self.phases.iter().enumerate().take(MAX_PHASES) {
            check.phase(&format!("protocol.phases[{i}]"), phase);
        }
        check.faults
    }
}

struct Check<'a> {
    protocol: &'a Protocol,
    inputs: &'a [Input],
    faults: Vec<ProtocolFault>,
}

impl Check<'_> {
    fn fault(&mut self, key: impl Into<String>, message: impl Into<String>, hint: Option<&str>) {
        self.faults.push(ProtocolFault {
            key: key.into(),
            message: message.into(),
            hint: hint.map(str::to_owned),
        });
    }

    fn whole(&mut self, datasets: &[(String, DatasetSpec)]) {
        let p = self.protocol;
        if p.trials == Some(0) {
            self.fault("protocol.trials", "0 trials", Some("leave the key out or give at least 1"));
        }
        if p.phases.is_empty() || p.phases.len() > MAX_PHASES {
            let n = p.phases.len();
            self.fault(
                "protocol.phases",
                format!("{n} phases; 1 to {MAX_PHASES} are allowed"),
                None,
            );
        }
        for name in p.sampler.datasets() {
            if !datasets.iter().any(|(n, _)| n == name) {
                let known: Vec<&str> = datasets.iter().map(|(n, _)| n.as_str()).collect();
                let hint = format!("the data sets are: {}", known.join(", "));
                self.fault(
                    "protocol.sampler",
                    format!("there is no data set '{name}'"),
                    Some(&hint),
                );
            }
        }
        match p.sampler {
            Sampler::Sweep { from, to, step, .. } if p.sampler.values().is_empty() => self.fault(
                "protocol.sampler",
                format!("a sweep from {from} to {to} in steps of {step} has no values, or more than a million"),
                Some("step must lead from `from` towards `to`"),
            ),
            Sampler::FewShot { ways, shots, queries, .. } => {
                for (name, n) in [("ways", ways), ("shots", shots), ("queries", queries)] {
                    if n == 0 || n > MAX_ITEMS {
                        self.fault("protocol.sampler", format!("{name} is {n}; 1 to {MAX_ITEMS} are allowed"), None);
                    }
                }
            }
            _ => {}
        }
        let (support, queries) = p.sampler.counts();
        let runs = |each: ForEach| match each {
            ForEach::Once => 1,
            ForEach::Support => support,
            ForEach::Query => queries,
            ForEach::Repeat(n) => u64::from(n),
        };
        let segments = p.phases.iter().fold(0u64, |a, ph| a.saturating_add(runs(ph.for_each)));
        let steps = p.phases.iter().fold(0u64, |a, ph| {
            a.saturating_add(runs(ph.for_each).saturating_mul(u64::from(ph.steps)))
        });
        if segments > MAX_SEGMENTS as u64 || steps > u64::from(MAX_STEPS) {
            self.fault(
                "protocol.phases",
                format!("a trial has {segments} runs of phases and {steps} steps; at most {MAX_SEGMENTS} and {MAX_STEPS} are allowed"),
                None,
            );
        }
        for (i, phase) in p.phases.iter().enumerate() {
            if p.phases[..i].iter().any(|other| other.name == phase.name) {
                self.fault(
                    format!("protocol.phases[{i}].name"),
                    format!("'{}' names two phases", phase.name),
                    None,
                );
            }
        }
    }

    fn phase(&mut self, key: &str, phase: &Phase) {
        if phase.steps == 0 || phase.steps > MAX_STEPS {
            let n = phase.steps;
            self.fault(
                format!("{key}.steps"),
                format!("{n} steps; 1 to {MAX_STEPS} are allowed"),
                None,
            );
        }
        let items = matches!(phase.for_each, ForEach::Support | ForEach::Query);
        if items && !self.protocol.sampler.has_items() {
            self.fault(
                format!("{key}.for_each"),
                "the sampler draws no items to run this phase for",
                Some("use the sampler FewShot or Items, or for_each: Once"),
            );
        }
        if phase.for_each == ForEach::Repeat(0) {
            self.fault(format!("{key}.for_each"), "is repeated 0 times", None);
        }
        for (i, present) in phase.present.iter().enumerate() {
            self.present(&format!("{key}.present[{i}]"), phase, present);
        }
        if phase.present.len() > 200 {
            self.fault(format!("{key}.present"), "more than 200 presentations", None);
        }
        if let Some(readout) = &phase.readout {
            if let Some((from, to)) = readout.window {
                self.window(&format!("{key}.readout.window"), phase, from, to);
            }
            if readout.score == Score::ArgmaxEqualsSlot && !items {
                self.fault(
                    format!("{key}.readout.score"),
                    "there is no item whose slot could be the right answer",
                    Some("score phases with for_each: Query or Support"),
                );
            }
        }
    }

    fn window(&mut self, key: &str, phase: &Phase, from: u32, to: u32) {
        if from == 0 || from > to || to > phase.steps {
            let last = phase.steps;
            self.fault(key, format!("steps {from} to {to} are not inside 1 to {last}"), None);
        }
    }

    fn probability(&mut self, key: &str, p: f64) {
        if !(0.0..=1.0).contains(&p) {
            self.fault(key, format!("{p} is not a probability between 0 and 1"), None);
        }
    }

    fn lane(&mut self, key: &str, input: &Input, lane: u64) {
        if lane >= u64::from(input.n) {
            let (name, n) = (&input.name, input.n);
            self.fault(
                key,
                format!("lane {lane} of '{name}' does not exist; it has {n}, counted from 0"),
                None,
            );
        }
    }

    fn present(&mut self, key: &str, phase: &Phase, present: &Present) {
        let inputs = self.inputs;
        let Some(input) = inputs.iter().find(|i| i.name == present.input) else {
            let known: Vec<&str> = inputs.iter().map(|i| i.name.as_str()).collect();
            let hint = format!("the inputs are: {}", known.join(", "));
            let message = format!("there is no input '{}'", present.input);
            return self.fault(format!("{key}.input"), message, Some(&hint));
        };
        let what = format!("{key}.what");
        let items = matches!(phase.for_each, ForEach::Support | ForEach::Query)
            && self.protocol.sampler.has_items();
        if matches!(present.what, What::Image | What::OneHot { .. }) && !items {
            self.fault(
                &what,
                "this phase has no item whose picture or slot could be shown",
                Some("use for_each: Support or Query with the sampler FewShot or Items"),
            );
        }
        if matches!(present.what, What::Image | What::Array { .. }) && input.encoder.is_none() {
            let message =
                format!("the input '{}' has no encoder to turn values into spikes", input.name);
            self.fault(&what, message, Some("add encoder: Rate(max_rate: 0.5) to the input"));
        }
        match &present.what {
            What::Image | What::Silence => {}
            What::OneHot { offset, rate, from, to } => {
                self.window(&what, phase, from.unwrap_or(1), to.unwrap_or(phase.steps));
                rate.iter().for_each(|r| self.probability(&what, *r));
                if let Sampler::FewShot { ways, .. } = self.protocol.sampler {
                    self.lane(&what, input, u64::from(*offset) + u64::from(ways.max(1)) - 1);
                }
            }
            What::Spikes(spikes) => {
                for (step, lane) in spikes {
                    self.lane(&what, input, u64::from(*lane));
                    self.window(&what, phase, *step, *step);
                    if self.faults.len() > 20 {
                        break;
                    }
                }
            }
            What::SpikesAt { lane, at, every, count } => {
                self.lane(&what, input, u64::from(*lane));
                self.spikes_at(&what, phase, at, every.as_ref(), *count);
            }
            What::Poisson { rate: Rates::All(p) } => self.probability(&what, *p),
            What::Poisson { rate: Rates::PerLane(list) } => {
                if list.len() != input.n as usize {
                    let (have, n) = (list.len(), input.n);
                    self.fault(&what, format!("{have} probabilities for {n} lanes"), None);
                }
                if let Some(p) = list.iter().find(|p| !(0.0..=1.0).contains(*p)) {
                    self.probability(&what, *p);
                }
            }
            What::Array { file, .. } => {
                if file.is_empty() {
                    self.fault(&what, "names no file", None);
                }
            }
        }
    }

    fn spikes_at(&mut self, key: &str, phase: &Phase, at: &At, every: Option<&At>, count: u32) {
        let sweeps = matches!(self.protocol.sampler, Sampler::Sweep { .. });
        let depends = |at: &At| at.coefficient != 0.0 || at.inverse != 0.0;
        if !sweeps && (depends(at) || every.is_some_and(depends)) {
            let hint = Some("add the sampler Sweep or leave coefficient and inverse out");
            self.fault(key, "a coefficient or inverse needs a sweep whose value it takes", hint);
        }
        if count == 0 || (count > 1 && every.is_none()) {
            let message = format!("{count} spikes without a distance between them");
            self.fault(key, message, Some("give every: (base: ..) and count: at least 1"));
            return;
        }
        let mut values: Vec<Option<f64>> =
            self.protocol.sampler.values().into_iter().map(Some).collect();
        if values.is_empty() {
            values.push(None);
        }
        for value in values {
            let first = at.step(value);
            let distance = every.map_or(1.0, |e| e.step(value));
            let last = first + f64::from(count - 1) * distance;
            let inside = first >= 1.0 && last <= f64::from(phase.steps) && distance >= 1.0;
            if !inside {
                let when = value.map_or(String::new(), |v| format!(" (at the sweep's value {v})"));
                self.fault(
                    key,
                    format!("spikes from step {first} to step {last}, {distance} apart, are not inside 1 to {}{when}", phase.steps),
                    None,
                );
                return;
            }
        }
    }
}
