//! What can be named: every state of the image under the author's names, and a few numbers of
//! the session itself.

use crate::error::{DebugError, wrong};
use trifactor_diag::did_you_mean;
use trifactor_emu::{Emulator, Membrane};
use trifactor_image::TraceSide;
use trifactor_signals::name::{Place, Selector, Span};

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

/// A state, or a part of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Target {
    /// Its name without lanes.
    pub name: String,
    /// What it names.
    pub what: What,
    /// Which lanes; empty for all.
    places: Vec<Place>,
}

impl Target {
    /// Whether a lane is meant.
    pub(crate) fn holds(&self, lane: u32) -> bool {
        holds(&self.places, lane)
    }
    /// Whether a synapse is meant.
    pub(crate) fn holds_synapse(&self, pre: u32, post: u32) -> bool {
        let meant = |place: &Place| match place {
            Place::Lanes(span) => *span == Span::ALL,
            Place::Synapses(from, to) => from.holds(pre) && to.holds(post),
        };
        self.places.is_empty() || self.places.iter().any(meant)
    }
    /// The one synapse that is named, if it is one.
    pub(crate) fn synapse(&self) -> Option<(u32, u32)> {
        let one = |span: &Span| (span.first == span.last).then_some(span.first);
        match &self.places[..] {
            [Place::Synapses(from, to)] => one(from).zip(one(to)),
            _ => None,
        }
    }
}

/// Whether a lane is one of those in brackets; without any, all are meant.
pub(crate) fn holds(places: &[Place], lane: u32) -> bool {
    places.is_empty() || places.iter().any(|p| matches!(p, Place::Lanes(span) if span.holds(lane)))
}

/// Reads a name with lanes.
pub(crate) fn selector(text: &str) -> Result<Selector, DebugError> {
    Selector::parse(text).map_err(|e| DebugError::Command(e.to_string()))
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

    /// Reads a name with lanes, such as `hidden.v[3]`, `hidden.v[0..8]` or `ff.w[2->5]`, in the
    /// grammar of signals.
    pub(crate) fn target(&self, text: &str) -> Result<Target, DebugError> {
        if text.trim().is_empty() {
            return wrong("name a state, such as POPULATION.v[0]; `info states` lists them");
        }
        let Selector { variable, places } = selector(text)?;
        let Some((name, what, shape)) = self.list.iter().find(|(n, ..)| *n == variable) else {
            return self.unknown(&variable);
        };
        places.iter().try_for_each(|place| check(name, place, *shape))?;
        Ok(Target { name: name.clone(), what: what.clone(), places })
    }

    fn unknown(&self, name: &str) -> Result<Target, DebugError> {
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

/// Refuses lanes that something does not have.
fn check(name: &str, place: &Place, shape: Shape) -> Result<(), DebugError> {
    let inside = |span: &Span, n: u32| *span == Span::ALL || span.last < n;
    match (shape, place) {
        (Shape::Single, _) => wrong(format!("'{name}' is one number and has no lanes")),
        (Shape::Lanes(n), Place::Lanes(span)) => check_lanes(name, span, n),
        (Shape::Lanes(_), Place::Synapses(..)) => {
            wrong(format!("'[{place}]' is no lane; write [3], or [0..8] for 0 to 7"))
        }
        (Shape::Pairs(..), Place::Lanes(Span::ALL)) => Ok(()),
        (Shape::Pairs(..), Place::Lanes(_)) => {
            wrong(format!("'[{place}]' is no synapse; write [2->5], or [2->*] for all from lane 2"))
        }
        (Shape::Pairs(n_pre, n_post), Place::Synapses(from, to)) => {
            if inside(from, n_pre) && inside(to, n_post) {
                return Ok(());
            }
            wrong(format!(
                "'{name}' goes from lanes 0 to {} to lanes 0 to {}, so there is no [{place}]",
                n_pre.saturating_sub(1),
                n_post.saturating_sub(1)
            ))
        }
    }
}

/// Refuses a lane behind the last one.
pub(crate) fn check_lanes(name: &str, span: &Span, n: u32) -> Result<(), DebugError> {
    if *span == Span::ALL || span.last < n {
        return Ok(());
    }
    wrong(format!("'{name}' has lanes 0 to {}, not [{span}]", n.saturating_sub(1)))
}
