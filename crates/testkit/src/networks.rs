//! Random small networks with every kind of part, and spike trains for their inputs.
//!
//! ```
//! use trifactor_testkit::{Rng, networks};
//! let drawn = networks::draw(&mut Rng::new(11));
//! assert!(!drawn.net.inputs().is_empty());
//! ```

use crate::Rng;
use crate::builder::{Lif, NetworkBuilder, TraceSpec};
use crate::rules::{self, Rule};
use trifactor_fixed::Rounding;
use trifactor_ir::units::LifParts;
use trifactor_ir::{
    CheckedNetwork, Delay, Group, Read, ResetGroup, Role, Sign, SpaceId, SpaceKind, StateId,
    StateRole, Values,
};
use trifactor_quant::{FormatRequest, Requests};

/// A network with the formats its author asks for.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The network.
    pub net: CheckedNetwork,
    /// Formats.
    pub requests: Requests,
}

/// A population that projections can start from or end at.
#[derive(Clone, Copy)]
struct Place {
    space: SpaceId,
    n: u32,
    spikes: bool,
    neurons: bool,
    /// Has a pseudo-derivative.
    psi: bool,
}

/// A rule on a projection between two small populations: what a test of kernels needs.
///
/// The network's last phase runs the rule.
pub fn around(rule: &Rule, rng: &mut Rng) -> Drawn {
    let mut parts = Parts::new(NetworkBuilder::new("around_a_rule", 1 + rng.below(4) as u32), rng);
    let input =
        Place { space: parts.b.input("in", 2), n: 2, spikes: true, neurons: false, psi: false };
    let lif = Lif { threshold: Some(Values::Constant(1.0)), ..Lif::default() };
    let out =
        Place { space: parts.b.lif("out", 2, &lif), n: 2, spikes: true, neurons: true, psi: false };
    parts.places = vec![input, out];
    parts.plastic("ff", input, out, rule.clone(), 1.0);
    parts.finish()
}

/// Draws a network of two to five populations.
pub fn draw(rng: &mut Rng) -> Drawn {
    drawn(rng, false)
}

/// The same with sums of products for rules and no saturating traces, for chips whose engine
/// computes nothing else.
pub fn draw_sums(rng: &mut Rng) -> Drawn {
    drawn(rng, true)
}

fn drawn(rng: &mut Rng, sums: bool) -> Drawn {
    let epoch = 1 + rng.below(6) as u32;
    let mut parts = Parts::new(NetworkBuilder::new("random", epoch), rng);
    parts.sums = sums;
    for k in 0..1 + parts.rng.below(2) {
        let n = parts.size();
        let space = parts.b.input(&format!("in{k}"), n);
        parts.places.push(Place { space, n, spikes: true, neurons: false, psi: false });
    }
    for k in 0..1 + parts.rng.below(3) {
        parts.population(k);
    }
    let targets: Vec<Place> = parts.places.iter().copied().filter(|p| p.neurons).collect();
    let mut count = 0;
    for target in targets {
        for _ in 0..1 + parts.rng.below(3) {
            let sources: Vec<Place> = parts.places.iter().copied().filter(|p| p.spikes).collect();
            let source = parts.rng.pick(&sources);
            let name = format!("ff{count}");
            count += 1;
            let density = parts.rng.pick(&[1.0, 1.0, 0.6, 0.3, 0.1]);
            if parts.rng.chance(0.6) {
                let rule = if sums { rules::sums(parts.rng) } else { rules::draw(parts.rng) };
                parts.plastic(&name, source, target, rule, density);
            } else {
                parts.fixed(&name, source, target.space, target.n, density);
            }
        }
    }
    parts.finish()
}

/// The lanes of a population that fire in one step.
///
/// Shape: ascending lanes below `n`. `rate` is the probability per lane.
pub fn spikes(rng: &mut Rng, n: usize, rate: f64) -> Vec<u32> {
    (0..n as u32).filter(|_| rng.chance(rate)).collect()
}

/// The network in the making with what later parts need to know of earlier ones.
struct Parts<'r> {
    b: NetworkBuilder,
    rng: &'r mut Rng,
    places: Vec<Place>,
    /// Typical size of the weights into a population.
    requests: Requests,
    modulators: Vec<(SpaceId, u32)>,
    /// Whether rules are sums of products.
    sums: bool,
}

impl<'r> Parts<'r> {
    fn new(b: NetworkBuilder, rng: &'r mut Rng) -> Self {
        let (places, modulators) = (Vec::new(), Vec::new());
        Self { b, rng, places, requests: Requests::new(), modulators, sums: false }
    }

    fn finish(self) -> Drawn {
        let net = self.b.finish().unwrap_or_else(|e| panic!("a drawn network must verify:\n{e}"));
        Drawn { net, requests: self.requests }
    }

    fn size(&mut self) -> u32 {
        // Equal sizes let one modulator serve pre and post lanes.
        if let Some(last) = self.places.last()
            && self.rng.chance(0.25)
        {
            return last.n;
        }
        let top = self.rng.pick(&[2, 6, 15, 30, 40, 40]);
        1 + self.rng.below(top) as u32
    }

    /// One value for all lanes, or one per lane.
    fn values(&mut self, n: usize, lo: f64, hi: f64) -> Values {
        if self.rng.chance(0.6) {
            Values::Constant(self.rng.between(lo, hi))
        } else {
            Values::PerLane((0..n).map(|_| self.rng.between(lo, hi)).collect())
        }
    }

    fn keep(&mut self, n: usize) -> Values {
        match self.rng.below(8) {
            0 => Values::Constant(0.0),
            1 => Values::Constant(1.0),
            2 => self.values(n, 0.99, 1.0),
            _ => self.values(n, 0.3, 0.98),
        }
    }

    fn population(&mut self, k: usize) {
        let n = self.size();
        let lanes = n as usize;
        let choices: Vec<LifParts> = LifParts::all().collect();
        let mut parts = self.rng.pick(&choices);
        // Engines of public models have no pseudo-derivatives.
        parts.pseudo_derivative &= !self.sums;
        // Most populations spike, and the first always does.
        parts.threshold |= k == 0 || self.rng.chance(0.6);
        let scale = self.rng.between(-1.0, 4.0).exp2();
        let (keep_u, keep_v) = (self.keep(lanes), self.keep(lanes));
        let mut part = |has: bool, lo: f64, hi: f64| has.then(|| self.values(lanes, lo, hi));
        let lif = Lif {
            keep_u,
            keep_v,
            threshold: part(parts.threshold, 0.5 * scale, 2.0 * scale),
            bias: part(parts.bias, -0.1 * scale, 0.4 * scale),
            v_min: part(parts.floor, -2.0 * scale, 0.0),
            refractory: None,
            pseudo_derivative: None,
        };
        let refractory = parts.refractory.then(|| match self.rng.below(3) {
            0 => Values::PerLane((0..lanes).map(|_| self.rng.below(4) as f64).collect()),
            1 => Values::Constant(self.rng.within(0..=63) as f64),
            _ => Values::Constant(self.rng.within(1..=3) as f64),
        });
        let pseudo_derivative = parts.pseudo_derivative.then(|| {
            let (height, width) = (self.rng.between(-4.0, 3.0).exp2(), self.rng.between(-4.0, 3.0));
            (height, height / (scale * width.exp2()))
        });
        let name = format!("pop{k}");
        let space = self.b.lif(&name, n, &Lif { refractory, pseudo_derivative, ..lif });
        if parts.pseudo_derivative && self.rng.chance(0.4) {
            let bits = Some(self.rng.pick(&[7, 8, 9, 10, 12, 16]));
            let request = FormatRequest { bits, ..self.rounding() };
            self.requests.insert(format!("{name}.psi"), request);
        }
        if self.rng.chance(0.2) {
            // A coarse membrane cuts off the last bits of weights (S11).
            let frac = Some(self.rng.within(-2..=6) as i8);
            self.requests.insert(format!("{name}.v"), FormatRequest { frac, ..Default::default() });
        }
        let (spikes, psi) = (parts.threshold, parts.pseudo_derivative);
        self.places.push(Place { space, n, spikes, neurons: true, psi });
    }

    fn rows(&mut self, n_pre: u32, n_post: u32, density: f64) -> Vec<Vec<u32>> {
        (0..n_pre)
            .map(|_| {
                // Some rows are empty even in dense projections, though not in the smallest.
                if density == 1.0 && n_pre > 2 && self.rng.chance(0.05) {
                    return Vec::new();
                }
                (0..n_post).filter(|_| density == 1.0 || self.rng.chance(density)).collect()
            })
            .collect()
    }

    fn delay(&mut self) -> Delay {
        Delay::Fixed(match self.rng.below(6) {
            0..=2 => 0,
            3 => 1,
            4 => self.rng.within(2..=9) as u8,
            _ => self.rng.within(10..=62) as u8,
        })
    }

    /// A projection that does not learn.
    fn fixed(&mut self, name: &str, pre: Place, post: SpaceId, n_post: u32, density: f64) {
        let sign = self.rng.pick(&[Sign::Mixed, Sign::Excitatory, Sign::Inhibitory]);
        let rows = self.rows(pre.n, n_post, density);
        let count = rows.iter().map(Vec::len).sum::<usize>();
        let projection = self.b.synapses(name, pre.space, post, sign, &rows);
        let top = self.rng.between(-2.0, 4.0).exp2();
        let (lo, hi) = match sign {
            Sign::Mixed => (-top, top),
            Sign::Excitatory => (0.0, top),
            Sign::Inhibitory => (-top, 0.0),
        };
        let values = Values::PerLane((0..count).map(|_| self.rng.between(lo, hi)).collect());
        let w = self.b.weight(projection, values);
        self.weight_format(name, sign);
        let delay = if self.rng.chance(0.25) {
            let d = (0..count).map(|_| self.rng.within(0..=9) as f64).collect();
            let reset = ResetGroup::Weights;
            let values = Values::PerLane(d);
            let role = StateRole::Parameter;
            Delay::PerSynapse(self.b.state(projection, "d", role, values, None, reset))
        } else {
            self.delay()
        };
        self.b.deliver(projection, w, delay);
    }

    fn weight_format(&mut self, name: &str, sign: Sign) {
        if self.rng.chance(0.5) {
            return;
        }
        let widths: &[u8] =
            if sign == Sign::Excitatory { &[1, 4, 8, 16] } else { &[2, 5, 8, 12, 16] };
        let request = FormatRequest { bits: Some(self.rng.pick(widths)), ..self.rounding() };
        self.requests.insert(format!("{name}.w"), request);
    }

    fn rounding(&mut self) -> FormatRequest {
        let modes = [Rounding::Floor, Rounding::Zero, Rounding::Nearest, Rounding::Stochastic];
        let rounding = self.rng.chance(0.5).then(|| self.rng.pick(&modes));
        FormatRequest { rounding, ..FormatRequest::default() }
    }

    /// A projection that learns by a rule, with the traces and modulators that it reads.
    fn plastic(&mut self, name: &str, pre: Place, post: Place, mut rule: Rule, density: f64) {
        if !post.spikes {
            // Nothing is known to have fired there, and nothing carries a post trace.
            for p in rule.kernel.ports.values_mut() {
                if p.role == Role::Post && p.variable.starts_with('y') {
                    p.role = Role::Pre;
                    p.variable = p.variable.replace('y', "x");
                }
            }
        }
        if post.psi {
            // Rules read it as they read traces: at every time, and one step back.
            for p in rule.kernel.ports.values_mut() {
                let trace = p.role == Role::Post && ["y1", "y2"].contains(&p.variable.as_str());
                if trace && self.rng.chance(0.7) {
                    p.variable = "psi".to_owned();
                }
            }
        }
        let rows = self.rows(pre.n, post.n, density);
        let count = rows.iter().map(Vec::len).sum::<usize>();
        let projection = self.b.synapses(name, pre.space, post.space, rule.sign, &rows);
        let mut delay = None;
        for own in &rule.own {
            let (lo, hi) = own.range;
            let whole = own.name == "d";
            let init = (0..count)
                .map(|_| self.rng.between(lo, hi))
                .map(|v| if whole { v.round() } else { v })
                .collect();
            let role = if own.set { StateRole::Variable } else { StateRole::Parameter };
            let range = own.set.then_some(own.range);
            let values = Values::PerLane(init);
            let state =
                self.b.state(projection, &own.name, role, values, range, ResetGroup::Weights);
            match own.name.chars().next() {
                Some('w') => self.weight_format(name, rule.sign),
                Some('d') => delay = Some(Delay::PerSynapse(state)),
                _ if self.rng.chance(0.4) => {
                    let bits = Some(self.rng.pick(&[8, 9, 12, 16]));
                    let request = FormatRequest { bits, ..self.rounding() };
                    self.requests.insert(format!("{name}.{}", own.name), request);
                }
                _ => {}
            }
        }
        let w = self.b.network().state(projection, "w").expect("every rule has a weight");
        let delay = delay.unwrap_or_else(|| self.delay());
        self.b.deliver(projection, w, delay);
        let reads = rule
            .kernel
            .ports
            .values()
            .map(|p| match p.role {
                Role::Own => Read::State(
                    self.b.network().state(projection, &p.variable).expect("declared above"),
                ),
                Role::Every(_) => Read::EpochFlag,
                Role::Global => Read::State(self.modulator(1, &p.variable, name)),
                Role::Pre => self.lane(pre, &p.variable, name),
                Role::Post => self.lane(post, &p.variable, name),
            })
            .collect();
        let writes = rule
            .kernel
            .outputs
            .iter()
            .map(|o| self.b.network().state(projection, &o.variable).expect("declared above"))
            .collect();
        self.b.phase(Group::Plasticity, projection, rule.kernel.clone(), reads, writes);
    }

    /// What a factor of a lane is bound to; traces and modulators are made when first needed.
    fn lane(&mut self, place: Place, variable: &str, projection: &str) -> Read {
        match variable {
            "x0" | "y0" => {
                let spike = self.b.network().spikes(place.space);
                Read::SpikedInEpoch(spike.expect("flags are read of spiking populations"))
            }
            "psi" => {
                Read::State(self.b.network().state(place.space, variable).expect("it has one"))
            }
            "mod_pre" | "mod_post" => Read::State(self.modulator(place.n, variable, projection)),
            _ => Read::State(self.trace(place, variable, projection)),
        }
    }

    fn trace(&mut self, place: Place, variable: &str, projection: &str) -> StateId {
        let own = format!("{projection}.{variable}");
        let found = [variable, own.as_str()];
        if let Some(state) = found.iter().find_map(|n| self.b.network().state(place.space, n)) {
            return state;
        }
        // Either one trace for all rules of the population, or one of this rule.
        let name = if self.rng.chance(0.5) { variable } else { own.as_str() };
        let keep = self.rng.pick(&[0.0, 0.5, 0.9, 0.95, 0.99, 1.0]);
        let saturating = self.rng.chance(0.4) && !self.sums;
        let init = if self.rng.chance(0.2) { 0.5 } else { 0.0 };
        let spec = if saturating {
            let x_max = Some(self.rng.pick(&[1.0, 2.5, 127.0]));
            TraceSpec { keep, impulse: self.rng.between(0.05, 1.0), x_max, init }
        } else {
            TraceSpec { keep, impulse: self.rng.between(0.1, 4.0), x_max: None, init }
        };
        let state = self.b.trace(place.space, name, &spec);
        let place_name = self.b.network().spaces[place.space].name.clone();
        if self.rng.chance(0.4) {
            let bits = Some(self.rng.pick(&[7, 8, 9, 10, 12, 16]));
            let request = FormatRequest { bits, ..self.rounding() };
            self.requests.insert(format!("{place_name}.{name}"), request);
        }
        state
    }

    fn modulator(&mut self, n: u32, variable: &str, projection: &str) -> StateId {
        let shared = self.modulators.iter().find(|(_, lines)| *lines == n).copied();
        if let Some((space, _)) = shared
            && self.rng.chance(0.5)
        {
            return self.b.network().state(space, "m").expect("a modulator has one variable");
        }
        let name = format!("{projection}.{variable}");
        if let Some(space) = self.b.network().space(&name) {
            return self.b.network().state(space, "m").expect("a modulator has one variable");
        }
        let keep = self.rng.pick(&[0.0, 0.5, 0.9, 0.99]);
        let range = self.rng.chance(0.5).then(|| {
            let top = self.rng.between(-2.0, 5.0).exp2();
            (-top, top)
        });
        let init = if self.rng.chance(0.2) { 0.1 } else { 0.0 };
        let space = self.b.modulator(&name, n, keep, init, range);
        self.modulators.push((space, n));
        let sources: Vec<Place> = self.places.iter().copied().filter(|p| p.spikes).collect();
        for k in 0..1 + self.rng.below(2) {
            let source = self.rng.pick(&sources);
            let density = self.rng.pick(&[1.0, 0.5, 0.2]);
            self.fixed(&format!("{name}.{k}"), source, space, n, density);
        }
        self.b.network().state(space, "m").expect("a modulator has one variable")
    }
}

/// Number of lanes of every input population, in the author's order.
pub fn input_sizes(net: &CheckedNetwork) -> Vec<(SpaceId, usize)> {
    net.inputs()
        .into_iter()
        .filter(|s| matches!(net.spaces[*s].kind, SpaceKind::Population { .. }))
        .map(|s| (s, net.lanes(s)))
        .collect()
}
