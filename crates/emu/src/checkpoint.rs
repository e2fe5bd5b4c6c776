//! The state of a run as bytes, to continue it bit for bit later or elsewhere.
//!
//! Layout, little endian: 8 bytes of magic, version (u32), fingerprint of the image (u64),
//! length of the state (u64), its CRC-32 (u32), the state in postcard. A checkpoint is refused
//! unless every part of it describes a state of the loaded image; bytes are never trusted.

use crate::change::Patch;
use crate::error::{CheckpointError, EmuError};
use crate::exchange::collect_spikes;
use crate::ledger::{Clock, Counts, Elapsed};
use crate::machine::Emulator;
use crate::state::{ColumnState, CoreState, GroupState};
use crate::tables::{ColumnTable, CoreTable, GroupTable, Travel, Widths};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write};
use trifactor_image::Image;

const MAGIC: [u8; 8] = *b"TFCHECKP";
const VERSION: u32 = 5;
const HEADER: usize = 8 + 4 + 8 + 8 + 4;

/// Everything that [`Emulator::step`] changes.
#[derive(Serialize, Deserialize)]
struct Snapshot<C> {
    seed: u32,
    step: u32,
    host: Counts,
    clock: Clock,
    /// Time with each preset: its name, what passed, and where the search of each arbiter begins
    /// (T13).
    times: Vec<(String, Elapsed, Vec<u8>)>,
    /// Lanes of input populations that fired in the last step, by population.
    inputs: Vec<Vec<u32>>,
    /// Words of microcode that the host has changed.
    patches: Vec<Patch>,
    cores: C,
}

impl Emulator {
    /// The state as bytes, between two steps. A replaced source of random bits is not part of it.
    ///
    /// Panics inside a step that [`advance`](Self::advance) has begun, where a state is more than
    /// what bytes hold.
    pub fn save(&self) -> Vec<u8> {
        assert!(self.begun.is_none(), "internal: a checkpoint is taken between two steps");
        let inputs = self.populations.iter().map(|p| match p.slices.is_empty() {
            true => p.fired.clone(),
            false => Vec::new(),
        });
        let snapshot = Snapshot {
            seed: self.seed,
            step: self.step,
            host: self.host,
            clock: self.clock,
            times: (self.networks.iter())
                .map(|n| (n.preset.clone(), n.elapsed.clone(), n.engine.arbiters()))
                .collect(),
            inputs: inputs.collect(),
            patches: self.patches(),
            cores: self.cores.iter().map(|c| &c.state).collect::<Vec<_>>(),
        };
        let mut header = [0; HEADER];
        let state = postcard::to_stdvec(&snapshot)
            .unwrap_or_else(|e| panic!("internal: a state is always representable: {e}"));
        header[..8].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[12..20].copy_from_slice(&self.fingerprint.to_le_bytes());
        header[20..28].copy_from_slice(&(state.len() as u64).to_le_bytes());
        header[28..].copy_from_slice(&crc32fast::hash(&state).to_le_bytes());
        [&header[..], &state].concat()
    }

    /// Whether bytes are a whole checkpoint of this image; what they hold is not looked at.
    ///
    /// Errors: they are not, and why.
    pub fn check(&self, bytes: &[u8]) -> Result<(), EmuError> {
        Ok(self.payload(bytes).map(drop)?)
    }

    /// Continues from a checkpoint of the same image, with the chip's own random bits.
    ///
    /// Errors: the bytes are no checkpoint of this image; the state is then as before.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), EmuError> {
        let state = self.payload(bytes)?;
        let content = |part| CheckpointError::Content { part };
        let (snapshot, rest) = postcard::take_from_bytes::<Snapshot<Vec<CoreState>>>(state)
            .map_err(|_| content("state"))?;
        if !rest.is_empty() || snapshot.cores.len() != self.cores.len() {
            return Err(content("cores").into());
        }
        if snapshot.inputs.len() != self.populations.len() {
            return Err(content("inputs").into());
        }
        for (at, lanes) in snapshot.inputs.iter().enumerate() {
            let input = self.populations[at].slices.is_empty();
            let n = if input { self.map.populations[at].n } else { 0 };
            if !lanes.is_sorted_by(|a, b| a < b) || lanes.last().is_some_and(|l| *l >= n) {
                return Err(content("inputs").into());
            }
        }
        check_counters(&snapshot).map_err(content)?;
        for (core, state) in self.cores.iter().zip(&snapshot.cores) {
            check_core(&core.table, state, &self.widths).map_err(content)?;
        }
        self.check_patches(&snapshot.patches).map_err(content)?;
        let presets = self.networks.iter().map(|n| &n.preset);
        if !presets.eq(snapshot.times.iter().map(|(preset, _, _)| preset)) {
            let presets = snapshot.times.into_iter().map(|(preset, _, _)| preset).collect();
            return Err(CheckpointError::Presets { presets }.into());
        }
        for (network, (_, elapsed, arbiters)) in self.networks.iter().zip(&snapshot.times) {
            let groups = |e: &Elapsed| e.rules.iter().map(Vec::len).collect::<Vec<_>>();
            if groups(&network.elapsed) != groups(elapsed) {
                return Err(content("time").into());
            }
            if !network.engine.clone().set_arbiters(arbiters) {
                return Err(content("arbiters").into());
            }
        }
        for (network, (_, elapsed, arbiters)) in self.networks.iter_mut().zip(snapshot.times) {
            network.begin_trial();
            network.engine.set_arbiters(&arbiters);
            network.elapsed = elapsed;
        }
        self.apply_patches(&snapshot.patches);
        self.abandon_step();
        self.seed_draws(snapshot.seed);
        self.step = snapshot.step;
        self.host = snapshot.host;
        self.clock = snapshot.clock;
        for (core, state) in self.cores.iter_mut().zip(snapshot.cores) {
            core.state = state;
        }
        collect_spikes(&mut self.populations, &self.cores);
        for (population, lanes) in self.populations.iter_mut().zip(snapshot.inputs) {
            if population.slices.is_empty() {
                population.fired = lanes;
            }
        }
        Ok(())
    }

    /// The state's bytes, once the header has been believed.
    fn payload<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], CheckpointError> {
        let Some((header, state)) = bytes.split_at_checked(HEADER) else {
            return Err(CheckpointError::NotACheckpoint);
        };
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|k| header[at + k]));
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|k| header[at + k]));
        if header[..8] != MAGIC {
            return Err(CheckpointError::NotACheckpoint);
        }
        if word(8) != VERSION {
            return Err(CheckpointError::Version { found: word(8), expected: VERSION });
        }
        if long(12) != self.fingerprint {
            return Err(CheckpointError::OtherImage);
        }
        if long(20) != state.len() as u64 {
            let (expected, found) = (long(20), state.len() as u64);
            return Err(CheckpointError::Length { expected, found });
        }
        if word(28) != crc32fast::hash(state) {
            return Err(CheckpointError::Damaged);
        }
        Ok(state)
    }
}

/// Refuses counters that no run can have reached: 2^46 events are hours of emulation, and sums
/// and energies of larger ones could overflow.
fn check_counters(s: &Snapshot<Vec<CoreState>>) -> Result<(), &'static str> {
    let Clock { steps, host_writes, host_resets } = s.clock;
    let mut all = vec![steps, host_writes, host_resets];
    for (_, elapsed, _) in &s.times {
        let Elapsed { ticks, longest, barriers, counts, stalled, messages, rules } = elapsed;
        all.extend([ticks, longest, stalled, messages].map(|ticks| *ticks >> 12));
        all.push(*barriers);
        all.extend(counts.all());
        all.extend(rules.iter().flatten().flatten());
    }
    all.extend(s.host.all());
    for core in &s.cores {
        all.extend(core.counts.all());
        all.extend(core.saturated.iter().flatten().chain(&core.saturated_lines));
        for g in &core.groups {
            all.extend([g.evaluated, g.skipped]);
            all.extend(g.saturated_stores.iter().chain(&g.saturated_pre).chain(&g.saturated_post));
        }
    }
    if all.iter().any(|n| *n > 1 << 46) { Err("counters") } else { Ok(()) }
}

/// Names the part of a core's state that does not fit its tables.
fn check_core(t: &CoreTable, s: &CoreState, w: &Widths) -> Result<(), &'static str> {
    let n = t.neurons.len();
    let sizes = [s.u.len(), s.v.len(), s.hold.len(), s.saturated.len()];
    let state = |x: &i32| (w.state.lo..=w.state.hi).contains(&i64::from(*x));
    // Initial values may lie outside of the range; they have no step behind them.
    let legal =
        |values: &[i32], init: &[i32]| values.iter().zip(init).all(|(x, i)| state(x) || x == i);
    let raised = |c: usize| s.v[c] == t.neurons.v_min[c];
    if sizes != [n; 4]
        || !legal(&s.u, &t.neurons.init_u)
        || !(0..n).all(|c| state(&s.v[c]) || s.v[c] == t.neurons.init_v[c] || raised(c))
        || s.hold.iter().any(|h| !(0..=255).contains(h))
    {
        return Err("membrane");
    }
    if !s.fired.is_sorted_by(|a, b| a < b) || s.fired.last().is_some_and(|c| *c as usize >= n) {
        return Err("spikes");
    }
    if s.last.len() != t.n_targets
        || s.last.iter().any(|p| u32::from(*p) > w.epoch)
        || s.last[n..].iter().any(|p| *p > 0)
    {
        return Err("spike times");
    }
    if s.modulators.len() != t.modulators.len() || s.saturated_lines.len() != t.modulators.len() {
        return Err("modulators");
    }
    for (table, lines) in t.modulators.iter().zip(&s.modulators) {
        let legal = |m: &i32| (table.range.lo..=table.range.hi).contains(&i64::from(*m));
        if lines.len() != table.n_lines || !lines.iter().all(legal) {
            return Err("modulators");
        }
    }
    if s.groups.len() != t.groups.len() {
        return Err("groups");
    }
    t.groups.iter().zip(&s.groups).try_for_each(|(t, s)| check_group(t, s, w))
}

fn check_group(t: &GroupTable, s: &GroupState, w: &Widths) -> Result<(), &'static str> {
    if s.fields.len() != t.fields.len() || s.saturated_stores.len() != t.fields.len() {
        return Err("synapses");
    }
    for (field, table) in s.fields.iter().zip(&t.fields) {
        // The image may hold values outside of a profile's range, inside the field's width.
        let legal = |at| {
            let x = field.get(at);
            (table.range.lo..=table.range.hi).contains(&x.into()) || x == table.init.get(at)
        };
        if !table.init.fits(field) || !(0..field.len()).all(legal) {
            return Err("synapses");
        }
    }
    let limit = match t.travel {
        Travel::Fixed(_) => t.n_rows(),
        Travel::PerSynapse(_) => t.n_synapses(),
    };
    let flying = s.in_flight.iter().all(|slot| match t.sends {
        false => slot.iter().all(|spike| (*spike as usize) < limit),
        true => {
            let pairs = slot.chunks_exact(2);
            pairs.remainder().is_empty() && pairs.into_iter().all(|p| (p[0] as usize) < t.n_post)
        }
    });
    if s.in_flight.len() != t.travel.slots() || !flying {
        return Err("spikes in flight");
    }
    let (pre, post, rows) = match &t.rule {
        Some(rule) => (&rule.pre_columns[..], &rule.post_columns[..], t.n_rows()),
        None => (&[][..], &[][..], 0),
    };
    if s.pre_last.len() != rows || s.pre_last.iter().any(|p| u32::from(*p) > w.epoch) {
        return Err("spike times");
    }
    let seen = s.seen.iter().zip(t.seen_lanes(w));
    let known = |lanes: &[u8]| lanes.iter().all(|p| u32::from(*p) <= w.epoch);
    if !seen.into_iter().all(|(lanes, n)| lanes.len() == n && known(lanes)) {
        return Err("spike times");
    }
    let columns = |tables: &[ColumnTable], states: &[ColumnState], saturated: &[u64], lanes| {
        tables.len() == states.len()
            && tables.len() == saturated.len()
            && tables.iter().zip(states).all(|(t, s)| check_column(t, s, lanes, w))
    };
    if !columns(pre, &s.pre, &s.saturated_pre, t.n_rows())
        || !columns(post, &s.post, &s.saturated_post, t.n_post)
    {
        return Err("traces");
    }
    Ok(())
}

fn check_column(t: &ColumnTable, s: &ColumnState, lanes: usize, w: &Widths) -> bool {
    let kept = if t.history { lanes * (w.epoch as usize + 1) } else { 0 };
    let legal = |x: &i32| (0..=t.max).contains(x);
    s.value.len() == lanes && s.history.len() == kept && s.value.iter().chain(&s.history).all(legal)
}

/// A number that differs between images with overwhelming likelihood: 64-bit FNV-1a over the
/// content, after the hashes of model, plan, instruction set and chip. It tells images apart; it
/// is no protection against forgery.
pub(crate) fn fingerprint(image: &Image) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    let written = write!(hash, "{:?}{:?}", image.meta, image.map).and_then(|()| {
        image.cores.iter().try_for_each(|core| {
            core.synapses.iter().for_each(|word| hash.bytes(&word.to_le_bytes()));
            core.ucode.iter().for_each(|word| hash.bytes(&word.to_le_bytes()));
            let tables = (&core.compartments, &core.modulators, &core.axons_out, &core.axons_in);
            let learning = (&core.groups, &core.formats, &core.profiles, &core.columns);
            write!(hash, "{}{tables:?}{learning:?}", core.id)
        })
    });
    debug_assert!(written.is_ok(), "internal: a hash accepts every text");
    hash.0
}

/// The hash as a sink of text and bytes.
struct Fnv(u64);

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}
