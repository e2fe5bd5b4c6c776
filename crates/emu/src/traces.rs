//! The trace phase: decay, this step's impulses, and the values of the epoch (S30 to S35).

use crate::core::{HELD, Now};
use crate::draws::{Draws, SiteDraws};
use crate::narrow;
use crate::replay::replay;
use crate::state::{ColumnState, CoreState, GroupState};
use crate::tables::{ColumnTable, GroupTable, Widths};
use trifactor_fixed::{self as fixed, Rounding, site};
use trifactor_image::ColumnKind;

/// One step of all traces of a group; `rows` got a spike in this step, and `distance` has how far
/// the core's voltages were from their thresholds, if some column takes it. Source: S27, S30 to S34.
pub(crate) fn traces(
    table: &GroupTable,
    core: &mut CoreState,
    g: usize,
    rows: &[u32],
    distance: &[i32],
    now: Now,
    widths: &Widths,
    draws: &Draws,
) {
    let Some(rule) = &table.rule else { return };
    if let Some(engine) = &widths.learning {
        return replay(table, rule, core, g, rows, now, engine, draws);
    }
    let state = &mut core.groups[g];
    let pre = &table.pre[..];
    let columns = rule.pre_columns.iter().zip(&mut state.pre).zip(&mut state.saturated_pre);
    for ((column, values), saturated) in columns {
        decay(column, &mut values.value, now, widths, draws, pre.iter().copied());
        for row in rows {
            let row = *row as usize;
            let clipped = impulse(column, &mut values.value[row], pre[row], now, draws);
            *saturated += u64::from(clipped && rule.counts[row]);
        }
        if column.history {
            let positions = widths.epoch as usize + 1;
            let kept = values.history.iter_mut().skip(now.position.into()).step_by(positions);
            kept.zip(&values.value).for_each(|(kept, x)| *kept = *x);
        }
    }
    let first = table.first_target as u32;
    let from = core.fired.partition_point(|c| *c < first);
    let to = core.fired.partition_point(|c| *c < first + table.n_post as u32);
    let columns = rule.post_columns.iter().zip(&mut state.post).zip(&mut state.saturated_post);
    for ((column, values), saturated) in columns {
        if column.kind == ColumnKind::PseudoDerivative {
            let of_slice = &distance[table.first_target..][..table.n_post];
            let each = values.value.iter_mut().zip(of_slice);
            each.for_each(|(psi, distance)| *psi = triangle(column, *distance));
            remember(column, values, table.n_post, now);
            continue;
        }
        decay(column, &mut values.value, now, widths, draws, table.first_post..);
        for compartment in &core.fired[from..to] {
            let lane = (*compartment - first) as usize;
            let id = table.first_post + lane as u32;
            let clipped = impulse(column, &mut values.value[lane], id, now, draws);
            *saturated += u64::from(clipped && rule.counts_posts);
        }
        remember(column, values, table.n_post, now);
    }
}

/// Keeps the values of post lanes for the rest of the epoch, if some load asks for them.
fn remember(column: &ColumnTable, values: &mut ColumnState, n_post: usize, now: Now) {
    if column.history {
        let at = usize::from(now.position) * n_post;
        values.history[at..at + n_post].copy_from_slice(&values.value);
    }
}

/// The pseudo-derivative at a distance from the threshold. Source: S27.
fn triangle(column: &ColumnTable, distance: i32) -> i32 {
    if distance == HELD {
        return 0;
    }
    let product = i64::from(distance) * i64::from(column.x_max);
    let fall = fixed::round_shift(product, column.shift, Rounding::Nearest, 0);
    (i64::from(column.impulse) - fall).max(0) as i32
}

/// One decay of all values; `lanes` gives their logical ids.
fn decay(
    column: &ColumnTable,
    values: &mut [i32],
    now: Now,
    widths: &Widths,
    draws: &Draws,
    lanes: impl Iterator<Item = u32>,
) {
    let (keep, bits) = (column.keep, widths.decay_bits);
    let scale = |x: i32, rounding, draw| {
        // A trace is never negative and fits 16 bits.
        narrow::decay_trace(x as u32, keep, bits, rounding, draw) as i32
    };
    match column.rounding {
        Rounding::Stochastic => {
            let each = values.iter_mut().zip(lanes);
            // The match stands outside of the loop, which the compiler then vectorises.
            match draws.site(now.step, column.stream, site::DECAY) {
                SiteDraws::Keyed(key) => each.for_each(|(x, lane)| {
                    *x = scale(*x, Rounding::Stochastic, key.draw(lane, 0));
                }),
                source @ SiteDraws::Replaced { .. } => each.for_each(|(x, lane)| {
                    *x = scale(*x, Rounding::Stochastic, source.draw(lane, 0));
                }),
            }
        }
        Rounding::Nearest => values.iter_mut().for_each(|x| *x = scale(*x, Rounding::Nearest, 0)),
        // The same for what is not negative.
        Rounding::Floor | Rounding::Zero => {
            values.iter_mut().for_each(|x| *x = scale(*x, Rounding::Floor, 0));
        }
    }
}

/// Adds the impulse of a spike; says whether the sum was clipped.
fn impulse(column: &ColumnTable, x: &mut i32, lane: u32, now: Now, draws: &Draws) -> bool {
    let impulse = i64::from(column.impulse);
    let added = match column.kind {
        ColumnKind::Linear => impulse,
        ColumnKind::Saturating => {
            let draw = match column.rounding {
                Rounding::Stochastic => {
                    draws.site(now.step, column.stream, site::IMPULSE).draw(lane, 0)
                }
                _ => 0,
            };
            let rest = i64::from(column.x_max) - i64::from(*x);
            fixed::round_shift(impulse * rest, column.shift, column.rounding, draw)
        }
        ColumnKind::Replayed | ColumnKind::PseudoDerivative => {
            unreachable!("internal: the loader knows who replays, and spikes change no distance")
        }
    };
    let sum = i64::from(*x) + added;
    let fitted = sum.clamp(0, column.max.into());
    *x = fitted as i32;
    fitted != sum
}

/// The value at the end of an epoch is position 0 of the next one.
pub(crate) fn close_epoch(group: &mut GroupState, widths: &Widths) {
    let length = widths.epoch as usize;
    for ColumnState { history, .. } in &mut group.pre {
        for positions in history.chunks_exact_mut(length + 1) {
            positions[0] = positions[length];
        }
    }
    for ColumnState { value, history } in &mut group.post {
        if !history.is_empty() {
            history[..value.len()].copy_from_slice(value);
        }
    }
}
