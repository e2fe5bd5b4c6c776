//! The cheapest change of formats that cures a loss, found by trying: each change is compiled, and
//! its chip runs the same trials.

use super::causes::{Causes, rounding_word};
use super::measure::{Measure, Outcome};
use super::script::Exercise;
use crate::error::LabError;
use crate::prepare::{Prepared, identity, requests};
use crate::statistics::Estimate;
use trifactor_compile::compile;
use trifactor_fixed::Rounding;
use trifactor_ir::units::{Unit, recognise};
use trifactor_ir::{StateId, StateRole};
use trifactor_quant::{FormatRequest, Requests, plan};

/// States that are tried.
const TRIED: usize = 4;
/// Most bits of a format on any chip.
const MOST_BITS: u8 = 24;

/// A change of one state's format.
#[derive(Clone, Debug)]
struct Change {
    name: String,
    request: FormatRequest,
    /// Bits it adds, over all lanes.
    bits: i64,
}

/// Something that was tried.
#[derive(Clone, PartialEq, Debug)]
pub struct Attempt {
    /// The lines for `formats` in `model.ron`.
    pub formats: Vec<String>,
    /// Bits they add over all lanes.
    pub bits: i64,
    /// What the chip then loses; none where the chip cannot hold it.
    pub loss: Option<Estimate>,
    /// Whether that is within the limit.
    pub cures: bool,
}

/// The search for a cure.
#[derive(Clone, PartialEq, Debug)]
pub struct Cure {
    /// The cheapest change that cures, by its position in `attempts`.
    pub found: Option<usize>,
    /// Everything that was tried, in order.
    pub attempts: Vec<Attempt>,
}

impl Cure {
    /// The cheapest change that cures.
    pub fn best(&self) -> Option<&Attempt> {
        self.found.map(|at| &self.attempts[at])
    }
}

/// A loss that is small enough, by the rule of the verdict.
pub(super) type IsCured<'a> = &'a dyn Fn(&Estimate) -> bool;

struct Search<'a> {
    exercise: &'a Exercise<'a>,
    prepared: &'a Prepared,
    measure: &'a Measure,
    float: &'a Outcome,
    n: u32,
    cured: IsCured<'a>,
    attempts: Vec<Attempt>,
}

/// Tries changes of the states that explain most of the loss: each by itself, from the cheapest
/// on, and if none cures, together.
pub(super) fn search(
    exercise: &Exercise<'_>,
    prepared: &Prepared,
    (measure, float): (&Measure, &Outcome),
    causes: &Causes,
    n: u32,
    cured: IsCured<'_>,
) -> Result<Cure, LabError> {
    let mut search = Search { exercise, prepared, measure, float, n, cured, attempts: Vec::new() };
    let suspects: Vec<(StateId, Option<Rounding>)> =
        causes.guilty().take(TRIED).map(|c| (c.state, c.better)).collect();
    // Of each state, the change after which least was lost.
    let mut helpful: Vec<Change> = Vec::new();
    for (state, better) in suspects {
        let mut best: Option<(f64, Change)> = None;
        for change in search.changes(state, better) {
            let Some(loss) = search.attempt(std::slice::from_ref(&change))? else { continue };
            if best.as_ref().is_none_or(|(least, _)| loss.mean < *least) {
                best = Some((loss.mean, change));
            }
            if cured(&loss) {
                break;
            }
        }
        helpful.extend(best.map(|(_, change)| change));
    }
    for together in 2..=helpful.len() {
        if search.attempts.iter().any(|a| a.cures) {
            break;
        }
        search.attempt(&helpful[..together])?;
    }
    let attempts = search.attempts;
    let cheapest = (0..attempts.len())
        .filter(|k| attempts[*k].cures)
        .min_by_key(|k| (attempts[*k].bits, attempts[*k].formats.len(), *k));
    Ok(Cure { found: cheapest, attempts })
}

impl Search<'_> {
    /// Changes of a state, the cheapest first: another rounding, another binary point, more bits.
    fn changes(&self, state: StateId, better: Option<Rounding>) -> Vec<Change> {
        let (net, plan) = (&self.prepared.network, &self.prepared.plan);
        let state = self.adjustable(state);
        let Some(state) = state else { return Vec::new() };
        let now = plan.states[state].q;
        let name = net.full_name(state);
        let lanes = net.lanes(net.states[state].space) as i64;
        let change = |bits: u8, frac: i8, rounding: Option<Rounding>| Change {
            name: name.clone(),
            request: FormatRequest {
                bits: Some(bits),
                frac: Some(frac),
                signed: Some(now.signed),
                rounding,
            },
            bits: (i64::from(bits) - i64::from(now.bits)) * lanes,
        };
        let rounding = Some(plan.states[state].rounding);
        let mut list = Vec::new();
        let is_voltage = self.is_voltage(state);
        if better.is_some() && !is_voltage && net.states[state].role == StateRole::Variable {
            list.push(change(now.bits, now.frac, better));
        }
        for frac in [now.frac.saturating_add(1), now.frac.saturating_sub(1)] {
            list.push(change(now.bits, frac, rounding));
        }
        if is_voltage {
            list.extend(
                [2, 4].map(|more| change(now.bits, now.frac.saturating_add(more), rounding)),
            );
            list.iter_mut().for_each(|c| c.request.rounding = None);
            return list;
        }
        for bits in now.bits + 1..=MOST_BITS {
            let more = (bits - now.bits) as i8;
            list.push(change(bits, now.frac.saturating_add(more), rounding));
        }
        list
    }

    /// The state whose format decides about that of another: thresholds and biases share that of
    /// the voltage, impulses that of their trace, and height and slope follow that of their
    /// pseudo-derivative. Decay registers have one width.
    fn adjustable(&self, state: StateId) -> Option<StateId> {
        let (net, plan) = (&self.prepared.network, &self.prepared.plan);
        let asked = &net.states[state];
        if plan.states[state].encoding != trifactor_quant::Encoding::Plain {
            return None;
        }
        if net.synapses(asked.space).is_some() {
            return Some(state);
        }
        let phase = net.phases.values().find(|p| {
            p.writes.contains(&state)
                || p.reads.values().any(|r| *r == trifactor_ir::Read::State(state))
        })?;
        let kernel = &net.kernels[phase.kernel];
        let of_psi = |port: &str| {
            let port = kernel.port(port);
            port.is_some_and(|p| phase.reads[p] == trifactor_ir::Read::State(state))
        };
        let variable = match recognise(kernel)? {
            Unit::Lif(_) if net.is_trace(state) || of_psi("height") || of_psi("slope") => "psi",
            Unit::Lif(_) => "v",
            Unit::LinearTrace | Unit::SaturatingTrace => "x",
            Unit::Modulator => "m",
            Unit::Deliver => return None,
        };
        let outputs = &kernel.outputs;
        outputs.iter().position(|o| o.variable == variable).map(|at| phase.writes[at])
    }

    fn is_voltage(&self, state: StateId) -> bool {
        let net = &self.prepared.network;
        net.setter(state).is_some_and(|(phase, _)| {
            let neuron = recognise(&net.kernels[net.phases[phase].kernel]);
            matches!(neuron, Some(Unit::Lif(_))) && !net.is_trace(state)
        })
    }

    /// What the chip loses with changes; none where it cannot hold them.
    fn attempt(&mut self, changes: &[Change]) -> Result<Option<Estimate>, LabError> {
        let (model, net) = (self.exercise.model, &self.prepared.network);
        let mut asked: Requests = requests(model);
        for change in changes {
            asked.insert(change.name.clone(), change.request);
        }
        let Ok((planned, _)) = plan(net, &self.prepared.chip, &asked) else { return Ok(None) };
        let compiled = compile(net, &planned, &self.prepared.chip, &identity(model));
        let formats: Vec<String> = changes.iter().map(Change::line).collect();
        let bits = changes.iter().map(|c| c.bits).sum();
        let Ok(compiled) = compiled else {
            self.attempts.push(Attempt { formats, bits, loss: None, cures: false });
            return Ok(None);
        };
        if self.attempts.iter().any(|a| a.formats == formats) {
            return Ok(None);
        }
        let what = format!("change {}", self.attempts.len() + 1);
        let outcome = self.exercise.chip(&compiled.image, self.n, &what)?;
        let loss = self.measure.loss(self.float, &outcome);
        let cures = (self.cured)(&loss);
        self.attempts.push(Attempt { formats, bits, loss: Some(loss), cures });
        Ok(Some(loss))
    }
}

impl Change {
    /// `"ff.w": (bits: 12, frac: 9)`, as it stands in `formats`.
    fn line(&self) -> String {
        let FormatRequest { bits, frac, rounding, .. } = self.request;
        let (bits, frac) = (bits.unwrap_or(0), frac.unwrap_or(0));
        let rounding = match rounding {
            Some(Rounding::Stochastic) | None => String::new(),
            Some(other) => {
                let word = rounding_word(other);
                format!(", rounding: {}{}", word[..1].to_uppercase(), &word[1..])
            }
        };
        format!("\"{}\": (bits: {bits}, frac: {frac}{rounding})", self.name)
    }
}
