//! The semantics once more, one synapse at a time, in wide integers and without any care for
//! speed: written from `docs/semantics.md` and sharing no code with the emulator but the table of
//! instructions.

pub mod jobs;

use jobs::Record;
use std::collections::BTreeMap;
use trifactor_image::{
    Column, ColumnKind, Guard, Image, NO_DELAY_FIELD, NO_PROFILE, Slot, TraceSide, unpack_row,
};
use trifactor_isa::{Inst, LoadSlot, Rounding, When};

/// S50.
fn mix(x: u32) -> u32 {
    let x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    let x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// S51.
pub fn draw(seed: u32, step: u32, stream: u32, site: u32, pre: u32, post: u32) -> u32 {
    let a = mix(seed ^ step.wrapping_mul(0x9e37_79b9));
    let b = mix(a ^ stream.wrapping_mul(0x85eb_ca6b));
    let c = mix(b ^ site.wrapping_mul(0xc2b2_ae35));
    let d = mix(c ^ pre.wrapping_mul(0x9e37_79b1));
    mix(d ^ post.wrapping_mul(0x85eb_ca6b))
}

/// S41 and S53, with divisions in 128 bits.
pub fn round(x: i128, n: u32, rounding: Rounding, draw: u32) -> i128 {
    let unit = 1i128 << n;
    match rounding {
        Rounding::Floor => x.div_euclid(unit),
        Rounding::Zero => x / unit,
        Rounding::Nearest => (2 * x + unit).div_euclid(2 * unit),
        Rounding::Stochastic => {
            let highest = if n <= 32 {
                i128::from(u64::from(draw) >> (32 - n))
            } else {
                i128::from(draw) << (n - 32)
            };
            (x + highest).div_euclid(unit)
        }
    }
}

/// S45 for 16 bits.
fn keep(register: u16) -> i128 {
    if register == 0xffff { 0 } else { 0x1_0000 - i128::from(register) }
}

/// S42.
fn sat(x: i128) -> i128 {
    x.clamp(i32::MIN.into(), i32::MAX.into())
}

struct Synapse {
    core: usize,
    group: usize,
    /// Row in the group.
    row: usize,
    pre: u32,
    /// Logical post lane.
    post: u32,
    /// Target address.
    target: usize,
    fields: Vec<i128>,
    init: Vec<i128>,
}

/// A trace on one lane; `values[t]` is the one after step t.
struct Trace {
    core: usize,
    group: usize,
    column: usize,
    lane: u32,
    /// Input axon (pre) or target (post).
    place: usize,
    values: Vec<i128>,
}

/// The whole machine.
pub struct Oracle {
    image: Image,
    pub seed: u32,
    pub step: u32,
    pub u: Vec<Vec<i128>>,
    pub v: Vec<Vec<i128>>,
    pub hold: Vec<Vec<i128>>,
    accumulators: Vec<Vec<i128>>,
    /// Distance of the voltage from the threshold before a reset, none while held.
    distance: BTreeMap<(usize, usize), Option<i128>>,
    /// Values of each line of each core, by target address.
    lines: Vec<Vec<i128>>,
    synapses: Vec<Synapse>,
    traces: Vec<Trace>,
    /// Arrival step and synapse.
    in_flight: Vec<(u32, usize)>,
    /// Position of the last spike in the epoch, by core and input axon, and by core and target.
    last_pre: BTreeMap<(usize, usize), u32>,
    last_post: BTreeMap<(usize, usize), u32>,
    pub fired: Vec<Vec<u32>>,
    /// Clipped values under the author's names.
    pub clipped: BTreeMap<String, u64>,
    /// Synapses evaluated and skipped, by projection.
    pub rules: BTreeMap<usize, (u64, u64)>,
    /// What the last step did, for whoever counts the time it takes.
    record: Record,
}

impl Oracle {
    pub fn new(image: &Image) -> Self {
        let mut synapses = Vec::new();
        let mut traces = Vec::new();
        for (c, core) in image.cores.iter().enumerate() {
            for (g, group) in core.groups.iter().enumerate() {
                for row in 0..group.n_axons as usize {
                    let axon = core.axons_in[group.first_axon as usize + row];
                    let format = &core.formats[group.format as usize];
                    let (first, n) = (axon.first_word, axon.n_synapses);
                    let list = unpack_row(&core.synapses, first, n, format, group.format).unwrap();
                    for (k, index) in list.index.iter().enumerate() {
                        let fields: Vec<_> = list.fields.iter().map(|f| f[k].into()).collect();
                        synapses.push(Synapse {
                            core: c,
                            group: g,
                            row,
                            pre: axon.pre,
                            post: group.first_post + index,
                            target: (group.first_target + index) as usize,
                            init: fields.clone(),
                            fields,
                        });
                    }
                }
                if group.profile == NO_PROFILE {
                    continue;
                }
                for (column, record) in core.columns.iter().enumerate() {
                    if record.profile != group.profile {
                        continue;
                    }
                    let mut add = |lane, place| {
                        let values = vec![record.init.into()];
                        traces.push(Trace { core: c, group: g, column, lane, place, values });
                    };
                    if record.post {
                        for k in 0..group.n_post {
                            add(group.first_post + k, (group.first_target + k) as usize);
                        }
                    } else {
                        for row in 0..group.n_axons {
                            let axon = (group.first_axon + row) as usize;
                            add(core.axons_in[axon].pre, axon);
                        }
                    }
                }
            }
        }
        let per_core = |f: &dyn Fn(&trifactor_image::Core) -> Vec<i128>| -> Vec<Vec<i128>> {
            image.cores.iter().map(f).collect()
        };
        let targets = |core: &trifactor_image::Core| {
            let lines = core.modulators.iter().map(|m| m.first_line + m.n_lines).max();
            core.compartments.len() + lines.unwrap_or(0) as usize
        };
        let mut oracle = Self {
            seed: image.meta.seed,
            step: 0,
            u: vec![],
            v: vec![],
            hold: vec![],
            accumulators: per_core(&|core| vec![0; targets(core)]),
            distance: BTreeMap::new(),
            lines: per_core(&|core| vec![0; targets(core)]),
            synapses,
            traces,
            in_flight: vec![],
            last_pre: BTreeMap::new(),
            last_post: BTreeMap::new(),
            fired: vec![vec![]; image.map.populations.len()],
            clipped: BTreeMap::new(),
            rules: BTreeMap::new(),
            record: Record::default(),
            image: image.clone(),
        };
        oracle.reset_membrane();
        oracle.reset_modulators();
        oracle
    }

    /// S6, one group of states each.
    pub fn reset_membrane(&mut self) {
        let of = |f: &dyn Fn(&trifactor_image::Compartment) -> i128| -> Vec<Vec<i128>> {
            self.image.cores.iter().map(|c| c.compartments.iter().map(f).collect()).collect()
        };
        self.u = of(&|c| c.init_u.into());
        self.v = of(&|c| c.init_v.into());
        self.hold = of(&|c| c.init_hold.into());
        self.in_flight.clear();
    }
    pub fn reset_traces(&mut self) {
        self.last_pre.clear();
        self.last_post.clear();
        for trace in &mut self.traces {
            let column = &self.image.cores[trace.core].columns[trace.column];
            *trace.values.last_mut().unwrap() = column.init.into();
        }
    }
    pub fn reset_modulators(&mut self) {
        for (core, lines) in self.image.cores.iter().zip(&mut self.lines) {
            for range in &core.modulators {
                let first = core.compartments.len() + range.first_line as usize;
                lines[first..first + range.n_lines as usize].fill(range.init.into());
            }
        }
    }
    pub fn reset_weights(&mut self) {
        for s in &mut self.synapses {
            if self.image.cores[s.core].groups[s.group].profile != NO_PROFILE {
                s.fields.clone_from(&s.init);
            }
        }
    }

    fn clip(&mut self, name: String, x: i128, lo: i128, hi: i128) -> i128 {
        let y = x.clamp(lo, hi);
        *self.clipped.entry(name).or_default() += u64::from(x != y);
        y
    }

    pub fn step(&mut self, inputs: &[(usize, &[u32])]) {
        self.step += 1;
        let t = self.step;
        let length = self.image.meta.epoch;
        let position = (t - 1) % length + 1;
        self.fired.iter_mut().for_each(Vec::clear);
        self.record = Record::default();
        self.deliver();
        self.neurons();
        for (population, lanes) in inputs {
            self.fired[*population].extend(*lanes);
        }
        for fired in &mut self.fired {
            fired.sort_unstable();
            fired.dedup();
        }
        self.emit(position);
        self.modulators();
        self.trace_step(position);
        if position == length {
            self.plasticity();
            self.last_pre.clear();
            self.last_post.clear();
        }
    }

    fn deliver(&mut self) {
        let arriving: Vec<usize> =
            (self.in_flight.iter()).filter(|(at, _)| *at == self.step).map(|(_, s)| *s).collect();
        self.in_flight.retain(|(at, _)| *at > self.step);
        self.record.arrived.clone_from(&arriving);
        for s in arriving {
            let s = &self.synapses[s];
            let shift = self.image.cores[s.core].groups[s.group].shift;
            let w = s.fields[0];
            // S11.
            let q = if shift >= 0 { w << shift } else { w.div_euclid(1 << -i32::from(shift)) };
            self.accumulators[s.core][s.target] += q;
        }
    }

    fn neurons(&mut self) {
        for p in 0..self.image.map.populations.len() {
            let population = self.image.map.populations[p].clone();
            for slice in &population.slices {
                let c = self.image.cores.iter().position(|c| c.id == slice.core).unwrap();
                for k in 0..slice.n {
                    let at = (slice.first_compartment + k) as usize;
                    let r = self.image.cores[c].compartments[at];
                    let q = std::mem::take(&mut self.accumulators[c][at]);
                    if q != 0 {
                        self.record.active.insert((c, at));
                    }
                    let (lo, hi) = (-(1 << 23), (1 << 23) - 1);
                    // S20, S21, S25.
                    let u = round(self.u[c][at] * keep(r.decay_u), 16, Rounding::Zero, 0) + q;
                    let u = self.clip(format!("{}.u", population.name), u, lo, hi);
                    let v = round(self.v[c][at] * keep(r.decay_v), 16, Rounding::Zero, 0);
                    let v = v + u + i128::from(r.bias);
                    let mut v = self.clip(format!("{}.v", population.name), v, lo, hi);
                    // S22, S23, S27. Without a threshold, it is out of reach.
                    let threshold = if r.spikes { r.threshold } else { i32::MAX };
                    let far = (v.max(r.v_min.into()) - i128::from(threshold)).abs();
                    let held = self.hold[c][at] > 0;
                    let far = (!held).then_some(far.min(i32::MAX.into()));
                    self.distance.insert((c, at), far);
                    if self.hold[c][at] > 0 {
                        v = 0;
                        self.hold[c][at] -= 1;
                    } else {
                        v = v.max(r.v_min.into());
                        if r.spikes && v > r.threshold.into() {
                            v = 0;
                            self.hold[c][at] = r.refractory.into();
                            self.fired[p].push(slice.first_lane + k);
                            self.record.spiked.insert((c, at));
                        }
                    }
                    self.u[c][at] = u;
                    self.v[c][at] = v;
                }
            }
        }
    }

    /// S3, S14, S32, S35.
    fn emit(&mut self, position: u32) {
        let core_at: BTreeMap<u32, usize> =
            self.image.cores.iter().enumerate().map(|(at, c)| (c.id, at)).collect();
        let mut messages: Vec<(usize, usize)> = Vec::new();
        for (p, population) in self.image.map.populations.iter().enumerate() {
            for lane in &self.fired[p] {
                if population.slices.is_empty() {
                    let sent = population.input_axons.get(*lane as usize);
                    let to = |m: &(u32, u16)| (core_at[&m.0], usize::from(m.1));
                    messages.extend(sent.into_iter().flatten().map(to));
                    self.record.host.extend(sent.into_iter().flatten().map(to));
                }
                for slice in &population.slices {
                    if (slice.first_lane..slice.first_lane + slice.n).contains(lane) {
                        let c = core_at[&slice.core];
                        let at = slice.first_compartment + lane - slice.first_lane;
                        let r = self.image.cores[c].compartments[at as usize];
                        self.last_post.insert((c, at as usize), position);
                        for m in r.first_out..r.first_out + r.n_out {
                            let out = self.image.cores[c].axons_out[m as usize];
                            messages.push((core_at[&out.core], out.axon.into()));
                        }
                    }
                }
            }
        }
        for (c, axon) in messages {
            self.last_pre.insert((c, axon), position);
            for (k, s) in self.synapses.iter().enumerate() {
                let group = &self.image.cores[s.core].groups[s.group];
                if s.core == c && group.first_axon as usize + s.row == axon {
                    let d = match group.delay_field {
                        NO_DELAY_FIELD => u32::from(group.delay),
                        f => s.fields[f as usize].clamp(0, 62) as u32,
                    };
                    self.in_flight.push((self.step + 1 + d, k));
                }
            }
        }
    }

    /// S36 to S38. Only the first copy of a line counts.
    fn modulators(&mut self) {
        for c in 0..self.image.cores.len() {
            let n = self.image.cores[c].compartments.len();
            for range in self.image.cores[c].modulators.clone() {
                let named = self.image.map.modulators[usize::from(range.modulator)].clone();
                let first_copy = named.parts[0].core == self.image.cores[c].id;
                for k in 0..range.n_lines {
                    let at = n + (range.first_line + k) as usize;
                    let lane = range.first_lane + k;
                    let r = draw(self.seed, self.step, range.stream, 32, lane, 0);
                    let kept = round(self.lines[c][at] * keep(range.decay), 16, range.rounding, r);
                    let sum = kept + std::mem::take(&mut self.accumulators[c][at]);
                    let (lo, hi) = (range.lo.into(), range.hi.into());
                    self.lines[c][at] = sum.clamp(lo, hi);
                    if first_copy {
                        self.clip(named.name.clone(), sum, lo, hi);
                    }
                }
            }
        }
    }

    /// S30 to S34. Only the first copy of a pre trace counts.
    fn trace_step(&mut self, position: u32) {
        let mut seen = std::collections::BTreeSet::new();
        for at in 0..self.traces.len() {
            let t = &self.traces[at];
            let c: Column = self.image.cores[t.core].columns[t.column];
            let site = |site| draw(self.seed, self.step, c.stream, site, t.lane, 0);
            let spikes = if c.post { &self.last_post } else { &self.last_pre };
            let s = spikes.get(&(t.core, t.place)) == Some(&position);
            if c.kind == ColumnKind::PseudoDerivative {
                let value = self.distance[&(t.core, t.place)].map_or(0, |far| {
                    let fall = far * i128::from(c.x_max);
                    (i128::from(c.impulse) - round(fall, c.shift.into(), Rounding::Nearest, 0))
                        .max(0)
                });
                self.traces[at].values.push(value);
                continue;
            }
            let old = *t.values.last().unwrap();
            let decayed = round(old * keep(c.decay), 16, c.rounding, site(32));
            let impulse = match (s, c.kind) {
                (false, _) => 0,
                (true, ColumnKind::Linear) => c.impulse.into(),
                (true, ColumnKind::Replayed | ColumnKind::PseudoDerivative) => {
                    panic!("the images here are for other chips, and what neurons write is done")
                }
                (true, ColumnKind::Saturating) => {
                    let exact = i128::from(c.impulse) * (i128::from(c.x_max) - decayed);
                    round(exact, c.shift.into(), c.rounding, site(33))
                }
            };
            let name = self.trace_name(t).unwrap_or_default();
            let first_copy = seen.insert((name.clone(), t.lane));
            let new = decayed + impulse;
            self.traces[at].values.push(new.clamp(0, c.max.into()));
            if first_copy {
                self.clip(name, new, 0, c.max.into());
            }
        }
    }
    fn trace_name(&self, t: &Trace) -> Option<String> {
        let id = self.image.cores[t.core].id;
        let here = |part: &(u32, u16)| *part == (id, t.column as u16);
        self.image.map.traces.iter().find(|m| m.parts.iter().any(here)).map(|m| m.name.clone())
    }

    fn plasticity(&mut self) {
        let mut results = Vec::new();
        for (k, s) in self.synapses.iter().enumerate() {
            let core = &self.image.cores[s.core];
            let group = &core.groups[s.group];
            if group.profile == NO_PROFILE {
                continue;
            }
            let axon = group.first_axon as usize + s.row;
            let x0 = self.last_pre.contains_key(&(s.core, axon));
            let y0 = self.last_post.contains_key(&(s.core, s.target));
            let run = match core.profiles[usize::from(group.profile)].guard {
                Guard::Always => true,
                Guard::PreOrPost => x0 || y0,
                Guard::Pre => x0,
                Guard::Post => y0,
            };
            self.record.learned.push((s.core, s.group, run));
            let rule = self.rules.entry(group.projection.into()).or_default();
            if run {
                rule.0 += 1;
                results.push((k, self.evaluate(s)));
            } else {
                rule.1 += 1;
            }
        }
        // Synapses that feed copies of a modulator are copies too; the first one counts.
        let mut seen = std::collections::BTreeSet::new();
        for (k, stores) in results {
            let s = &self.synapses[k];
            let projection = self.image.cores[s.core].groups[s.group].projection;
            let first_copy = seen.insert((projection, s.pre, s.post));
            for (field, exact) in stores {
                let s = &self.synapses[k];
                let core = &self.image.cores[s.core];
                let group = &core.groups[s.group];
                let range = core.profiles[usize::from(group.profile)].ranges[field];
                let named = &self.image.map.projections[usize::from(group.projection)];
                let name = format!("{}.{}", named.name, named.fields[field].name);
                let (lo, hi) = (range.lo.into(), range.hi.into());
                if first_copy {
                    self.clip(name, exact, lo, hi);
                }
                self.synapses[k].fields[field] = exact.clamp(lo, hi);
            }
        }
    }

    /// Runs the microcode of a synapse: the last store of each field, not yet saturated.
    fn evaluate(&self, s: &Synapse) -> BTreeMap<usize, i128> {
        let core = &self.image.cores[s.core];
        let profile = &core.profiles[usize::from(core.groups[s.group].profile)];
        let mut r = [0i128; 16];
        let mut stores = BTreeMap::new();
        let bits =
            |site: u8| draw(self.seed, self.step, profile.stream, site.into(), s.pre, s.post);
        for word in &core.ucode[profile.first_word as usize..] {
            match Inst::decode(*word).unwrap() {
                Inst::Halt => return stores,
                Inst::Ldi(o) => r[o.rd.index()] = sat(i128::from(o.imm) << o.shift.get()),
                Inst::Ldu(o) => {
                    let epoch = (self.step - 1) / self.image.meta.epoch + 1;
                    r[o.rd.index()] = i128::from(epoch.is_multiple_of(1 << o.k.get()));
                }
                Inst::Ldg(o) => {
                    let slot = profile.global_slots[o.slot.index()];
                    r[o.rd.index()] = self.line(s.core, slot, None);
                }
                Inst::Lds(o) => r[o.rd.index()] = s.fields[o.field.index()],
                Inst::Ldx(o) => r[o.rd.index()] = self.load(s, o, true),
                Inst::Ldy(o) => r[o.rd.index()] = self.load(s, o, false),
                Inst::Add(o) => r[o.rd.index()] = sat(r[o.ra.index()] + r[o.rb.index()]),
                Inst::Sub(o) => r[o.rd.index()] = sat(r[o.ra.index()] - r[o.rb.index()]),
                Inst::Min(o) => r[o.rd.index()] = r[o.ra.index()].min(r[o.rb.index()]),
                Inst::Max(o) => r[o.rd.index()] = r[o.ra.index()].max(r[o.rb.index()]),
                Inst::Gt(o) => r[o.rd.index()] = i128::from(r[o.ra.index()] > r[o.rb.index()]),
                Inst::Sgn(o) => r[o.rd.index()] = r[o.ra.index()].signum(),
                Inst::Sel(o) => {
                    let from = if r[o.ra.index()] != 0 { o.rb } else { o.rc };
                    r[o.rd.index()] = r[from.index()];
                }
                Inst::Shl(o) => r[o.rd.index()] = sat(r[o.ra.index()] << o.shift.get()),
                Inst::Shr(o) => {
                    let x = r[o.ra.index()];
                    let n = o.shift.get().into();
                    r[o.rd.index()] = sat(round(x, n, o.round, bits(o.site.get())));
                }
                Inst::Mul(o) => {
                    let x = r[o.ra.index()] * r[o.rb.index()];
                    let n = o.shift.get().into();
                    r[o.rd.index()] = sat(round(x, n, o.round, bits(o.site.get())));
                }
                Inst::Sts(o) => {
                    let n = o.shift.get().into();
                    let x = round(r[o.ra.index()], n, o.round, bits(o.site.get()));
                    stores.insert(o.field.index(), x);
                }
            }
        }
        panic!("a program ends with halt");
    }

    fn line(&self, c: usize, slot: Slot, lane: Option<u32>) -> i128 {
        let Slot::Modulator(m) = slot else { panic!("a modulator slot names a modulator") };
        let core = &self.image.cores[c];
        let range = core.modulators[usize::from(m)];
        let line = range.first_line + lane.map_or(0, |lane| lane - range.first_lane);
        self.lines[c][core.compartments.len() + line as usize]
    }

    /// S34, S35, S40.
    fn load(&self, s: &Synapse, o: LoadSlot, pre_side: bool) -> i128 {
        let core = &self.image.cores[s.core];
        let group = &core.groups[s.group];
        let profile = &core.profiles[usize::from(group.profile)];
        let axon = group.first_axon as usize + s.row;
        let t_x = self.last_pre.get(&(s.core, axon));
        let t_y = self.last_post.get(&(s.core, s.target));
        let (slots, own, lane, place) = if pre_side {
            (&profile.pre_slots, t_x, s.pre, axon)
        } else {
            (&profile.post_slots, t_y, s.post, s.target)
        };
        if o.slot.index() == 0 {
            return own.is_some().into();
        }
        match slots[o.slot.index() - 1] {
            slot @ Slot::Modulator(_) => self.line(s.core, slot, Some(lane)),
            Slot::Column(column) => {
                let length = self.image.meta.epoch;
                let position = match o.when {
                    When::End => length,
                    When::X0 => *t_x.unwrap_or(&length),
                    When::Y0 => *t_y.unwrap_or(&length),
                };
                let at = self.step - length + position - u32::from(o.prev);
                let trace = self.traces.iter().find(|t| {
                    (t.core, t.group, t.column, t.place)
                        == (s.core, s.group, usize::from(column), place)
                });
                trace.unwrap().values[at as usize]
            }
        }
    }

    /// A membrane variable of a population by lane.
    pub fn membrane(&self, population: usize, of: &[Vec<i128>]) -> Vec<i32> {
        let mut out = vec![0; self.image.map.populations[population].n as usize];
        for slice in &self.image.map.populations[population].slices {
            let c = self.image.cores.iter().position(|c| c.id == slice.core).unwrap();
            for k in 0..slice.n {
                let x = of[c][(slice.first_compartment + k) as usize];
                out[(slice.first_lane + k) as usize] = x.try_into().unwrap();
            }
        }
        out
    }
    /// A field of a projection as (pre, post, raw), ordered.
    pub fn field(&self, projection: usize, field: usize) -> Vec<(u32, u32, i32)> {
        let of = |s: &&Synapse| {
            usize::from(self.image.cores[s.core].groups[s.group].projection) == projection
        };
        let raw = |s: &Synapse| (s.pre, s.post, s.fields[field].try_into().unwrap());
        let mut list: Vec<_> = self.synapses.iter().filter(of).map(raw).collect();
        list.sort_unstable();
        // Copies that feed copies of a modulator are equal and appear once.
        list.dedup();
        list
    }
    /// Changes a field of every synapse of a projection.
    pub fn change_field(&mut self, projection: usize, field: usize, f: impl Fn(i32) -> i32) {
        for s in &mut self.synapses {
            if usize::from(self.image.cores[s.core].groups[s.group].projection) == projection {
                s.fields[field] = f(s.fields[field].try_into().unwrap()).into();
            }
        }
    }
    /// Lanes of a modulator, from every copy, which must agree (S38).
    pub fn modulator(&self, modulator: usize) -> Vec<Option<i32>> {
        let mut out = vec![None; self.image.map.modulators[modulator].n as usize];
        for (c, core) in self.image.cores.iter().enumerate() {
            for range in core.modulators.iter().filter(|r| usize::from(r.modulator) == modulator) {
                for k in 0..range.n_lines {
                    let at = core.compartments.len() + (range.first_line + k) as usize;
                    let x = Some(self.lines[c][at].try_into().unwrap());
                    let lane = &mut out[(range.first_lane + k) as usize];
                    assert!(lane.is_none() || *lane == x, "copies of a line differ");
                    *lane = x;
                }
            }
        }
        out
    }
    /// Lanes of a trace, from every copy, which must agree.
    pub fn trace(&self, trace: usize) -> Vec<Option<i32>> {
        let named = &self.image.map.traces[trace];
        let projection = &self.image.map.projections[usize::from(named.projection)];
        let n = match named.side {
            TraceSide::Pre => projection.n_pre,
            TraceSide::Post => projection.n_post,
        };
        let mut out = vec![None; n as usize];
        for t in &self.traces {
            if self.trace_name(t).as_ref() == Some(&named.name) {
                let x = Some((*t.values.last().unwrap()).try_into().unwrap());
                let lane = &mut out[t.lane as usize];
                assert!(lane.is_none() || *lane == x, "copies of a trace differ");
                *lane = x;
            }
        }
        out
    }
}
