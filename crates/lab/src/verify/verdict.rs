//! The verdict: what a model allows, beside what was found.

use super::{Compared, Performance, Verification};
use crate::statistics::Estimate;
use trifactor_model::surface::VerifySpec;

/// How one part of the verdict came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Not shown either way by so many trials.
    Undecided,
    /// Not as it should be.
    Fail,
}

impl Outcome {
    /// The word of reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Undecided => "undecided",
            Self::Fail => "fail",
        }
    }
}

/// One part of the verdict.
#[derive(Clone, PartialEq, Debug)]
pub struct Check {
    /// Name for machines.
    pub key: &'static str,
    /// How it came out.
    pub outcome: Outcome,
    /// What was found and what is allowed.
    pub text: String,
}

/// Key of the check whose failure is explained and cured.
pub(super) const LOSS: &str = "loss";

/// Whether a check fails. What too few trials leave open fails, unless few trials were asked for.
fn fails(check: &Check, quick: bool) -> bool {
    match check.outcome {
        Outcome::Pass => false,
        Outcome::Undecided => !quick,
        Outcome::Fail => true,
    }
}

/// Whether nothing fails.
pub(super) fn passes(checks: &[Check], quick: bool) -> bool {
    !checks.iter().any(|c| fails(c, quick))
}

/// A loss and its limit: the whole interval has to lie within it. A single trial has no interval;
/// its own loss counts.
pub(super) fn loss_outcome(loss: &Estimate, limit: f64) -> Outcome {
    let half = if loss.half_width.is_finite() { loss.half_width } else { 0.0 };
    if loss.mean + half <= limit {
        Outcome::Pass
    } else if loss.mean > limit {
        Outcome::Fail
    } else {
        Outcome::Undecided
    }
}

/// The number of trials that would decide, by the spread of those that were run; none where they
/// decide already.
pub(super) fn wanted(p: &Performance) -> Option<u32> {
    let Estimate { mean, half_width, n } = p.loss;
    let open = loss_outcome(&p.loss, p.limit) == Outcome::Undecided;
    let room = (p.limit - mean).max(1e-3 * p.limit);
    // Far more than a u32 holds is as good as its end.
    open.then(|| (n as f64 * (half_width / room).powi(2)).ceil() as u32)
}

/// All parts of the verdict.
pub(super) fn checks(found: &Verification, spec: &VerifySpec) -> Vec<Check> {
    let mut list = vec![equality(found), bound(found, spec.bound)];
    list.extend(loss(found));
    list.extend(spec.saturations.map(|most| saturations(found, most)));
    for (name, limit) in spec.drift.iter() {
        list.extend(drift(found, name, *limit));
    }
    list
}

fn pass(passes: bool) -> Outcome {
    if passes { Outcome::Pass } else { Outcome::Fail }
}

fn equality(found: &Verification) -> Check {
    let e = &found.equality;
    let text = match &e.difference {
        Some(difference) => format!("the chip differs from the fixed reading: {difference}"),
        None => {
            format!("the chip equals the fixed reading: {} values in {} steps", e.values, e.steps)
        }
    };
    Check { key: "emulator", outcome: pass(e.difference.is_none()), text }
}

fn bound(found: &Verification, limit: f64) -> Check {
    let worst =
        found.variables.iter().reduce(|a, b| if b.local.share > a.local.share { b } else { a });
    let share = worst.map_or(0.0, |v| v.local.share);
    let text = match worst.filter(|v| v.local.share > 0.0) {
        None => "single evaluations: no rounding at all".to_owned(),
        Some(v) => {
            let at = v.local.share_at;
            format!(
                "single evaluations: at most {:.3} of the predicted bound ({}, {} {}, step {}, lane {}); {limit} is allowed",
                v.local.share, v.name, found.unit, at.trial, at.step, at.lane
            )
        }
    };
    // The bound itself is reached where a value lies in the middle of two.
    Check { key: "bound", outcome: pass(share <= limit * (1.0 + 1e-6)), text }
}

fn loss(found: &Verification) -> Option<Check> {
    let p = found.performance.as_ref()?;
    let Estimate { mean, half_width, n } = p.loss;
    let outcome = loss_outcome(&p.loss, p.limit);
    let interval =
        if half_width.is_finite() { format!(" ± {half_width:.2}") } else { String::new() };
    let unit = found.unit;
    let mut text = match p.kind {
        Compared::Score => format!(
            "score: the chip loses {:.2}{interval} points in {n} paired {unit}s; {} is allowed",
            mean + 0.0,
            p.limit
        ),
        kind @ (Compared::Learnt | Compared::Recorded) => format!(
            "{}: {mean:.2}{interval} % of float's largest change apart in {n} paired {unit}s; {} % is allowed",
            kind.words(),
            p.limit
        ),
    };
    if let Some(wanted) = wanted(p) {
        text += &format!("; about {wanted} {unit}s would show it (--trials)");
    }
    Some(Check { key: LOSS, outcome, text })
}

fn saturations(found: &Verification, most: u64) -> Check {
    let clipped: u64 = found.variables.iter().map(|v| v.local.clipped).sum();
    let text =
        format!("clipped: {clipped} stores in the {}s followed; {most} are allowed", found.unit);
    Check { key: "saturations", outcome: pass(clipped <= most), text }
}

fn drift(found: &Verification, name: &str, limit: f64) -> Option<Check> {
    let v = found.variables.iter().find(|v| v.name == name)?;
    let rms = v.taught.as_ref()?.rms() / v.lsb;
    let text = format!(
        "drift of {name}: {rms:.2} units of its last place (rms, with float's spikes); {limit} are allowed"
    );
    Some(Check { key: "drift", outcome: pass(rms <= limit), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss_of(mean: f64, half_width: f64) -> Outcome {
        loss_outcome(&Estimate { mean, half_width, n: 10 }, 1.0)
    }

    #[test]
    fn the_whole_interval_has_to_lie_within_the_limit() {
        assert_eq!(loss_of(0.2, 0.5), Outcome::Pass);
        assert_eq!(loss_of(-3.0, 0.5), Outcome::Pass, "a gain is no loss");
        assert_eq!(loss_of(0.2, 0.9), Outcome::Undecided);
        assert_eq!(loss_of(1.2, 0.1), Outcome::Fail);
        assert_eq!(loss_of(0.9, f64::INFINITY), Outcome::Pass, "one trial");
    }

    #[test]
    fn what_is_undecided_fails_unless_few_trials_were_asked_for() {
        let check = |outcome| Check { key: LOSS, outcome, text: String::new() };
        assert!(passes(&[check(Outcome::Pass)], false));
        assert!(!passes(&[check(Outcome::Undecided)], false));
        assert!(passes(&[check(Outcome::Undecided)], true));
        assert!(!passes(&[check(Outcome::Fail)], true));
    }
}
