//! `trifactor check`: everything up to the image, without writing it.

use crate::exit::Fault;
use crate::findings;
use crate::source::{ModelArgs, Ready};
use crate::table::{counted, grouped, percent};
use crate::terminal::Terminal;
use serde_json::{Value, json};
use trifactor_compile::report::Resource;
use trifactor_ir::{Network, SpaceKind};

const EXAMPLES: &str = "\
Examples:
  trifactor check firmware-models/pair-stdp
  trifactor check firmware-models/pair-stdp --chip large
  trifactor check firmware-models/pair-stdp --json | jq .diagnostics

Findings are on standard error, each with its place, the limit and a way out; the summary is on
standard output. `trifactor explain CODE` says more about a finding.";

/// Check a model: read it, choose number formats, compile it for its chip; write nothing.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    #[command(flatten)]
    model: ModelArgs,
    /// Print summary and findings as JSON.
    #[arg(long)]
    json: bool,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        let ready = match self.model.ready() {
            Ok(ready) => ready,
            Err(fault) => return self.fail(fault, terminal),
        };
        terminal.findings(&ready.findings);
        let summary = Summary::of(&ready);
        if self.json {
            let mut value = summary.to_json();
            value["ok"] = true.into();
            value["diagnostics"] = findings::to_json(&ready.findings);
            terminal.print_json(&value)
        } else {
            terminal.print(&summary.to_text())
        }
    }

    /// A machine reads the findings on standard output even when they are why there is no
    /// summary; the exit code stays.
    fn fail(&self, fault: Fault, terminal: &Terminal) -> Result<(), Fault> {
        if self.json {
            match &fault {
                Fault::Model(found) => {
                    let list = findings::to_json(found);
                    terminal.print_json(&json!({ "ok": false, "diagnostics": list }))?;
                }
                Fault::File(text) => {
                    terminal
                        .print_json(&json!({ "ok": false, "diagnostics": [], "error": text }))?;
                }
                Fault::Usage(_) | Fault::Closed => {}
            }
        }
        Err(fault)
    }
}

/// What there is, and how full the chip is.
struct Summary<'a> {
    ready: &'a Ready,
    /// Core and resource with the largest share in use.
    fullest: Option<(u32, Resource)>,
}

impl<'a> Summary<'a> {
    fn of(ready: &'a Ready) -> Self {
        let cores = &ready.prepared.compiled.report.cores;
        let all = cores.iter().flat_map(|(core, list)| list.iter().map(|r| (*core, *r)));
        // Compared as fractions, exactly; of equals the first counts.
        let fuller = |a: &Resource, b: &Resource| {
            u128::from(a.used) * u128::from(b.allowed) > u128::from(b.used) * u128::from(a.allowed)
        };
        let fullest = all.reduce(|best, next| if fuller(&next.1, &best.1) { next } else { best });
        Self { ready, fullest }
    }

    fn network(&self) -> &Network {
        self.ready.model.network.network()
    }

    fn proved(&self) -> trifactor_prove::Summary {
        self.ready.prepared.compiled.proofs.iter().map(|p| p.proof.summary()).sum()
    }

    fn to_text(&self) -> String {
        let net = self.network();
        let report = &self.ready.prepared.compiled.report;
        let lanes = |kind: fn(&SpaceKind) -> bool| -> (usize, u64) {
            let spaces = net.spaces.iter().filter(|(_, s)| kind(&s.kind));
            let counts: Vec<u64> = spaces.map(|(id, _)| net.lanes(id) as u64).collect();
            (counts.len(), counts.iter().sum())
        };
        let (n_populations, n_lanes) = lanes(|k| matches!(k, SpaceKind::Population { .. }));
        let (n_projections, n_synapses) = lanes(|k| matches!(k, SpaceKind::Synapses(_)));
        let (n_modulators, n_lines) = lanes(|k| matches!(k, SpaceKind::Modulator { .. }));
        let (n_plastic, plastic_synapses) = plastic(net);
        let n_inputs = net.inputs().len();
        let mut out = format!(
            "model        {}\n\
             chip         {}\n\
             populations  {n_populations} with {}, {n_inputs} of them inputs\n\
             projections  {n_projections} with {}, {n_plastic} plastic with {}\n\
             modulators   {n_modulators} with {}\n\
             epoch        {}\n\
             proved       {}\n\
             cores        {} of {}\n",
            net.name,
            self.ready.prepared.chip.name,
            counted(n_lanes, "lane"),
            counted(n_synapses, "synapse"),
            grouped(plastic_synapses),
            counted(n_lines, "line"),
            counted(net.epoch.into(), "step"),
            self.proved(),
            grouped(report.cores.len() as u64),
            grouped(report.n_cores.into()),
        );
        if let Some((core, r)) = self.fullest {
            out += &format!(
                "fullest      {} of core {core}: {} of {} ({})\n",
                r.name,
                grouped(r.used),
                grouped(r.allowed),
                percent(r.used, r.allowed)
            );
        }
        out
    }

    fn to_json(&self) -> Value {
        let net = self.network();
        let inputs = net.inputs();
        let plastic = net.plastic();
        let spaces = || net.spaces.iter();
        let populations: Vec<Value> = spaces()
            .filter(|(_, s)| matches!(s.kind, SpaceKind::Population { .. }))
            .map(|(id, s)| {
                json!({ "name": s.name, "lanes": net.lanes(id), "input": inputs.contains(&id) })
            })
            .collect();
        let projections: Vec<Value> = spaces()
            .filter_map(|(id, s)| {
                let synapses = net.synapses(id)?;
                Some(json!({
                    "name": s.name,
                    "pre": net.spaces[synapses.pre].name,
                    "post": net.spaces[synapses.post].name,
                    "synapses": synapses.len(),
                    "plastic": plastic.contains(&id),
                }))
            })
            .collect();
        let modulators: Vec<Value> = spaces()
            .filter(|(_, s)| matches!(s.kind, SpaceKind::Modulator { .. }))
            .map(|(id, s)| json!({ "name": s.name, "lines": net.lanes(id) }))
            .collect();
        let report = &self.ready.prepared.compiled.report;
        let proved = self.proved();
        json!({
            "model": net.name,
            "model_hash": self.ready.prepared.compiled.image.meta.model_hash,
            "chip": self.ready.prepared.chip.name,
            "epoch": net.epoch,
            "proved": {
                "rules": proved.rules,
                "micro_operations": proved.operations,
                "intermediates": proved.writes,
                "cannot_saturate": proved.fit + proved.clamped,
                "shown_to_saturate": proved.shown,
                "unproved": proved.open,
            },
            "populations": populations,
            "projections": projections,
            "modulators": modulators,
            "cores": { "used": report.cores.len(), "of": report.n_cores },
            "fullest": self.fullest.map(|(core, r)| json!({
                "core": core, "resource": r.name, "used": r.used, "allowed": r.allowed,
            })),
        })
    }
}

/// Number of plastic projections and of their synapses.
fn plastic(net: &Network) -> (usize, u64) {
    let spaces = net.plastic();
    (spaces.len(), spaces.iter().map(|s| net.lanes(*s) as u64).sum())
}
