//! Trials: a protocol made explicit, one list of segments per trial.

use crate::dataset::{Class, Dataset, Datasets, Part};
use crate::draws::{Choice, StimulusDraws, trial_seed};
use crate::encode::{Firing, Input, fixed_point};
use crate::protocol::{At, ForEach, Phase, Protocol, ProtocolFault, Rates, Sampler, What};
use trifactor_ir::ResetGroup;

/// A picture of a trial and the slot of its class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Item {
    /// Row in the image file.
    pub row: u32,
    /// Quarter turns.
    pub rotation: u8,
    /// Position of the class in its data set.
    pub class: u32,
    /// The right answer.
    pub slot: u32,
}

/// One run of a phase.
#[derive(Clone, PartialEq, Debug)]
pub struct Segment {
    /// Position of the phase in the protocol.
    pub phase: usize,
    /// Step of the trial with which it begins, from 1.
    pub first_step: u32,
    /// Its length.
    pub steps: u32,
    /// What is reset before it.
    pub resets: Vec<ResetGroup>,
    /// The item it is about.
    pub item: Option<Item>,
    n_inputs: usize,
    sources: Vec<(usize, Firing)>,
}

impl Segment {
    /// The lanes of each input that fire in a step of the segment (from 1), in rising order, each
    /// once. Shape: one list per input.
    pub fn spikes(&self, step: u32) -> Vec<Vec<u32>> {
        let mut lanes = Vec::new();
        self.spikes_into(step, &mut lanes);
        lanes
    }
    /// As [`spikes`](Self::spikes), into lists that keep their memory.
    pub fn spikes_into(&self, step: u32, lanes: &mut Vec<Vec<u32>>) {
        lanes.resize(self.n_inputs, Vec::new());
        lanes.iter_mut().for_each(Vec::clear);
        if step == 0 || step > self.steps {
            return;
        }
        for (input, source) in &self.sources {
            source.fire(step, self.first_step + step - 1, &mut lanes[*input]);
        }
        for list in lanes {
            list.sort_unstable();
            list.dedup();
        }
    }
}

/// One trial.
#[derive(Clone, PartialEq, Debug)]
pub struct Trial {
    /// Its number, from 0.
    pub number: u32,
    /// The machine's draw seed for it (S7).
    pub seed: u32,
    /// The value of the sweep.
    pub value: Option<f64>,
    /// Steps of all segments together.
    pub steps: u32,
    /// The segments in order.
    pub segments: Vec<Segment>,
}

/// The trials of a protocol; each is a function of the seed and its number alone.
#[derive(Clone, Debug)]
pub struct Trials<'a> {
    protocol: &'a Protocol,
    inputs: &'a [Input],
    datasets: &'a Datasets,
    seed: u32,
    values: Vec<f64>,
    /// Positions of the classes that may be drawn, for the sampler's first and second data set.
    eligible: [Vec<u32>; 2],
}

impl<'a> Trials<'a> {
    /// Checks the protocol against the inputs and the data.
    ///
    /// Errors: all faults found, such as a picture that does not fit its input, or a part of a
    /// data set with too few classes.
    pub fn new(
        protocol: &'a Protocol,
        inputs: &'a [Input],
        datasets: &'a Datasets,
        seed: u32,
        part: Part,
    ) -> Result<Self, Vec<ProtocolFault>> {
        let mut trials = Self {
            protocol,
            inputs,
            datasets,
            seed,
            values: protocol.sampler.values(),
            eligible: [Vec::new(), Vec::new()],
        };
        let mut faults = Vec::new();
        let mut fault = |key: String, message: String, hint: Option<&str>| {
            faults.push(ProtocolFault { key, message, hint: hint.map(str::to_owned) });
        };
        match &protocol.sampler {
            Sampler::Single | Sampler::Sweep { .. } => {}
            Sampler::FewShot { data, ways, shots, queries } => {
                let Some(set) = datasets.get(data) else {
                    return Err(vec![missing(data)]);
                };
                let need = *shots as usize + *queries as usize;
                trials.eligible[0] = classes_of(set, |c| c.in_part(part) && c.drawers() >= need);
                if trials.eligible[0].len() < *ways as usize {
                    let have = trials.eligible[0].len();
                    fault(
                        "protocol.sampler.ways".to_owned(),
                        format!(
                            "{ways} classes are drawn, but '{data}' has {have} {} with {need} drawings each",
                            part_word(part)
                        ),
                        Some("use another part of the data set, or fewer ways, shots or queries"),
                    );
                }
            }
            Sampler::Items { support, queries } => {
                for (i, (data, count)) in [support, queries].into_iter().enumerate() {
                    let Some(set) = datasets.get(data) else {
                        return Err(vec![missing(data)]);
                    };
                    trials.eligible[i] = classes_of(set, |c| c.in_part(part));
                    let have: usize = trials.eligible[i]
                        .iter()
                        .map(|&c| set.classes()[c as usize].drawings.len())
                        .sum();
                    if have < *count as usize {
                        fault(
                            "protocol.sampler".to_owned(),
                            format!(
                                "{count} items are drawn, but '{data}' has {have} in {}",
                                part_word(part)
                            ),
                            None,
                        );
                    }
                }
            }
        }
        for (i, phase) in protocol.phases.iter().enumerate() {
            for (j, present) in phase.present.iter().enumerate() {
                let key = format!("protocol.phases[{i}].present[{j}].what");
                let Some(input) = inputs.iter().find(|i| i.name == present.input) else {
                    continue;
                };
                let (have, what) = match &present.what {
                    What::Image => match trials.set_for(phase.for_each) {
                        Some(set) => {
                            let (h, w) = set.size();
                            (h * w, format!("a prepared picture has {h} x {w} values"))
                        }
                        None => continue,
                    },
                    What::Array { file, row } => {
                        let Some(array) = datasets.array(file) else {
                            fault(key, format!("the array '{file}' is not loaded"), None);
                            continue;
                        };
                        let (rows, lanes) = rows_and_lanes(&array.shape);
                        if rows == 0 || row.is_some_and(|r| r as usize >= rows) {
                            fault(
                                key.clone(),
                                format!("row {} of the {rows} rows of '{file}'", row.unwrap_or(0)),
                                None,
                            );
                        }
                        (lanes, format!("a row of '{file}' has {lanes} values"))
                    }
                    What::OneHot { offset, .. } => {
                        let slots = match (&protocol.sampler, trials.set_for(phase.for_each)) {
                            (Sampler::Items { .. }, Some(set)) => set.classes().len(),
                            _ => continue,
                        };
                        if slots + *offset as usize > input.n as usize {
                            fault(
                                key,
                                format!(
                                    "{slots} classes from lane {offset} do not fit the {} lanes of '{}'",
                                    input.n, input.name
                                ),
                                None,
                            );
                        }
                        continue;
                    }
                    _ => continue,
                };
                if have != input.n as usize {
                    fault(
                        key,
                        format!("{what}, the input '{}' has {} lanes", input.name, input.n),
                        Some("change n of the input or the data set's preparation"),
                    );
                }
            }
        }
        if faults.is_empty() { Ok(trials) } else { Err(faults) }
    }

    /// The number of trials unless the caller says otherwise.
    pub fn default_count(&self) -> u32 {
        self.protocol.default_trials()
    }

    /// The protocol.
    pub fn protocol(&self) -> &'a Protocol {
        self.protocol
    }

    /// Trial `k`.
    pub fn trial(&self, k: u32) -> Trial {
        let draws = StimulusDraws::new(self.seed, k);
        let value = (!self.values.is_empty()).then(|| self.values[k as usize % self.values.len()]);
        let (support, queries) = self.items(&draws);
        let mut trial = Trial {
            number: k,
            seed: trial_seed(self.seed, k),
            value,
            steps: 0,
            segments: Vec::new(),
        };
        let phases: Vec<(usize, &Phase)> = self.protocol.phases.iter().enumerate().collect();
        // Neighbours that are run for the same items are run together; `Once` stands alone.
        let groups =
            phases.chunk_by(|a, b| a.1.for_each == b.1.for_each && a.1.for_each != ForEach::Once);
        for group in groups {
            let items: Vec<Option<Item>> = match group[0].1.for_each {
                ForEach::Once => vec![None],
                ForEach::Support => support.iter().copied().map(Some).collect(),
                ForEach::Query => queries.iter().copied().map(Some).collect(),
                ForEach::Repeat(n) => vec![None; n as usize],
            };
            for item in items {
                for (index, phase) in group {
                    let segment = self.segment(*index, phase, item, &trial, draws);
                    trial.steps += segment.steps;
                    trial.segments.push(segment);
                }
            }
        }
        trial
    }

    fn set_for(&self, each: ForEach) -> Option<&'a Dataset> {
        match (&self.protocol.sampler, each) {
            (Sampler::FewShot { data, .. }, _) => self.datasets.get(data),
            (Sampler::Items { support, .. }, ForEach::Support) => self.datasets.get(&support.0),
            (Sampler::Items { queries, .. }, ForEach::Query) => self.datasets.get(&queries.0),
            _ => None,
        }
    }

    fn items(&self, draws: &StimulusDraws) -> (Vec<Item>, Vec<Item>) {
        match &self.protocol.sampler {
            Sampler::Single | Sampler::Sweep { .. } => (Vec::new(), Vec::new()),
            Sampler::FewShot { data, ways, shots, queries } => match self.datasets.get(data) {
                Some(set) => self.few_shot(set, *ways, *shots, *queries, draws),
                None => (Vec::new(), Vec::new()),
            },
            Sampler::Items { support, queries } => (
                self.any_items(&support.0, 0, support.1, Choice::SupportItems, draws),
                self.any_items(&queries.0, 1, queries.1, Choice::QueryItems, draws),
            ),
        }
    }

    fn few_shot(
        &self,
        set: &Dataset,
        ways: u32,
        shots: u32,
        queries: u32,
        draws: &StimulusDraws,
    ) -> (Vec<Item>, Vec<Item>) {
        let eligible = &self.eligible[0];
        let picked = draws.pick(Choice::Classes, 0, eligible.len() as u32, ways);
        let drawn: Vec<Vec<Item>> = (0u32..)
            .zip(&picked)
            .map(|(slot, &at)| {
                let class = eligible[at as usize];
                let c = &set.classes()[class as usize];
                distinct_drawings(c, slot, shots + queries, draws)
                    .into_iter()
                    .map(|row| Item { row, rotation: c.rotation, class, slot })
                    .collect()
            })
            .collect();
        let support = (0..shots as usize).flat_map(|s| drawn.iter().map(move |d| d[s])).collect();
        let asked: Vec<Item> = (shots as usize..)
            .take(queries as usize)
            .flat_map(|q| drawn.iter().map(move |d| d[q]))
            .collect();
        let n = asked.len() as u32;
        let order = draws.pick(Choice::QueryOrder, 0, n, n);
        (support, order.into_iter().map(|i| asked[i as usize]).collect())
    }

    fn any_items(
        &self,
        data: &str,
        which: usize,
        count: u32,
        choice: Choice,
        draws: &StimulusDraws,
    ) -> Vec<Item> {
        let Some(set) = self.datasets.get(data) else {
            return Vec::new();
        };
        let all: Vec<Item> = self.eligible[which]
            .iter()
            .flat_map(|&class| {
                let c = &set.classes()[class as usize];
                c.drawings.iter().map(move |d| Item {
                    row: d.row,
                    rotation: c.rotation,
                    class,
                    slot: class,
                })
            })
            .collect();
        let picked = draws.pick(choice, 0, all.len() as u32, count);
        picked.into_iter().map(|i| all[i as usize]).collect()
    }

    fn segment(
        &self,
        index: usize,
        phase: &Phase,
        item: Option<Item>,
        trial: &Trial,
        draws: StimulusDraws,
    ) -> Segment {
        let mut sources = Vec::new();
        for (site, present) in (0u8..200).zip(&phase.present) {
            let Some(input) = self.inputs.iter().position(|i| i.name == present.input) else {
                continue;
            };
            let source = self.source(phase, &present.what, input, site, item, trial, draws);
            sources.extend(source.map(|s| (input, s)));
        }
        Segment {
            phase: index,
            first_step: trial.steps + 1,
            steps: phase.steps,
            resets: phase.reset_before.iter().map(|&r| r.into()).collect(),
            item,
            n_inputs: self.inputs.len(),
            sources,
        }
    }

    fn source(
        &self,
        phase: &Phase,
        what: &What,
        input: usize,
        site: u8,
        item: Option<Item>,
        trial: &Trial,
        draws: StimulusDraws,
    ) -> Option<Firing> {
        let lanes = &self.inputs[input];
        let key = input as u32;
        match what {
            What::Silence => None,
            What::Image => {
                let item = item?;
                let image = self.set_for(phase.for_each)?.image(item.row, item.rotation)?;
                Some(lanes.encoder?.encode(&image.pixels, draws, key, site))
            }
            What::OneHot { offset, rate, from, to } => Some(Firing::Lane {
                lane: offset + item?.slot,
                steps: (from.unwrap_or(1), to.unwrap_or(phase.steps)),
                random: rate.map(|r| (fixed_point(r), draws, key, site)),
            }),
            What::Spikes(spikes) => {
                let mut spikes = spikes.clone();
                spikes.sort_unstable();
                Some(Firing::Listed(spikes))
            }
            What::SpikesAt { lane, at, every, count } => {
                let step = |a: &At| a.step(trial.value).clamp(1.0, f64::from(u32::MAX)) as u32;
                let distance = every.as_ref().map_or(1, step);
                let times =
                    (0..*count).map(|i| step(at).saturating_add(i.saturating_mul(distance)));
                Some(Firing::Listed(times.map(|t| (t, *lane)).collect()))
            }
            What::Poisson { rate } => Some(Firing::Random {
                probability: match rate {
                    Rates::All(p) => vec![fixed_point(*p); lanes.n as usize],
                    Rates::PerLane(list) => list.iter().map(|p| fixed_point(*p)).collect(),
                },
                draws,
                input: key,
                site,
            }),
            What::Array { file, row } => {
                let array = self.datasets.array(file)?;
                let (rows, width) = rows_and_lanes(&array.shape);
                let row = row.map_or(trial.number as usize % rows.max(1), |r| r as usize);
                let values: Vec<f32> = array
                    .values
                    .get(row * width..(row + 1) * width)?
                    .iter()
                    .map(|&v| v as f32)
                    .collect();
                Some(lanes.encoder?.encode(&values, draws, key, site))
            }
        }
    }
}

/// Rows of `count` drawings of a class by different drawers, in random order.
fn distinct_drawings(class: &Class, slot: u32, count: u32, draws: &StimulusDraws) -> Vec<u32> {
    let n = class.drawings.len() as u32;
    let mut rows: Vec<u32> = Vec::with_capacity(count as usize);
    let mut drawers: Vec<i64> = Vec::with_capacity(count as usize);
    for i in draws.pick(Choice::Drawers, slot, n, n) {
        let drawing = class.drawings[i as usize];
        if rows.len() < count as usize && !drawers.contains(&drawing.drawer) {
            rows.push(drawing.row);
            drawers.push(drawing.drawer);
        }
    }
    rows
}

fn classes_of(set: &Dataset, test: impl Fn(&Class) -> bool) -> Vec<u32> {
    (0u32..).zip(set.classes()).filter(|(_, c)| test(c)).map(|(i, _)| i).collect()
}

fn rows_and_lanes(shape: &[usize]) -> (usize, usize) {
    match shape {
        [] => (1, 1),
        [lanes] => (1, *lanes),
        [rows, rest @ ..] => (*rows, rest.iter().product()),
    }
}

fn part_word(part: Part) -> &'static str {
    match part {
        Part::Fit => "classes for fitting",
        Part::Test => "classes for testing",
        Part::All => "classes",
    }
}

fn missing(data: &str) -> ProtocolFault {
    ProtocolFault {
        key: "protocol.sampler".to_owned(),
        message: format!("the data set '{data}' is not loaded"),
        hint: None,
    }
}
