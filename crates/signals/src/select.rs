//! From names to signals: which values of a loaded chip somebody wants to see.

use crate::catalogue::{Catalogue, Lanes, Source, Variable};
use crate::error::SignalError;
use crate::name::{Place, Selector, Span};
use std::fmt;
use trifactor_diag::did_you_mean;
use trifactor_emu::{EmuError, Emulator};

/// Most signals of one selection. More can be chosen by pattern than any viewer shows, and each
/// costs memory while it is recorded.
pub const MAX_SIGNALS: usize = 1 << 20;
/// Signals that are recorded where nobody says which.
pub const DEFAULT_SIGNALS: usize = 2000;

/// What tells the lanes of a variable apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Label {
    /// The variable has one value.
    One,
    /// A lane, or a core.
    Lane(u32),
    /// A synapse: pre lane, post lane.
    Synapse(u32, u32),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One => Ok(()),
            Self::Lane(lane) => write!(f, "{lane}"),
            Self::Synapse(pre, post) => write!(f, "{pre}->{post}"),
        }
    }
}

/// A variable and those of its lanes that were chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chosen {
    /// The variable.
    pub variable: Variable,
    /// Positions in the variable's values.
    pub at: Vec<usize>,
    /// What each is called.
    pub labels: Vec<Label>,
}

impl Chosen {
    /// The names of the signals, such as `hidden.v[3]`.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.labels.iter().map(|label| match label {
            Label::One => self.variable.name.clone(),
            label => format!("{}[{label}]", self.variable.name),
        })
    }
}

/// Signals in the order in which they were asked for, each once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection {
    /// Variables; one that several selectors mean stands where the first of them put it.
    pub chosen: Vec<Chosen>,
    /// Steps of a learning epoch.
    pub(crate) epoch: u32,
}

impl Selection {
    /// Number of signals.
    pub fn len(&self) -> usize {
        self.chosen.iter().map(|c| c.at.len()).sum()
    }
    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Catalogue {
    /// The signals that selectors mean.
    ///
    /// Errors: a selector means nothing, a lane or synapse is not there, or there are more than
    /// [`MAX_SIGNALS`].
    pub fn select(
        &self,
        selectors: &[Selector],
        emulator: &Emulator,
    ) -> Result<Selection, SignalError> {
        let mut selection = Selection { chosen: Vec::new(), epoch: self.epoch };
        let mut total = 0usize;
        for selector in selectors {
            let meant: Vec<&Variable> =
                self.variables.iter().filter(|v| selector.means(&v.name)).collect();
            if meant.is_empty() {
                return Err(self.unknown(selector));
            }
            let mut refusals = Vec::new();
            let mut found = false;
            for variable in meant {
                let labels = labels(variable, emulator)?;
                match pick(variable, &labels, selector) {
                    Ok(at) => {
                        found = true;
                        total += add(&mut selection, variable, &labels, at);
                    }
                    Err(refusal) => refusals.push(refusal),
                }
                if total > MAX_SIGNALS {
                    return Err(SignalError::TooMany { limit: MAX_SIGNALS });
                }
            }
            // A pattern with lanes may well mean some variables that do not have them.
            if !found && let Some(refusal) = refusals.into_iter().next() {
                return Err(refusal);
            }
        }
        if selection.is_empty() {
            let list: Vec<String> = selectors.iter().map(ToString::to_string).collect();
            return Err(SignalError::Empty { list: list.join(",") });
        }
        Ok(selection)
    }

    /// What to record where nobody says: the counters, spikes, modulators, voltages, currents,
    /// variables of synapses that learn, traces and busy flags, each group of them if it still
    /// leaves the sum at or below [`DEFAULT_SIGNALS`]. Also returns the names left out.
    pub fn by_default(&self, emulator: &Emulator) -> Result<(Selection, Vec<String>), SignalError> {
        let rank = |v: &Variable| match v.source {
            Source::Step | Source::Epoch | Source::Position => Some(0),
            Source::Spikes(_) => Some(1),
            Source::Modulator(_) => Some(2),
            Source::Voltage(_) => Some(3),
            Source::Current(_) => Some(4),
            Source::Field(..) => v.changes.then_some(5),
            Source::Trace(_) => Some(6),
            Source::Busy => Some(7),
            Source::Hold(_) => None,
        };
        let (mut taken, mut left_out, mut total) = (Vec::new(), Vec::new(), 0);
        for group in 0..=7 {
            for (at, variable) in self.variables.iter().enumerate() {
                if rank(variable) != Some(group) {
                    continue;
                }
                let n = variable.lanes.count();
                if total + n <= DEFAULT_SIGNALS {
                    total += n;
                    taken.push(at);
                } else {
                    left_out.push(variable.name.clone());
                }
            }
        }
        taken.sort_unstable();
        let mut selection = Selection { chosen: Vec::new(), epoch: self.epoch };
        for at in taken {
            let variable = &self.variables[at];
            let labels = labels(variable, emulator)?;
            add(&mut selection, variable, &labels, (0..labels.len()).collect());
        }
        Ok((selection, left_out))
    }

    fn unknown(&self, selector: &Selector) -> SignalError {
        let names = || self.variables.iter().map(|v| v.name.as_str());
        let name = selector.variable.clone();
        if selector.is_pattern() {
            return SignalError::NothingMatches { pattern: name };
        }
        // Somebody who writes a population means something of it.
        let owner = format!("{name}.");
        let members: Vec<&str> = names().filter(|n| n.starts_with(&owner)).collect();
        let hint = match did_you_mean(&name, names()) {
            _ if !members.is_empty() => format!("'{name}' has {}", members.join(", ")),
            Some(near) => format!("did you mean '{near}'?"),
            None => "`--signals list` prints all names".to_owned(),
        };
        SignalError::Unknown { name, hint }
    }
}

/// Adds lanes to a selection; returns how many were not in it.
fn add(selection: &mut Selection, variable: &Variable, labels: &[Label], at: Vec<usize>) -> usize {
    let chosen = &mut selection.chosen;
    let known = match chosen.iter().position(|c| c.variable.source == variable.source) {
        Some(known) => known,
        None => {
            chosen.push(Chosen { variable: variable.clone(), at: Vec::new(), labels: Vec::new() });
            chosen.len() - 1
        }
    };
    let chosen = &mut chosen[known];
    let mut taken = vec![false; labels.len()];
    chosen.at.iter().for_each(|at| taken[*at] = true);
    let before = chosen.at.len();
    for at in at {
        if !std::mem::replace(&mut taken[at], true) {
            chosen.at.push(at);
            chosen.labels.push(labels[at]);
        }
    }
    chosen.at.len() - before
}

/// What each value of a variable is called.
fn labels(variable: &Variable, emulator: &Emulator) -> Result<Vec<Label>, EmuError> {
    Ok(match (&variable.lanes, variable.source) {
        (Lanes::One, _) => vec![Label::One],
        (Lanes::Counted(n), _) => (0..*n).map(Label::Lane).collect(),
        (Lanes::Cores(ids), _) => ids.iter().map(|id| Label::Lane(*id)).collect(),
        (Lanes::Synapses(_), Source::Field(projection, field)) => {
            let mut labels = Vec::new();
            let visit = |s: trifactor_emu::Synapse| labels.push(Label::Synapse(s.pre, s.post));
            emulator.visit_field(projection, field, visit)?;
            labels
        }
        (Lanes::Synapses(_), _) => Vec::new(),
    })
}

/// Positions of the lanes that a selector means.
fn pick(
    variable: &Variable,
    labels: &[Label],
    selector: &Selector,
) -> Result<Vec<usize>, SignalError> {
    if selector.places.is_empty() {
        return Ok((0..labels.len()).collect());
    }
    let mut picked = Vec::new();
    for place in &selector.places {
        let before = picked.len();
        let meant = labels.iter().enumerate().filter(|(_, label)| means(place, **label));
        picked.extend(meant.map(|(at, _)| at));
        // A span that ends beyond the last lane is a slip as much as a lane that is not there.
        let beyond = match (place, labels.last()) {
            (Place::Lanes(span), Some(Label::Lane(last))) => {
                span.last != u32::MAX && span.last > *last
            }
            _ => false,
        };
        if picked.len() == before || beyond {
            return Err(SignalError::NoLane {
                variable: variable.name.clone(),
                place: place.to_string(),
                there: there(variable, labels, place),
            });
        }
    }
    Ok(picked)
}

fn means(place: &Place, label: Label) -> bool {
    match (place, label) {
        (Place::Lanes(span), Label::Lane(lane)) => span.holds(lane),
        (Place::Lanes(Span::ALL), _) => true,
        (Place::Synapses(from, to), Label::Synapse(pre, post)) => from.holds(pre) && to.holds(post),
        _ => false,
    }
}

/// What a variable has where a place is not.
fn there(variable: &Variable, labels: &[Label], place: &Place) -> String {
    match (&variable.lanes, labels.first(), labels.last()) {
        (Lanes::One, ..) => "it is one number, without lanes".to_owned(),
        (Lanes::Cores(ids), ..) => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            format!("the cores in use are {}", ids.join(", "))
        }
        (Lanes::Counted(_), Some(_), Some(last)) => match place {
            Place::Synapses(..) => format!("its lanes are single numbers, 0 to {last}"),
            Place::Lanes(_) => format!("its lanes are 0 to {last}"),
        },
        (Lanes::Synapses(_), Some(first), Some(last)) => match place {
            Place::Lanes(_) => format!("its lanes are synapses, {first} to {last}"),
            Place::Synapses(from, _) => {
                let pre =
                    |label: &&Label| matches!(label, Label::Synapse(pre, _) if from.holds(*pre));
                let near: Vec<String> =
                    labels.iter().filter(pre).take(4).map(ToString::to_string).collect();
                match near.is_empty() {
                    true => format!("its synapses go from {first} to {last}"),
                    false => format!("from there it has {} ...", near.join(", ")),
                }
            }
        },
        _ => "it has no lanes".to_owned(),
    }
}
