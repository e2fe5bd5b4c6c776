//! Choose a format for every state.
//!
//! Reads: network, chip widths, requests.   Writes: one [`StateFormat`] per state.
//! Method: each phase's unit (or, for a rule, each synapse variable) says which widths the chip
//! gives its states; the binary point is the highest that holds the reachable range.

use crate::plan::{Encoding, FormatRequest, Requests, StateFormat, trace_sides};
use trifactor_diag::{Diagnostic, Diagnostics, Place, did_you_mean};
use trifactor_entity::{EntityId, SideTable};
use trifactor_fixed::{DecayCode, Overflow, QFormat, RawRange, Rounding, WeightSign};
use trifactor_ir::units::{Unit, recognise};
use trifactor_ir::{
    CheckedNetwork, Delay, Group, MAX_DELAY, Phase, PhaseId, Read, Sign, StateId, StateRole,
};
use trifactor_isa::Chip;

/// More fraction bits than this serve nobody: the weights that feed a state have at most 16.
const MAX_STATE_FRAC: i8 = 24;

/// Widest mantissa of an impulse before its fraction. Source: S60.
const IMPULSE_BITS: u8 = 16;

/// Bits of the slope of a pseudo-derivative. Source: S27.
const SLOPE_BITS: u8 = 16;

/// An unsigned format with so many more bits below its last place, and one above where it fits: an
/// impulse may exceed what the trace holds. Where it does not fit, the trace is as wide as an
/// impulse can be, and the largest impulse fills it as any larger one would.
fn finer(q: QFormat, bits: u8) -> QFormat {
    let whole = (q.bits + 1).min(IMPULSE_BITS);
    QFormat { bits: whole + bits, frac: q.frac + bits as i8, signed: false }
}

struct Chooser<'a> {
    net: &'a CheckedNetwork,
    chip: &'a Chip,
    requests: &'a Requests,
    formats: Vec<Option<StateFormat>>,
    diagnostics: &'a mut Diagnostics,
}

/// Chooses all formats. Errors: `Q001` to `Q006`.
pub(crate) fn choose(
    net: &CheckedNetwork,
    chip: &Chip,
    requests: &Requests,
    diagnostics: &mut Diagnostics,
) -> Result<SideTable<StateId, StateFormat>, Diagnostics> {
    let mut chooser =
        Chooser { net, chip, requests, formats: vec![None; net.states.len()], diagnostics };
    chooser.reject_unknown_requests();
    chooser.spikes();
    chooser.synapse_variables();
    let phases: Vec<PhaseId> = net.phases.ids().collect();
    for id in phases {
        let phase = &net.phases[id];
        match recognise(&net.kernels[phase.kernel]) {
            Some(Unit::Lif(_)) => chooser.population(phase),
            Some(Unit::LinearTrace) => chooser.trace(phase, false),
            Some(Unit::SaturatingTrace) => chooser.trace(phase, true),
            Some(Unit::Modulator) => chooser.modulator(phase),
            Some(Unit::Deliver) => {}
            None if phase.group == Group::Plasticity => {}
            None => chooser.no_unit(phase),
        }
    }
    chooser.finish()
}

impl Chooser<'_> {
    fn request(&self, state: StateId) -> FormatRequest {
        self.requests.get(&self.net.full_name(state)).copied().unwrap_or_default()
    }

    fn set(&mut self, state: StateId, q: QFormat, rounding: Rounding) {
        let raw = q.raw_range();
        let raw = match self.net.states[state].range {
            Some((lo, hi)) => RawRange {
                lo: raw.lo.max((lo * f64::from(q.frac).exp2()).ceil() as i64),
                hi: raw.hi.min((hi * f64::from(q.frac).exp2()).floor() as i64),
            },
            None => raw,
        };
        let format = StateFormat {
            q,
            rounding,
            overflow: Overflow::Saturate,
            raw,
            encoding: Encoding::Plain,
        };
        self.formats[state.index()] = Some(format);
    }

    fn set_decay(&mut self, state: StateId, code: DecayCode, bits: u8, steps: u32) {
        // The surviving fraction is an integer over 2^bits, and 2^bits itself is "all survives".
        let q = QFormat::unsigned(bits + 1, bits as i8);
        self.formats[state.index()] = Some(StateFormat {
            q,
            rounding: Rounding::Nearest,
            overflow: Overflow::Saturate,
            raw: RawRange { lo: 0, hi: 1 << bits },
            encoding: Encoding::Decay { code, steps },
        });
    }

    /// The state bound to an input of a unit's kernel, if the unit uses that part.
    fn bound(&self, phase: &Phase, port: &str) -> Option<StateId> {
        let port = self.net.kernels[phase.kernel].port(port)?;
        match phase.reads[port] {
            Read::State(state) => Some(state),
            _ => None,
        }
    }

    fn error(&mut self, code: &'static str, message: String, key: &str, hint: &str) {
        let d = Diagnostic::error(code, message).at(Place::at_key(key)).hint(hint);
        self.diagnostics.push(d);
    }

    fn reject_unknown_requests(&mut self) {
        let names: Vec<String> = self.net.states.ids().map(|s| self.net.full_name(s)).collect();
        for name in self.requests.keys() {
            if names.contains(name) {
                continue;
            }
            let near = did_you_mean(name, names.iter().map(String::as_str));
            let hint = match near {
                Some(near) => format!("did you mean '{near}'?"),
                None => "formats are named PROJECTION.VARIABLE or POPULATION.v".to_owned(),
            };
            self.error(
                "Q001",
                format!("a format is given for '{name}', but the model has no such variable"),
                &format!("formats.{name}"),
                &hint,
            );
        }
    }

    fn spikes(&mut self) {
        for (id, state) in self.net.states.iter() {
            if state.role == StateRole::Spike {
                self.set(id, QFormat::unsigned(1, 0), Rounding::Floor);
            }
        }
    }

    fn synapse_variables(&mut self) {
        let delays: Vec<StateId> = self
            .net
            .phases
            .values()
            .flat_map(|p| p.reads.values())
            .filter_map(|r| match r {
                Read::Arriving { delay: Delay::PerSynapse(s), .. } => Some(*s),
                _ => None,
            })
            .collect();
        let ids: Vec<StateId> = self.net.states.ids().collect();
        for id in ids {
            let state = &self.net.states[id];
            let Some(synapses) = self.net.synapses(state.space) else { continue };
            if delays.contains(&id) {
                // A chip without delays per synapse is refused when the projection is lowered.
                let bits = self.chip.synapse.delay_bits_max.max(1);
                self.set(id, QFormat::unsigned(bits, 0), Rounding::Stochastic);
                let longest = MAX_DELAY.min(self.chip.core.delay_slots - 1);
                let format = self.formats[id.index()].as_mut().expect("set just now");
                format.raw.hi = format.raw.hi.min(i64::from(longest));
                continue;
            }
            let Some((init_lo, init_hi)) = state.init.bounds() else {
                self.set(id, QFormat::signed(9, 0), Rounding::Stochastic);
                continue;
            };
            let (lo, hi) = state.range.unwrap_or((init_lo, init_hi));
            let is_weight = self.is_weight(id);
            let defaults = &self.chip.defaults;
            let signed = match (is_weight, synapses.sign) {
                (true, Sign::Excitatory) => false,
                (true, _) => true,
                (false, _) => state.role == StateRole::Variable || lo < 0.0,
            };
            let (bits, allowed, word): (u8, &[u8], _) = if is_weight {
                let bits = if signed {
                    defaults.weight_signed_bits
                } else {
                    defaults.weight_unsigned_bits
                };
                (bits, &self.chip.synapse.weight_bits, "weight")
            } else if state.role == StateRole::Variable {
                (defaults.tag_bits, &self.chip.synapse.tag_bits, "tag")
            } else {
                (defaults.rate_bits, &self.chip.synapse.rate_bits, "rate")
            };
            let (allowed, sign) = (allowed.to_vec(), synapses.sign);
            let rounding = self.chip.defaults.store_rounding;
            self.fitted(id, bits, &allowed, signed, lo, hi, word, rounding);
            self.learned(id, is_weight.then_some(sign));
        }
    }

    /// Narrows what a rule sets to what the chip's engine lets a weight, or a tag, become.
    fn learned(&mut self, id: StateId, weight: Option<Sign>) {
        let Some(engine) = self.chip.arithmetic.learning else { return };
        let variable = self.net.states[id].role == StateRole::Variable;
        let Some(format) = self.formats[id.index()].as_mut().filter(|_| variable) else { return };
        let range = match weight {
            Some(Sign::Mixed) => engine.weight(WeightSign::Mixed),
            Some(Sign::Excitatory) => engine.weight(WeightSign::Excitatory),
            Some(Sign::Inhibitory) => engine.weight(WeightSign::Inhibitory),
            None => RawRange { lo: engine.tag.0.into(), hi: engine.tag.1.into() },
        };
        format.raw.lo = format.raw.lo.max(range.lo);
        format.raw.hi = format.raw.hi.min(range.hi);
        let q = format.q;
        self.reject_empty_range(id, q);
    }

    /// Whether any phase reads or sets a state.
    fn in_use(&self, state: StateId) -> bool {
        self.net.phases.values().any(|p| {
            p.writes.contains(&state) || p.reads.values().any(|r| *r == Read::State(state))
        })
    }

    /// Where a rule first reads a state, in the author's file.
    fn read_at(&self, state: StateId) -> Option<String> {
        self.net.phases.values().find_map(|p| {
            let (port, _) = p.reads.iter().find(|(_, r)| **r == Read::State(state))?;
            self.net.kernels[p.kernel].place_of(port)
        })
    }

    /// Whether some delivery sends this state's value to a target.
    fn is_weight(&self, state: StateId) -> bool {
        self.net.phases.values().any(|p| {
            p.group == Group::Deliver && p.reads.values().any(|r| *r == Read::State(state))
        })
    }

    /// Sets a format of the requested or default width with the best binary point.
    fn fitted(
        &mut self,
        id: StateId,
        default_bits: u8,
        allowed: &[u8],
        signed: bool,
        lo: f64,
        hi: f64,
        word: &str,
        default_rounding: Rounding,
    ) {
        let request = self.request(id);
        let name = self.net.full_name(id);
        let bits = request.bits.unwrap_or(default_bits);
        let signed = request.signed.unwrap_or(signed);
        if allowed.is_empty() && !self.in_use(id) {
            // A parameter that was folded into its rule: its value is stored nowhere.
            let q = QFormat::for_range(bits, signed, lo, hi, MAX_STATE_FRAC);
            self.set(id, q.unwrap_or(QFormat::signed(32, 0)), default_rounding);
            return;
        }
        if allowed.is_empty() {
            let chip = &self.chip.name;
            let place = self.read_at(id).map_or_else(String::new, |p| format!(" (read in {p})"));
            let holding = Chip::builtin_list(|c| match word {
                "rate" => c.synapse.rates > 0,
                _ => c.synapse.tags > 0,
            });
            self.error(
                "Q002",
                format!("'{name}' is a {word}, and the chip '{chip}' stores none"),
                &name,
                &format!(
                    "choose a chip that does: {holding}; a value that is the same for all synapses needs no \
                     place{place}: write it into the rule"
                ),
            );
            return;
        }
        if !allowed.contains(&bits) {
            let list: Vec<String> = allowed.iter().map(u8::to_string).collect();
            self.error(
                "Q002",
                format!(
                    "{bits} bits are asked for '{name}', but the chip '{}' stores a {word} in {} bits",
                    self.chip.name,
                    list.join(", ")
                ),
                &format!("formats.{name}.bits"),
                "choose one of these widths, or another chip",
            );
            return;
        }
        let rounding = request.rounding.unwrap_or(default_rounding);
        let q = match request.frac {
            Some(frac) => Some(QFormat { bits, frac, signed }),
            None => QFormat::for_range(bits, signed, lo, hi, MAX_STATE_FRAC),
        };
        let kind = if signed { "signed" } else { "unsigned" };
        match q {
            Some(q) => {
                self.set(id, q, rounding);
                self.reject_empty_range(id, q);
            }
            None => self.error(
                "Q003",
                format!(
                    "no {kind} {bits}-bit format holds '{name}', which ranges from {lo} to {hi}"
                ),
                &name,
                "narrow its range, or give 'frac' under 'formats'",
            ),
        }
    }

    /// A range between two neighbouring raw values holds none of them.
    fn reject_empty_range(&mut self, id: StateId, q: QFormat) {
        let Some((lo, hi)) = self.net.states[id].range else { return };
        if self.formats[id.index()].is_some_and(|f| f.raw.lo > f.raw.hi) {
            let name = self.net.full_name(id);
            self.error(
                "Q003",
                format!("no value of '{name}' in its format {q} lies between {lo} and {hi}"),
                &name,
                "widen its range, or give it more bits or a larger 'frac' under 'formats'",
            );
        }
    }

    /// A unit whose values have a sign, or none, cannot do without it, or with it.
    fn reject_sign(&mut self, id: StateId, signed: bool, word: &str) -> bool {
        let wrong = self.request(id).signed.is_some_and(|s| s != signed);
        if wrong {
            let name = self.net.full_name(id);
            let (asked, has) = if signed { ("no", "a") } else { ("a", "no") };
            self.error(
                "Q002",
                format!(
                    "{asked} sign is asked for '{name}', but a {word} of the chip '{}' has {has} sign",
                    self.chip.name
                ),
                &format!("formats.{name}.signed"),
                "remove 'signed'",
            );
        }
        wrong
    }

    /// The largest sum of magnitudes that can arrive at one lane in one step, and the most
    /// fraction bits among the weights that feed it.
    fn drive(&self, accumulator: StateId) -> (f64, i8) {
        let lanes = self.net.lanes(self.net.states[accumulator].space);
        let mut sum = vec![0.0f64; lanes];
        let mut frac = 0i8;
        for phase in self.net.phases.values().filter(|p| p.writes.contains(&accumulator)) {
            let Some(w) = self.bound(phase, "w") else { continue };
            let Some(synapses) = self.net.synapses(phase.over) else { continue };
            let Some(format) = self.formats[w.index()] else { continue };
            frac = frac.max(format.q.frac);
            let state = &self.net.states[w];
            let limit = format.value(format.raw.lo).abs().max(format.value(format.raw.hi).abs());
            for (k, &post) in synapses.post_lane.iter().enumerate() {
                let w = if state.role == StateRole::Parameter {
                    format.value(format.quantise(state.init.at(k))).abs()
                } else {
                    limit
                };
                sum[post as usize] += w;
            }
        }
        (sum.into_iter().fold(0.0, f64::max), frac)
    }

    fn keep_of(&self, state: StateId) -> f64 {
        self.net.states[state].init.bounds().map_or(0.0, |(_, hi)| hi)
    }

    fn population(&mut self, phase: &Phase) {
        let part = |c: &Self, name: &str| c.bound(phase, name);
        let (Some(q), Some(u), Some(v)) = (part(self, "q"), part(self, "u"), part(self, "v"))
        else {
            return;
        };
        let (keep_u, keep_v) = (part(self, "keep_u"), part(self, "keep_v"));
        let bits = self.chip.neuron.state_bits;
        let top = f64::from(bits - 1).exp2();
        let (drive, weight_frac) = self.drive(q);
        // A lane that does not leak at all has no bound; 64 steps of full drive then stand in,
        // and saturation is counted at run time.
        let gain = |keep: f64| (1.0 / (1.0 - keep)).min(64.0);
        let u_top = drive * gain(keep_u.map_or(0.0, |k| self.keep_of(k)));
        let mut reach = u_top;
        for name in ["threshold", "bias", "v_min"] {
            if let Some((lo, hi)) = part(self, name).and_then(|s| self.net.states[s].init.bounds())
            {
                // Twice the threshold leaves room for the last input before a spike.
                reach = reach.max(2.0 * lo.abs().max(hi.abs()));
            }
        }
        if part(self, "threshold").is_none() {
            reach = reach.max(u_top * gain(keep_v.map_or(0.0, |k| self.keep_of(k))).min(16.0));
        }
        let request = self.request(v);
        let auto = if reach > 0.0 { (top / reach).log2().floor() as i8 } else { weight_frac };
        // Beyond eight bits below the finest weight there is nothing left to resolve.
        let frac = request.frac.unwrap_or(auto.min(weight_frac.saturating_add(8)).clamp(-8, 20));
        if request.bits.is_some_and(|b| b != bits) {
            let name = self.net.full_name(v);
            self.error(
                "Q002",
                format!(
                    "{} bits are asked for '{name}', but the chip '{}' stores a membrane in {bits} bits",
                    request.bits.unwrap_or(bits), self.chip.name
                ),
                &format!("formats.{name}.bits"),
                "remove 'bits'; 'frac' may be chosen",
            );
        }
        let unit = self.chip.arithmetic.neuron.input.unit;
        let wide = QFormat::signed(self.chip.neuron.accumulator_bits - unit, frac - unit as i8);
        let narrow = QFormat::signed(bits, frac);
        self.check_accumulator(phase, q, drive, wide);
        self.set(q, wide, Rounding::Floor);
        self.set(u, narrow, Rounding::Zero);
        self.set(v, narrow, Rounding::Zero);
        self.stores_what_the_sum_leaves(u, self.chip.current_overflow());
        self.stores_what_the_sum_leaves(v, self.chip.voltage_overflow());
        for name in ["threshold", "bias", "v_min"] {
            let Some(state) = part(self, name) else { continue };
            self.set(state, narrow, Rounding::Nearest);
            let (lo, hi) = narrow.range();
            if let Some((a, b)) = self.net.states[state].init.bounds()
                && (a < lo || b > hi)
            {
                let full = self.net.full_name(state);
                self.error(
                    "Q004",
                    format!(
                        "'{full}' reaches {}, and the {bits}-bit membrane of '{}' ends at {:.4}",
                        if b > hi { b } else { a },
                        self.net.spaces[phase.over].name,
                        if b > hi { hi } else { lo }
                    ),
                    &phase.key,
                    &format!("give a smaller 'frac' under formats.{}", self.net.full_name(v)),
                );
            }
        }
        for name in ["refractory", "hold"] {
            let Some(state) = part(self, name) else { continue };
            self.set(state, QFormat::unsigned(6, 0), Rounding::Floor);
            let longest = f64::from(self.chip.neuron.refractory_max);
            if let Some((_, most)) = self.net.states[state].init.bounds()
                && most > longest
            {
                let full = self.net.full_name(state);
                self.error(
                    "Q009",
                    format!(
                        "'{full}' is {most} steps, and the chip '{}' holds a neuron for at most {longest}",
                        self.chip.name
                    ),
                    &phase.key,
                    "choose a shorter refractory time, or a longer step",
                );
            }
        }
        self.pseudo_derivative(phase, frac);
        let codes = [self.chip.arithmetic.neuron.decay_u, self.chip.arithmetic.neuron.decay_v];
        for (state, code) in [keep_u, keep_v].into_iter().zip(codes) {
            if let Some(state) = state {
                self.set_decay(state, code, self.chip.neuron.decay_bits, 1);
            }
        }
    }

    /// S27: the column holds 0 to the height, the slope is as fine as 16 bits allow, and the
    /// product of slope and distance has no fewer fraction bits than the column. A slope that is
    /// then too steep for its bits saturates; it already takes one unit of the membrane's last
    /// place below 0.
    fn pseudo_derivative(&mut self, phase: &Phase, frac: i8) {
        let (Some(height), Some(slope)) = (self.bound(phase, "height"), self.bound(phase, "slope"))
        else {
            return;
        };
        let outputs = &self.net.kernels[phase.kernel].outputs;
        let Some(at) = outputs.iter().position(|o| o.variable == "psi") else { return };
        let psi = phase.writes[at];
        if !self.chip.has_pseudo_derivatives() {
            let name = self.net.spaces[phase.over].name.clone();
            let holding = Chip::builtin_list(Chip::has_pseudo_derivatives);
            self.error(
                "Q006",
                format!(
                    "the chip '{}' has no unit that computes the pseudo-derivative of '{name}': its post \
                     traces follow spikes alone",
                    self.chip.name
                ),
                &format!("{}.pseudo_derivative", phase.key),
                &format!("choose a chip that has one: {holding}; or let the rule read a post trace"),
            );
        }
        if self.reject_sign(psi, false, "pseudo-derivative") {
            return;
        }
        let top = |c: &Self, state: StateId| c.net.states[state].init.bounds().map_or(0.0, |b| b.1);
        let (highest, steepest) = (top(self, height), top(self, slope));
        let allowed = self.chip.trace.bits.clone();
        let bits = self.chip.defaults.trace_bits;
        self.fitted(psi, bits, &allowed, false, 0.0, highest, "trace", Rounding::Nearest);
        let Some(StateFormat { q, .. }) = self.formats[psi.index()] else { return };
        if highest > q.range().1 + 0.5 * q.lsb() {
            let name = self.net.full_name(psi);
            self.error(
                "Q003",
                format!(
                    "'{name}' reaches its height {highest}, and its format {q} ends at {:.4}",
                    q.range().1
                ),
                &format!("formats.{name}.frac"),
                "give a smaller 'frac', or none",
            );
            return;
        }
        let format = self.formats[psi.index()].as_mut().expect("fitted just now");
        format.raw.hi = q.quantise(highest);
        self.set(height, q, Rounding::Nearest);
        let finest = QFormat::for_range(SLOPE_BITS, false, 0.0, steepest, i8::MAX);
        let places = i16::from(q.frac) - i16::from(frac);
        let wanted = finest.map_or(-32, |finest| i16::from(finest.frac));
        // The shift after the product is from 0 to 62 places.
        let slope_frac = wanted.clamp(places, places + 62) as i8;
        self.set(slope, QFormat::unsigned(SLOPE_BITS, slope_frac), Rounding::Nearest);
    }

    /// The sum has treated its overflow already; the store behind it changes nothing more.
    fn stores_what_the_sum_leaves(&mut self, state: StateId, overflow: Overflow) {
        let format = self.formats[state.index()].as_mut().expect("set just now");
        format.raw = match overflow {
            // One turn may not be enough to come back.
            Overflow::WrapOnce => QFormat::signed(32, 0).raw_range(),
            Overflow::Saturate | Overflow::Wrap | Overflow::Symmetric => overflow.range(format.raw),
        };
    }

    /// How often one synapse can deliver to an accumulator in one step: once, unless a rule
    /// changes its delay, so that spikes of different steps may arrive together (S14).
    fn arrivals(&self, accumulator: StateId) -> f64 {
        let changes =
            self.net.phases.values().filter(|p| p.writes.contains(&accumulator)).any(|p| {
                p.reads.values().any(|r| match r {
                    Read::Arriving { delay: Delay::PerSynapse(d), .. } => {
                        self.net.setter(*d).is_some()
                    }
                    _ => false,
                })
            });
        if changes { f64::from(MAX_DELAY) + 1.0 } else { 1.0 }
    }

    /// S12: the accumulator never overflows, because a network in which it could is refused.
    fn check_accumulator(&mut self, phase: &Phase, q: StateId, drive: f64, wide: QFormat) {
        let drive = drive * self.arrivals(q);
        let (_, hi) = wide.range();
        if drive > hi {
            let name = self.net.spaces[self.net.states[q].space].name.clone();
            self.error(
                "Q005",
                format!(
                    "if all synapses of a lane of '{name}' fire at their largest weight they add up to \
                     {drive:.4}, and its {}-bit accumulator ends at {hi:.4}",
                    wide.bits
                ),
                &phase.key,
                &format!("give a smaller 'frac' under formats.{name}.v, or smaller weights"),
            );
        }
    }

    fn trace(&mut self, phase: &Phase, saturating: bool) {
        let (Some(x), Some(keep), Some(impulse)) =
            (self.bound(phase, "x"), self.bound(phase, "keep"), self.bound(phase, "impulse"))
        else {
            return;
        };
        let (_, kick) = self.net.states[impulse].init.bounds().unwrap_or((0.0, 0.0));
        let x_max = self.bound(phase, "x_max");
        let reach = match (self.net.states[x].range, x_max) {
            (Some((_, hi)), _) => hi,
            (None, Some(m)) => self.net.states[m].init.bounds().map_or(0.0, |(_, hi)| hi),
            (None, None) => kick / (1.0 - self.keep_of(keep)).max(1.0 / 64.0),
        };
        if let Some((lo, hi)) = self.net.states[x].range
            && lo > 0.0
        {
            let name = self.net.full_name(x);
            self.error(
                "Q003",
                format!("'{name}' ranges from {lo} to {hi}, and a trace decays to 0"),
                &name,
                "let its range begin at 0",
            );
        }
        if self.reject_sign(x, false, "trace") {
            return;
        }
        let allowed = self.chip.trace.bits.clone();
        let bits = self.chip.defaults.trace_bits;
        let rounding = self.chip.defaults.trace_rounding;
        self.fitted(x, bits, &allowed, false, 0.0, reach, "trace", rounding);
        let Some(format) = self.formats[x.index()] else { return };
        let replay = self.chip.arithmetic.learning.map(|engine| engine.trace);
        let decay_bits = replay.map_or(self.chip.neuron.decay_bits, |unit| unit.decay_bits);
        let steps = replay.map_or(1, |unit| unit.steps_of_decay(self.net.epoch));
        self.set_decay(keep, DecayCode::default(), decay_bits, steps);
        let rounding = Rounding::Nearest;
        if let Some(unit) = replay {
            self.set(impulse, finer(format.q, unit.fraction_bits), rounding);
            if saturating {
                self.no_unit(phase);
            }
            if trace_sides(self.net, x).len() > 1 {
                self.read_on_both_sides(x);
            }
        } else if saturating {
            // The factor of S31 lies between 0 and 1.
            self.set(impulse, QFormat::unsigned(16, 15), rounding);
            if let Some(m) = x_max {
                self.set(m, format.q, rounding);
            }
        } else {
            self.set(impulse, finer(format.q, 0), rounding);
        }
    }

    fn read_on_both_sides(&mut self, trace: StateId) {
        let name = self.net.full_name(trace);
        self.error(
            "Q012",
            format!(
                "'{name}' is read as a pre trace and as a post trace, and the trace unit of '{}' treats \
                 them differently",
                self.chip.name
            ),
            &name,
            "give the population a trace for each side",
        );
    }

    fn modulator(&mut self, phase: &Phase) {
        let (Some(m), Some(q), Some(keep)) =
            (self.bound(phase, "m"), self.bound(phase, "q"), self.bound(phase, "keep"))
        else {
            return;
        };
        let (drive, _) = self.drive(q);
        let reach = match self.net.states[m].range {
            Some((lo, hi)) => lo.abs().max(hi.abs()),
            None => drive / (1.0 - self.keep_of(keep)).max(1.0 / 64.0),
        };
        if self.reject_sign(m, true, "modulator") {
            return;
        }
        let allowed = self.chip.modulator.bits.clone();
        let bits = self.chip.defaults.modulator_bits;
        let rounding = self.chip.defaults.trace_rounding;
        self.fitted(m, bits, &allowed, true, -reach, reach, "modulator", rounding);
        let Some(format) = self.formats[m.index()] else { return };
        let wide = QFormat::signed(self.chip.neuron.accumulator_bits, format.q.frac);
        self.check_accumulator(phase, q, drive, wide);
        self.set(q, wide, Rounding::Floor);
        self.set_decay(keep, DecayCode::default(), self.chip.neuron.decay_bits, 1);
    }

    fn no_unit(&mut self, phase: &Phase) {
        let traces = match self.chip.arithmetic.learning {
            None => "linear and saturating traces",
            Some(_) => "linear traces",
        };
        let hint = format!("units exist for CUBA LIF neurons, {traces} and modulators");
        self.error(
            "Q006",
            format!(
                "the chip '{}' has no unit that computes the {} of '{}'",
                self.chip.name,
                phase.group.word(),
                phase.name
            ),
            &phase.key,
            &hint,
        );
    }

    fn finish(self) -> Result<SideTable<StateId, StateFormat>, Diagnostics> {
        let mut table = SideTable::empty();
        let mut missing = Diagnostics::new();
        for (id, format) in self.net.states.ids().zip(&self.formats) {
            match format {
                Some(format) => {
                    table.push(*format);
                }
                None => missing.push(
                    Diagnostic::error(
                        "Q007",
                        format!(
                            "no unit of the chip '{}' holds '{}'",
                            self.chip.name,
                            self.net.full_name(id)
                        ),
                    )
                    .at(Place::at_key(self.net.full_name(id)))
                    .hint("a chip holds variables of neurons, traces, modulators and synapses"),
                ),
            }
        }
        if missing.is_empty() || self.diagnostics.has_errors() {
            if self.diagnostics.has_errors() {
                return Err(std::mem::take(self.diagnostics));
            }
            return Ok(table);
        }
        Err(missing)
    }
}
