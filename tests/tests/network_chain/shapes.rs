//! Layers of every width and density: the emulator takes synapses in other batches for each.

use crate::case::Case;
use crate::compare::Tally;
use trifactor_compile::{Identity, compile, structure};
use trifactor_image::Guard;
use trifactor_ir::sop::{SopRule, parse_sop};
use trifactor_ir::{Delay, Group, Read, ResetGroup, Role, Sign, SpaceId, StateRole, Values};
use trifactor_quant::{Requests, plan};
use trifactor_testkit::builder::{Lif, NetworkBuilder, TraceSpec};
use trifactor_testkit::chips;

/// Binds a rule's inputs by their names in the notation of sums of products.
fn learns(b: &mut NetworkBuilder, ff: SpaceId, (pre, post): (SpaceId, SpaceId), rule: &SopRule) {
    let kernel = parse_sop("rule", rule, &Default::default()).expect("it is a rule");
    let net = b.network();
    let state = |space, name: &str| net.state(space, name).expect("it was declared");
    let spikes = |space| Read::SpikedInEpoch(net.spikes(space).expect("it spikes"));
    let read = |p: &trifactor_ir::Port| match (p.role, p.variable.as_str()) {
        (Role::Pre, "x0") => spikes(pre),
        (Role::Post, "y0") => spikes(post),
        (Role::Pre, trace) => Read::State(state(pre, trace)),
        (Role::Post, trace) => Read::State(state(post, trace)),
        (Role::Own, own) => Read::State(state(ff, own)),
        _ => Read::EpochFlag,
    };
    let reads = kernel.ports.values().map(read).collect();
    let writes = kernel.outputs.iter().map(|o| state(ff, &o.variable)).collect();
    b.phase(Group::Plasticity, ff, kernel, reads, writes);
}

/// A layer whose neurons fire when a private input tells them to.
fn layer(n_pre: u32, n_post: u32, every: usize, epoch: u32, rule: &SopRule) -> (Case, Guard) {
    let mut b = NetworkBuilder::new("layer", epoch);
    let (pre, teacher) = (b.input("in", n_pre), b.input("teacher", n_post));
    let zero = || Values::Constant(0.0);
    let lif = Lif {
        keep_u: zero(),
        keep_v: zero(),
        threshold: Some(Values::Constant(0.5)),
        ..Lif::default()
    };
    let post = b.lif("out", n_post, &lif);
    // Every synapse, or for sparse layers some of each row.
    let row = |i: u32| -> Vec<u32> {
        (0..n_post).filter(|j| ((i + j) as usize).is_multiple_of(every)).collect()
    };
    let rows: Vec<Vec<u32>> = (0..n_pre).map(row).collect();
    let ff = b.synapses("ff", pre, post, Sign::Mixed, &rows);
    let n: usize = rows.iter().map(Vec::len).sum();
    let weights = (0..n).map(|k| (k % 29) as f64 / 2900.0).collect();
    let small = Some((-0.01, 0.01));
    let (role, reset) = (StateRole::Variable, ResetGroup::Weights);
    let w = b.state(ff, "w", role, Values::PerLane(weights), small, reset);
    b.state(ff, "t", role, zero(), Some((-1.0, 1.0)), reset);
    b.deliver(ff, w, Delay::Fixed(0));
    let own: Vec<Vec<u32>> = (0..n_post).map(|j| vec![j]).collect();
    let taught = b.synapses("taught", teacher, post, Sign::Mixed, &own);
    let one = b.weight(taught, Values::Constant(1.0));
    b.deliver(taught, one, Delay::Fixed(0));
    let trace = |keep| TraceSpec { keep, impulse: 0.25, x_max: None, init: 0.0 };
    b.trace(pre, "x1", &trace(0.8));
    b.trace(post, "y1", &trace(0.7));
    learns(&mut b, ff, (pre, post), rule);
    let net = b.finish().expect("it is legal");
    let chip = chips::superset();
    let identity =
        Identity { model_hash: "0".repeat(64), seed: 1, step_ms: 1.0, ..Identity::default() };
    let (plan, _) = plan(&net, &chip, &Requests::new()).expect("it has a plan");
    let image = compile(&net, &plan, &chip, &identity).expect("it fits").image;
    let structure = structure::read(&net).expect("it was just compiled");
    let guard = image.cores[0].profiles[0].guard;
    let inputs = vec![(pre, n_pre as usize, 0.25), (teacher, n_post as usize, 0.3)];
    (Case { seed: 1, structure, plan, image, inputs, net }, guard)
}

#[test]
fn layers_of_every_width_learn_as_the_fixed_reading_says() {
    let rule = |dw: &str, dt: &str| SopRule {
        dw: Some(dw.to_owned()),
        dt: (!dt.is_empty()).then(|| dt.to_owned()),
        dd: None,
    };
    let rules = [
        (Guard::PreOrPost, rule("2^-6*x1*y0 - 2^-6*y1*x0", "")),
        (Guard::Post, rule("2^-6*x1*y0", "2^-2*y0*y1 - 2^-3*y0*t")),
        (Guard::Pre, rule("2^-6*y1*x0 - 2^-5*x0*w", "")),
        (Guard::Always, rule("2^-7*u0*t*x1", "2^-2*y0*x1 - 2^-2*x0*y1 - 2^-4*u0*t")),
    ];
    // Widths of one lane, of few, of a tile's half and third, of more than a tile, and with rows
    // that end inside of a batch.
    for (n_pre, n_post) in [(40, 1), (70, 12), (40, 60), (9, 171), (5, 300), (3, 530)] {
        for every in [1, 3] {
            for epoch in [1, 3] {
                for (guard, rule) in &rules {
                    let (case, found) = layer(n_pre, n_post, every, epoch, rule);
                    assert_eq!(found, *guard, "{rule:?}");
                    case.run(13, &mut Tally::default());
                }
            }
        }
    }
}
