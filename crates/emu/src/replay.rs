//! Traces of a unit that holds the values of an epoch's start and replays the epoch at its end
//! (S81 to S83).

use crate::core::Now;
use crate::draws::Draws;
use crate::state::{ColumnState, CoreState};
use crate::tables::{ColumnTable, GroupTable, Rule};
use trifactor_fixed::{Early, LearningArithmetic, clamp_raw, site};

/// One side of a group: its columns and what they count.
struct Side<'a> {
    tables: &'a [ColumnTable],
    columns: &'a mut [ColumnState],
    saturated: &'a mut [u64],
    /// Position of each lane's last spike in the epoch before this step.
    seen: &'a mut [u8],
    /// And with this step.
    last: &'a [u8],
    post: bool,
}

/// One step of all traces of a group; `rows` got a spike in this step.
pub(crate) fn replay(
    table: &GroupTable,
    rule: &Rule,
    core: &mut CoreState,
    g: usize,
    rows: &[u32],
    now: Now,
    engine: &LearningArithmetic,
    draws: &Draws,
) {
    let state = &mut core.groups[g];
    let [seen_pre, seen_post] = &mut state.seen;
    let (from, to) = (table.first_target, table.first_target + table.n_post);
    let fired = &core.fired[core.fired.partition_point(|c| (*c as usize) < from)..];
    let posts = fired.iter().map(|c| *c as usize).take_while(|c| *c < to).map(|c| c - from);
    let mut unit = Unit { now, engine, draws };
    let side = Side {
        tables: &rule.pre_columns,
        columns: &mut state.pre,
        saturated: &mut state.saturated_pre,
        seen: seen_pre,
        last: &state.pre_last,
        post: false,
    };
    unit.step(
        side,
        rows.iter().map(|row| *row as usize),
        |row| table.pre[row],
        |row| rule.counts[row],
    );
    let side = Side {
        tables: &rule.post_columns,
        columns: &mut state.post,
        saturated: &mut state.saturated_post,
        seen: seen_post,
        last: &core.last[from..to],
        post: true,
    };
    unit.step(side, posts, |lane| table.first_post + lane as u32, |_| rule.counts_posts);
}

struct Unit<'a> {
    now: Now,
    engine: &'a LearningArithmetic,
    draws: &'a Draws,
}

impl Unit<'_> {
    /// A step of a side. `lane` gives the logical id of a lane, `counts` says whether this core
    /// counts its saturations.
    fn step(
        &mut self,
        side: Side<'_>,
        spikes: impl Iterator<Item = usize>,
        lane: impl Fn(usize) -> u32,
        counts: impl Fn(usize) -> bool,
    ) {
        let unit = self.engine.trace;
        let Side { tables, columns, saturated, seen, last, post } = side;
        for k in spikes {
            let first = std::mem::replace(&mut seen[k], self.now.position) == 0;
            if first || unit.early == Early::Dropped {
                continue;
            }
            for ((column, values), clipped) in tables.iter().zip(&mut *columns).zip(&mut *saturated)
            {
                let draw = || self.draw(self.now.step, column.stream, site::EARLY, lane(k));
                let draw = unit.early_draw(post, draw);
                let kick = unit.impulse(column.impulse.into(), column.rounding, draw);
                *clipped += u64::from(hold(column, &mut values.value[k], kick) && counts(k));
            }
        }
        if !self.now.last {
            return;
        }
        seen.fill(0);
        let length = u32::from(self.now.position);
        for ((column, values), clipped) in tables.iter().zip(columns).zip(saturated) {
            let ColumnState { value, history } = values;
            let lanes = value.len();
            for (k, x) in value.iter_mut().enumerate() {
                let mut keep = |position: u32, x: i32| {
                    if column.history {
                        // Pre columns by lane, post columns by position.
                        let at = position as usize;
                        let row =
                            if post { at * lanes + k } else { k * (length as usize + 1) + at };
                        history[row] = x;
                    }
                };
                keep(0, *x);
                for position in 1..=length {
                    if unit.steps_at(position, length) {
                        let acts = unit.acts_at(position, last[k].into());
                        let step = self.now.step - length + position;
                        let sum = self.advanced(column, *x, acts, step, lane(k));
                        *x = 0;
                        *clipped += u64::from(hold(column, x, sum) && counts(k));
                    }
                    keep(position, *x);
                }
            }
        }
    }

    /// A value after a decay and, if a spike acts, its impulse. Source: S81, S82, S89.
    fn advanced(&self, column: &ColumnTable, x: i32, acts: bool, step: u32, lane: u32) -> i64 {
        let unit = self.engine.trace;
        let (x, keep, rounding) = (i64::from(x), i64::from(column.keep), column.rounding);
        let draw = |site| self.draw(step, column.stream, site, lane);
        let impulse = if acts { i64::from(column.impulse) } else { 0 };
        if unit.joined {
            return unit.joined(x, keep, impulse, rounding, draw(site::DECAY));
        }
        let kept = unit.decayed(x, keep, rounding, draw(site::DECAY));
        if acts { kept + unit.impulse(impulse, rounding, draw(site::IMPULSE)) } else { kept }
    }

    /// The draw of a lane, or the one that all lanes share. Source: S83.
    fn draw(&self, step: u32, stream: u32, site: u8, lane: u32) -> u32 {
        let (step, lane) = if self.engine.one_draw { (self.now.step, 0) } else { (step, lane) };
        self.draws.site(step, stream, site).draw(lane, 0)
    }
}

/// Adds to a trace; says whether the sum was clipped.
fn hold(column: &ColumnTable, x: &mut i32, added: i64) -> bool {
    let sum = i64::from(*x) + added;
    let held = clamp_raw(sum, trifactor_fixed::RawRange { lo: 0, hi: column.max.into() });
    *x = held as i32;
    held != sum
}
