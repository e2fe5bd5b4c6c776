//! Values of what is named.

use crate::error::DebugError;
use crate::names::{Number, Target, What};
use crate::timeline::Timeline;
use serde_json::{Value, json};
use trifactor_emu::Membrane;

/// Whose value it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lane {
    /// The only one.
    None,
    /// A lane's.
    One(u32),
    /// A synapse's.
    Pair(u32, u32),
}

impl Lane {
    /// As it stands behind a name.
    pub(crate) fn suffix(self) -> String {
        match self {
            Self::None => String::new(),
            Self::One(lane) => format!("[{lane}]"),
            Self::Pair(pre, post) => format!("[{pre}->{post}]"),
        }
    }
}

/// A value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Reading {
    /// Whose.
    pub lane: Lane,
    /// As the chip holds it.
    pub raw: i64,
    /// In the author's unit.
    pub value: f64,
}

impl Reading {
    /// As JSON.
    pub(crate) fn to_json(self) -> Value {
        let lane = match self.lane {
            Lane::None => Value::Null,
            Lane::One(lane) => json!(lane),
            Lane::Pair(pre, post) => json!([pre, post]),
        };
        json!({ "lane": lane, "value": self.value, "raw": self.raw })
    }
}

/// Fraction bits of something; `None` where the unit is that of the raw value.
pub(crate) fn frac(timeline: &Timeline, what: &What) -> i8 {
    let map = timeline.emulator().map();
    match what {
        What::Membrane(p, Membrane::U | Membrane::V) | What::Input(p) => map.populations[*p].frac,
        What::Field(p, f) => map.projections[*p].fields[*f].frac,
        What::Trace(entries) => map.traces[entries[0]].frac,
        What::Modulator(m) => map.modulators[*m].frac,
        _ => 0,
    }
}

/// The values of a target, in the order of lanes. Lanes that no core holds are left out.
pub(crate) fn read(
    timeline: &Timeline,
    stopped: usize,
    target: &Target,
) -> Result<Vec<Reading>, DebugError> {
    let emulator = timeline.emulator();
    let lsb = (-f64::from(frac(timeline, &target.what))).exp2();
    let scaled = |lane, raw: i64| Reading { lane, raw, value: raw as f64 * lsb };
    let plain = |list: Vec<i32>| (0..).zip(list.into_iter().map(Some)).collect::<Vec<_>>();
    let mut raw = Vec::new();
    let mut held = Vec::new();
    let values: Vec<(u32, Option<i32>)> = match &target.what {
        What::Membrane(p, which) => {
            match which {
                Membrane::U => emulator.read_u(*p, &mut raw)?,
                Membrane::V => emulator.read_v(*p, &mut raw)?,
                Membrane::Hold => emulator.read_hold(*p, &mut raw)?,
            }
            plain(raw)
        }
        What::Input(p) => {
            emulator.read_input(*p, &mut raw)?;
            plain(raw)
        }
        What::Spike(p) => {
            raw.resize(emulator.map().populations[*p].n as usize, 0);
            emulator.spikes(*p).iter().for_each(|lane| raw[*lane as usize] = 1);
            plain(raw)
        }
        What::Field(p, f) => {
            let mut list = Vec::new();
            emulator.visit_field(*p, *f, |s| {
                if target.holds_synapse(s.pre, s.post) {
                    list.push(scaled(Lane::Pair(s.pre, s.post), s.raw.into()));
                }
            })?;
            if let (true, Some((pre, post))) = (list.is_empty(), target.synapse()) {
                let projection = emulator.map().projections[*p].name.clone();
                return Err(trifactor_emu::EmuError::NoSynapse { projection, pre, post }.into());
            }
            return Ok(list);
        }
        What::Trace(entries) => {
            emulator.read_trace(entries[0], &mut held)?;
            (0..).zip(held).collect()
        }
        What::Modulator(m) => {
            emulator.read_modulator(*m, &mut held)?;
            (0..).zip(held).collect()
        }
        What::Constant(p) => plain(emulator.constants(*p)?.iter().map(|c| c.raw).collect()),
        What::Saturated(k) => {
            let count = emulator.saturations().get(*k).map_or(0, |s| s.count);
            return Ok(vec![scaled(Lane::None, count as i64)]);
        }
        What::Register(register) => {
            let value = timeline.walk().map_or(0, |w| w.registers()[usize::from(*register)]);
            return Ok(vec![scaled(Lane::None, value.into())]);
        }
        What::Number(number) => return Ok(vec![self::number(timeline, stopped, *number)]),
    };
    let values = values.into_iter().filter(|(lane, _)| target.holds(*lane));
    Ok(values.filter_map(|(lane, raw)| Some(scaled(Lane::One(lane), raw?.into()))).collect())
}

fn number(timeline: &Timeline, stopped: usize, number: Number) -> Reading {
    let emulator = timeline.emulator();
    let at = timeline.at();
    let whole = |raw: u64| Reading { lane: Lane::None, raw: raw as i64, value: raw as f64 };
    match number {
        Number::Step => whole(at.step.into()),
        Number::Epoch => whole((at.step / emulator.epoch_length()).into()),
        Number::Op => whole(at.op),
        Number::Seed => whole(emulator.seed().into()),
        Number::Stopped => whole(stopped as u64),
        Number::Time => {
            let report = emulator.report();
            let value = report.time_ticks as f64 * report.tick_ps as f64 * 1e-6;
            Reading { value, ..whole(report.time_ticks) }
        }
        Number::Energy => {
            let fj = emulator.report().total_fj();
            Reading { value: fj as f64 * 1e-9, ..whole(fj) }
        }
    }
}

/// A number as people read it: up to eight places, none that say nothing.
pub(crate) fn short(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-5 {
        return format!("{value:.4e}");
    }
    let text = format!("{value:.8}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
