//! Traces that are replayed when an epoch ends (S81 to S83).

use super::FixedMachine;
use trifactor_entity::{EntityId, SideTable};
use trifactor_fixed::{Early, clamp_raw, fit, site};
use trifactor_ir::{Phase, PhaseId, Read, Role, StateId, StateRole};
use trifactor_quant::{eval, store, trace_sides};

impl FixedMachine<'_> {
    /// One step of the traces of a phase: nothing but impulses that another spike follows, until
    /// the epoch ends and all of it is replayed.
    pub(super) fn replayed(&mut self, id: PhaseId, phase: &Phase) {
        let unit = self.plan.learning.expect("internal: a replay without an engine").trace;
        let trace = phase.writes[0];
        let spike = phase.reads.values().find_map(|read| match *read {
            Read::State(state) if self.net.states[state].role == StateRole::Spike => Some(state),
            _ => None,
        });
        let spike = spike.expect("internal: a trace follows spikes");
        let format = self.plan.states[trace];
        let post = trace_sides(self.net, trace) == [Role::Post];
        let early = if unit.early == Early::Dropped { 0 } else { self.again[spike.index()].len() };
        for at in 0..early {
            let lane = self.again[spike.index()][at];
            let raw = self.port(phase, "impulse").map_or(0, |s| self.raw[s.index()][lane as usize]);
            let draw = unit.early_draw(post, || self.trace_draw(id, self.step, site::EARLY, lane));
            let sum =
                self.raw[trace.index()][lane as usize] + unit.impulse(raw, format.rounding, draw);
            let held = clamp_raw(sum, format.raw);
            self.saturated[trace.index()] += u64::from(held != sum);
            self.raw[trace.index()][lane as usize] = held;
        }
        if self.position() == self.net.epoch {
            self.replay(id, phase, trace, spike);
        }
    }

    /// Source: S81, S82, S88, S89.
    fn replay(&mut self, id: PhaseId, phase: &Phase, trace: StateId, spike: StateId) {
        let unit = self.plan.learning.expect("internal: a replay without an engine").trace;
        let kernel = &self.net.kernels[phase.kernel];
        let format = self.plan.states[trace];
        let lanes = self.raw[trace.index()].len();
        let mut positions = vec![self.raw[trace.index()].clone()];
        for position in 1..=self.net.epoch {
            let before = &positions[position as usize - 1];
            if !unit.steps_at(position, self.net.epoch) {
                let same = before.clone();
                positions.push(same);
                continue;
            }
            let mut now = Vec::with_capacity(lanes);
            for (lane, &old) in before.iter().enumerate() {
                let mut ports = SideTable::empty();
                for read in phase.reads.values() {
                    let Read::State(state) = *read else {
                        unreachable!("internal: a trace reads states")
                    };
                    ports.push(if state == trace {
                        old
                    } else if state == spike {
                        i64::from(unit.acts_at(position, self.last[spike.index()][lane]))
                    } else {
                        self.raw[state.index()][lane]
                    });
                }
                let step = self.step - self.net.epoch + position;
                let draws = |site: u8| {
                    let draw = self.trace_draw(id, step, site, lane as u32);
                    if site == site::IMPULSE { unit.impulse_draw(draw) } else { draw }
                };
                let (raw, clipped) = if unit.joined {
                    let port = |name| {
                        ports[kernel.port(name).expect("internal: an input of a linear trace")]
                    };
                    let impulse = port("impulse") * port("spike");
                    let draw = draws(site::DECAY);
                    let sum = unit.joined(old, port("keep"), impulse, format.rounding, draw);
                    fit(sum, format.raw, format.overflow)
                } else {
                    let values = eval(kernel, &self.plan.phases[id], &ports, &draws);
                    let plan = &self.plan.phases[id].outputs[0];
                    store(&values, kernel.outputs[0].value, plan, &format, &draws)
                };
                self.saturated[trace.index()] += u64::from(clipped);
                now.push(raw);
            }
            positions.push(now);
        }
        self.raw[trace.index()].clone_from(&positions[self.net.epoch as usize]);
        if let Some(history) = &mut self.history[trace.index()] {
            *history = positions;
        }
    }

    /// The draw of a lane, or the one that the traces of its population share. Source: S83.
    fn trace_draw(&self, id: PhaseId, step: u32, site: u8, lane: u32) -> u32 {
        let stream = self.plan.stream(self.net, id);
        match self.plan.learning {
            Some(engine) if engine.one_draw => self.draws.draw(self.step, stream, site, 0, 0),
            _ => self.draws.draw(step, stream, site, lane, 0),
        }
    }

    fn port(&self, phase: &Phase, name: &str) -> Option<StateId> {
        let port = self.net.kernels[phase.kernel].port(name)?;
        match phase.reads[port] {
            Read::State(state) => Some(state),
            _ => None,
        }
    }
}
