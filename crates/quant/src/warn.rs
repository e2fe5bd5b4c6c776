//! Name what quantisation loses: silence is the worst failure.
//!
//! Reads: network, plan.   Writes: warnings `Q1xx`.

use crate::plan::Plan;
use trifactor_diag::{Diagnostic, Diagnostics, Place};
use trifactor_entity::EntityId;
use trifactor_fixed::Rounding;
use trifactor_ir::{CheckedNetwork, Group, Op, StateRole, Target};

pub(crate) fn losses(net: &CheckedNetwork, plan: &Plan, diagnostics: &mut Diagnostics) {
    parameters_that_vanish(net, plan, diagnostics);
    inits_that_clamp(net, plan, diagnostics);
    constants_that_vanish(net, plan, diagnostics);
    stores_that_clamp(net, plan, diagnostics);
    changes_too_small(net, plan, diagnostics);
    contributions_below_the_membrane(net, plan, diagnostics);
}

/// Non-zero parameters and initial values whose raw value is 0.
fn parameters_that_vanish(net: &CheckedNetwork, plan: &Plan, diagnostics: &mut Diagnostics) {
    for (id, state) in net.states.iter() {
        let format = &plan.states[id];
        let lanes = net.lanes(state.space);
        let mut count = 0usize;
        let mut example = 0.0;
        let mut check = |v: f64| {
            if v != 0.0 && format.quantise(v) == 0 {
                count += 1;
                example = v;
            }
        };
        match &state.init {
            trifactor_ir::Values::Constant(v) => check(*v),
            trifactor_ir::Values::PerLane(vs) => vs.iter().for_each(|v| check(*v)),
        }
        if count == 0 {
            continue;
        }
        let of = match &state.init {
            trifactor_ir::Values::Constant(_) => format!("its value {example:e} lies"),
            trifactor_ir::Values::PerLane(_) => {
                format!("{count} of its {lanes} values (such as {example:e}) lie")
            }
        };
        diagnostics.push(
            Diagnostic::warning(
                "Q101",
                format!(
                    "'{}' rounds to zero: {of} below half of the last place {:e} of its format {}",
                    net.full_name(id),
                    format.q.lsb(),
                    format.q
                ),
            )
            .at(Place::at_key(net.full_name(id)))
            .hint("give it more bits or a larger 'frac' under 'formats'"),
        );
    }
}

/// Initial values outside the format.
fn inits_that_clamp(net: &CheckedNetwork, plan: &Plan, diagnostics: &mut Diagnostics) {
    for (id, state) in net.states.iter() {
        let format = &plan.states[id];
        let Some((lo, hi)) = state.init.bounds() else { continue };
        if state.role == StateRole::Spike
            || matches!(format.encoding, crate::Encoding::Decay { .. })
        {
            continue;
        }
        let (held_lo, held_hi) = (format.value(format.raw.lo), format.value(format.raw.hi));
        let slack = format.q.lsb();
        if lo < held_lo - slack || hi > held_hi + slack {
            diagnostics.push(
                Diagnostic::warning(
                    "Q102",
                    format!(
                        "'{}' is clamped: its values reach from {lo} to {hi} and its format {} holds {held_lo} \
                         to {held_hi}",
                        net.full_name(id), format.q
                    ),
                )
                .at(Place::at_key(net.full_name(id)))
                .hint("give it more bits or a smaller 'frac' under 'formats'"),
            );
        }
    }
}

fn constants_that_vanish(net: &CheckedNetwork, plan: &Plan, diagnostics: &mut Diagnostics) {
    for (id, phase) in net.phases.iter() {
        for (v, op) in net.kernels[phase.kernel].ops.iter() {
            let Op::Const(c) = op else { continue };
            if *c != 0.0 && plan.phases[id].values[v].constant == 0 {
                diagnostics.push(
                    Diagnostic::warning(
                        "Q103",
                        format!("the constant {c:e} in '{}' rounds to zero", phase.name),
                    )
                    .at(Place::at_key(&phase.key))
                    .hint(if c.abs() < (-60f64).exp2() {
                        "constants below 2^-60 have no fixed-point form"
                    } else {
                        "on an engine of sums of products a constant that is added to a factor is a \
                         whole number of the factor's last places; a smaller range of the factor \
                         makes them finer"
                    }),
                );
            }
        }
    }
}

/// Stores whose reachable values exceed the format although the author set no narrower range.
fn stores_that_clamp(net: &CheckedNetwork, plan: &Plan, diagnostics: &mut Diagnostics) {
    for (id, phase) in net.phases.iter() {
        if phase.group == Group::Neurons || phase.group == Group::Deliver {
            continue;
        }
        let kernel = &net.kernels[phase.kernel];
        for (output, &state) in kernel.outputs.iter().zip(&phase.writes) {
            let format = &plan.states[state];
            let reachable = steady_reach(net, plan, id, state)
                .unwrap_or_else(|| (format.value(format.raw.lo), format.value(format.raw.hi)));
            let (held_lo, held_hi) = (format.value(format.raw.lo), format.value(format.raw.hi));
            if net.states[state].range.is_none()
                && (reachable.1 > held_hi + format.q.lsb()
                    || reachable.0 < held_lo - format.q.lsb())
            {
                diagnostics.push(
                    Diagnostic::warning(
                        "Q104",
                        format!(
                            "'{}' {} if its lane fires in every step, and its format {} ends at {held_hi:.4}: \
                             it will saturate there",
                            net.full_name(state), grows(reachable.1), format.q
                        ),
                    )
                    .at(Place::at_key(&phase.key))
                    .hint("give it more bits or a smaller 'frac', a smaller impulse, or declare its range"),
                );
            }
            let _ = output;
        }
    }
}

fn grows(limit: f64) -> String {
    if limit.is_finite() { format!("can reach {limit:.4}") } else { "grows without end".to_owned() }
}

/// The fixed point of a linear trace that is hit in every step: impulse / (1 - keep).
fn steady_reach(
    net: &CheckedNetwork,
    _plan: &Plan,
    phase: trifactor_ir::PhaseId,
    _state: trifactor_ir::StateId,
) -> Option<(f64, f64)> {
    let phase = &net.phases[phase];
    let kernel = &net.kernels[phase.kernel];
    if trifactor_ir::units::recognise(kernel) != Some(trifactor_ir::units::Unit::LinearTrace) {
        return None;
    }
    let value = |name: &str| match phase.reads[kernel.port(name)?] {
        trifactor_ir::Read::State(s) => net.states[s].init.bounds().map(|(_, hi)| hi),
        _ => None,
    };
    let (impulse, keep) = (value("impulse")?, value("keep")?);
    Some((0.0, if keep < 1.0 { impulse / (1.0 - keep) } else { f64::INFINITY }))
}

/// Rules whose largest possible change of a variable is lost to deterministic rounding, or moves
/// it by one place less than once in a million epochs.
fn changes_too_small(net: &CheckedNetwork, plan: &Plan, diagnostics: &mut Diagnostics) {
    for (id, phase) in net.phases.iter() {
        if phase.group != Group::Plasticity {
            continue;
        }
        let kernel = &net.kernels[phase.kernel];
        for (output, &state) in kernel.outputs.iter().zip(&phase.writes) {
            if output.target != Target::Set {
                continue;
            }
            let Some(change) = largest_change(kernel, plan, id, output.value, &output.variable)
            else {
                continue;
            };
            let format = &plan.states[state];
            let in_places = change / format.q.lsb();
            let lost = match format.rounding {
                Rounding::Stochastic => in_places < 1e-6,
                Rounding::Nearest => in_places < 0.5,
                Rounding::Floor | Rounding::Zero => in_places < 1.0,
            };
            if lost && in_places > 0.0 {
                diagnostics.push(
                    Diagnostic::warning(
                        "Q105",
                        format!(
                            "the rule '{}' is too slow to move '{}': its largest change in one epoch is {change:e}, \
                             {in_places:e} of the last place, with {} rounding",
                            phase.name, net.full_name(state), word(format.rounding)
                        ),
                    )
                    .at(Place::at_key(&phase.key))
                    .hint("raise the rate, give the variable more bits, or use stochastic rounding"),
                );
            }
        }
    }
}

const fn word(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::Floor => "floor",
        Rounding::Zero => "truncating",
        Rounding::Nearest => "nearest",
        Rounding::Stochastic => "stochastic",
    }
}

/// For results of the form `old + change` (possibly clamped): the largest |change|.
fn largest_change(
    kernel: &trifactor_ir::Kernel,
    plan: &Plan,
    phase: trifactor_ir::PhaseId,
    value: trifactor_ir::ValueId,
    variable: &str,
) -> Option<f64> {
    let values = &plan.phases[phase].values;
    let size = |v: trifactor_ir::ValueId| {
        let p = &values[v];
        crate::interval::magnitude(p.raw) as f64 * (-f64::from(p.frac)).exp2()
    };
    let mut total = 0.0;
    let mut at = value;
    // Each turn moves to an earlier value, so the walk ends.
    loop {
        match kernel.ops[at] {
            Op::Add(a, b) | Op::Sub(a, b) => {
                let (next, change) = if reaches(kernel, a, variable) { (a, b) } else { (b, a) };
                total += size(change);
                at = next;
            }
            Op::Min(a, b) | Op::Max(a, b) => {
                at = if reaches(kernel, a, variable) { a } else { b };
            }
            Op::Port(port) if kernel.ports[port].variable == variable => return Some(total),
            _ => return None,
        }
    }
}

/// Whether a value is the variable's old value, plus something or clamped.
fn reaches(kernel: &trifactor_ir::Kernel, value: trifactor_ir::ValueId, variable: &str) -> bool {
    let mut carries = vec![false; value.index() + 1];
    for (id, op) in kernel.ops.iter().take(value.index() + 1) {
        carries[id.index()] = match *op {
            Op::Port(port) => kernel.ports[port].variable == variable,
            Op::Add(a, b) | Op::Sub(a, b) | Op::Min(a, b) | Op::Max(a, b) => {
                carries[a.index()] || carries[b.index()]
            }
            _ => false,
        };
    }
    carries[value.index()]
}

/// Weights with more fraction bits than the membrane they feed: their last bits do nothing.
fn contributions_below_the_membrane(
    net: &CheckedNetwork,
    plan: &Plan,
    diagnostics: &mut Diagnostics,
) {
    for (id, phase) in net.phases.iter() {
        if phase.group != Group::Deliver {
            continue;
        }
        for (&state, output) in phase.writes.iter().zip(&plan.phases[id].outputs) {
            if output.shift > 0 {
                diagnostics.push(
                    Diagnostic::warning(
                        "Q106",
                        format!(
                            "the last {} bits of the weights of '{}' are below the last place of '{}' and are cut off",
                            output.shift, phase.name, net.full_name(state)
                        ),
                    )
                    .at(Place::at_key(&phase.key))
                    .hint("give the target a larger 'frac' under formats.POPULATION.v, or the weights fewer bits"),
                );
            }
        }
    }
}
