//! The pictures of a report.

use super::recording::{Plastic, Recording, Seen};
use super::report::Row;
use super::training::LearningCurve;
use crate::episodes::Exam;
use crate::error::LabError;
use crate::picture::{
    Curve, Population, Run, Series, Span, Style, Trace, WeightMap, curve, raster_and_traces,
    weight_tables,
};
use trifactor_host::task::{CueAssociation, Group};

/// Learning curves that can be told apart in one picture.
const MOST_CURVES: usize = 10;
/// Panels of eligibility traces and of modulators.
const MOST_PANELS: usize = 2;
/// Most named stretches of time.
const MOST_SPANS: usize = 64;

const SIDES: [&str; 2] = ["right", "left"];

/// All pictures: file name and PNG. Without recorded trainings, or with many that share no update,
/// there is no learning curve; without a plastic projection no picture of weights.
pub(super) fn all(
    exam: &Exam<'_>,
    task: &CueAssociation,
    rows: &[Row],
    shown: &Recording,
    curves: &[LearningCurve],
) -> Result<Vec<(String, Vec<u8>)>, LabError> {
    let mut pictures = vec![("cues.png".to_owned(), cues(exam, rows)?)];
    let series = learning(curves);
    if series.iter().any(|s| !s.points.is_empty()) {
        let picture = curve(&Curve {
            title: format!("{}, meta-training", exam.model.name),
            x_label: "updates".to_owned(),
            y_label: "correct answers on new permutations (%)".to_owned(),
            series,
        })?;
        pictures.push(("learning-curve.png".to_owned(), picture));
    }
    pictures.push(("episode.png".to_owned(), episode(exam, task, shown)?));
    if let Some(plastic) = shown.followed.plastic.as_ref().filter(|p| drawable(p)) {
        pictures.push(("weights.png".to_owned(), weights(exam, shown, plastic)?));
    }
    Ok(pictures)
}

/// Accuracy by the number of cues.
fn cues(exam: &Exam<'_>, rows: &[Row]) -> Result<Vec<u8>, LabError> {
    let percent = |a: &trifactor_host::Accuracy| (100.0 * a.mean, 50.0 * (a.high - a.low));
    let points = |list: &[(u32, (f64, f64))]| -> (Vec<(f64, f64)>, Vec<f64>) {
        list.iter().map(|(m, (mean, half))| ((f64::from(*m), *mean), *half)).unzip()
    };
    let float: Vec<_> = rows.iter().map(|r| (r.cues, percent(&r.float))).collect();
    let (float, widths) = points(&float);
    let mut series =
        vec![Series { name: "float".to_owned(), points: float, style: Style::Band(widths) }];
    let chip: Vec<_> =
        rows.iter().filter_map(|r| Some((r.cues, percent(&r.chip.as_ref()?.accuracy)))).collect();
    if !chip.is_empty() {
        let (points, widths) = points(&chip);
        let name = "emulated chip".to_owned();
        series.push(Series { name, points, style: Style::Bars(widths) });
    }
    let published = rows.iter().filter_map(|r| Some((f64::from(r.cues), 100.0 * r.published?)));
    let points: Vec<_> = published.collect();
    if !points.is_empty() {
        let name = "published".to_owned();
        series.push(Series { name, points, style: Style::Points });
    }
    Ok(curve(&Curve {
        title: format!("{}, accuracy by the number of cues", exam.model.name),
        x_label: "cues per trial".to_owned(),
        y_label: "correct answers (%), bands and bars: 95 % intervals".to_owned(),
        series,
    })?)
}

/// Accuracy during training, one line per recorded run, or their mean.
fn learning(curves: &[LearningCurve]) -> Vec<Series> {
    if curves.len() > MOST_CURVES {
        return vec![mean(curves)];
    }
    let percent = |c: &LearningCurve| -> (Vec<(f64, f64)>, Vec<f64>) {
        c.points.iter().map(|(x, y, half)| ((*x, 100.0 * y), 100.0 * half)).unzip()
    };
    let lines = |c: &LearningCurve| {
        let (points, widths) = percent(c);
        // Several bands would hide each other.
        let style = if curves.len() == 1 { Style::Band(widths) } else { Style::Line };
        Series { name: c.name.clone(), points, style }
    };
    curves.iter().map(lines).collect()
}

/// The mean of many runs at the updates that all of them have, with its standard deviation.
fn mean(curves: &[LearningCurve]) -> Series {
    let mut points = Vec::new();
    let mut widths = Vec::new();
    for (x, ..) in &curves[0].points {
        let at = |c: &LearningCurve| c.points.iter().find(|p| p.0 == *x).map(|p| 100.0 * p.1);
        let values: Vec<f64> = curves.iter().filter_map(at).collect();
        if values.len() < curves.len() {
            continue;
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        points.push((*x, mean));
        widths.push(variance.sqrt());
    }
    let name = format!("mean of {} runs, band: standard deviation", curves.len());
    Series { name, points, style: Style::Band(widths) }
}

/// Spikes, eligibility, modulators and read-outs of one episode.
fn episode(exam: &Exam<'_>, task: &CueAssociation, shown: &Recording) -> Result<Vec<u8>, LabError> {
    let (main, machine) = shown.main();
    let mut traces = Vec::new();
    if let Some(plastic) = &shown.followed.plastic {
        let synapses = striking(shown, plastic);
        for (k, name) in plastic.traces.iter().enumerate().take(MOST_PANELS) {
            traces.push(panel(shown, &synapses, name, &|seen| &seen.traces[k]));
        }
        traces.push(panel(shown, &synapses, &plastic.weights, &|seen| &seen.weights));
    }
    for (k, (name, _)) in shown.followed.modulators.iter().enumerate().take(MOST_PANELS) {
        let label = format!("{name} on {machine}, means over lines");
        traces.push(Trace { label, series: by_group(shown, &main.modulators[k]) });
    }
    traces.push(readouts(shown));
    let inputs = &shown.inputs;
    let place = places(shown);
    let n = shown.script.groups.len() as u32;
    let sorted = inputs[0].iter().map(|(step, lane)| (*step, place[*lane as usize]));
    let mut populations = vec![
        Population { name: "sensors".to_owned(), units: n, spikes: sorted.collect() },
        Population { name: "signal".to_owned(), units: 2, spikes: inputs[1].clone() },
    ];
    if let Some((name, units)) = &shown.followed.hidden {
        let spikes = main.hidden.clone();
        populations.push(Population { name: name.clone(), units: *units as u32, spikes });
    }
    let asked = shown.script.trials.last().map_or("", |(class, _)| SIDES[*class]);
    let title = format!(
        "{} on {machine}, one episode with {} cues: right answer '{asked}'",
        exam.model.name, task.cues
    );
    Ok(raster_and_traces(&Run {
        title,
        steps: shown.steps + 1,
        populations,
        traces,
        spans: spans(task, shown),
    })?)
}

/// Where each line stands in the sorted raster: right cue on top, then left, decision, noise.
fn places(shown: &Recording) -> Vec<u32> {
    let order = [Group::Noise, Group::Decision, Group::Cue(1), Group::Cue(0)];
    let sorted: Vec<usize> = order.iter().flat_map(|g| shown.lines(*g)).collect();
    let mut places = vec![0; sorted.len()];
    for (place, line) in (0u32..).zip(sorted) {
        places[line] = place;
    }
    places
}

/// The synapse of each cue group whose weight changes most.
fn striking(shown: &Recording, plastic: &Plastic) -> Vec<(String, usize)> {
    let (main, _) = shown.main();
    let (before, after) = (&main.before, main.after());
    let change = |k: usize| (after[k] - before[k]).abs();
    let mut found = Vec::new();
    for (side, name) in SIDES.iter().enumerate() {
        let lines = shown.lines(Group::Cue(side));
        let of_side =
            (0..plastic.synapses.len()).filter(|k| lines.contains(&plastic.synapses[*k].0));
        if let Some(best) = of_side.max_by(|a, b| change(*a).total_cmp(&change(*b))) {
            let (pre, post) = plastic.synapses[best];
            found.push((format!("{name} cue, line {pre} to {post}"), best));
        }
    }
    found
}

/// A variable of some synapses on every machine.
fn panel(
    shown: &Recording,
    synapses: &[(String, usize)],
    label: &str,
    values: &dyn Fn(&Seen) -> &Vec<Vec<f64>>,
) -> Trace {
    let mut series = Vec::new();
    for (name, synapse) in synapses {
        let points = |seen: &Seen| {
            let steps = (1..).zip(values(seen));
            steps.map(|(t, lanes)| (f64::from(t), lanes[*synapse])).collect()
        };
        series.extend(both(shown, name, &points));
    }
    Trace { label: label.to_owned(), series }
}

/// What is read, by class.
fn readouts(shown: &Recording) -> Trace {
    let mut series = Vec::new();
    for (class, name) in SIDES.iter().enumerate() {
        let points =
            |seen: &Seen| (1..).zip(&seen.readout).map(|(t, v)| (f64::from(t), v[class])).collect();
        series.extend(both(shown, name, &points));
    }
    Trace { label: shown.followed.readout.clone(), series }
}

/// A line for float and, where there is a chip, one for it.
fn both(shown: &Recording, name: &str, points: &dyn Fn(&Seen) -> Vec<(f64, f64)>) -> Vec<Series> {
    let one = |machine: &str, seen| Series {
        name: format!("{name}, {machine}"),
        points: points(seen),
        style: Style::Line,
    };
    let mut series = vec![one("float", &shown.float)];
    series.extend(shown.chip.as_ref().map(|seen| one("chip", seen)));
    series
}

/// Means over the lines of right cue, left cue and all others; over all lines where a modulator
/// has other lines than the sensors.
fn by_group(shown: &Recording, steps: &[Vec<f64>]) -> Vec<Series> {
    let groups = &shown.script.groups;
    let all: Vec<usize> = (0..steps.first().map_or(0, Vec::len)).collect();
    let mut sets = vec![("all lines".to_owned(), all.clone())];
    if all.len() == groups.len() {
        let others = all.iter().filter(|l| !matches!(groups[**l], Group::Cue(_))).copied();
        sets = vec![
            ("right cue lines".to_owned(), shown.lines(Group::Cue(0))),
            ("left cue lines".to_owned(), shown.lines(Group::Cue(1))),
            ("other lines".to_owned(), others.collect()),
        ];
    }
    let series = |(name, lines): (String, Vec<usize>)| {
        let mean = |v: &Vec<f64>| lines.iter().map(|l| v[*l]).sum::<f64>() / lines.len() as f64;
        let points = (1..).zip(steps).map(|(t, v)| (f64::from(t), mean(v))).collect();
        Series { name, points, style: Style::Line }
    };
    sets.into_iter().map(series).collect()
}

/// Cues and decisions by name; whole trials where there are too many.
fn spans(task: &CueAssociation, shown: &Recording) -> Vec<Span> {
    let length = u64::from(task.trial_steps());
    let mut spans = Vec::new();
    for (trial, (class, sides)) in (0u64..).zip(&shown.script.trials) {
        let first = trial * length + 1;
        for (cue, side) in (0u64..).zip(sides) {
            let Some(side) = side else { continue };
            let from = first + cue * u64::from(task.period());
            let name = SIDES[*side][..1].to_uppercase();
            spans.push(Span { name, from, to: from + u64::from(task.cue_steps) });
        }
        let test = trial + 1 == u64::from(task.trials());
        let name = if test { "?" } else { &SIDES[*class][..1] }.to_owned();
        let to = first + length;
        spans.push(Span { name, from: to - u64::from(task.decision_steps), to });
    }
    if spans.len() > MOST_SPANS {
        let whole = (0u64..).zip(&shown.script.trials).map(|(trial, (class, _))| Span {
            name: SIDES[*class].to_owned(),
            from: trial * length + 1,
            to: (trial + 1) * length + 1,
        });
        spans = whole.take(MOST_SPANS).collect();
    }
    spans
}

/// Whether a projection fits into a table that can be read.
fn drawable(plastic: &Plastic) -> bool {
    let (pre, post) = plastic.sides;
    (1..=256).contains(&pre) && (1..=256).contains(&post)
}

/// Weights before and after the episode, and their change; lines sorted by group.
fn weights(exam: &Exam<'_>, shown: &Recording, plastic: &Plastic) -> Result<Vec<u8>, LabError> {
    let (main, machine) = shown.main();
    let (rows, cols) = plastic.sides;
    let mut place: Vec<usize> = (0..rows).collect();
    if rows == shown.script.groups.len() {
        // Row 0 is the top of the table.
        place = places(shown).iter().map(|p| rows - 1 - *p as usize).collect();
    }
    let table = |name: &str, value: &dyn Fn(usize) -> f64| {
        let mut values = vec![f64::NAN; rows * cols];
        for (k, (pre, post)) in plastic.synapses.iter().enumerate() {
            values[place[*pre] * cols + post] = value(k);
        }
        WeightMap { name: name.to_owned(), values, rows, cols }
    };
    let (before, after) = (&main.before, main.after());
    let tables = [
        table("before the episode", &|k| before[k]),
        table("after it", &|k| after[k]),
        table("change", &|k| after[k] - before[k]),
    ];
    let title = format!("{}, weights of '{}' on {machine}", exam.model.name, plastic.name);
    let note = "rows from the top: lines of right cue, left cue, decision, noise; one column per \
                post neuron; grey: no synapse";
    Ok(weight_tables(&title, note, &tables)?)
}
