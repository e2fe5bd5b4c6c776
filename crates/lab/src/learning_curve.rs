//! Right answers against repetition: the learning curve of a protocol that scores phases, with the
//! same network without its rules as control.

use crate::curve::Series;
use crate::error::LabError;
use crate::few_shot::Context;
use crate::machine::{ChipMachine, FloatTrials};
use crate::outcome::RunResult;
use crate::prepare::{identity, requests, without_learning};
use crate::run::{Task, run};
use trifactor_compile::compile;
use trifactor_emu::{Emulator, Options};
use trifactor_quant::plan;
use trifactor_reference::float::FloatMachine;
use trifactor_stimulus::{Protocol, Score};

/// What is plotted.
pub(crate) const NAME: &str = "right answers";

/// The curve of the model and that of the control; none where nothing is scored.
pub(crate) fn series(
    context: &Context<'_>,
    task: Task<'_>,
    float: &RunResult,
    chip: &RunResult,
) -> Result<Vec<Series>, LabError> {
    let Context { model, prepared, trials, progress, .. } = *context;
    let protocol = trials.protocol();
    if !protocol.phases.iter().any(|p| p.readout.as_ref().is_some_and(|r| r.score != Score::None)) {
        return Ok(Vec::new());
    }
    let off = without_learning(&model.network)?;
    let (off_plan, _) = plan(&off, &prepared.chip, &requests(model))?;
    let image = compile(&off, &off_plan, &prepared.chip, &identity(model))?.image;
    let chip_machine = || -> Result<ChipMachine<'_>, LabError> {
        let emulator = Emulator::load(&image, Options::default())?;
        Ok(ChipMachine { emulator, populations: task.populations })
    };
    // Nothing is recorded of the control: what a rule alone knows is not part of it.
    let task = Task { what: "learning off", keep_records: false, ..task };
    let (off_chip, _) = run(task, chip_machine, |_| (), progress)?;
    let float_machine = || {
        let machine = FloatMachine::new(&off, 1);
        Ok(FloatTrials { net: &off, machine, populations: task.populations })
    };
    let (off_float, _) = run(task, float_machine, |_| (), progress)?;
    Ok(vec![
        curve(protocol, context, NAME.to_owned(), float, chip),
        curve(protocol, context, format!("{NAME}, learning off"), &off_float, &off_chip),
    ])
}

/// The curve of the model alone; none where nothing is scored, or no phase is scored twice.
pub(crate) fn right_answers(
    context: &Context<'_>,
    float: &RunResult,
    chip: &RunResult,
) -> Vec<Series> {
    let protocol = context.trials.protocol();
    if !protocol.phases.iter().any(|p| p.readout.as_ref().is_some_and(|r| r.score != Score::None)) {
        return Vec::new();
    }
    let curve = curve(protocol, context, NAME.to_owned(), float, chip);
    if curve.points.len() < 2 { Vec::new() } else { vec![curve] }
}

/// The fraction of right answers in the first run of all scored phases, in the second, and so on,
/// over all trials.
fn curve(
    protocol: &Protocol,
    context: &Context<'_>,
    name: String,
    float: &RunResult,
    chip: &RunResult,
) -> Series {
    // Which repetition of its phase each segment is; equal in all trials.
    let mut runs = vec![0usize; protocol.phases.len()];
    let segments = context.trials.trial(0).segments;
    let repetition = segments.iter().map(|s| {
        let scored = protocol.phases[s.phase].readout.as_ref();
        runs[s.phase] += 1;
        scored.filter(|r| r.score != Score::None).map(|_| runs[s.phase])
    });
    let repetition: Vec<Option<usize>> = repetition.collect();
    let last = repetition.iter().flatten().copied().max().unwrap_or(0);
    let fraction = |run: &RunResult, k: usize| {
        let answers = run.trials.iter().flat_map(|t| &t.answers);
        let of_run: Vec<bool> = answers
            .filter(|a| repetition[a.segment] == Some(k))
            .map(crate::outcome::Answer::is_right)
            .collect();
        of_run.iter().filter(|right| **right).count() as f64 / of_run.len().max(1) as f64
    };
    let points = (1..=last).map(|k| (k as f64, fraction(float, k), fraction(chip, k))).collect();
    Series { name, points }
}
