//! A random network on a chip, and the run that compares its readings.

use crate::compare::Tally;
use trifactor_compile::structure::{self, Structure};
use trifactor_compile::{Identity, compile};
use trifactor_emu::{Emulator, Options, Reset};
use trifactor_entity::EntityId;
use trifactor_fixed::NeuronArithmetic;
use trifactor_image::{Image, elf};
use trifactor_ir::sop::written_out;
use trifactor_ir::{CheckedNetwork, Op, ResetGroup, SpaceId, ValueId};
use trifactor_isa::Chip;
use trifactor_quant::{Plan, Requests, plan};
use trifactor_reference::FixedMachine;
use trifactor_testkit::networks::Drawn;
use trifactor_testkit::{Rng, chips, networks};

/// A network, compiled.
pub struct Case {
    /// What it was drawn from.
    pub seed: u64,
    /// The network.
    pub net: CheckedNetwork,
    /// Formats.
    pub plan: Plan,
    /// As the compiler sees it.
    pub structure: Structure,
    /// What goes onto the chip.
    pub image: Image,
    /// Input populations, their sizes and the probability of a spike.
    pub inputs: Vec<(SpaceId, usize, f64)>,
}

/// Draws the network of a seed and a chip that holds it; `None` where a rule has no plan.
pub fn case(seed: u64) -> Option<Case> {
    let mut rng = Rng::new(seed);
    let engine = has_engine(seed);
    let drawn = if engine { networks::draw_sums(&mut rng) } else { networks::draw(&mut rng) };
    compiled(seed, drawn, &mut rng)
}

/// One network in five is for a chip that replays traces and computes sums of products.
pub fn has_engine(seed: u64) -> bool {
    seed.is_multiple_of(5)
}

fn compiled(seed: u64, drawn: Drawn, rng: &mut Rng) -> Option<Case> {
    let identity =
        Identity { model_hash: "0".repeat(64), seed: 1, step_ms: 1.0, ..Identity::default() };
    // A lane that does not fit a small core is no mistake; larger cores are tried then.
    for attempt in 0..4 {
        let engine = has_engine(seed);
        let mut chip = if engine { chips::learner(rng) } else { chips::small(rng) };
        if attempt == 3 {
            chip = Chip { arithmetic: chip.arithmetic, ..chips::superset() };
            chip.arithmetic.neuron = NeuronArithmetic::default();
        }
        let plan = match plan(&drawn.net, &chip, &drawn.requests) {
            Ok((plan, _)) => plan,
            Err(findings) => {
                let text = findings.to_string();
                assert!(
                    ["Q003", "Q004", "Q005", "Q008", "Q011", "Q013"]
                        .iter()
                        .any(|c| text.contains(c)),
                    "seed {seed}: {text}"
                );
                return None;
            }
        };
        match compile(&drawn.net, &plan, &chip, &identity) {
            Ok(compiled) => {
                let structure = structure::read(&drawn.net).expect("it was just compiled");
                let inputs = networks::input_sizes(&drawn.net)
                    .into_iter()
                    .map(|(space, n)| (space, n, rng.pick(&[0.02, 0.1, 0.3, 0.6])))
                    .collect();
                return Some(Case {
                    seed,
                    net: drawn.net,
                    plan,
                    structure,
                    image: compiled.image,
                    inputs,
                });
            }
            Err(findings) => {
                let text = findings.to_string();
                let full = ["C015", "C020", "C021", "C022"].iter().any(|c| text.contains(c));
                assert!(full || text.contains("C013"), "seed {seed}: {text}");
            }
        }
    }
    None
}

/// A network whose rules are sums of products, on the published chip; `None` where it does not hold
/// one of them.
pub fn published(seed: u64) -> Option<Case> {
    let mut rng = Rng::new(seed);
    let drawn = networks::draw_sums(&mut rng);
    let chip = Chip::builtin("loihi1").expect("it is built in");
    let net = written_out(&drawn.net);
    let identity =
        Identity { model_hash: "0".repeat(64), seed: 1, step_ms: 1.0, ..Identity::default() };
    let (plan, _) = plan(&net, &chip, &Requests::new()).ok()?;
    let image = compile(&net, &plan, &chip, &identity).ok()?.image;
    let structure = structure::read(&net).expect("it was just compiled");
    let inputs = networks::input_sizes(&net)
        .into_iter()
        .map(|(space, n)| (space, n, rng.pick(&[0.02, 0.1, 0.3, 0.6])))
        .collect();
    Some(Case { seed, net, plan, structure, image, inputs })
}

impl Case {
    /// How many scales of its rules are others than those that were written.
    pub fn rounded_scales(&self) -> usize {
        let rules = self.net.phases.iter().filter(|(id, _)| self.plan.phases[*id].form.is_some());
        rules
            .map(|(id, phase)| {
                let values = &self.plan.phases[id].values;
                let apart =
                    |(v, op): &(ValueId, &Op)| matches!(op, Op::Const(_)) && values[*v].bound > 0.0;
                self.net.kernels[phase.kernel].ops.iter().filter(apart).count()
            })
            .sum()
    }

    /// Runs two trials side by side and compares after every step.
    pub fn run(&self, steps: u32, tally: &mut Tally) {
        let mut rng = Rng::new(self.seed ^ 0x5eed);
        let file = elf::write(&self.image).expect("a linked image can be written");
        let read = elf::read(&file).unwrap_or_else(|e| panic!("seed {}: {e}", self.seed));
        assert_eq!(read, self.image, "seed {}: the file is not the image", self.seed);
        let load = |image: &Image, threads| {
            Emulator::load(image, Options { threads, ..Options::default() })
                .unwrap_or_else(|e| panic!("seed {}: {e}", self.seed))
        };
        let (mut serial, mut parallel) = (load(&self.image, 1), load(&read, 2));
        let mut machine = FixedMachine::new(&self.net, &self.plan);
        let pause = 1 + rng.below(steps as usize) as u32;
        for (trial, steps) in [(0, steps), (1, 10.min(steps))] {
            let draws = rng.bits() as u32;
            machine.restart(draws);
            for emulator in [&mut serial, &mut parallel] {
                emulator.begin_trial(draws);
                emulator.clear_ledger();
            }
            for step in 1..=steps {
                self.disturb(&mut rng, &mut machine, [&mut serial, &mut parallel]);
                if trial == 0 && step == pause {
                    // The rest of the run is executed by another emulator.
                    let saved = parallel.save();
                    parallel = load(&self.image, 2);
                    parallel.restore(&saved).unwrap_or_else(|e| panic!("seed {}: {e}", self.seed));
                }
                self.step(&mut rng, &mut machine, [&mut serial, &mut parallel]);
                for emulator in [&serial, &parallel] {
                    if let Err(difference) = self.compare(&machine, emulator, tally) {
                        panic!(
                            "seed {}, trial {trial}, step {step}: {difference}\n{}",
                            self.seed,
                            self.listing()
                        );
                    }
                }
            }
            self.compare_saturations(&machine, &serial, tally);
        }
        tally.networks += 1;
        tally.cores += self.image.cores.len();
        tally.several_cores += usize::from(self.image.cores.len() > 1);
    }

    fn step(&self, rng: &mut Rng, machine: &mut FixedMachine, emulators: [&mut Emulator; 2]) {
        let trains: Vec<(SpaceId, Vec<u32>)> = self
            .inputs
            .iter()
            .map(|(space, n, rate)| (*space, networks::spikes(rng, *n, *rate)))
            .collect();
        let by_space: Vec<(SpaceId, &[u32])> =
            trains.iter().map(|(space, lanes)| (*space, lanes.as_slice())).collect();
        machine.step(&by_space);
        let by_index: Vec<(usize, &[u32])> = trains
            .iter()
            .map(|(space, lanes)| {
                let id = self.structure.population(*space).expect("an input is a population");
                (id.index(), lanes.as_slice())
            })
            .collect();
        for emulator in emulators {
            emulator.step(&by_index).unwrap_or_else(|e| panic!("seed {}: {e}", self.seed));
        }
    }

    /// Traces that the host writes, now and then.
    fn disturb_traces(
        &self,
        rng: &mut Rng,
        machine: &mut FixedMachine,
        emulators: &mut [&mut Emulator; 2],
    ) {
        if self.structure.traces.is_empty() || !rng.chance(0.05) {
            return;
        }
        let traces: Vec<_> = self.structure.traces.values().collect();
        let state = traces[rng.below(traces.len())].state;
        let top = self.plan.states[state].raw.hi;
        let values: Vec<i64> = machine.raw(state).iter().map(|_| rng.within(0..=top)).collect();
        machine.set_raw(state, &values);
        let name = self.net.full_name(state);
        let values: Vec<i32> = values.iter().map(|v| *v as i32).collect();
        for (at, _) in self.image.map.traces.iter().enumerate().filter(|(_, t)| t.name == name) {
            for emulator in emulators.iter_mut() {
                emulator
                    .write_trace(at, &values)
                    .unwrap_or_else(|e| panic!("seed {}: {e}", self.seed));
            }
        }
    }

    /// Resets and host writes, now and then.
    fn disturb(
        &self,
        rng: &mut Rng,
        machine: &mut FixedMachine,
        mut emulators: [&mut Emulator; 2],
    ) {
        let reset = rng.chance(0.05);
        let groups: Vec<bool> = (0..4).map(|_| rng.chance(0.4)).collect();
        let write = rng.chance(0.05);
        let chosen: Vec<_> = self.structure.projections.iter().collect();
        let (id, projection) = chosen[rng.below(chosen.len())];
        let field = rng.below(projection.fields.len());
        let fixed = ResetGroup::ALL;
        let chip = Reset::ALL;
        let on = |k: &usize| groups[*k];
        if reset {
            let list: Vec<ResetGroup> = (0..4).filter(on).map(|k| fixed[k]).collect();
            machine.reset(&list);
        }
        let state = projection.fields[field];
        let format = &self.plan.states[state];
        let n = machine.raw(state).len();
        let values: Vec<i64> = (0..n).map(|_| rng.within(format.raw.lo..=format.raw.hi)).collect();
        // A modulator's synapses exist once per copy, so the host would have to write them all.
        // A delivery's bound on the accumulator holds for the weights that parameters have.
        let writable = self.structure.population(projection.post).is_some()
            && projection.rule.is_some()
            && self.net.setter(state).is_some();
        if write && writable {
            machine.set_raw(state, &values);
        }
        for emulator in &mut emulators {
            if reset {
                let list: Vec<Reset> = (0..4).filter(on).map(|k| chip[k]).collect();
                emulator.reset(&list);
            }
            if write && writable {
                let values: Vec<i32> = values.iter().map(|v| *v as i32).collect();
                emulator
                    .write_field(id.index(), field, &values)
                    .unwrap_or_else(|e| panic!("seed {}: {e}", self.seed));
            }
        }
        self.disturb_traces(rng, machine, &mut emulators);
    }
}
