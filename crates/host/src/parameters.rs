//! What the optimiser moves, and how it becomes what the network reads.
//!
//! The optimiser sees one list of raw numbers. Each trained state owns a part of it, one number
//! per lane or one for all, and reads them as its [`Kind`] says: a factor kept per step is the
//! logistic of its raw number, a positive value the exponential.

use crate::HostError;
use crate::network::find_state;
use crate::settings::{Init, Kind, Trained};
use trifactor_fixed::{Draw, KeyedDraws, mix32};
use trifactor_ir::{CheckedNetwork, Network, Sign, SpaceKind, StateId, StateRole};
use trifactor_stimulus::portable::{exp, ln, normal, unit};

/// Sites of the draws of initial values; normal deviates use 0 to 127.
mod site {
    pub const UNIFORM: u8 = 128;
    pub const SIGN: u8 = 130;
    pub const POST_SIGN: u8 = 131;
}

/// How raw numbers of a part are read.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Reading {
    Free,
    Keep,
    Positive,
}

/// The part of one state.
#[derive(Clone, Debug)]
struct Part {
    state: StateId,
    lanes: usize,
    /// First raw number; there is one per lane, or one for all.
    first: usize,
    shared: bool,
    reading: Reading,
    rate: f64,
    /// Bounds of each raw number.
    bounds: Vec<(f64, f64)>,
}

/// A threshold or an impulse that follows a leak.
#[derive(Clone, Debug)]
struct Tie {
    /// The part of the leak.
    keep: usize,
    state: StateId,
    /// Whether it falls with 1 - keep, as a threshold does, or grows with it, as an impulse does.
    inverse: bool,
    /// Initial 1 - keep of each lane.
    base: Vec<f64>,
    /// Values that are not trained themselves.
    values: Vec<f64>,
    /// The part of the state, if it is trained.
    part: Option<usize>,
}

impl Tie {
    /// What the state's value is multiplied by, and the derivative of its logarithm with respect
    /// to the leak's factor.
    fn factor(&self, lane: usize, keep: f64) -> (f64, f64) {
        let (base, lost) = (self.base[lane], 1.0 - keep);
        if self.inverse { (base / lost, 1.0 / lost) } else { (lost / base, -1.0 / lost) }
    }
}

/// The map from raw numbers to values of states.
#[derive(Clone, Debug)]
pub struct Parameters {
    parts: Vec<Part>,
    ties: Vec<Tie>,
    n_raw: usize,
}

impl Parameters {
    /// The map for these states and the raw numbers to start from, drawn by `seed` where a state
    /// asks for it, else the network's own.
    ///
    /// Errors: a name that is not there or cannot be trained, a value out of its kind's range.
    pub fn new(
        network: &CheckedNetwork,
        trained: &[Trained],
        seed: u32,
    ) -> Result<(Self, Vec<f64>), HostError> {
        let mut parameters = Self { parts: Vec::new(), ties: Vec::new(), n_raw: 0 };
        let mut raw = Vec::new();
        let mut asked = Vec::new();
        for spec in trained {
            let state = find_state(network, &spec.state)?;
            if parameters.parts.iter().any(|p| p.state == state) {
                return Err(HostError::settings(format!(
                    "trained: '{}' is named twice",
                    spec.state
                )));
            }
            let values = initial_values(network, state, spec, seed)?;
            parameters.add(network, state, spec, &values, &mut raw)?;
            if let Kind::Keep { threshold, impulse, .. } = &spec.kind {
                let keep = parameters.parts.len() - 1;
                let names = threshold.iter().map(|n| (n, true));
                for (name, inverse) in names.chain(impulse.iter().map(|n| (n, false))) {
                    asked.push((keep, name, inverse, values.clone()));
                }
            }
        }
        for (keep, name, inverse, values) in asked {
            let state = find_state(network, name)?;
            if network.lanes(network.states[state].space) != values.len() {
                let message = format!("'{name}' has other lanes than the leak it follows");
                return Err(HostError::settings(message));
            }
            parameters.ties.push(Tie {
                keep,
                state,
                inverse,
                base: values.iter().map(|k| 1.0 - k).collect(),
                values: (0..values.len()).map(|l| network.states[state].init.at(l)).collect(),
                part: parameters.parts.iter().position(|p| p.state == state),
            });
        }
        parameters.project(&mut raw);
        Ok((parameters, raw))
    }

    fn add(
        &mut self,
        network: &Network,
        state: StateId,
        spec: &Trained,
        values: &[f64],
        raw: &mut Vec<f64>,
    ) -> Result<(), HostError> {
        let name = &spec.state;
        if !(spec.rate.is_finite() && spec.rate >= 0.0) {
            return Err(HostError::settings(format!("'{name}': rate is {}", spec.rate)));
        }
        let (reading, mut limits) = match spec.kind {
            Kind::Free => (Reading::Free, legal_range(network, state)),
            Kind::Positive => (Reading::Positive, (-50.0, 50.0)),
            Kind::Keep { min, max, .. } => {
                if !(min > 0.0 && min <= max && max <= 1e9) {
                    let message =
                        format!("'{name}': Keep(min: {min}, max: {max}) needs 0 < min <= max");
                    return Err(HostError::settings(message));
                }
                (Reading::Keep, (logit(exp(-1.0 / min)), logit(exp(-1.0 / max))))
            }
        };
        let mut seen = Vec::with_capacity(values.len());
        for value in values {
            let x = match reading {
                Reading::Free => *value,
                Reading::Positive if *value > 0.0 => ln(*value),
                Reading::Keep if *value > 0.0 && *value < 1.0 => logit(*value),
                Reading::Positive | Reading::Keep => {
                    let message = format!("'{name}' begins at {value}, which its kind excludes");
                    return Err(HostError::settings(message));
                }
            };
            seen.push(x);
        }
        if spec.shared && !seen.is_empty() {
            seen = vec![seen.iter().sum::<f64>() / seen.len() as f64];
        }
        if limits.0 > limits.1 {
            limits = (limits.1, limits.0);
        }
        let bounds = seen.iter().map(|x| match (spec.keep_sign, *x >= 0.0) {
            (false, _) => limits,
            (true, true) => (limits.0.max(0.0), limits.1),
            (true, false) => (limits.0, limits.1.min(0.0)),
        });
        self.parts.push(Part {
            state,
            lanes: values.len(),
            first: self.n_raw,
            shared: spec.shared,
            reading,
            rate: spec.rate,
            bounds: bounds.collect(),
        });
        self.n_raw += seen.len();
        raw.extend(seen);
        Ok(())
    }

    /// The states whose gradient is needed.
    pub fn states(&self) -> Vec<StateId> {
        let mut states: Vec<StateId> = self.parts.iter().map(|p| p.state).collect();
        states.extend(self.ties.iter().filter(|t| t.part.is_none()).map(|t| t.state));
        states
    }

    /// Multiples of the step size. Shape: `[raw]`.
    pub fn rates(&self) -> Vec<f64> {
        self.parts.iter().flat_map(|p| std::iter::repeat_n(p.rate, p.bounds.len())).collect()
    }

    /// Values of all states of [`states`](Self::states), in that order.
    pub fn values(&self, raw: &[f64]) -> Vec<(StateId, Vec<f64>)> {
        let mut values: Vec<(StateId, Vec<f64>)> = self
            .parts
            .iter()
            .map(|p| (p.state, (0..p.lanes).map(|l| p.read(raw, l)).collect()))
            .collect();
        for tie in &self.ties {
            let factor = |lane: usize| tie.factor(lane, self.parts[tie.keep].read(raw, lane)).0;
            match tie.part {
                Some(part) => {
                    let list = &mut values[part].1;
                    list.iter_mut().enumerate().for_each(|(lane, v)| *v *= factor(lane));
                }
                None => {
                    let list =
                        tie.values.iter().enumerate().map(|(lane, v)| v * factor(lane)).collect();
                    values.push((tie.state, list));
                }
            }
        }
        values
    }

    /// The gradient of raw numbers from those of the states, given in the order of
    /// [`states`](Self::states).
    pub fn gradient(&self, raw: &[f64], states: &[Vec<f64>]) -> Vec<f64> {
        let mut by_part: Vec<Vec<f64>> = states[..self.parts.len()].to_vec();
        let mut untied = self.parts.len();
        let values = self.values(raw);
        for tie in &self.ties {
            let at = tie.part.unwrap_or_else(|| {
                untied += 1;
                untied - 1
            });
            for lane in 0..tie.base.len() {
                let keep = self.parts[tie.keep].read(raw, lane);
                let (factor, slope) = tie.factor(lane, keep);
                by_part[tie.keep][lane] += states[at][lane] * values[at].1[lane] * slope;
                if let Some(part) = tie.part {
                    by_part[part][lane] *= factor;
                }
            }
        }
        let mut gradient = vec![0.0; self.n_raw];
        for (part, list) in self.parts.iter().zip(&by_part) {
            for (lane, g) in list.iter().enumerate() {
                let value = part.read(raw, lane);
                let slope = match part.reading {
                    Reading::Free => 1.0,
                    Reading::Keep => value * (1.0 - value),
                    Reading::Positive => value,
                };
                gradient[part.at(lane)] += g * slope;
            }
        }
        gradient
    }

    /// Narrows the bounds of raw numbers to what `range` says of the values of their state.
    /// Factors kept per step stay: a decay register holds all of them. So do thresholds and
    /// impulses that follow such a factor.
    pub fn narrow(&mut self, range: impl Fn(StateId) -> Option<(f64, f64)>) {
        for part in self.parts.iter_mut().filter(|p| p.reading != Reading::Keep) {
            if let Some((low, high)) = range(part.state) {
                let (low, high) = match part.reading {
                    Reading::Positive => (ln(low.max(f64::MIN_POSITIVE)), ln(high)),
                    Reading::Free | Reading::Keep => (low, high),
                };
                for bounds in &mut part.bounds {
                    *bounds = (bounds.0.max(low).min(high), bounds.1.min(high).max(low));
                }
            }
        }
    }

    /// Brings raw numbers back into their bounds.
    pub fn project(&self, raw: &mut [f64]) {
        for part in &self.parts {
            for (i, (low, high)) in part.bounds.iter().enumerate() {
                let x = &mut raw[part.first + i];
                *x = x.max(*low).min(*high);
            }
        }
    }
}

impl Part {
    fn at(&self, lane: usize) -> usize {
        self.first + if self.shared { 0 } else { lane }
    }
    fn read(&self, raw: &[f64], lane: usize) -> f64 {
        let x = raw[self.at(lane)];
        match self.reading {
            Reading::Free => x,
            Reading::Keep => 1.0 / (1.0 + exp(-x)),
            Reading::Positive => exp(x),
        }
    }
}

fn logit(p: f64) -> f64 {
    ln(p) - ln(1.0 - p)
}

/// The author's range of a state, narrowed by the sign of a projection's weights.
fn legal_range(network: &Network, state: StateId) -> (f64, f64) {
    let s = &network.states[state];
    let (low, high) = s.range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    let sign = network.synapses(s.space).filter(|_| s.name == "w").map(|s| s.sign);
    match sign {
        Some(Sign::Excitatory) => (low.max(0.0), high),
        Some(Sign::Inhibitory) => (low, high.min(0.0)),
        Some(Sign::Mixed) | None => (low, high),
    }
}

fn initial_values(
    network: &Network,
    state: StateId,
    spec: &Trained,
    seed: u32,
) -> Result<Vec<f64>, HostError> {
    let s = &network.states[state];
    let synapses = network.synapses(s.space);
    let trainable =
        s.role == StateRole::Parameter || (s.role == StateRole::Variable && synapses.is_some());
    if !trainable {
        let message = format!("trained: '{}' follows from the dynamics", spec.state);
        return Err(HostError::settings(message));
    }
    let lanes = network.lanes(s.space);
    let Some(init) = spec.init else {
        return Ok((0..lanes).map(|l| s.init.at(l)).collect());
    };
    let (pre, post): (Vec<u32>, Vec<u32>) = match &network.spaces[s.space].kind {
        SpaceKind::Synapses(s) => (s.pre_lanes(), s.post_lane.clone()),
        _ => ((0..lanes as u32).collect(), vec![0; lanes]),
    };
    let post_name = synapses.map_or("", |s| network.spaces[s.post].name.as_str());
    let draws = KeyedDraws { seed: mix32(mix32(seed ^ 0x5eed_0002)) };
    let (stream, post_stream) = (stream_of(&spec.state), stream_of(post_name));
    let uniform = |stream, site, a, b| unit(draws.draw(0, stream, site, a, b));
    let draw = |a: u32, b: u32| match init {
        Init::Normal(mean, sd) => mean + sd * normal(draws, stream, a, b),
        Init::Uniform(low, high) => low + (high - low) * uniform(stream, site::UNIFORM, a, b),
        Init::Signed { sd, negative } => {
            let size = sd * normal(draws, stream, a, b).abs();
            if uniform(stream, site::SIGN, a, b) < negative { -size } else { size }
        }
        Init::SignPerPost(mean, sd) => {
            let size = mean + sd * normal(draws, stream, a, b);
            if uniform(post_stream, site::POST_SIGN, b, 0) < 0.5 { -size } else { size }
        }
    };
    let values: Vec<f64> = pre.iter().zip(&post).map(|(a, b)| draw(*a, *b)).collect();
    if values.iter().all(|v| v.is_finite()) {
        return Ok(values);
    }
    Err(HostError::settings(format!("'{}': init gives values that are not finite", spec.state)))
}

/// A stream from a name, so that naming one more state changes no other's values.
fn stream_of(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |h, b| mix32(h ^ u32::from(b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trifactor_ir::units::{LifParts, cuba_lif};
    use trifactor_ir::{
        Group, Network, Phase, Read, ResetGroup, Space, State, Surrogate, Values, verify,
    };

    /// Three neurons with a threshold.
    fn network() -> CheckedNetwork {
        let mut n = Network::new("n");
        let kind = SpaceKind::Population { n: 3 };
        let space = n.spaces.push(Space { name: "a".into(), kind });
        let kernel = cuba_lif(
            LifParts { threshold: true, ..LifParts::default() },
            Surrogate::Exponential { scale: 0.1, beta: 1.0 },
        );
        let mut state = |name: &str, role, init| {
            let reset = ResetGroup::Membrane;
            n.states.push(State { name: name.into(), space, role, init, range: None, reset })
        };
        let zero = Values::Constant(0.0);
        state("q", StateRole::Accumulator, zero.clone());
        state("u", StateRole::Variable, zero.clone());
        state("v", StateRole::Variable, zero.clone());
        state("spike", StateRole::Spike, zero);
        state("keep_u", StateRole::Parameter, Values::Constant(0.5));
        state("keep_v", StateRole::Parameter, Values::PerLane(vec![0.8, 0.9, 0.95]));
        state("threshold", StateRole::Parameter, Values::Constant(4.0));
        let reads = kernel
            .ports
            .values()
            .map(|p| Read::State(n.state(space, &p.name).expect("declared")))
            .collect();
        let writes =
            kernel.outputs.iter().map(|o| n.state(space, &o.variable).expect("declared")).collect();
        let kernel = n.kernels.push(kernel);
        n.phases.push(Phase {
            name: "a".into(),
            key: "a".into(),
            group: Group::Neurons,
            kernel,
            over: space,
            reads,
            writes,
            stream: 0,
        });
        verify(n).expect("legal")
    }

    fn trained(text: &str) -> Vec<Trained> {
        ron::from_str(text).expect("legal")
    }

    #[test]
    fn gradients_of_raw_numbers_agree_with_differences() {
        let network = network();
        let lists = [
            r#"[(state: "a.keep_v", kind: Keep(min: 1, max: 100, threshold: Some("a.threshold")))]"#,
            r#"[(state: "a.threshold", kind: Positive),
                (state: "a.keep_v", kind: Keep(min: 1, max: 100, threshold: Some("a.threshold")), shared: true),
                (state: "a.keep_u")]"#,
            r#"[(state: "a.keep_v", kind: Keep(min: 1, max: 100, impulse: Some("a.threshold"))),
                (state: "a.keep_u")]"#,
        ];
        for list in lists {
            let (parameters, raw) = Parameters::new(&network, &trained(list), 1).expect("legal");
            // A loss that weighs every lane of every state differently.
            let loss = |raw: &[f64]| -> f64 {
                let values = parameters.values(raw);
                values
                    .iter()
                    .flat_map(|(_, l)| l)
                    .enumerate()
                    .map(|(i, v)| (i + 1) as f64 * v * v)
                    .sum()
            };
            let mut i = 0.0;
            let slopes: Vec<Vec<f64>> = parameters
                .values(&raw)
                .iter()
                .map(|(_, l)| {
                    l.iter()
                        .map(|v| {
                            i += 1.0;
                            2.0 * i * v
                        })
                        .collect()
                })
                .collect();
            let gradient = parameters.gradient(&raw, &slopes);
            for (at, g) in gradient.iter().enumerate() {
                let h = 1e-5;
                let (mut up, mut down) = (raw.clone(), raw.clone());
                up[at] += h;
                down[at] -= h;
                let difference = (loss(&up) - loss(&down)) / (2.0 * h);
                assert!(
                    (difference - g).abs() <= 1e-6 * g.abs().max(1.0),
                    "{at}: {g} {difference}"
                );
            }
        }
    }

    #[test]
    fn values_begin_at_those_of_the_network() {
        let list = r#"[(state: "a.keep_v", kind: Keep(min: 1, max: 100, threshold: Some("a.threshold")))]"#;
        let (parameters, raw) = Parameters::new(&network(), &trained(list), 1).expect("legal");
        let values = parameters.values(&raw);
        for (list, expected) in values.iter().zip([[0.8, 0.9, 0.95], [4.0, 4.0, 4.0]]) {
            assert!(list.1.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{list:?}");
        }
    }

    #[test]
    fn projection_keeps_time_constants_and_signs_within_their_bounds() {
        let list = r#"[(state: "a.keep_v", kind: Keep(min: 5, max: 20)),
                       (state: "a.keep_u", keep_sign: true)]"#;
        let (parameters, mut raw) = Parameters::new(&network(), &trained(list), 1).expect("legal");
        raw.iter_mut().for_each(|x| *x = -9.0);
        parameters.project(&mut raw);
        let values = parameters.values(&raw);
        assert!(values[0].1.iter().all(|k| (-1.0 / k.ln() - 5.0).abs() < 1e-9), "{values:?}");
        assert_eq!(values[1].1, [0.0; 3]);
    }

    #[test]
    fn equal_seeds_draw_equal_values_and_others_draw_others() {
        let list = r#"[(state: "a.threshold", init: Some(Normal(2.0, 0.5)))]"#;
        let draw = |seed| Parameters::new(&network(), &trained(list), seed).expect("legal").1;
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn names_that_cannot_be_trained_are_refused() {
        for (list, word) in [
            (r#"[(state: "a.w")]"#, "no state"),
            (r#"[(state: "a.u")]"#, "dynamics"),
            (r#"[(state: "a.keep_u"), (state: "a.keep_u")]"#, "twice"),
            (r#"[(state: "a.threshold", kind: Keep(min: 1, max: 9))]"#, "begins at 4"),
        ] {
            let error = Parameters::new(&network(), &trained(list), 1).map(|_| ()).expect_err(list);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
