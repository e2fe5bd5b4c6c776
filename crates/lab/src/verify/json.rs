//! The report for machines. Units are in the keys; `lsb` is a unit of a variable's last place.

use super::follow::Bucket;
use super::{At, Cause, Drift, Variable, Verification};
use crate::statistics::Estimate;
use serde_json::{Value, json};
use trifactor_diag::Diagnostic;

/// Learnt values of a state that are listed.
const MOST_VALUES: usize = 50_000;

impl Verification {
    /// The machine-readable report, with everything that text and page show.
    pub fn to_json(&self) -> Value {
        let checks: Vec<Value> = self
            .checks
            .iter()
            .map(|c| json!({ "check": c.key, "outcome": c.outcome.word(), "text": c.text }))
            .collect();
        let difference = self.equality.difference.as_ref().map(|d| {
            json!({
                "trial": d.trial, "step": d.step, "core": d.core, "variable": d.variable,
                "lane": d.lane, "chip_raw": d.chip, "fixed_raw": d.fixed, "key": d.key,
                "word": d.line.as_ref().map(|l| l.0), "line": d.line.as_ref().map(|l| &l.1),
            })
        });
        let first = self.spikes.first.as_ref().map(|s| {
            let mut value = place(s.at);
            value["population"] = s.population.clone().into();
            value["in_float"] = s.in_float.into();
            value
        });
        let parameters: Vec<Value> = self
            .parameters
            .iter()
            .map(|p| {
                json!({
                    "name": p.name, "format": p.format, "max": p.max, "lane": p.lane,
                    "rms": p.rms, "peak": p.peak,
                })
            })
            .collect();
        let series: Vec<Value> = self
            .series
            .iter()
            .map(|s| json!({ "name": s.name, "x": self.x_label, "points": s.points }))
            .collect();
        let examples: Vec<Value> = self
            .examples
            .iter()
            .map(|e| json!({ "name": e.name, "lane": e.lane, "points": e.points }))
            .collect();
        // A page shows any number of values as a histogram; a list of too many helps nobody.
        let few = self.learnt.iter().filter(|l| l.float.len() <= MOST_VALUES);
        let learnt: Vec<Value> =
            few.map(|l| json!({ "name": l.name, "float": l.float, "fixed": l.fixed })).collect();
        let saturations = self.saturations.iter().map(|(k, v)| (k.clone(), json!(v)));
        let warning = |d: &Diagnostic| json!({ "code": d.code, "message": d.message });
        json!({
            "model": self.model,
            "chip": self.chip,
            "verdict": self.verdict().to_lowercase(),
            "passes": self.passes(),
            "quick": self.quick,
            "seed": self.seed,
            "per": self.unit,
            "trials": self.trials,
            "followed": self.followed,
            "steps": self.steps,
            "checks": checks,
            "emulator": {
                "trials": self.equality.trials,
                "steps": self.equality.steps,
                "values": self.equality.values,
                "spikes": self.equality.spikes,
                "difference": difference,
            },
            "spikes": {
                "float": self.spikes.float,
                "different": self.spikes.different,
                "trials": self.spikes.trials,
                "first": first,
                "decided_by_rounding": self.flips,
            },
            "variables": self.variables.iter().map(variable).collect::<Vec<_>>(),
            "parameters": parameters,
            "performance": self.performance.as_ref().map(|p| json!({
                "compared": p.kind.words(),
                "float": p.float.as_ref().map(estimate),
                "chip": p.chip.as_ref().map(estimate),
                "loss": estimate(&p.loss),
                "limit": p.limit,
                "unit": p.kind.unit(),
            })),
            "saturations": saturations.collect::<serde_json::Map<String, Value>>(),
            "causes": self.causes.as_ref().map(|c| json!({
                "trials": c.trials,
                "all_formats": estimate(&c.all),
                "chip": estimate(&c.chip),
                "states": c.list.iter().map(cause).collect::<Vec<_>>(),
                "guilty": c.guilty().map(|c| &c.name).collect::<Vec<_>>(),
                "exact": c.exact,
            })),
            "cure": self.cure.as_ref().map(|c| json!({
                "found": c.best().map(|a| &a.formats),
                "attempts": c.attempts.iter().map(|a| json!({
                    "formats": a.formats,
                    "bits": a.bits,
                    "loss": a.loss.as_ref().map(estimate),
                    "cures": a.cures,
                })).collect::<Vec<_>>(),
            })),
            "series": series,
            "examples": examples,
            "learnt": learnt,
            "warnings": self.warnings.iter().map(warning).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

fn place(at: At) -> Value {
    json!({ "trial": at.trial, "step": at.step, "lane": at.lane })
}

/// An unknown half width is no number.
fn estimate(e: &Estimate) -> Value {
    let half = e.half_width.is_finite().then_some(e.half_width);
    json!({ "mean": e.mean, "half_width": half, "n": e.n })
}

fn cause(c: &Cause) -> Value {
    let variants =
        c.variants.iter().map(|(words, loss)| json!({ "what": words, "loss": estimate(loss) }));
    json!({
        "state": c.name,
        "format": c.format,
        "explains": c.explains,
        "saved_if_undone": estimate(&c.saved),
        "lost_if_alone": estimate(&c.alone),
        "variants": variants.collect::<Vec<_>>(),
    })
}

fn variable(v: &Variable) -> Value {
    let local = &v.local;
    let share = local.share.is_finite().then_some(local.share);
    json!({
        "name": v.name,
        "kind": v.kind.word(),
        "format": v.format,
        "lsb": v.lsb,
        "predicted_bound_lsb": v.predicted / v.lsb,
        "one_step": {
            "evaluations": local.n,
            "max_lsb": local.max / v.lsb,
            "at": place(local.at),
            "bound_lsb": local.bound / v.lsb,
            "largest_share_of_bound": share,
            "share_at": place(local.share_at),
            "bias_lsb": local.bias().map(|(mean, error)| json!({
                "mean": mean / v.lsb, "standard_error": error / v.lsb,
            })),
            "changes": local.changes,
            "lost": local.lost,
            "kept": local.kept(),
            "clipped": local.clipped,
            "limited_by_range": local.limited,
        },
        "given_floats_spikes": v.taught.as_ref().map(|d| drift(d, v.lsb)),
        "own_spikes": v.free.as_ref().map(|d| drift(d, v.lsb)),
    })
}

fn drift(d: &Drift, lsb: f64) -> Value {
    let curve = |f: &dyn Fn(&Bucket) -> f64| -> Vec<f64> { d.curve.iter().map(f).collect() };
    json!({
        "rms_lsb": d.rms() / lsb,
        "max_lsb": d.max / lsb,
        "at": place(d.at),
        "rms_relative": d.relative(d.rms()),
        "max_relative": d.relative(d.max),
        "over_time_rms_lsb": curve(&|b| b.rms() / lsb),
        "over_time_max_lsb": curve(&|b| b.max / lsb),
    })
}
