//! Populations and modulators.

use super::{Leak, Place, PlaceKind, Resolver, Side};
use crate::surface::{
    ModulatorSpec, PopulationSpec, PostSpec, PseudoDerivativeSpec, Scope, SurrogateSpec, Value,
};
use crate::values::{divided, map_values, offender};
use trifactor_ir::units::{LifParts, cuba_lif, modulator};
use trifactor_ir::{Group, Read, ResetGroup, SpaceKind, StateId, StateRole, Surrogate, Values};

/// The pseudo-derivative of a population, for the neuron's kernel and for rules.
pub(super) const PSI: &str = "psi";

fn find(states: &[(&str, StateId)], name: &str) -> Option<StateId> {
    states.iter().find(|(n, _)| *n == name).map(|(_, id)| *id)
}

/// Longest refractory time in steps.
const MAX_REFRACTORY: f64 = 65_535.0;

impl Resolver<'_> {
    pub(super) fn population(&mut self, name: &str, spec: &PopulationSpec) {
        let key = format!("populations.{name}");
        let Some(place) = self.place(name).cloned() else {
            return;
        };
        let parts = LifParts {
            threshold: spec.threshold.is_some(),
            bias: spec.bias.is_some(),
            floor: spec.v_min.is_some(),
            refractory: spec.refractory.is_some(),
            pseudo_derivative: spec.pseudo_derivative.is_some(),
        };
        if parts.refractory && !parts.threshold {
            self.report.error_hint(
                "M020",
                format!("{key}.refractory"),
                "a population without a threshold never spikes and cannot be held after a spike",
                "add threshold: or remove refractory:",
            );
        }
        if parts.pseudo_derivative && !parts.threshold {
            self.report.error_hint(
                "M020",
                format!("{key}.pseudo_derivative"),
                "a population without a threshold never spikes, and its spikes have no derivative",
                "add threshold: or remove pseudo_derivative:",
            );
        }
        let space = place.space;
        let group = ResetGroup::Membrane;
        let u = self.state(space, "u", StateRole::Variable, group);
        let v = self.state(space, "v", StateRole::Variable, group);
        let mut states: Vec<(&str, StateId)> = vec![("u", u), ("v", v)];
        states.extend(place.q.map(|q| ("q", q)));
        states.extend(place.spike.map(|s| ("spike", s)));
        if parts.refractory {
            states.push(("hold", self.state(space, "hold", StateRole::Variable, group)));
        }
        let leak_u = Leak {
            values: [spec.tau_u.as_ref(), spec.decay_u.as_ref(), spec.keep_u.as_ref()],
            names: ["tau_u", "decay_u", "keep_u"],
        };
        let leak_v = Leak {
            values: [spec.tau_v.as_ref(), spec.decay_v.as_ref(), spec.keep_v.as_ref()],
            names: ["tau_v", "decay_v", "keep_v"],
        };
        for (state, leak) in [("keep_u", leak_u), ("keep_v", leak_v)] {
            if let Some(keep) = self.keep(leak, &place, state, &key) {
                states.push((state, self.parameter(space, state, keep, group)));
            }
        }
        let resistance = spec.resistance.as_ref().and_then(|r| {
            self.value(
                r,
                &place,
                "resistance",
                &format!("{key}.resistance"),
                "it must be above 0",
                |r| r > 0.0,
            )
        });
        let folded: [(&str, &Option<Value>); 3] =
            [("bias", &spec.bias), ("v_min", &spec.v_min), ("threshold", &spec.threshold)];
        for (state, value) in folded {
            let Some(value) = value else { continue };
            let key = format!("{key}.{state}");
            if let Some(mut values) = self.value(value, &place, state, &key, "", |_| true) {
                if let Some(r) = &resistance {
                    values = divided(values, r);
                }
                states.push((state, self.parameter(space, state, values, group)));
            }
        }
        if let Some(value) = &spec.refractory {
            let rule = "a whole number of steps from 0 to 65535 is needed";
            let legal = |r: f64| (0.0..=MAX_REFRACTORY).contains(&r) && r.fract() == 0.0;
            let values =
                self.value(value, &place, "refractory", &format!("{key}.refractory"), rule, legal);
            if let Some(values) = values {
                states.push(("refractory", self.parameter(space, "refractory", values, group)));
            }
        }
        let Some(surrogate) = self.surrogate(spec.surrogate, &key) else {
            return;
        };
        if let Some(triangle) = spec.pseudo_derivative {
            let one = Values::Constant(1.0);
            let resistance = resistance.as_ref().unwrap_or(&one);
            let Some(parts) = self.pseudo_derivative(triangle, &place, resistance, &key) else {
                return;
            };
            states.extend(parts);
            states.extend(find(&states, "threshold").map(|threshold| ("centre", threshold)));
        }
        if self.report.has_errors() {
            return;
        }
        let kernel = cuba_lif(parts, surrogate);
        let Some(writes) = kernel.outputs.iter().map(|o| find(&states, &o.variable)).collect()
        else {
            return;
        };
        let read = |p: &trifactor_ir::Port| find(&states, &p.variable).map(Read::State);
        self.phase(name.to_owned(), key, Group::Neurons, &kernel, space, read, writes);
    }

    /// The states of a pseudo-derivative by the names that the neuron's kernel has for them. The
    /// voltage is in units of the resistance (S26), and so is the width.
    fn pseudo_derivative(
        &mut self,
        spec: PseudoDerivativeSpec,
        place: &Place,
        resistance: &Values,
        key: &str,
    ) -> Option<[(&'static str, StateId); 3]> {
        let PseudoDerivativeSpec { height, width } = spec;
        for (name, value) in [("height", height), ("width", width)] {
            if !(value.is_finite() && value > 0.0) {
                let message = format!("{value}; a number above 0 is needed");
                self.report.error("M016", format!("{key}.pseudo_derivative.{name}"), message);
                return None;
            }
        }
        let slope = map_values(resistance.clone(), |r| height / width * r);
        if let Some((_, steep)) = offender(&slope, f64::is_finite) {
            let message = format!("a height of {height} over a width of {width} is {steep}");
            self.report.error("M016", format!("{key}.pseudo_derivative"), message);
            return None;
        }
        let (space, group) = (place.space, ResetGroup::Traces);
        let psi = self.state(space, PSI, StateRole::Variable, group);
        let height = self.parameter(space, "psi.height", Values::Constant(height), group);
        let slope = self.parameter(space, "psi.slope", slope, group);
        Some([(PSI, psi), ("height", height), ("slope", slope)])
    }

    fn surrogate(&mut self, spec: SurrogateSpec, key: &str) -> Option<Surrogate> {
        let (made, numbers) = match spec {
            SurrogateSpec::Off => (Surrogate::None, [0.0, 0.0]),
            SurrogateSpec::FastSigmoid(scale, beta) => {
                (Surrogate::FastSigmoid { scale, beta }, [scale, beta])
            }
            SurrogateSpec::Exponential(scale, beta) => {
                (Surrogate::Exponential { scale, beta }, [scale, beta])
            }
            SurrogateSpec::Triangle(scale, beta) => {
                (Surrogate::Triangle { scale, beta }, [scale, beta])
            }
        };
        if numbers.iter().all(|x| x.is_finite() && *x >= 0.0) {
            return Some(made);
        }
        let message = format!(
            "height {} and steepness {} must be finite and not negative",
            numbers[0], numbers[1]
        );
        self.report.error("M016", format!("{key}.surrogate"), message);
        None
    }

    /// Spaces of modulators; their sizes follow from the projections they are scoped to.
    pub(super) fn add_modulators(&mut self) {
        let f = self.file;
        for (name, spec) in f.modulators.iter() {
            let key = format!("modulators.{name}.scope");
            let (side, projection) = match &spec.scope {
                Scope::Global => (Side::Pre, None),
                Scope::PerPre(p) => (Side::Pre, Some(p)),
                Scope::PerPost(p) => (Side::Post, Some(p)),
            };
            let mut lines = (1, None);
            if let Some(projection) = projection {
                let Some(p) = f.projections.get(projection) else {
                    self.report.unknown(key, "projection", projection, f.projections.names());
                    continue;
                };
                let target = match (&p.post, side) {
                    (_, Side::Pre) => &p.pre,
                    (PostSpec::Population(post), Side::Post) => post,
                    (PostSpec::Tagged(_), Side::Post) => {
                        let message = format!(
                            "'{projection}' ends at a modulator, which has no neurons to stand for"
                        );
                        self.report.error("M033", key, message);
                        continue;
                    }
                };
                // A population that does not exist is reported where the projection names it.
                let Some(place) = self.place(target) else {
                    continue;
                };
                lines = (place.n, Some(place.space));
            }
            let space = self.space(name, SpaceKind::Modulator { n: lines.0 });
            let q = self.state(space, "q", StateRole::Accumulator, ResetGroup::Modulators);
            self.places.push(Place {
                name: name.to_owned(),
                kind: PlaceKind::Modulator(lines.1, side),
                space,
                n: lines.0,
                spike: None,
                q: Some(q),
            });
        }
    }

    pub(super) fn modulator(&mut self, name: &str, spec: &ModulatorSpec) {
        let key = format!("modulators.{name}");
        let Some(place) = self.place(name).cloned() else {
            return;
        };
        let m = self.state(place.space, "m", StateRole::Variable, ResetGroup::Modulators);
        let range = self.range(spec.range, &format!("{key}.range"));
        self.network.states[m].range = range;
        self.inside(&Values::Constant(0.0), range, &format!("{key}.range"));
        let leak = Leak::plain(&spec.tau, &spec.decay, &spec.keep);
        let Some(keep) = self.keep(leak, &place, "keep", &key) else {
            return;
        };
        let keep = self.parameter(place.space, "keep", keep, ResetGroup::Modulators);
        let Some(q) = place.q else { return };
        let read = |p: &trifactor_ir::Port| {
            Some(Read::State(match p.name.as_str() {
                "m" => m,
                "q" => q,
                _ => keep,
            }))
        };
        self.phase(
            name.to_owned(),
            key,
            Group::Modulators,
            &modulator(),
            place.space,
            read,
            vec![m],
        );
    }
}
