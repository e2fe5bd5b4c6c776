//! What it brings to arrange cores by their messages, on networks of several shapes and sizes.

use super::clock::Stopwatch;
use super::workload::unpack;
use crate::error::LabError;
use crate::prepare::{find_chip, identity, planned};
use std::fmt::Write;
use std::time::Duration;
use trifactor_compile::mesh::report::{Figures, figures};
use trifactor_compile::mesh::traffic::Traffic;
use trifactor_compile::mesh::{Arrangement, arrange};
use trifactor_compile::{compile, route, structure};
use trifactor_fixed::mix32;
use trifactor_isa::ChipGrid;
use trifactor_model::load;

/// Cores of the networks.
pub const SIZES: [u32; 3] = [16, 64, 256];
/// Neurons of a core.
const NEURONS: u32 = 32;
/// Cores that each core of the random network sends to.
const FAN_OUT: u32 = 8;
/// Layers of the layered network.
const LAYERS: u32 = 8;
/// Random arrangements of which the mean is taken.
const RANDOM: u32 = 5;

/// How the cores of a network are connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Each to eight others, drawn.
    Random,
    /// Eight layers, each to all cores of the next, the first fed by inputs.
    Layered,
    /// Each to the two before and the two behind it.
    Ring,
    /// A square, each to its four neighbours.
    Grid,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Self; 4] = [Self::Random, Self::Layered, Self::Ring, Self::Grid];

    /// The name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Layered => "layered",
            Self::Ring => "ring",
            Self::Grid => "grid",
        }
    }

    /// The cores to which each core sends.
    fn targets(self, n: u32, core: u32) -> Vec<u32> {
        match self {
            Self::Random => {
                let draw = |k: u32| mix32(core * FAN_OUT + k + 1) % n;
                (0..FAN_OUT).map(draw).collect()
            }
            Self::Layered => {
                let width = n / LAYERS;
                let next = (core / width + 1) * width;
                (next..(next + width).min(n)).collect()
            }
            Self::Ring => [n - 2, n - 1, 1, 2].map(|d| (core + d) % n).into(),
            Self::Grid => {
                let side = n.isqrt();
                let (x, y) = (core % side, core / side);
                let mut near = Vec::new();
                near.extend((x > 0).then(|| core - 1));
                near.extend((x + 1 < side).then_some(core + 1));
                near.extend((y > 0).then(|| core - side));
                near.extend((y + 1 < side).then_some(core + side));
                near
            }
        }
    }

    /// The model: one population, [`NEURONS`] neurons of it on a core.
    fn model(self, n: u32) -> String {
        let mut list = String::new();
        for core in 0..n {
            for (k, target) in (0u32..).zip(self.targets(n, core)) {
                for neuron in 0..NEURONS {
                    // One synapse for each neuron and core, so one message.
                    let post = target * NEURONS + (neuron * 7 + k * 3) % NEURONS;
                    let _ = write!(list, "({}, {post}), ", core * NEURONS + neuron);
                }
            }
        }
        let feed = match self {
            Self::Layered => n / LAYERS * NEURONS,
            _ => 1,
        };
        let mut fed = String::new();
        for lane in 0..feed {
            let _ = write!(fed, "({lane}, {lane}), ");
        }
        format!(
            r#"#![enable(implicit_some)]
(
    name: "{}", seed: 1, neurons_per_core: {NEURONS},
    inputs: {{ "in": (n: {feed}) }},
    populations: {{ "net": (n: {}, tau_u: 5.0, tau_v: 20.0, threshold: 100.0) }},
    projections: {{
        "feed": (pre: "in", post: "net", connect: List([{fed}]), weights: 1.0),
        "rec": (pre: "net", post: "net", connect: List([{list}]), weights: 1.0),
    }},
)
"#,
            self.name(),
            n * NEURONS
        )
    }
}

/// A network, arranged in three ways.
#[derive(Clone, PartialEq, Debug)]
pub struct Placing {
    /// Its shape.
    pub shape: Shape,
    /// Its cores.
    pub cores: u32,
    /// Chips that they take.
    pub chips: u32,
    /// In the author's order.
    pub in_order: Figures,
    /// Links that the messages of a spike pass in random arrangements, on average.
    pub random_hops_per_spike: f64,
    /// Messages of the most loaded link in random arrangements, on average.
    pub random_most_loaded: f64,
    /// As the compiler arranges them.
    pub arranged: Figures,
    /// Time of that.
    pub arrange: Duration,
    /// Time from the network to the memories of cores, that of arranging included.
    pub compile: Duration,
}

/// Arranges networks of every shape and of these sizes. `visit` sees each when it is done.
pub fn placing(sizes: &[u32], mut visit: impl FnMut(&Placing)) -> Result<Vec<Placing>, LabError> {
    let mut done = Vec::new();
    for shape in Shape::ALL {
        for n in sizes {
            let one = place_one(shape, *n)?;
            visit(&one);
            done.push(one);
        }
    }
    Ok(done)
}

fn place_one(shape: Shape, n: u32) -> Result<Placing, LabError> {
    let folder = unpack(&shape.model(n), &[])?;
    let model = load(folder.path())?;
    let mut chip = find_chip("superset")?;
    // As many chips beside each other as are needed.
    chip.mesh.chips = ChipGrid { columns: n.div_ceil(chip.cores_per_chip()), rows: 1 };
    let (network, plan, _) = planned(&model, &chip)?;
    let identity = identity(&model);
    let watch = Stopwatch::start();
    let compiled = compile(&network, &plan, &chip, &identity)?;
    let compile = watch.stop().wall;
    let structure = structure::read(&network)?;
    let routes = route::route(&network, &structure, &compiled.placement);
    let traffic = Traffic::of(&network, &structure, &compiled.placement, &routes, &identity.rates);
    let watch = Stopwatch::start();
    let arranged = arrange(&chip, &traffic);
    let spent = watch.stop().wall;
    let random: Vec<Figures> =
        (0..RANDOM).map(|k| figures(&chip, &traffic, &shuffled(traffic.n_cores(), k))).collect();
    let mean = |of: fn(&Figures) -> f64| random.iter().map(of).sum::<f64>() / f64::from(RANDOM);
    let in_order = figures(&chip, &traffic, &Arrangement::in_order(traffic.n_cores()));
    Ok(Placing {
        shape,
        cores: traffic.n_cores() as u32,
        chips: in_order.chips,
        in_order,
        random_hops_per_spike: mean(Figures::hops_per_spike),
        random_most_loaded: mean(most_loaded),
        arranged: figures(&chip, &traffic, &arranged),
        arrange: spent,
        compile,
    })
}

/// Messages of the most loaded link.
pub fn most_loaded(figures: &Figures) -> f64 {
    figures.most_loaded.as_ref().map_or(0.0, |loaded| loaded.messages)
}

/// The cores of the author's order in an order that was drawn.
fn shuffled(n: usize, seed: u32) -> Arrangement {
    let mut numbers: Vec<u32> = (0..n as u32).collect();
    for k in (1..n).rev() {
        let draw = mix32(mix32(seed + 1) ^ k as u32) as usize;
        numbers.swap(k, draw % (k + 1));
    }
    Arrangement { numbers }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_shuffled_arrangement_is_a_permutation() {
        for seed in 0..3 {
            let numbers = shuffled(50, seed).numbers;
            assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), 50);
            assert_ne!(numbers, Arrangement::in_order(50).numbers);
        }
        assert_ne!(shuffled(50, 0), shuffled(50, 1));
    }

    #[test]
    fn small_networks_of_every_shape_are_no_worse_than_in_order() {
        let found = placing(&[16], |_| {}).expect("they compile");
        assert_eq!(found.len(), 4);
        for p in found {
            assert_eq!((p.cores, p.chips), (16, 1), "{:?}", p.shape);
            assert!(p.in_order.hops() > 0.0, "{:?}", p.shape);
            let better = p.arranged.hops() <= p.in_order.hops()
                || most_loaded(&p.arranged) < most_loaded(&p.in_order);
            assert!(better, "{p:?}");
        }
    }

    #[test]
    fn the_cores_of_a_grid_send_to_their_neighbours() {
        assert_eq!(Shape::Grid.targets(16, 5), [4, 6, 1, 9]);
        assert_eq!(Shape::Grid.targets(16, 0), [1, 4]);
        assert_eq!(Shape::Ring.targets(16, 0), [14, 15, 1, 2]);
        assert_eq!(Shape::Layered.targets(16, 3), [4, 5]);
        assert_eq!(Shape::Layered.targets(16, 15), [0u32; 0]);
    }
}
