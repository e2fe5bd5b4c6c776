//! One verification, from the trials that are followed to the cure.

use super::follow::{Followed, follow};
use super::measure::{Measure, Outcome};
use super::script::Exercise;
use super::{
    Compared, Drift, Parameter, Performance, Variable, VariableKind, Verification, VerifyOptions,
    causes, cure, measure, variable_kind, verdict,
};
use crate::error::LabError;
use crate::few_shot::Context;
use crate::prepare::Prepared;
use crate::statistics::Estimate;
use trifactor_entity::SideTable;
use trifactor_host::Formats;
use trifactor_ir::StateId;
use trifactor_model::Model;

/// Evaluations of kernels that following trials may take, over all of them.
const FOLLOW_BUDGET: usize = 12_000_000;
/// Times the budget that a single trial may take before it is cut.
const LONGEST: usize = 20;
/// Trials that are followed at most; of a sweep, values.
const FOLLOWED: u32 = 8;
/// As many of a sweep.
const FOLLOWED_OF_SWEEP: u32 = 16;
/// Trials that each variant of the formats runs at most.
const CAUSE_TRIALS: u32 = 128;
/// As many where nothing has to be cured.
const CAUSE_TRIALS_OF_A_PASS: u32 = 32;
/// Trials of a quick verification.
const QUICK_TRIALS: u32 = 16;
/// Trials of a protocol that repeats itself and asks for fewer.
pub(super) const FEWEST_TRIALS: u32 = 8;
/// Times the number of trials that may be run until they decide.
const MORE_TRIALS: u32 = 16;

/// The number of trials: what the caller asks, else the model's section `verify`, else the usual.
/// A quick verification runs fewer, of a sweep still every value up to a limit.
pub(super) fn number(model: &Model, options: &VerifyOptions, usual: u32, sweep: u32) -> u32 {
    if let Some(n) = options.trials {
        return n.max(1);
    }
    let n = model.verify.trials.unwrap_or(usual).max(1);
    if options.quick { n.min(QUICK_TRIALS.max(sweep.min(64))) } else { n }
}

/// Lanes that a step executes, over all phases.
fn lanes(model: &Model) -> usize {
    let net = &model.network;
    net.phases.values().map(|p| net.lanes(p.over)).sum::<usize>().max(1)
}

/// Trials that are followed: spread over a sweep, else the first ones; as many as the budget
/// allows.
fn followed(exercise: &Exercise<'_>, n: u32, quick: bool) -> Result<Vec<u32>, LabError> {
    let cost = (lanes(exercise.model) * exercise.script(0)?.steps()).max(1);
    let is_sweep = exercise.sweep().is_some();
    let most = match (is_sweep, quick) {
        (true, false) => FOLLOWED_OF_SWEEP,
        (true, true) => 3,
        (false, false) => FOLLOWED,
        (false, true) => 1,
    };
    let affordable = u32::try_from(FOLLOW_BUDGET / cost).unwrap_or(u32::MAX);
    let count = most.min(affordable).clamp(1, n);
    if !is_sweep || count == 1 {
        return Ok((0..count).collect());
    }
    let spread = |k: u32| u64::from(k) * u64::from(n - 1) / u64::from(count - 1);
    Ok((0..count).map(|k| spread(k) as u32).collect())
}

/// Follows, compares and explains. `n` is the number of trials to begin with, and how many there
/// are.
pub(super) fn examine(
    mut exercise: Exercise<'_>,
    prepared: &Prepared,
    options: &VerifyOptions,
    context: Option<&Context<'_>>,
    (n, most): (u32, u32),
) -> Result<Verification, LabError> {
    let model = exercise.model;
    if !exercise.is_scored() {
        exercise.watched = measure::watched(&model.network, n);
    }
    let exercise = &exercise;
    let image = &prepared.compiled.image;
    let numbers = followed(exercise, n, options.quick)?;
    let limit = (LONGEST * FOLLOW_BUDGET / lanes(model)).max(1);
    let seen = follow(exercise, prepared, image, (&numbers, limit))?;
    let reach = |name: &str| {
        let state = prepared.network.states.ids().find(|s| prepared.network.full_name(*s) == name);
        state.map_or(0.0, |s| seen.free[s].reach)
    };
    // Trials are independent, so more of them may be run until their number decides.
    let most = most.min(n.saturating_mul(MORE_TRIALS));
    let more = options.trials.is_none() && !options.quick;
    let mut n = n;
    let (measure, float, chip, performance) = loop {
        let float = exercise.float(None, n, "float")?;
        let chip = exercise.chip(image, n, "chip")?;
        let measure = Measure::of(exercise, &float, &reach);
        let performance = performance(model, &measure, &float, &chip);
        let wanted = performance.as_ref().and_then(verdict::wanted).filter(|_| more && n < most);
        match wanted {
            // A little more than wanted: the next estimate is another one.
            Some(wanted) => {
                let wanted = wanted.saturating_add(wanted / 4);
                n = wanted.max(n.saturating_mul(2)).min(most);
            }
            None => break (measure, float, chip, performance),
        }
    };
    let spec = &model.verify;
    let (series, x_label) = match context {
        None => (Vec::new(), String::new()),
        Some(context) => crate::curve::protocol_series(context, &float.run, &chip.run),
    };
    let mut found = Verification {
        model: model.name.clone(),
        chip: prepared.chip.name.clone(),
        unit: exercise.unit(),
        seed: exercise.seed,
        trials: n,
        followed: seen.trials,
        steps: seen.steps,
        quick: options.quick,
        checks: Vec::new(),
        variables: variables(prepared, &seen),
        parameters: parameters(model, prepared),
        equality: seen.equality,
        spikes: seen.spikes,
        flips: seen.flips,
        performance,
        saturations: chip.saturations.clone(),
        causes: None,
        cure: None,
        series,
        x_label,
        examples: seen.examples,
        learnt: seen.learnt,
        warnings: model.warnings.clone(),
        notes: Vec::new(),
    };
    found.warnings.append(prepared.warnings.clone());
    if seen.of > seen.steps {
        found.notes.push(format!(
            "a {} has {} steps; the first {} are followed step by step",
            exercise.unit(),
            seen.of,
            seen.steps
        ));
    }
    found.checks = verdict::checks(&found, spec);
    let loses =
        found.checks.iter().any(|c| c.key == verdict::LOSS && c.outcome == verdict::Outcome::Fail);
    if found.performance.is_some() && (!options.quick || loses) {
        let few = n.min(if loses { CAUSE_TRIALS } else { CAUSE_TRIALS_OF_A_PASS });
        let pair = (&float, &chip);
        let causes = causes::rank(exercise, prepared, &measure, pair, few)?;
        if loses {
            let limit = found.performance.as_ref().map_or(0.0, |p| p.limit);
            // Few trials may leave a cure to be confirmed; the report says so.
            let cured =
                |loss: &Estimate| verdict::loss_outcome(loss, limit) != verdict::Outcome::Fail;
            let asked = (&measure, &float);
            found.cure = Some(cure::search(exercise, prepared, asked, &causes, n, &cured)?);
        }
        found.causes = Some(causes);
    }
    Ok(found)
}

fn performance(
    model: &Model,
    measure: &Measure,
    float: &Outcome,
    chip: &Outcome,
) -> Option<Performance> {
    let spec = &model.verify;
    let (kind, limit) = match measure {
        Measure::Nothing => return None,
        Measure::Score => (Compared::Score, spec.score_loss),
        Measure::Learnt(_) => (Compared::Learnt, spec.weight_error),
        Measure::Recorded(_) => (Compared::Recorded, spec.weight_error),
    };
    let score = |o: &Outcome| (kind == Compared::Score).then(|| Estimate::of(&o.scores));
    let (float_score, chip_score) = (score(float), score(chip));
    let loss = measure.loss(float, chip);
    Some(Performance { kind, float: float_score, chip: chip_score, loss, limit })
}

fn variables(prepared: &Prepared, seen: &Followed) -> Vec<Variable> {
    let (net, plan) = (&prepared.network, &prepared.plan);
    let mut list: Vec<Variable> = net
        .states
        .ids()
        .filter_map(|id| {
            let kind = variable_kind(net, id)?;
            let local = seen.local[id].clone();
            let is_input = kind == VariableKind::Input;
            // What nothing arrives at has no errors to show.
            if is_input && local.n == 0 {
                return None;
            }
            let phases = plan.phases.iter();
            let outputs =
                phases.flat_map(|(phase, p)| net.phases[phase].writes.iter().zip(&p.outputs));
            let predicted = outputs.filter(|(s, _)| **s == id).map(|(_, p)| p.bound);
            let drift = |table: &SideTable<StateId, Drift>| (!is_input).then(|| table[id].clone());
            Some(Variable {
                name: net.full_name(id),
                kind,
                format: causes::described(&plan.states[id], true),
                lsb: plan.states[id].q.lsb(),
                predicted: predicted.fold(0.0, f64::max),
                local,
                taught: drift(&seen.taught),
                free: drift(&seen.free),
            })
        })
        .collect();
    list.sort_by_key(|v| v.kind);
    list
}

fn parameters(model: &Model, prepared: &Prepared) -> Vec<Parameter> {
    let (network, plan) = (&model.network, &prepared.plan);
    let formats = Formats::planned(network, plan);
    let mut list = Vec::new();
    for id in formats.held() {
        let state = &network.states[id];
        let lanes = network.lanes(state.space);
        let values: Vec<f64> = (0..lanes).map(|lane| state.init.at(lane)).collect();
        let held = formats.hold(id, &values);
        let errors: Vec<f64> = held.iter().zip(&values).map(|(h, v)| (h - v).abs()).collect();
        let max = errors.iter().copied().fold(0.0, f64::max);
        if max == 0.0 {
            continue;
        }
        list.push(Parameter {
            name: network.full_name(id),
            format: plan.states[id].q.to_string(),
            max,
            lane: errors.iter().position(|e| *e == max).unwrap_or(0) as u32,
            rms: (errors.iter().map(|e| e * e).sum::<f64>() / lanes.max(1) as f64).sqrt(),
            peak: values.iter().map(|v| v.abs()).fold(0.0, f64::max),
        });
    }
    list
}
