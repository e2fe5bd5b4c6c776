//! Chips with small cores, so that small networks need several of them.
//!
//! ```
//! use trifactor_testkit::{Rng, chips};
//! let chip = chips::small(&mut Rng::new(4));
//! assert!(chip.core.compartments <= 32);
//! assert!(chip.check().is_ok());
//! ```

use crate::Rng;
use trifactor_fixed::{
    Decays, Early, LearningArithmetic, Overflow, ProductArithmetic, ReplayArithmetic,
    StoreArithmetic, WeightsRead,
};
use trifactor_isa::{Chip, ChipGrid, Mesh, Router};

/// The chip `superset` with cores of 8 to 32 compartments and memories in proportion, on
/// one of several meshes; one in three has the neurons and deliveries of a public model.
pub fn small(rng: &mut Rng) -> Chip {
    let mut chip = superset();
    chip.name = "superset-small".to_owned();
    chip.core.compartments = [8, 12, 16, 24, 32][rng.below(5)];
    chip.core.axons_in = rng.within(96..=384) as u32;
    chip.core.axons_out = rng.within(24..=256) as u32;
    chip.core.synapse_words = rng.within(256..=2048) as u32;
    chip.core.ucode_words = rng.within(64..=256) as u32;
    chip.core.profiles = rng.within(2..=8) as u32;
    if rng.below(3) == 0 {
        let names: Vec<&str> = Chip::peer_names().collect();
        let peer = Chip::builtin(names[rng.below(names.len())]).expect("the chip is built in");
        chip.arithmetic.neuron = peer.arithmetic.neuron;
        // The codes of the decay registers are those of 12 bits.
        chip.neuron.decay_bits = peer.neuron.decay_bits;
        // Narrow enough for states to leave their range, whatever the peer holds them in.
        chip.neuron.overflow = [Overflow::Saturate, Overflow::Wrap][rng.below(2)];
    }
    chip.mesh = mesh(chip.core.axons_in ^ chip.core.synapse_words);
    let code = rng.below(4) as u8;
    chip.defaults.intermediate_rounding = trifactor_fixed::Rounding::from_code(code);
    chip.check().expect("a smaller chip is still a chip");
    chip
}

/// One of four meshes of 128 cores: one chip with tiles of one core or of four, or 16 chips.
fn mesh(choice: u32) -> Mesh {
    let (columns, rows, cores_per_tile, chips) = match choice % 4 {
        0 => (8, 4, 4, 1),
        1 => (16, 8, 1, 1),
        2 => (2, 2, 2, 4),
        _ => (4, 2, 1, 4),
    };
    let router = Router::default();
    Mesh { columns, rows, cores_per_tile, router, chips: ChipGrid { columns: chips, rows: chips } }
}

/// A small chip whose engine replays traces and computes sums of products, each of its choices
/// drawn.
pub fn learner(rng: &mut Rng) -> Chip {
    let mut chip = small(rng);
    let ranges = [(-32769, 32767), (-500, 500), (-1 << 20, 1 << 20), (0, 1 << 29)];
    chip.arithmetic.learning = Some(LearningArithmetic {
        trace: ReplayArithmetic {
            decay_bits: rng.pick(&[8, 16, 30]),
            fraction_bits: rng.pick(&[0, 3, 8]),
            draw_bits: rng.pick(&[0, 2, 7, 8]),
            decays: rng.pick(&[Decays::EveryStep, Decays::EveryStep, Decays::EveryEpoch]),
            early: rng.pick(&[Early::Drawn, Early::PreUp, Early::Dropped]),
            joined: rng.chance(0.3),
        },
        change: ProductArithmetic {
            fraction: rng.pick(&[1, 4, 7, 12]),
            mantissa_bits: 4,
            product_bits: rng.pick(&[6, 11, 15, 40]),
            one_shift: rng.chance(0.5),
            range: rng.pick(&ranges),
        },
        trace_bits: rng.pick(&[4, 7, 9]),
        variable_bits: rng.pick(&[12, 16]),
        store: rng.pick(&[
            None,
            None,
            Some(StoreArithmetic::Magnitude),
            Some(StoreArithmetic::Change { step: 0 }),
            Some(StoreArithmetic::Change { step: 2 }),
        ]),
        first_epoch: rng.pick(&[0, 1]),
        one_draw: rng.chance(0.5),
        mixed: rng.pick(&[(-256, 255), (-254, 254), (-3000, 3000)]),
        inhibitory_lowest: -255,
        tag: rng.pick(&[(-257, 255), (-256, 255)]),
        delay: (0, 62),
    });
    chip.arithmetic.neuron.input.weights = rng.pick(&[WeightsRead::Arrival, WeightsRead::Sending]);
    chip.check().expect("every choice is within its limits");
    chip
}

/// The built-in chip `superset`.
pub fn superset() -> Chip {
    Chip::builtin("superset").expect("the chip is built in")
}
