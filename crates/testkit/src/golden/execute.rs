//! Executes the `;?` lines: in floating point, in fixed point and as microcode.

use super::bench::{Bench, Lowered};
use super::file::{File, Query};
use super::listing::{program, state};
use crate::isa_oracle::{self, Stored, Surroundings};
use crate::{cases, scalar};
use std::collections::BTreeMap;
use trifactor_compile::lower::Source;
use trifactor_entity::SideTable;
use trifactor_ir::{PortId, Read, Role};
use trifactor_isa::When;
use trifactor_quant::{Plan, eval, store};

/// Draws under which a line is executed: the ends, the middle, and some in between.
const DRAWS: usize = 19;

/// Executes every line.
pub(super) fn all(file: &File, bench: &Bench, plan: &Plan, lowered: &Lowered) -> Vec<String> {
    let executors = Executors { bench, plan, lowered };
    let failed = |q: &Query| {
        let result = if q.raw.is_some() { executors.integers(q) } else { executors.values(q) };
        result.err().map(|what| format!("{}: {what}", q.line))
    };
    file.queries.iter().filter_map(failed).collect()
}

struct Executors<'a> {
    bench: &'a Bench,
    plan: &'a Plan,
    lowered: &'a Lowered,
}

impl Executors<'_> {
    fn values(&self, query: &Query) -> Result<(), String> {
        let kernel = self.bench.kernel();
        let inputs = self.in_port_order(query)?;
        let mut raw = SideTable::empty();
        for (port, value) in inputs.iter() {
            raw.push(self.quantise(port, *value)?);
        }
        let floats: Vec<f64> = inputs.iter().map(|(_, v)| *v).collect();
        let floats = scalar::results(kernel, &floats);
        let stores = self.in_store_order(query)?;
        let plans = &self.plan.phases[self.bench.rule].outputs;
        let writes = &self.bench.phase().writes;
        for (j, output) in kernel.outputs.iter().enumerate() {
            let range = self.bench.net.states[writes[j]].range;
            let float = range.map_or(floats[j], |(lo, hi)| floats[j].clamp(lo, hi));
            // Decimals and doubles differ in the last place of a double.
            if (float - stores[j]).abs() > 1e-12 * float.abs().max(1.0) {
                return Err(format!(
                    "'{}': float gives {float}, not {}",
                    output.variable, stores[j]
                ));
            }
        }
        for k in 0..DRAWS {
            let draws = |site: u8| match k {
                0 => 0,
                1 => u32::MAX,
                2 => 1 << 31,
                _ => cases::draw(k as u32, site),
            };
            let fixed = self.both(&raw, &draws)?;
            for ((found, p), (output, expected)) in
                fixed.iter().zip(plans).zip(kernel.outputs.iter().zip(&stores))
            {
                let value = self.plan.states[self.lowered.fields[found.field]].value(found.raw);
                let error = (value - expected).abs();
                if error > p.bound * (1.0 + 1e-9) + 1e-12 {
                    return Err(format!(
                        "'{}': fixed point gives {value}, which is {error:e} off; the plan's bound is {:e}",
                        output.variable, p.bound
                    ));
                }
            }
        }
        Ok(())
    }

    fn integers(&self, query: &Query) -> Result<(), String> {
        let inputs = self.in_port_order(query)?;
        let mut raw = SideTable::empty();
        for (port, value) in inputs.iter() {
            let integer = *value as i64;
            let legal = self.format_holds(port, integer);
            if integer as f64 != *value || !legal {
                let name = &self.bench.kernel().ports[port].name;
                return Err(format!("{value} is no raw value of '{name}'"));
            }
            raw.push(integer);
        }
        let expected = self.in_store_order(query)?;
        let draw = query.raw.unwrap_or_default();
        let found = self.both(&raw, &|_| draw)?;
        for (output, (found, expected)) in
            self.bench.kernel().outputs.iter().zip(found.iter().zip(expected))
        {
            if found.raw as f64 != expected {
                let name = &output.variable;
                return Err(format!("'{name}': fixed point gives {}, not {expected}", found.raw));
            }
        }
        Ok(())
    }

    /// The stores of the fixed reading, after microcode has made the same ones.
    fn both(
        &self,
        raw: &SideTable<PortId, i64>,
        draws: &dyn Fn(u8) -> u32,
    ) -> Result<Vec<Stored>, String> {
        let kernel = self.bench.kernel();
        let plan = &self.plan.phases[self.bench.rule];
        let site = |s: u8| draws(s);
        let values = eval(kernel, plan, raw, &site);
        let stores: Vec<Stored> = kernel
            .outputs
            .iter()
            .zip(&plan.outputs)
            .zip(&self.bench.phase().writes)
            .map(|((output, p), state)| {
                let (raw, saturated) =
                    store(&values, output.value, p, &self.plan.states[*state], &site);
                let field = self.lowered.fields.iter().position(|f| f == state);
                Stored { field: field.expect("what a rule sets is a field"), raw, saturated }
            })
            .collect();
        let words: Vec<u32> = program(self.lowered).code.iter().map(|i| i.encode()).collect();
        let around = Around { executors: self, raw, draws };
        match isa_oracle::run(&words, &around) {
            Ok(made) if made == stores => Ok(stores),
            Ok(made) => Err(format!("microcode stores {made:?}, the fixed reading {stores:?}")),
            Err(trap) => Err(format!("microcode stops: {trap:?}")),
        }
    }

    fn in_port_order(&self, query: &Query) -> Result<SideTable<PortId, f64>, String> {
        let ports = &self.bench.kernel().ports;
        let names = ports.values().map(|p| p.name.as_str());
        let values = in_order(&query.inputs, names, "input")?;
        let mut table = SideTable::empty();
        values.into_iter().for_each(|v| {
            table.push(v);
        });
        Ok(table)
    }

    fn in_store_order(&self, query: &Query) -> Result<Vec<f64>, String> {
        let outputs = self.bench.kernel().outputs.iter();
        in_order(&query.results, outputs.map(|o| o.variable.as_str()), "result")
    }

    /// The raw value of an input, which must be one exactly.
    fn quantise(&self, port: PortId, value: f64) -> Result<i64, String> {
        let name = &self.bench.kernel().ports[port].name;
        let Read::State(state) = self.bench.phase().reads[port] else {
            let flag = value == 0.0 || value == 1.0;
            return if flag { Ok(value as i64) } else { Err(format!("'{name}' is 0 or 1")) };
        };
        let format = &self.plan.states[state];
        let raw = format.quantise(value);
        let held = format.value(raw);
        if held == value {
            return Ok(raw);
        }
        Err(format!("{value} is no value of '{name}'; the nearest of {} is {held}", format.q))
    }

    fn format_holds(&self, port: PortId, raw: i64) -> bool {
        match self.bench.phase().reads[port] {
            Read::State(state) => {
                let range = self.plan.states[state].raw;
                (range.lo..=range.hi).contains(&raw)
            }
            Read::Arriving { .. } | Read::SpikedInEpoch(_) | Read::EpochFlag => {
                raw == 0 || raw == 1
            }
        }
    }
}

fn in_order<'a>(
    given: &BTreeMap<String, f64>,
    names: impl Iterator<Item = &'a str>,
    what: &str,
) -> Result<Vec<f64>, String> {
    let mut values = Vec::new();
    for name in names {
        let value = given.get(name).ok_or_else(|| format!("the {what} '{name}' has no value"))?;
        values.push((name, *value));
    }
    match given.keys().find(|k| !values.iter().any(|(name, _)| name == k)) {
        Some(extra) => Err(format!("the rule has no {what} '{extra}'")),
        None => Ok(values.into_iter().map(|(_, v)| v).collect()),
    }
}

/// One synapse as microcode sees it: a load finds the raw value of the input it was made for.
struct Around<'a> {
    executors: &'a Executors<'a>,
    raw: &'a SideTable<PortId, i64>,
    draws: &'a dyn Fn(u8) -> u32,
}

impl Around<'_> {
    fn find(&self, wanted: impl Fn(PortId, Role, Read) -> bool) -> i64 {
        let (phase, kernel) = (self.executors.bench.phase(), self.executors.bench.kernel());
        let port = kernel.ports.iter().find(|(id, p)| wanted(*id, p.role, phase.reads[*id]));
        self.raw[port.expect("a program loads only what its kernel reads").0]
    }

    fn side(&self, role: Role, sources: &[Source], slot: usize, when: When, prev: bool) -> i64 {
        if slot == 0 {
            return self.find(|_, r, read| r == role && matches!(read, Read::SpikedInEpoch(_)));
        }
        let state = state(self.executors.lowered, sources[slot - 1]);
        self.find(|id, r, read| {
            let port = &self.executors.bench.kernel().ports[id];
            let same = match port.when {
                trifactor_ir::When::End => when == When::End,
                trifactor_ir::When::AtPre => when == When::X0,
                trifactor_ir::When::AtPost => when == When::Y0,
            };
            r == role && read == Read::State(state) && same && port.prev == prev
        })
    }
}

impl Surroundings for Around<'_> {
    fn field(&self, field: usize) -> i64 {
        let state = self.executors.lowered.fields[field];
        self.find(|_, role, read| role == Role::Own && read == Read::State(state))
    }
    fn pre(&self, slot: usize, when: When, prev: bool) -> i64 {
        let sources = &program(self.executors.lowered).pre_slots;
        self.side(Role::Pre, sources, slot, when, prev)
    }
    fn post(&self, slot: usize, when: When, prev: bool) -> i64 {
        let sources = &program(self.executors.lowered).post_slots;
        self.side(Role::Post, sources, slot, when, prev)
    }
    fn global(&self, slot: usize) -> i64 {
        let source = program(self.executors.lowered).global_slots[slot];
        let state = state(self.executors.lowered, source);
        self.find(|_, role, read| role == Role::Global && read == Read::State(state))
    }
    fn every(&self, k: u32) -> bool {
        self.find(|_, role, _| matches!(role, Role::Every(e) if u32::from(e) == k)) != 0
    }
    fn draw(&self, site: u8) -> u32 {
        (self.draws)(site)
    }
    fn range(&self, field: usize) -> (i64, i64) {
        let raw = self.executors.plan.states[self.executors.lowered.fields[field]].raw;
        (raw.lo, raw.hi)
    }
}
