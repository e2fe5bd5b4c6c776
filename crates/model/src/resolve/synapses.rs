//! Projections: synapses, weights, delays, delivery.

use super::rules::Program;
use super::{Place, PlaceKind, Resolver};
use crate::connect::{Site, connect};
use crate::surface::{ModulatorPost, PostSpec, ProjectionSpec, SignSpec};
use crate::values::{Lanes, SIGN_SITE, name_stream, offender, value_draws};
use trifactor_fixed::Draw;
use trifactor_ir::units::deliver;
use trifactor_ir::{
    Delay, Group, Kernel, MAX_DELAY, Read, ResetGroup, Sign, SpaceId, SpaceKind, StateId,
    StateRole, Synapses, Values,
};

/// What a rule needs to know of the projection it works on.
pub(super) struct Plastic<'p> {
    pub(super) name: &'p str,
    pub(super) space: SpaceId,
    pub(super) pre: Place,
    pub(super) post: Place,
    pub(super) lanes: Lanes<'p>,
    pub(super) w: StateId,
    /// Present where delays differ or the rule names them.
    pub(super) d: Option<StateId>,
}

impl Resolver<'_> {
    pub(super) fn projection(
        &mut self,
        name: &str,
        spec: &ProjectionSpec,
        programs: &[(&str, Option<Program>)],
    ) {
        let key = format!("projections.{name}");
        let rule = self.rule_of(spec, &key, programs);
        let (Some(pre), Some(post)) = (self.pre(spec, &key), self.post(spec, &key)) else {
            return;
        };
        let site = Site {
            folder: self.folder,
            seed: self.file.seed,
            name,
            key: &key,
            n_pre: pre.n,
            n_post: post.n,
            same: pre.space == post.space,
        };
        let Some(mut pattern) = connect(&spec.connect, &site, &mut self.report) else {
            return;
        };
        let kernel_weights = pattern.weights.take();
        let (pre_lane, post_lane) =
            (std::mem::take(&mut pattern.pre_lane), pattern.post_lane.clone());
        if post_lane.is_empty() {
            self.report.warning("M060", &key, "the projection has no synapses", "check connect:");
        }
        let lanes = Lanes::Synapses {
            pre: &pre_lane,
            post: &post_lane,
            size: (pre.n as usize, post.n as usize),
            listed: pattern.listed.as_deref(),
        };
        let sign = match spec.sign {
            SignSpec::Mixed => Sign::Mixed,
            SignSpec::Excitatory => Sign::Excitatory,
            SignSpec::Inhibitory => Sign::Inhibitory,
        };
        let space = self.space(
            name,
            SpaceKind::Synapses(Synapses {
                pre: pre.space,
                post: post.space,
                sign,
                row_start: pattern.row_start,
                post_lane: pattern.post_lane,
            }),
        );
        let program = rule.and_then(|(_, program)| program);
        let uses = |variable: &str| program.is_some_and(|p| p.names(variable));
        let sets = |variable: &str| program.is_some_and(|p| p.sets(variable));

        let range = self.weight_range(spec, rule.map(|(name, _)| name), sets("w"), &key);
        let weights = self.weights(name, spec, kernel_weights, lanes, &key);
        let Some(weights) = weights else { return };
        self.check_sign(&weights, sign, &format!("{key}.weights"));
        self.inside(&weights, range, &format!("{key}.weights"));
        let w = self.parameter(space, "w", weights, ResetGroup::Weights);
        self.network.states[w].range = range;
        if sets("w") {
            self.network.states[w].role = StateRole::Variable;
        }

        let delay_key = format!("{key}.delay");
        let delays = match &spec.delay {
            None => Values::Constant(0.0),
            Some(value) => {
                let full = format!("{name}.d");
                match self.maker().delays(value, lanes, &full, &delay_key, &mut self.report) {
                    Some(delays) => delays,
                    None => return,
                }
            }
        };
        let (delay, d) = match delays {
            Values::Constant(steps) if !uses("d") => (Delay::Fixed(steps as u8), None),
            delays => {
                let d = self.parameter(space, "d", delays, ResetGroup::Weights);
                self.network.states[d].range = Some((0.0, f64::from(MAX_DELAY)));
                if sets("d") {
                    self.network.states[d].role = StateRole::Variable;
                }
                (Delay::PerSynapse(d), Some(d))
            }
        };
        self.deliver(name, &key, space, w, delay, &pre, &post);
        if let Some((rule, Some(program))) = rule {
            let plastic = Plastic { name, space, pre, post, lanes, w, d };
            self.plasticity(rule, program, &plastic);
        }
    }

    fn rule_of<'p>(
        &mut self,
        spec: &ProjectionSpec,
        key: &str,
        programs: &'p [(&'p str, Option<Program>)],
    ) -> Option<(&'p str, Option<&'p Program>)> {
        let wanted = spec.rule.as_deref()?;
        let found = programs.iter().find(|(name, _)| *name == wanted);
        if found.is_none() {
            let known = programs.iter().map(|(name, _)| *name);
            self.report.unknown(format!("{key}.rule"), "rule", wanted, known);
        }
        found.map(|(name, program)| (*name, program.as_ref()))
    }

    fn pre(&mut self, spec: &ProjectionSpec, key: &str) -> Option<Place> {
        let key = format!("{key}.pre");
        let found =
            self.place(&spec.pre).filter(|p| !matches!(p.kind, PlaceKind::Modulator(..))).cloned();
        match found {
            None => {
                let f = self.file;
                let known = f.populations.names().chain(f.inputs.names());
                self.report.unknown(key, "population or input", &spec.pre, known);
                None
            }
            Some(place) if place.spike.is_none() => {
                self.report.error_hint(
                    "M036",
                    key,
                    format!(
                        "'{}' has no threshold, so it never spikes and nothing travels from it",
                        spec.pre
                    ),
                    "add threshold: to the population",
                );
                None
            }
            place => place,
        }
    }

    fn post(&mut self, spec: &ProjectionSpec, key: &str) -> Option<Place> {
        let key = format!("{key}.post");
        let f = self.file;
        match &spec.post {
            PostSpec::Population(name) => {
                let place = self.place(name).cloned();
                match place.as_ref().map(|p| p.kind) {
                    Some(PlaceKind::Population) => place,
                    Some(PlaceKind::Input) => {
                        self.report.error(
                            "M021",
                            key,
                            format!("'{name}' is an input; its spikes come from outside only"),
                        );
                        None
                    }
                    Some(PlaceKind::Modulator(..)) => {
                        let hint = format!("write post: Modulator(\"{name}\")");
                        self.report.error_hint(
                            "M010",
                            key,
                            format!("'{name}' is a modulator, not a population"),
                            hint,
                        );
                        None
                    }
                    None => {
                        self.report.unknown(key, "population", name, f.populations.names());
                        None
                    }
                }
            }
            PostSpec::Tagged(ModulatorPost::Modulator(name)) => {
                let place = self
                    .place(name)
                    .filter(|p| matches!(p.kind, PlaceKind::Modulator(..)))
                    .cloned();
                if place.is_none() && f.modulators.get(name).is_none() {
                    self.report.unknown(key, "modulator", name, f.modulators.names());
                }
                place
            }
        }
    }

    fn weight_range(
        &mut self,
        spec: &ProjectionSpec,
        rule: Option<&str>,
        set: bool,
        key: &str,
    ) -> Option<(f64, f64)> {
        let range_key = format!("{key}.range");
        let in_rule = rule
            .and_then(|r| self.file.rules.get(r))
            .and_then(|r| r.variables.get("w"))
            .and_then(super::rules::declared_range);
        if spec.range.is_some() && in_rule.is_some() && spec.range != in_rule {
            let message = "the projection and the rule's variable 'w' give different ranges";
            self.report.error_hint("M025", &range_key, message, "keep one of them");
        }
        let given = self.range(spec.range.or(in_rule), &range_key);
        if given.is_none() && set && spec.range.or(in_rule).is_none() {
            self.report.error_hint(
                "M025",
                &range_key,
                "the rule sets the weights, which have no range",
                "add range: (-1.0, 1.0) to the projection, with bounds that suit the rule",
            );
        }
        let (lo, hi) = given?;
        let signed = match spec.sign {
            SignSpec::Mixed => (lo, hi),
            SignSpec::Excitatory => (lo.max(0.0), hi),
            SignSpec::Inhibitory => (lo, hi.min(0.0)),
        };
        if signed.0 > signed.1 {
            self.report.error(
                "M025",
                &range_key,
                format!("({lo}, {hi}) holds no weight of the projection's sign"),
            );
            return None;
        }
        Some(signed)
    }

    fn weights(
        &mut self,
        name: &str,
        spec: &ProjectionSpec,
        kernel: Option<Vec<f64>>,
        lanes: Lanes<'_>,
        key: &str,
    ) -> Option<Values> {
        let key = format!("{key}.weights");
        let full = format!("{name}.w");
        let weights = match (&spec.weights, kernel) {
            (Some(_), Some(_)) => {
                self.report.error(
                    "M021",
                    key,
                    "a convolution takes its weights from its kernel; remove this key",
                );
                return None;
            }
            (None, None) => {
                self.report.error_hint(
                    "M005",
                    key,
                    "the projection has no weights",
                    "add weights: 0.1, Uniform(lo, hi, seed), ..",
                );
                return None;
            }
            (Some(value), None) => {
                self.maker().make(value, lanes, &full, &key, &mut self.report)?
            }
            (None, Some(kernel)) => {
                if kernel.iter().any(|w| !w.is_finite()) {
                    self.report.error("M016", key, "the kernel holds a weight that is not finite");
                    return None;
                }
                Values::PerLane(kernel)
            }
        };
        let Some(fraction) = spec.inhibitory_fraction else {
            return Some(weights);
        };
        if !(0.0..=1.0).contains(&fraction) {
            self.report.error(
                "M016",
                format!("projections.{name}.inhibitory_fraction"),
                format!("{fraction} is not a fraction between 0 and 1"),
            );
            return None;
        }
        if spec.sign != SignSpec::Mixed {
            let key = format!("projections.{name}.inhibitory_fraction");
            self.report.error("M023", key, "weights of both signs need sign: Mixed");
            return None;
        }
        let Lanes::Synapses { pre, post, .. } = lanes else {
            return Some(weights);
        };
        let limit = (fraction * 4_294_967_296.0).round() as u64;
        let (draws, stream) = (value_draws(self.file.seed, 0), name_stream(&full));
        let one = |(i, (p, q)): (usize, (&u32, &u32))| {
            let negative = u64::from(draws.draw(0, stream, SIGN_SITE, *p, *q)) < limit;
            let size = weights.at(i).abs();
            if negative { -size } else { size }
        };
        Some(Values::PerLane(pre.iter().zip(post).enumerate().map(one).collect()))
    }

    fn check_sign(&mut self, weights: &Values, sign: Sign, key: &str) {
        let fault = match sign {
            Sign::Mixed => None,
            Sign::Excitatory => offender(weights, |w| w >= 0.0).map(|o| (o, "Excitatory")),
            Sign::Inhibitory => offender(weights, |w| w <= 0.0).map(|o| (o, "Inhibitory")),
        };
        if let Some(((synapse, w), word)) = fault {
            let hint = "change the weights or use sign: Mixed";
            self.report.error_hint(
                "M023",
                key,
                format!("the weight of synapse {synapse} is {w}, but the projection is {word}"),
                hint,
            );
        }
    }

    fn deliver(
        &mut self,
        name: &str,
        key: &str,
        space: SpaceId,
        w: StateId,
        delay: Delay,
        pre: &Place,
        post: &Place,
    ) {
        let (Some(spike), Some(q)) = (pre.spike, post.q) else {
            return;
        };
        let kernel: Kernel = deliver();
        let read = |p: &trifactor_ir::Port| {
            Some(if p.name == "w" { Read::State(w) } else { Read::Arriving { spike, delay } })
        };
        self.phase(name.to_owned(), key.to_owned(), Group::Deliver, &kernel, space, read, vec![q]);
    }
}
