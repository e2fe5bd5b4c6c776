//! Breakpoints and watchpoints.

use crate::error::DebugError;
use crate::names::{Target, holds};
use crate::read::{Reading, frac, read, short};
use crate::timeline::Timeline;
use trifactor_emu::{MicroOp, Phase};
use trifactor_signals::name::Place;

/// How closely a run has to be looked at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Grain {
    /// After every step.
    Step,
    /// After every phase.
    Phase,
    /// Around every micro-operation.
    Op,
}

/// A comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Compare {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Compare {
    /// All, longer signs first, so that the first that fits is the right one.
    pub(crate) const ALL: [(&str, Self); 6] = [
        ("==", Self::Equal),
        ("!=", Self::Unequal),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    pub(crate) fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Self::Equal => a == b,
            Self::Unequal => a != b,
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
        }
    }
}

/// What of a value is waited for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Test {
    /// Any change.
    Change,
    /// A comparison with a number begins to hold.
    Becomes(Compare, f64),
    /// The value passes to the other side of a number.
    Crosses(f64),
}

impl Test {
    fn met(self, old: f64, new: f64) -> bool {
        match self {
            Self::Change => old != new,
            Self::Becomes(compare, x) => !compare.holds(old, x) && compare.holds(new, x),
            Self::Crosses(x) => (old < x) != (new < x),
        }
    }
}

/// What ends a run.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Kind {
    /// One of these lanes of a population fires; without any, one of all.
    Spike(usize, Vec<Place>),
    /// A state is clipped: its position in the emulator's list; `None` for any state.
    Saturation(Option<usize>),
    /// A word of microcode is about to be executed, for any synapse or one of these lanes.
    Address(Vec<(u32, u32)>, Option<(u32, u32)>),
    /// A value changes.
    Watch(Target, Test),
    /// A step is complete.
    Step(u32),
}

/// A breakpoint or watchpoint.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    /// Its number, from 1.
    pub id: usize,
    /// What it waits for, as it was asked for.
    pub text: String,
    /// What it waits for.
    pub kind: Kind,
    /// How often it ended a run.
    pub hits: u64,
    /// Values that were seen last.
    seen: Vec<Reading>,
    counts: Vec<u64>,
}

/// What has just happened, or is about to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// A phase is complete.
    Phase(Phase),
    /// A step is complete.
    Step,
    /// This will be executed.
    Before(&'a MicroOp),
    /// This was executed.
    After(&'a MicroOp),
}

impl Stop {
    pub(crate) fn new(
        id: usize,
        text: &str,
        kind: Kind,
        timeline: &Timeline,
    ) -> Result<Self, DebugError> {
        let mut stop =
            Self { id, text: text.to_owned(), kind, hits: 0, seen: Vec::new(), counts: Vec::new() };
        stop.seen = stop.values(timeline)?;
        stop.counts = counts(timeline);
        Ok(stop)
    }

    /// `breakpoint 1`.
    pub(crate) fn title(&self) -> String {
        let word = if matches!(self.kind, Kind::Watch(..)) { "watchpoint" } else { "breakpoint" };
        format!("{word} {}", self.id)
    }

    pub(crate) fn grain(&self) -> Grain {
        match self.kind {
            Kind::Step(_) => Grain::Step,
            Kind::Spike(..) | Kind::Watch(..) => Grain::Phase,
            // A store that saturates is seen where it is executed.
            Kind::Saturation(_) | Kind::Address(..) => Grain::Op,
        }
    }

    /// Takes what is now for what was seen last: after a jump or a change by hand.
    pub(crate) fn forget(&mut self, timeline: &Timeline) {
        // What could be read when it was set can be read.
        self.seen = self.values(timeline).unwrap_or_default();
        self.counts = counts(timeline);
    }

    fn values(&self, timeline: &Timeline) -> Result<Vec<Reading>, DebugError> {
        match &self.kind {
            Kind::Watch(target, _) => read(timeline, 0, target),
            _ => Ok(Vec::new()),
        }
    }

    /// What it says of an event; `None` where it does not wait for it.
    pub(crate) fn look(&mut self, timeline: &Timeline, event: Event<'_>) -> Option<String> {
        let map = timeline.emulator().map();
        match (&self.kind, event) {
            (Kind::Step(step), Event::Step) => {
                (timeline.at().step == *step).then(|| format!("step {step} is complete"))
            }
            (Kind::Spike(population, places), Event::Phase(phase)) => {
                let named = &map.populations[*population];
                // Inputs fire when their messages are sent.
                let fires = if named.slices.is_empty() { Phase::Messages } else { Phase::Neurons };
                if phase != fires {
                    return None;
                }
                let fired = timeline.emulator().spikes(*population);
                let fired: Vec<u32> =
                    fired.iter().copied().filter(|lane| holds(places, *lane)).collect();
                spikes(&named.name, &fired)
            }
            (Kind::Address(places, synapse), Event::Before(op)) => {
                let here = places.contains(&(op.synapse.core, op.word));
                let meant = synapse
                    .is_none_or(|(pre, post)| (op.synapse.pre, op.synapse.post) == (pre, post));
                (here && meant).then(|| format!("core {} word {}", op.synapse.core, op.word))
            }
            (Kind::Saturation(state), Event::After(op)) => {
                let stored = op.stored.filter(|stored| stored.saturated)?;
                let projection = &map.projections[op.synapse.projection];
                let name = format!("{}.{}", projection.name, projection.fields[stored.field].name);
                let all = timeline.emulator().saturations();
                let meant = state.is_none_or(|k| all.get(k).is_some_and(|s| s.state == name));
                let (pre, post) = (op.synapse.pre, op.synapse.post);
                meant.then(|| format!("{name}[{pre}->{post}] saturates at raw {}", stored.value))
            }
            (Kind::Saturation(state), Event::Phase(phase)) => {
                let now = counts(timeline);
                let old = std::mem::replace(&mut self.counts, now);
                // The stores of this phase were seen one by one.
                if phase == Phase::Plasticity {
                    return None;
                }
                let all = timeline.emulator().saturations();
                let each = old.iter().zip(&self.counts).zip(&all).enumerate();
                let risen: Vec<String> = each
                    .filter(|(k, ((old, new), _))| {
                        new > old && state.is_none_or(|state| state == *k)
                    })
                    .map(|(_, ((old, new), s))| match *new - *old {
                        1 => format!("{} saturates", s.state),
                        n => format!("{} saturates {n} times", s.state),
                    })
                    .collect();
                (!risen.is_empty()).then(|| risen.join(", "))
            }
            (Kind::Watch(target, test), Event::Phase(_)) => {
                let now = read(timeline, 0, target).unwrap_or_default();
                let old = std::mem::replace(&mut self.seen, now);
                let scale = f64::from(frac(timeline, &target.what)).exp2();
                let pairs = || {
                    old.iter().zip(&self.seen).filter(|(old, new)| match test {
                        Test::Change => old.raw != new.raw,
                        // Compared as the chip holds it, so that the author's number is exact.
                        test => test.scaled(scale).met(old.raw as f64, new.raw as f64),
                    })
                };
                let text = |(old, new): (&Reading, &Reading)| {
                    let (name, lane) = (&target.name, new.lane.suffix());
                    let (from, to) = (short(old.value), short(new.value));
                    format!("{name}{lane} {from} -> {to} (raw {} -> {})", old.raw, new.raw)
                };
                let n = pairs().count();
                let mut shown: Vec<String> = pairs().take(3).map(text).collect();
                if n > shown.len() {
                    shown.push(format!("{} more", n - shown.len()));
                }
                (n > 0).then(|| shown.join(", "))
            }
            _ => None,
        }
    }
}

impl Test {
    fn scaled(self, scale: f64) -> Self {
        match self {
            Self::Change => self,
            Self::Becomes(compare, x) => Self::Becomes(compare, x * scale),
            Self::Crosses(x) => Self::Crosses(x * scale),
        }
    }
}

fn counts(timeline: &Timeline) -> Vec<u64> {
    timeline.emulator().saturations().iter().map(|s| s.count).collect()
}

/// `hidden[3] spikes`, `hidden[1], [2] spike`.
fn spikes(name: &str, fired: &[u32]) -> Option<String> {
    let first = fired.first()?;
    let shown: Vec<String> =
        fired.iter().skip(1).take(7).map(|lane| format!(", [{lane}]")).collect();
    let more = match fired.len().saturating_sub(8) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let verb = if fired.len() == 1 { "spikes" } else { "spike" };
    Some(format!("{name}[{first}]{}{more} {verb}", shown.concat()))
}
