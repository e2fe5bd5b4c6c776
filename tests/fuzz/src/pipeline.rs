//! A model one slip away from a good one: it is refused with a reason, or it is compiled and the
//! emulator equals the fixed reading.

use crate::scratch;
use trifactor_compile::structure;
use trifactor_emu::{Emulator, Options};
use trifactor_entity::EntityId;
use trifactor_image::elf;
use trifactor_ir::SpaceId;
use trifactor_lab::verify::Comparison;
use trifactor_lab::{Prepared, find_chip, prepare};
use trifactor_model::Params;
use trifactor_reference::FixedMachine;
use trifactor_testkit::{Rng, networks};

/// Values of a network that is executed; larger ones are compiled and no more.
const MOST_VALUES: usize = 40_000;
/// Steps that are compared: several epochs of the usual lengths.
const STEPS: u32 = 12;

/// Takes `model.ron` through the whole product; whether it was executed.
pub fn pipeline(bytes: &[u8]) -> bool {
    let seed = bytes.iter().fold(bytes.len() as u64, |h, b| h.wrapping_mul(31) + u64::from(*b));
    let compiled = scratch::with(|folder| {
        scratch::write(folder, "model.ron", bytes);
        let model = trifactor_model::load_with(folder, &Params::Initial).ok()?;
        // A reason is what the author is owed; `model` asks the same of the loader.
        let chip = find_chip(&model.chip).map_err(|e| e.to_string()).ok()?;
        match prepare(&model, chip) {
            Ok(prepared) => Some(prepared),
            Err(found) => {
                let text = found.to_string();
                assert!(text.contains("error["), "refused without a code: {text:?}");
                None
            }
        }
    });
    compiled.is_some_and(|prepared| execute(&prepared, &mut Rng::new(seed)))
}

/// Emulator and fixed reading side by side, every state after every step.
fn execute(prepared: &Prepared, rng: &mut Rng) -> bool {
    let net = &prepared.network;
    let file = elf::write(&prepared.compiled.image).expect("a linked image can be written");
    let image = elf::read(&file).expect("a written image can be read");
    assert_eq!(image, prepared.compiled.image, "the file is not the image");
    let values: usize = net.states.values().map(|s| net.lanes(s.space)).sum();
    if values > MOST_VALUES {
        return false;
    }
    let structure = structure::read(net).expect("it was just compiled");
    let mut emulator = Emulator::load(&image, Options::default())
        .unwrap_or_else(|e| panic!("a compiled image cannot be loaded: {e}"));
    let mut comparison = Comparison::new(net, &image).expect("it was just compiled");
    let mut machine = FixedMachine::new(net, &prepared.plan);
    machine.restart(7);
    emulator.begin_trial(7);
    let rate = rng.pick(&[0.02, 0.2, 0.6]);
    for step in 1..=STEPS {
        let trains: Vec<(SpaceId, Vec<u32>)> = networks::input_sizes(net)
            .into_iter()
            .map(|(space, n)| (space, networks::spikes(rng, n, rate)))
            .collect();
        let by_space: Vec<(SpaceId, &[u32])> =
            trains.iter().map(|(space, lanes)| (*space, lanes.as_slice())).collect();
        machine.step(&by_space);
        let by_index: Vec<(usize, &[u32])> = trains
            .iter()
            .map(|(space, lanes)| {
                let id = structure.population(*space).expect("an input is a population");
                (id.index(), lanes.as_slice())
            })
            .collect();
        emulator.step(&by_index).unwrap_or_else(|e| panic!("step {step}: {e}"));
        comparison.compare(0, &machine, &emulator).unwrap_or_else(|e| panic!("step {step}: {e}"));
        if let Some(difference) = &comparison.seen.difference {
            panic!("{difference}");
        }
    }
    true
}
