//! Checkpoints in files: the state of the chip, and which trial it is in the middle of.
//!
//! What a chip does next depends on its state and on the spikes that come. So a file names the
//! trial whose spikes were fed and is refused by a session that feeds others; spikes that were
//! fired by hand are in it.
//!
//! Layout: 8 bytes of magic, version (u32, little endian), BLAKE3 hash of all that follows, length
//! of the head (u32), the head as JSON, the state as [`Emulator::save`](trifactor_emu::Emulator)
//! writes it.

use crate::error::{DebugError, wrong};
use crate::stimulus::Stimulus;
use serde_json::{Value, json};
use trifactor_image::Map;

const MAGIC: [u8; 8] = *b"TFDEBUGC";
const VERSION: u32 = 1;
const HASHED: usize = 8 + 4 + 32;

/// A file that was read.
pub(crate) struct Checkpoint<'a> {
    /// What the trial is called.
    pub name: String,
    /// What identifies it.
    pub trial: String,
    /// Spikes fired by hand: step, input population, lane.
    pub fired: Vec<(u32, usize, u32)>,
    /// The state.
    pub state: &'a [u8],
}

/// A file's bytes.
pub(crate) fn write(stimulus: &Stimulus, state: &[u8]) -> Vec<u8> {
    let head = json!({
        "trial": stimulus.name,
        "identity": stimulus.identity(),
        "fired": stimulus.fired,
    });
    let head = head.to_string();
    let length = (head.len() as u32).to_le_bytes();
    let body = [&length[..], head.as_bytes(), state].concat();
    let hash = blake3::hash(&body);
    [&MAGIC[..], &VERSION.to_le_bytes()[..], hash.as_bytes(), &body].concat()
}

/// Reads a file's bytes. Errors: they are none of a checkpoint, or were damaged.
pub(crate) fn read<'a>(bytes: &'a [u8], map: &Map) -> Result<Checkpoint<'a>, DebugError> {
    let Some((start, body)) = bytes.split_at_checked(HASHED) else {
        return wrong("this is not a checkpoint of the debugger");
    };
    if start[..8] != MAGIC {
        return wrong("this is not a checkpoint of the debugger");
    }
    if start[8..12] != VERSION.to_le_bytes() {
        return wrong(format!("this checkpoint is not of version {VERSION}, which is read here"));
    }
    if start[12..] != *blake3::hash(body).as_bytes() {
        return wrong("this checkpoint was damaged after it was written");
    }
    let parts = body.split_first_chunk().and_then(|(length, rest)| {
        let (head, state) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        Some((serde_json::from_slice::<Value>(head).ok()?, state))
    });
    let found = parts.and_then(|(head, state)| {
        let text = |key: &str| head.get(key)?.as_str().map(str::to_owned);
        let (name, trial) = (text("trial")?, text("identity")?);
        let fired = head.get("fired")?.as_array()?.iter().map(|spike| fired(spike, map));
        Some(Checkpoint { name, trial, fired: fired.collect::<Option<_>>()?, state })
    });
    match found {
        Some(found) => Ok(found),
        None => wrong("this checkpoint says nothing that could be used"),
    }
}

/// A spike that this image's inputs can have.
fn fired(spike: &Value, map: &Map) -> Option<(u32, usize, u32)> {
    let number = |at: usize| spike.get(at)?.as_u64();
    let step = u32::try_from(number(0)?).ok()?;
    let at = usize::try_from(number(1)?).ok()?;
    let lane = u32::try_from(number(2)?).ok()?;
    let population = map.populations.get(at)?;
    let legal = population.slices.is_empty() && lane < population.n;
    (legal && (1..=crate::stimulus::MAX_STEPS).contains(&step)).then_some((step, at, lane))
}
