//! The report of a run, whatever its protocol.

use crate::costs::Costs;
use crate::curve::CurveReport;
use crate::few_shot::FewShotReport;
use serde_json::Value;
use std::fmt;
use trifactor_emu::Cause;

/// What a run found.
#[derive(Clone, Debug)]
pub enum Report {
    /// A few-shot protocol: accuracies.
    FewShot(Box<FewShotReport>),
    /// Any other protocol: what it recorded, float beside chip.
    Curve(Box<CurveReport>),
}

impl Report {
    /// The machine-readable report.
    pub fn to_json(&self) -> Value {
        let mut all = match self {
            Self::FewShot(report) => report.to_json(),
            Self::Curve(report) => report.to_json(),
        };
        if let Value::Object(all) = &mut all {
            all.insert("costs".to_owned(), self.costs().to_json());
        }
        all
    }
    /// Time and energy by cause.
    pub fn costs(&self) -> &Costs {
        match self {
            Self::FewShot(report) => &report.costs,
            Self::Curve(report) => &report.costs,
        }
    }
    /// Files for the run's folder: name and content.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        match self {
            Self::FewShot(report) => report.files(),
            Self::Curve(report) => report.files(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewShot(report) => report.fmt(f)?,
            Self::Curve(report) => report.fmt(f)?,
        }
        write!(f, "\n{}", self.costs())
    }
}

/// A cause of cost in words.
pub(crate) fn cause_name(cause: Cause) -> String {
    match cause {
        Cause::AxonIn => "messages in".to_owned(),
        Cause::SynapseWord => "synapse words".to_owned(),
        Cause::Synop => "synaptic operations".to_owned(),
        Cause::CompartmentInactive => "compartments, inactive".to_owned(),
        Cause::CompartmentActive => "compartments, active".to_owned(),
        Cause::SpikeOut => "spikes".to_owned(),
        Cause::AxonOut => "messages out".to_owned(),
        Cause::TileEntry => "mesh entries".to_owned(),
        Cause::HopEw => "hops east or west".to_owned(),
        Cause::HopNs => "hops north or south".to_owned(),
        Cause::HopChip => "hops to another chip".to_owned(),
        Cause::Trace => "traces".to_owned(),
        Cause::Modulator => "modulators".to_owned(),
        Cause::RuleState => "learning, synapse states".to_owned(),
        Cause::RuleInstruction(class) => {
            format!("learning, {} instructions", format!("{class:?}").to_lowercase())
        }
        Cause::RuleSkip => "learning, skipped synapses".to_owned(),
        Cause::Stall => "compartments that waited to send".to_owned(),
        Cause::UnderWay => "messages still under way".to_owned(),
        Cause::Barrier => "barriers".to_owned(),
        Cause::HostWrite => "host writes".to_owned(),
        Cause::HostReset => "host resets".to_owned(),
        Cause::Static => "static power".to_owned(),
    }
}
