//! Images, random numbers and an independent reading of the semantics for the tests.

// Each test binary uses a part of this module.
#![allow(dead_code)]

pub mod oracle;
pub mod random;
pub mod tiny;

use trifactor_emu::Emulator;
use trifactor_image::{Meta, f64_bits};
use trifactor_isa::Chip;

/// A reproducible source of choices.
pub struct Rng(u32);

impl Rng {
    pub fn new(seed: u32) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9) | 1)
    }
    /// 32 bits (xorshift).
    pub fn word(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0.wrapping_mul(0x9e37_79b1)
    }
    /// 0 to n - 1.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.word()) * u64::from(n)) >> 32) as u32
    }
    /// True once in n times.
    pub fn chance(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }
    /// -n to n.
    pub fn signed(&mut self, n: u32) -> i32 {
        self.below(2 * n) as i32 - n as i32
    }
    /// lo to hi, both included.
    pub fn between(&mut self, lo: i32, hi: i32) -> i32 {
        lo + self.below((hi - lo) as u32 + 1) as i32
    }
}

/// The note of an image of the chip `superset`.
pub fn meta(epoch: u32, seed: u32) -> Meta {
    let chip = Chip::builtin_text("superset").unwrap();
    Meta {
        model: "test".into(),
        model_hash: String::new(),
        plan_hash: String::new(),
        isa_hash: trifactor_isa::isa_hash(),
        chip: chip.into(),
        chip_hash: Chip::parse(chip).unwrap().hash(),
        epoch,
        seed,
        step_ms: f64_bits::Ms::new(1.0),
    }
}

/// Lanes of each input population that fire in a step.
pub fn inputs(rng: &mut Rng, emulator: &Emulator) -> Vec<(usize, Vec<u32>)> {
    let map = emulator.map();
    let inputs = map.populations.iter().enumerate().filter(|(_, p)| p.slices.is_empty());
    inputs.map(|(at, p)| (at, (0..p.n).filter(|_| rng.chance(4)).collect())).collect()
}

/// The same as slices, as a step takes them.
pub fn borrowed(inputs: &[(usize, Vec<u32>)]) -> Vec<(usize, &[u32])> {
    inputs.iter().map(|(at, lanes)| (*at, &lanes[..])).collect()
}

/// Every state that the host can read.
#[derive(PartialEq, Eq, Debug)]
pub struct Everything {
    pub spikes: Vec<Vec<u32>>,
    pub membranes: Vec<[Vec<i32>; 3]>,
    pub fields: Vec<Vec<(u32, u32, i32)>>,
    pub modulators: Vec<Vec<Option<i32>>>,
    pub traces: Vec<Vec<Option<i32>>>,
}

impl Everything {
    /// The first state that differs, as text: all of them would fill the screen.
    pub fn difference(&self, other: &Self) -> Option<String> {
        fn first<T: PartialEq + std::fmt::Debug>(name: &str, a: &[T], b: &[T]) -> Option<String> {
            let at = a.iter().zip(b).position(|(a, b)| a != b)?;
            Some(format!("{name} {at}\n emulator {:?}\n expected {:?}", a[at], b[at]))
        }
        first("spikes", &self.spikes, &other.spikes)
            .or_else(|| first("membrane", &self.membranes, &other.membranes))
            .or_else(|| first("modulator", &self.modulators, &other.modulators))
            .or_else(|| first("trace", &self.traces, &other.traces))
            .or_else(|| first("field", &self.fields, &other.fields))
            .or_else(|| (self != other).then(|| "lengths".to_owned()))
    }
}

/// All states of an emulator.
pub fn everything(e: &Emulator) -> Everything {
    let map = e.map();
    let mut all = Everything {
        spikes: (0..map.populations.len()).map(|p| e.spikes(p).to_vec()).collect(),
        membranes: vec![],
        fields: vec![],
        modulators: vec![],
        traces: vec![],
    };
    for (p, named) in map.populations.iter().enumerate() {
        let mut three = [vec![], vec![], vec![]];
        if !named.slices.is_empty() {
            e.read_u(p, &mut three[0]).unwrap();
            e.read_v(p, &mut three[1]).unwrap();
            e.read_hold(p, &mut three[2]).unwrap();
        }
        all.membranes.push(three);
    }
    for (p, named) in map.projections.iter().enumerate() {
        for f in 0..named.fields.len() {
            let list = e.read_field(p, f).unwrap();
            all.fields.push(list.iter().map(|s| (s.pre, s.post, s.raw)).collect());
        }
    }
    for m in 0..map.modulators.len() {
        all.modulators.push(vec![]);
        e.read_modulator(m, all.modulators.last_mut().unwrap()).unwrap();
    }
    for t in 0..map.traces.len() {
        all.traces.push(vec![]);
        e.read_trace(t, all.traces.last_mut().unwrap()).unwrap();
    }
    all
}

/// All states of the oracle, in the same form.
pub fn everything_of(o: &oracle::Oracle, e: &Emulator) -> Everything {
    let map = e.map();
    let membrane = |(p, named): (usize, &trifactor_image::PopulationMap)| {
        if named.slices.is_empty() {
            return [vec![], vec![], vec![]];
        }
        [o.membrane(p, &o.u), o.membrane(p, &o.v), o.membrane(p, &o.hold)]
    };
    let fields = |(p, named): (usize, &trifactor_image::ProjectionMap)| {
        (0..named.fields.len()).map(move |f| (p, f)).collect::<Vec<_>>()
    };
    Everything {
        spikes: o.fired.clone(),
        membranes: map.populations.iter().enumerate().map(membrane).collect(),
        fields: (map.projections.iter().enumerate())
            .flat_map(fields)
            .map(|(p, f)| o.field(p, f))
            .collect(),
        modulators: (0..map.modulators.len()).map(|m| o.modulator(m)).collect(),
        traces: (0..map.traces.len()).map(|t| o.trace(t)).collect(),
    }
}
