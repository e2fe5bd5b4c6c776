//! What is beside the network: formats, probes, the protocol's names.

use crate::report::{Report, suggestion};
use crate::surface::{FormatSpec, ModelFile, VerifySpec};
use trifactor_fixed::Rounding;
use trifactor_ir::{Network, SpaceKind, StateId};
use trifactor_stimulus::{Input, Score};

/// A format that the author insists on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FormatOverride {
    /// The state.
    pub state: StateId,
    /// Stored bits, the sign included, 1 to 32.
    pub bits: u8,
    /// Fraction bits.
    pub frac: i8,
    /// Whether there is a sign; `None` leaves it to the plan.
    pub signed: Option<bool>,
    /// Rounding of stores; `None` leaves it to the plan.
    pub rounding: Option<Rounding>,
}

/// A state to record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    /// The state.
    pub state: StateId,
    /// Its full name.
    pub name: String,
    /// Lanes in the author's order; `None` for all.
    pub lanes: Option<Vec<u32>>,
    /// Every how many steps.
    pub every: u32,
}

fn full_names(network: &Network) -> Vec<(String, StateId)> {
    network.states.ids().map(|id| (network.full_name(id), id)).collect()
}

fn find(
    names: &[(String, StateId)],
    wanted: &str,
    code: &'static str,
    key: &str,
    report: &mut Report,
) -> Option<StateId> {
    let found = names.iter().find(|(n, _)| n == wanted).map(|(_, id)| *id);
    if found.is_none() {
        let known: Vec<&str> = names.iter().map(|(n, _)| n.as_str()).collect();
        let hint = suggestion(wanted, "state", &known);
        report.error_hint(code, key, format!("there is no state '{wanted}'"), hint);
    }
    found
}

/// Formats by state.
pub(crate) fn formats(
    file: &ModelFile,
    network: &Network,
    report: &mut Report,
) -> Vec<FormatOverride> {
    let names = full_names(network);
    let mut made = Vec::new();
    for (name, spec) in file.formats.iter() {
        let key = format!("formats.{name}");
        let FormatSpec { bits, frac, signed, rounding } = *spec;
        if !(1..=32).contains(&bits) || !(-32..=62).contains(&frac) {
            let message =
                format!("{bits} bits with {frac} fraction bits; 1 to 32 and -32 to 62 are allowed");
            report.error("M041", &key, message);
        }
        if let Some(state) = find(&names, name, "M041", &key, report) {
            made.push(FormatOverride { state, bits, frac, signed, rounding });
        }
    }
    made
}

/// Probes by state.
pub(crate) fn probes(file: &ModelFile, network: &Network, report: &mut Report) -> Vec<Probe> {
    let names = full_names(network);
    let mut made = Vec::new();
    for (i, spec) in file.probes.iter().enumerate() {
        let key = format!("probes[{i}]");
        let Some(state) = find(&names, &spec.state, "M042", &format!("{key}.state"), report) else {
            continue;
        };
        let n = network.lanes(network.states[state].space);
        let outside = spec.lanes.iter().flatten().find(|l| **l as usize >= n);
        if let Some(lane) = outside {
            report.error(
                "M042",
                format!("{key}.lanes"),
                format!(
                    "lane {lane} of '{}' does not exist; it has {n}, counted from 0",
                    spec.state
                ),
            );
        }
        if spec.every == Some(0) {
            report.error("M042", format!("{key}.every"), "every 0 steps; at least 1 is needed");
        }
        made.push(Probe {
            state,
            name: spec.state.clone(),
            lanes: spec.lanes.clone(),
            every: spec.every.unwrap_or(1),
        });
    }
    made
}

/// What a verification asks, checked.
pub(crate) fn thresholds(file: &ModelFile, network: &Network, report: &mut Report) -> VerifySpec {
    let spec = &file.verify;
    let names = full_names(network);
    let above_0 = |x: f64| x.is_finite() && x > 0.0;
    for (key, value, most) in [
        ("score_loss", spec.score_loss, 100.0),
        ("weight_error", spec.weight_error, 1000.0),
        ("bound", spec.bound, 1000.0),
    ] {
        if !(above_0(value) && value <= most) {
            let key = format!("verify.{key}");
            report.error("M045", key, format!("{value}; above 0 and at most {most} is allowed"));
        }
    }
    for (name, limit) in spec.drift.iter() {
        let key = format!("verify.drift.{name}");
        if !above_0(*limit) {
            report.error(
                "M045",
                &key,
                format!("{limit} units of the last place; above 0 is allowed"),
            );
        }
        find(&names, name, "M045", &key, report);
    }
    if spec.trials.is_some_and(|n| !(2..=1_000_000).contains(&n)) {
        let n = spec.trials.unwrap_or(0);
        let message = format!("{n} trials; 2 to 1000000 are allowed");
        report.error("M045", "verify.trials", message);
    }
    spec.clone()
}

/// Findings about data sets and the protocol.
pub(crate) fn protocol_faults(
    file: &ModelFile,
    inputs: &[Input],
    network: &Network,
    report: &mut Report,
) {
    for (name, spec) in file.datasets.iter() {
        for (part, path) in spec.files() {
            let bad = std::path::Path::new(path).components().any(|c| {
                !matches!(c, std::path::Component::Normal(_) | std::path::Component::CurDir)
            });
            if bad || path.is_empty() {
                report.error_hint(
                    "M019",
                    format!("datasets.{name}.{part}"),
                    format!("'{path}' is not a path inside a folder"),
                    "write a relative path without '..'; the data folder is given when the model runs",
                );
            }
        }
        if let Some(fault) = spec.prepare().iter().find_map(|p| p.fault()) {
            report.error("M044", format!("datasets.{name}.prepare"), fault);
        }
    }
    let Some(protocol) = &file.protocol else {
        return;
    };
    for fault in protocol.faults(inputs, file.datasets.entries()) {
        match fault.hint {
            Some(hint) => report.error_hint("M043", fault.key, fault.message, hint),
            None => report.error("M043", fault.key, fault.message),
        }
    }
    let names = full_names(network);
    for (i, phase) in protocol.phases.iter().enumerate() {
        let Some(readout) = &phase.readout else {
            continue;
        };
        let key = format!("protocol.phases[{i}].readout");
        let space = network
            .space(&readout.population)
            .filter(|s| matches!(network.spaces[*s].kind, SpaceKind::Population { .. }));
        let Some(space) = space else {
            let known = file.populations.names().chain(file.inputs.names());
            report.unknown(format!("{key}.population"), "population", &readout.population, known);
            continue;
        };
        let known = match readout.variable.as_str() {
            "spikes" => network.spikes(space).is_some(),
            name => network.state(space, name).is_some(),
        };
        if !known {
            report.error_hint(
                "M043",
                format!("{key}.variable"),
                format!("'{}' has no '{}' to read", readout.population, readout.variable),
                "read v of any population, or spikes of one with a threshold",
            );
        }
        let n = network.lanes(space);
        if let Score::ArgmaxEquals(lane) = readout.score
            && lane as usize >= n
        {
            let name = &readout.population;
            let message =
                format!("lane {lane} of '{name}' does not exist; it has {n}, counted from 0");
            report.error("M043", format!("{key}.score"), message);
        }
        for name in &readout.record {
            find(&names, name, "M043", &format!("{key}.record"), report);
        }
    }
}
