//! Places, programs and topics as text and JSON.

use crate::error::{DebugError, wrong};
use crate::read::short;
use crate::session::Session;
use crate::timeline::Position;
use serde_json::{Value, json};
use std::fmt::Write;
use trifactor_diag::did_you_mean;
use trifactor_emu::{MicroOp, Phase, SynapseId};
use trifactor_image::{Core, Profile};
use trifactor_isa::Inst;

/// Topics of `info`.
pub(crate) const TOPICS: [&str; 10] = [
    "states",
    "breakpoints",
    "spikes",
    "flight",
    "saturations",
    "cost",
    "cores",
    "constants",
    "registers",
    "stimulus",
];

/// A text from lines.
fn lines(list: &[String]) -> String {
    list.join("\n")
}

impl Session {
    /// Where this is, in words.
    pub(crate) fn place(&self) -> String {
        let at = self.timeline.at();
        match at {
            _ if at.between_steps() && at.step == 0 => "before step 1".to_owned(),
            _ if at.between_steps() => format!("after step {}", at.step),
            Position { step, op: 0, .. } => {
                format!("step {}, before {}", step + 1, self.timeline.next_phase())
            }
            Position { step, op, .. } => {
                let length = self.timeline.walk().map_or(0, trifactor_emu::Walk::length);
                format!("step {}, plasticity, {op} of {length} micro-operations done", step + 1)
            }
        }
    }

    /// Where this is, for programs.
    pub(crate) fn place_json(&self) -> Value {
        let at = self.timeline.at();
        json!({
            "step": at.step,
            "phase": if at.phase == 0 { None } else { Some(self.timeline.next_phase().name()) },
            "op": at.op,
        })
    }

    /// `policy[2->5]`.
    pub(crate) fn synapse(&self, id: &SynapseId) -> String {
        let name = &self.timeline.emulator().map().projections[id.projection].name;
        format!("{name}[{}->{}]", id.pre, id.post)
    }

    /// The line that a word of microcode comes from: operation and place, and the author's
    /// product where the rule is a sum of such.
    fn origin(&self, core: u32, word: u32) -> String {
        let source = self.image.map.source.iter().find(|s| (s.core, s.word) == (core, word));
        let text = source.map_or("", |s| s.text.as_str());
        let term = self.image.lines.term_of(core, word);
        match (self.image.lines.line_of(core, word), source) {
            (Some((file, line)), _) => match term {
                Some(term) => format!("{text}  ({file}:{line}: {term})"),
                None => format!("{text}  ({file}:{line})"),
            },
            (None, Some(source)) if text != "end" => format!("{text}  ({})", source.key),
            _ => text.to_owned(),
        }
    }

    /// An executed micro-operation with its results.
    pub(crate) fn executed(&self, op: &MicroOp) -> String {
        let core = op.synapse.core;
        let mut out =
            format!("core {core} word {}, {}: {}", op.word, self.synapse(&op.synapse), op.inst);
        let mut add = |text: String| out.push_str(&text);
        if let Some((register, value)) = op.result {
            add(format!(" => r{register} = {value}"));
        }
        if let Some(stored) = op.stored {
            let map = &self.timeline.emulator().map().projections[op.synapse.projection];
            let field = &map.fields[stored.field];
            let value = f64::from(stored.value) * (-f64::from(field.frac)).exp2();
            let clipped = if stored.saturated { ", saturated" } else { "" };
            add(format!(" => {} = {} (raw {}{clipped})", field.name, short(value), stored.value));
        }
        if let Some(drawn) = op.drawn {
            add(format!(", draw {:08x} of site {}", drawn.bits, drawn.site));
        }
        match self.origin(core, op.word) {
            origin if origin.is_empty() => {}
            origin => add(format!("  ; {origin}")),
        }
        out
    }

    /// The same for programs.
    pub(crate) fn executed_json(&self, op: &MicroOp) -> Value {
        let projection = &self.timeline.emulator().map().projections[op.synapse.projection];
        json!({
            "core": op.synapse.core,
            "word": op.word,
            "projection": projection.name,
            "pre": op.synapse.pre,
            "post": op.synapse.post,
            "instruction": op.inst.to_string(),
            "register": op.result.map(|(register, _)| register),
            "result": op.result.map(|(_, value)| value),
            "stored": op.stored.map(|stored| json!({
                "field": projection.fields[stored.field].name,
                "raw": stored.value,
                "saturated": stored.saturated,
            })),
            "draw": op.drawn.map(|drawn| drawn.bits),
        })
    }

    /// What `where` says.
    pub(crate) fn whereabouts(&mut self) -> String {
        let mut out = self.place();
        let total = self.timeline.stimulus().len();
        if self.timeline.at().between_steps() {
            write!(out, " of {total}").expect("internal: a String accepts every text");
        }
        if self.timeline.next_phase() == Phase::Plasticity {
            let next = match self.timeline.next_op() {
                Some(op) => {
                    let place = (op.synapse.core, op.word);
                    let text = format!(
                        "core {} word {}, {}: {}",
                        place.0,
                        place.1,
                        self.synapse(&op.synapse),
                        op.inst
                    );
                    match self.origin(place.0, place.1) {
                        origin if origin.is_empty() => text,
                        origin => format!("{text}  ; {origin}"),
                    }
                }
                None => "no synapse has anything to learn".to_owned(),
            };
            write!(out, "\nnext: {next}").expect("internal: a String accepts every text");
        }
        out
    }

    /// The profile of a projection on the first core that holds it.
    pub(crate) fn profile(&self, projection: usize) -> Option<(&Core, &Profile)> {
        let named = &self.image.map.projections[projection];
        let part = named.parts.first()?;
        let core = self.image.cores.iter().find(|core| core.id == part.core)?;
        let group = core.groups.get(usize::from(part.group))?;
        Some((core, core.profiles.get(usize::from(group.profile))?))
    }

    /// The projection of that name, or the one at hand.
    fn projection(&mut self, name: Option<&str>) -> Result<usize, DebugError> {
        let next = self.timeline.next_op();
        let names: Vec<&str> = self.image.map.projections.iter().map(|p| p.name.as_str()).collect();
        let plastic: Vec<usize> = (0..names.len()).filter(|p| self.profile(*p).is_some()).collect();
        match name {
            Some(name) => match names.iter().position(|n| *n == name) {
                Some(at) if plastic.contains(&at) => Ok(at),
                Some(_) => wrong(format!("'{name}' does not learn, so it has no microcode")),
                None => {
                    let near = did_you_mean(name, names.iter().copied());
                    let near = near.map_or_else(String::new, |n| format!("; did you mean '{n}'?"));
                    wrong(format!("there is no projection '{name}'{near}"))
                }
            },
            None => match (next, &plastic[..]) {
                (Some(op), _) => Ok(op.synapse.projection),
                (None, [only]) => Ok(*only),
                (None, []) => wrong("nothing learns in this image, so there is no microcode"),
                (None, several) => {
                    let names: Vec<&str> = several.iter().map(|p| names[*p]).collect();
                    wrong(format!("the rule of which projection? ({})", names.join(", ")))
                }
            },
        }
    }

    /// The microcode of a rule, with an arrow at what comes next.
    pub(crate) fn listing(&mut self, name: Option<&str>) -> Result<(String, Value), DebugError> {
        let projection = self.projection(name)?;
        let next = self.timeline.next_op().filter(|op| op.synapse.projection == projection);
        let constants = self.timeline.emulator().constants(projection)?;
        let Some((core, profile)) = self.profile(projection) else {
            return wrong("the rule has no microcode");
        };
        // The copy that is executed, where there are several.
        let shift = |op: &MicroOp| {
            let named = &self.image.map.projections[projection];
            let part = named.parts.iter().find(|part| part.core == op.synapse.core)?;
            let core = self.image.cores.iter().find(|core| core.id == part.core)?;
            let group = core.groups.get(usize::from(part.group))?;
            op.word.checked_sub(core.profiles.get(usize::from(group.profile))?.first_word)
        };
        let marked = next.as_ref().and_then(shift);
        let (id, first) = (core.id, profile.first_word);
        let words = &core.ucode[first as usize..(first + profile.n_words) as usize];
        let mut rows = Vec::new();
        let mut list = Vec::new();
        for (at, word) in (0u32..).zip(words) {
            let inst = Inst::decode(*word).map_or_else(|e| e.to_string(), |inst| inst.to_string());
            let changed = constants.iter().find(|c| c.at == at as usize);
            let changed = changed.filter(|_| Inst::decode(*word).is_ok()).map(|c| c.raw);
            let now = match (Inst::decode(*word), changed) {
                (Ok(Inst::Ldi(o)), Some(raw))
                    if i64::from(o.imm) << o.shift.get() != i64::from(raw) =>
                {
                    format!("{inst}, now {raw}")
                }
                _ => inst,
            };
            rows.push((marked == Some(at), first + at, now, self.origin(id, first + at)));
        }
        let width = rows.iter().map(|(_, _, inst, _)| inst.len()).max().unwrap_or(0);
        let mut text = vec![format!(
            "core {id}, {}, words {first} to {}",
            self.image.map.projections[projection].name,
            first + profile.n_words - 1
        )];
        for (here, word, inst, origin) in &rows {
            let arrow = if *here { "=>" } else { "  " };
            text.push(format!("{arrow} {word:4}: {inst:width$}  ; {origin}").trim_end().to_owned());
            list.push(json!({ "word": word, "instruction": inst, "origin": origin, "next": here }));
        }
        Ok((lines(&text), Value::Array(list)))
    }

    /// What `info` says of a topic.
    pub(crate) fn topic(&mut self, topic: &str) -> Result<(String, Value), DebugError> {
        if topic == "cores" {
            return self.cores();
        }
        let emulator = self.timeline.emulator();
        let map = emulator.map();
        let mut text = Vec::new();
        let mut list = Vec::new();
        match topic {
            "states" => {
                let usual = |name: &&str| !name.starts_with("saturated.") && !is_register(name);
                for name in self.names.iter().filter(usual) {
                    text.push(name.to_owned());
                    list.push(json!(name));
                }
            }
            "breakpoints" => {
                for stop in &self.stops {
                    let times = if stop.hits == 1 { "time" } else { "times" };
                    text.push(format!("{}: {} ({} {times})", stop.title(), stop.text, stop.hits));
                    list.push(json!({ "id": stop.id, "text": stop.text, "hits": stop.hits }));
                }
                if text.is_empty() {
                    text.push("none".to_owned());
                }
            }
            "spikes" => {
                for (p, named) in map.populations.iter().enumerate() {
                    let fired = emulator.spikes(p);
                    let shown: Vec<String> = fired.iter().take(32).map(u32::to_string).collect();
                    let more = if fired.len() > 32 { ", .." } else { "" };
                    text.push(match fired.len() {
                        0 => format!("{}: none", named.name),
                        n => format!("{}: {n} ({}{more})", named.name, shown.join(", ")),
                    });
                    list.push(json!({ "population": named.name, "lanes": fired }));
                }
            }
            "flight" => {
                for (p, named) in map.projections.iter().enumerate() {
                    for spike in emulator.in_flight(p)? {
                        let lane =
                            |lane: Option<u32>| lane.map_or("*".to_owned(), |l| l.to_string());
                        text.push(format!(
                            "{}[{}->{}] arrives in step {}",
                            named.name,
                            lane(spike.pre),
                            lane(spike.post),
                            spike.arrives
                        ));
                        list.push(json!({
                            "projection": named.name, "pre": spike.pre, "post": spike.post,
                            "arrives": spike.arrives,
                        }));
                    }
                }
                if text.is_empty() {
                    text.push("nothing is on its way".to_owned());
                }
            }
            "saturations" => {
                for s in emulator.saturations().iter().filter(|s| s.count > 0) {
                    text.push(format!("{}: {}", s.state, s.count));
                    list.push(json!({ "state": s.state, "count": s.count }));
                }
                if text.is_empty() {
                    text.push("none".to_owned());
                }
            }
            "cost" => {
                let report = emulator.report();
                let us = report.time_ticks as f64 * report.tick_ps as f64 * 1e-6;
                let uj = report.total_fj() as f64 * 1e-9;
                let steps = if report.steps == 1 { "step" } else { "steps" };
                text.push(format!(
                    "{} {steps} on {} ({}): {} us, {} uJ",
                    report.steps,
                    report.chip,
                    report.preset,
                    short(us),
                    short(uj)
                ));
                if !self.timeline.at().between_steps() {
                    text.push("the step at hand is counted at its end".to_owned());
                }
                list.push(json!({
                    "steps": report.steps, "preset": report.preset, "microseconds": us,
                    "microjoules": uj, "ticks": report.time_ticks, "femtojoules": report.total_fj(),
                }));
            }
            "constants" => {
                for (p, named) in map.projections.iter().enumerate() {
                    for (k, c) in emulator.constants(p)?.iter().enumerate() {
                        let origin = self.origin(c.core, c.word);
                        text.push(format!(
                            "{}.const[{k}] = {} (raw), core {} word {}  ; for {origin}",
                            named.name, c.raw, c.core, c.word
                        ));
                        list.push(json!({
                            "projection": named.name, "index": k, "raw": c.raw, "core": c.core,
                            "word": c.word,
                        }));
                    }
                }
                if text.is_empty() {
                    text.push("no rule has a constant".to_owned());
                }
            }
            "registers" => {
                let Some(walk) = self.timeline.walk().filter(|walk| walk.done() > 0) else {
                    return wrong(
                        "registers hold values inside the plasticity phase; `step op` goes there",
                    );
                };
                for (register, value) in walk.registers().iter().enumerate() {
                    if *value != 0 {
                        text.push(format!("r{register} = {value}"));
                    }
                    list.push(json!(value));
                }
                text.push(match text.is_empty() {
                    true => "all registers are 0".to_owned(),
                    false => "the others are 0".to_owned(),
                });
                let next = walk.next_op(emulator);
                let projection = next.map(|op| op.synapse.projection);
                for stored in walk.pending() {
                    let field = projection.map(|p| &map.projections[p].fields[stored.field].name);
                    let field = field.map_or("", |name| name.as_str());
                    text.push(format!("{field} will be raw {} at halt", stored.value));
                }
            }
            "stimulus" => {
                let stimulus = self.timeline.stimulus();
                let next = stimulus.steps.get(self.timeline.at().step as usize);
                let (name, seed) = (&stimulus.name, stimulus.seed);
                text.push(format!("{name}: {} steps, seed {seed}", stimulus.len()));
                let spikes = next.iter().flat_map(|step| &step.spikes);
                for (p, lanes) in spikes.filter(|(_, lanes)| !lanes.is_empty()) {
                    let name = &map.populations[*p].name;
                    let shown: Vec<String> = lanes.iter().map(u32::to_string).collect();
                    let step = self.timeline.at().step + 1;
                    text.push(format!("step {step}: {name} {}", shown.join(", ")));
                    list.push(json!({ "population": name, "lanes": lanes }));
                }
            }
            other => {
                let near = did_you_mean(other, TOPICS);
                let near = near.map_or_else(String::new, |n| format!("did you mean '{n}'? "));
                let what = if other.is_empty() {
                    "about what?".to_owned()
                } else {
                    format!("there is nothing about '{other}';")
                };
                return wrong(format!("{what} {near}(topics: {})", TOPICS.join(", ")));
            }
        }
        Ok((lines(&text), Value::Array(list)))
    }
}

fn is_register(name: &str) -> bool {
    name.strip_prefix('r').is_some_and(|n| n.parse::<u8>().is_ok())
}
