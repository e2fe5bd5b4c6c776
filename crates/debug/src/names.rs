//! What can be named: every state of the image under the author's names, and a few numbers of
//! the session itself.

use crate::error::{DebugError, wrong};
use trifactor_diag::did_you_mean;
use trifactor_emu::{Emulator, Membrane};
use trifactor_image::TraceSide;

/// Something with a value, or with one for each lane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum What {
    /// A state of neurons.
    Membrane(usize, Membrane),
    /// Input accumulators of neurons.
    Input(usize),
    /// 1 where a lane fired in the step.
    Spike(usize),
    /// A field of a projection's synapses.
    Field(usize, usize),
    /// A trace: its entries in the map, which hold the same values.
    Trace(Vec<usize>),
    /// A modulator.
    Modulator(usize),
    /// Constants in the microcode of a projection's rule.
    Constant(usize),
    /// How often a state was clipped; position in the emulator's list.
    Saturated(usize),
    /// A register of the synapse at hand.
    Register(u8),
    /// A number of the session.
    Number(Number),
}

/// A number of the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Number {
    /// Complete steps.
    Step,
    /// Complete epochs.
    Epoch,
    /// Complete micro-operations of the phase at hand.
    Op,
    /// The draw seed.
    Seed,
    /// Time on the chip so far, in microseconds.
    Time,
    /// Energy so far, in microjoules.
    Energy,
    /// The breakpoint or watchpoint that ended the last run; 0 for none.
    Stopped,
}

const NUMBERS: [(&str, Number); 7] = [
    ("step", Number::Step),
    ("epoch", Number::Epoch),
    ("op", Number::Op),
    ("seed", Number::Seed),
    ("time", Number::Time),
    ("energy", Number::Energy),
    ("stopped", Number::Stopped),
];

/// Which lanes of a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lanes {
    /// All.
    All,
    /// From the first to before the second.
    Range(u32, u32),
    /// Synapses from a pre lane to a post lane; `None` for any.
    Pair(Option<u32>, Option<u32>),
}

/// A state, or a part of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Target {
    /// Its name without lanes.
    pub name: String,
    /// What it names.
    pub what: What,
    /// Which lanes.
    pub lanes: Lanes,
}

/// How lanes of something are named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    /// It has no lanes.
    Single,
    /// So many lanes.
    Lanes(u32),
    /// Pairs of lanes.
    Pairs(u32, u32),
}

/// All names of an image.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    list: Vec<(String, What, Shape)>,
}

impl Names {
    pub(crate) fn new(emulator: &Emulator) -> Self {
        let map = emulator.map();
        let mut names = Self { list: Vec::new() };
        for (p, named) in map.populations.iter().enumerate() {
            let shape = Shape::Lanes(named.n);
            let mut add = |variable: &str, what| {
                names.list.push((format!("{}.{variable}", named.name), what, shape));
            };
            if !named.slices.is_empty() {
                for which in [Membrane::U, Membrane::V, Membrane::Hold] {
                    add(which.name(), What::Membrane(p, which));
                }
                add("q", What::Input(p));
            }
            add("spike", What::Spike(p));
        }
        for (p, named) in map.projections.iter().enumerate() {
            let shape = Shape::Pairs(named.n_pre, named.n_post);
            for (f, field) in named.fields.iter().enumerate() {
                let name = format!("{}.{}", named.name, field.name);
                names.list.push((name, What::Field(p, f), shape));
            }
            let constants = emulator.constants(p).map_or(0, |list| list.len());
            if constants > 0 {
                let (name, shape) =
                    (format!("{}.const", named.name), Shape::Lanes(constants as u32));
                names.list.push((name, What::Constant(p), shape));
            }
        }
        for (m, named) in map.modulators.iter().enumerate() {
            let name = format!("{}.m", named.name);
            names.list.push((name, What::Modulator(m), Shape::Lanes(named.n)));
        }
        for (t, named) in map.traces.iter().enumerate() {
            let projection = &map.projections[usize::from(named.projection)];
            let n = match named.side {
                TraceSide::Pre => projection.n_pre,
                TraceSide::Post => projection.n_post,
            };
            let known = names.list.iter_mut().find(|(name, ..)| *name == named.name);
            match known {
                Some((_, What::Trace(entries), _)) => entries.push(t),
                _ => {
                    let what = What::Trace(vec![t]);
                    names.list.push((named.name.clone(), what, Shape::Lanes(n)));
                }
            }
        }
        for (k, saturation) in emulator.saturations().iter().enumerate() {
            let name = format!("saturated.{}", saturation.state);
            names.list.push((name, What::Saturated(k), Shape::Single));
        }
        for register in 0..16 {
            names.list.push((format!("r{register}"), What::Register(register), Shape::Single));
        }
        for (name, number) in NUMBERS {
            names.list.push((name.to_owned(), What::Number(number), Shape::Single));
        }
        names
    }

    /// All names, in the order of the map.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|(name, ..)| name.as_str())
    }

    /// Reads a name with lanes, such as `hidden.v[3]`, `hidden.v[0..8]` or `ff.w[2->5]`.
    pub(crate) fn target(&self, text: &str) -> Result<Target, DebugError> {
        let text = text.trim();
        let (name, lanes) = match text.strip_suffix(']').and_then(|t| t.rsplit_once('[')) {
            Some((name, lanes)) => (name.trim(), Some(lanes.trim())),
            None => (text, None),
        };
        let Some((name, what, shape)) = self.list.iter().find(|(n, ..)| n == name) else {
            return self.unknown(name);
        };
        let lanes = match lanes {
            None | Some("*") => Lanes::All,
            Some(lanes) => select(name, lanes, *shape)?,
        };
        Ok(Target { name: name.clone(), what: what.clone(), lanes })
    }

    fn unknown(&self, name: &str) -> Result<Target, DebugError> {
        if name.is_empty() {
            return wrong("name a state, such as POPULATION.v[0]; `info states` lists them");
        }
        if name.chars().any(|c| "[]".contains(c)) {
            return wrong(format!("'{name}' is no name; lanes stand at the end: v[3], w[2->5]"));
        }
        let near = did_you_mean(name, self.iter());
        let of_owner = || {
            let owner = name.split('.').next().unwrap_or(name);
            let own =
                self.iter().filter(|n| n.strip_prefix(owner).is_some_and(|r| r.starts_with('.')));
            let own: Vec<&str> = own.take(8).collect();
            (!own.is_empty()).then(|| format!("; '{owner}' has {}", own.join(", ")))
        };
        let hint = match near {
            Some(near) => format!("; did you mean '{near}'?"),
            None => of_owner().unwrap_or_else(|| "; `info states` lists all".to_owned()),
        };
        wrong(format!("there is no '{name}'{hint}"))
    }
}

fn select(name: &str, lanes: &str, shape: Shape) -> Result<Lanes, DebugError> {
    match shape {
        Shape::Single => wrong(format!("'{name}' is one number and has no lanes")),
        Shape::Lanes(n) => {
            let range = match lanes.split_once("..") {
                Some((from, to)) => (from.trim().parse(), to.trim().parse()),
                None => {
                    let lane = lanes.parse::<u32>();
                    let after = lane.clone().map(|lane| lane.saturating_add(1));
                    (lane, after)
                }
            };
            match range {
                (Ok(from), Ok(to)) if from < to && to <= n => Ok(Lanes::Range(from, to)),
                (Ok(_), Ok(_)) => {
                    wrong(format!("'{name}' has lanes 0 to {}, not [{lanes}]", n.saturating_sub(1)))
                }
                _ => wrong(format!("'[{lanes}]' is no lane; write [3], or [0..8] for 0 to 7")),
            }
        }
        Shape::Pairs(n_pre, n_post) => {
            let lane = |text: &str, n: u32| match text.trim() {
                "*" => Ok(None),
                text => match text.parse::<u32>() {
                    Ok(lane) if lane < n => Ok(Some(lane)),
                    _ => Err(()),
                },
            };
            let Some((pre, post)) = lanes.split_once("->") else {
                return wrong(format!(
                    "'[{lanes}]' is no synapse; write [2->5], or [2->*] for all from lane 2"
                ));
            };
            match (lane(pre, n_pre), lane(post, n_post)) {
                (Ok(pre), Ok(post)) => Ok(Lanes::Pair(pre, post)),
                _ => wrong(format!(
                    "'{name}' goes from lanes 0 to {} to lanes 0 to {}, so there is no [{lanes}]",
                    n_pre.saturating_sub(1),
                    n_post.saturating_sub(1)
                )),
            }
        }
    }
}
