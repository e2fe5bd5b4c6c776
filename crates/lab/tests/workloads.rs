//! The workloads of the bench do what they are described to do: W1 against plain loops that know
//! nothing of this project, W2 and W3 against the fixed reading.

use trifactor_emu::{Emulator, Options};
use trifactor_ir::SpaceId;
use trifactor_lab::bench::{RECORDED, Workload, raster};
use trifactor_lab::{Prepared, find_chip, prepare};
use trifactor_reference::FixedMachine;

/// Elements of a NumPy file of whole numbers, read byte by byte.
fn elements(name: &str, width: usize) -> Vec<u8> {
    let path = format!("{}/data/workloads/{name}.npy", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).expect("the file is in the repository");
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((bytes.len() - start) % width, 0);
    bytes[start..].to_vec()
}

/// W1 as lava-nc, nengo-loihi and brian2-loihi compute it where nothing overflows: (step, neuron)
/// of every spike, steps from 1.
fn w1_in_plain_loops() -> Vec<(u32, u32)> {
    const N: usize = 1000;
    let pairs = elements("w1-pairs", 4);
    let weights = elements("w1-weights", 1);
    let drive = elements("w1-drive", RECORDED / 8);
    let lane = |at: usize| usize::from(u16::from_le_bytes([pairs[at], pairs[at + 1]]));
    let mut outgoing: Vec<Vec<(usize, i64)>> = vec![Vec::new(); N];
    for (k, w) in weights.iter().enumerate() {
        outgoing[lane(4 * k)].push((lane(4 * k + 2), i64::from(w.cast_signed())));
    }
    let driven = |neuron: usize, step: usize| {
        let byte = drive[neuron * (RECORDED / 8) + step / 8];
        byte >> (7 - step % 8) & 1 == 1
    };
    let (mut v, mut input) = (vec![0i64; N], vec![0i64; N]);
    let mut spikes = Vec::new();
    for step in 0..RECORDED {
        let mut next = vec![0i64; N];
        for neuron in 0..N {
            // du 4095 keeps nothing, so the current is the input; dv 2048 keeps half, rounded
            // towards zero.
            let current = input[neuron];
            v[neuron] = v[neuron] / 2 + current;
            if v[neuron] > 1000 * 64 {
                v[neuron] = 0;
                spikes.push((step as u32 + 1, neuron as u32));
                for (post, weight) in &outgoing[neuron] {
                    next[*post] += weight * 64;
                }
            }
            if driven(neuron, step) {
                next[neuron] += 2032 * 64;
            }
        }
        input = next;
    }
    spikes
}

/// 64-bit FNV-1a over steps and neurons as 32-bit little-endian words.
fn digest(spikes: &[(u32, u32)]) -> u64 {
    let words = spikes.iter().flat_map(|(step, neuron)| [*step, *neuron]);
    words.flat_map(u32::to_le_bytes).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[test]
fn the_spikes_of_w1_are_those_of_plain_loops() {
    let expected = w1_in_plain_loops();
    assert_eq!(expected.len(), 50_176, "50.2 spikes per step, as in the public models");
    assert_eq!(digest(&expected), W1_DIGEST, "the plain loops are not what they were");
    let found = raster(Workload::W1, RECORDED as u32).expect("it runs");
    let first = found.iter().zip(&expected).position(|(a, b)| a != b);
    assert_eq!(first.map(|k| (found[k], expected[k])), None, "the first spike that differs");
    assert_eq!(found.len(), expected.len());
}

/// Of the same spikes, computed once by matrix products in NumPy.
const W1_DIGEST: u64 = 0x459f_ee26_6da5_0da0;

fn inputs_of<'a>(
    places: &'a [usize],
    spaces: &'a [SpaceId],
    lists: &'a [Vec<u32>],
) -> (Vec<(usize, &'a [u32])>, Vec<(SpaceId, &'a [u32])>) {
    let lists = || lists.iter().map(Vec::as_slice);
    (places.iter().copied().zip(lists()).collect(), spaces.iter().copied().zip(lists()).collect())
}

/// Runs a stretch of a workload on the chip and in the fixed reading.
#[track_caller]
fn same_in_the_fixed_reading(workload: Workload, stretch: std::ops::Range<usize>) {
    let model = workload.model().expect("it loads");
    let chip = find_chip(&model.chip).expect("there is this chip");
    let Prepared { network: net, plan, compiled, .. } = prepare(&model, chip).expect("it compiles");
    let mut emulator = Emulator::load(&compiled.image, Options::default()).expect("it loads");
    let mut machine = FixedMachine::new(&net, &plan);
    machine.restart(compiled.image.meta.seed);
    let map = emulator.map().clone();
    let places: Vec<usize> = model
        .inputs
        .iter()
        .map(|i| map.populations.iter().position(|p| p.name == i.name).expect("it is placed"))
        .collect();
    let space = |name: &str| net.spaces.find(|s| s.name == name).expect("it has a space");
    let spaces: Vec<SpaceId> = model.inputs.iter().map(|i| space(&i.name)).collect();
    let cells = map.populations.iter().position(|p| !p.slices.is_empty()).expect("neurons");
    let ff = map.projections.iter().position(|p| p.name == "ff").expect("synapses");
    let before: Vec<i32> = fields(&emulator, ff, 0);
    let mut spikes = 0;
    for lists in &workload.inputs().expect("they are read")[stretch] {
        let (of_chip, of_machine) = inputs_of(&places, &spaces, lists);
        emulator.step(&of_chip).expect("the inputs exist");
        machine.step(&of_machine);
        spikes += emulator.spikes(cells).len();
    }
    assert!(spikes > 50, "{spikes} spikes teach nothing");
    for (f, field) in map.projections[ff].fields.iter().enumerate() {
        let state = net.state(space("ff"), &field.name).expect("the field is a state");
        let on_chip: Vec<i64> = fields(&emulator, ff, f).into_iter().map(i64::from).collect();
        assert_eq!(machine.raw(state), on_chip, "{} {}", workload.name(), field.name);
    }
    let changed = fields(&emulator, ff, 0).iter().zip(&before).filter(|(a, b)| a != b).count();
    assert!(changed > 1000, "only {changed} weights have learned");
}

fn fields(emulator: &Emulator, projection: usize, field: usize) -> Vec<i32> {
    let list = emulator.read_field(projection, field).expect("there is this field");
    list.into_iter().map(|s| s.raw).collect()
}

#[test]
fn w2_learns_as_the_fixed_reading_says() {
    for epoch in [1, 4] {
        same_in_the_fixed_reading(Workload::W2 { epoch }, 0..24);
    }
}

#[test]
fn w3_learns_as_the_fixed_reading_says() {
    for epoch in [1, 4] {
        // The reward begins in step 251.
        same_in_the_fixed_reading(Workload::W3 { epoch }, 232..260);
    }
}
