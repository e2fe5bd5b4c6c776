//! `trifactor dump`: what stands between two stages.

use crate::exit::Fault;
use crate::listing::{self, mesh};
use crate::source::{ModelArgs, Ready};
use crate::terminal::Terminal;
use std::fmt::Write;
use trifactor_compile::structure;
use trifactor_ir::text;
use trifactor_lab::planned;
use trifactor_model::{parse_model, print_model};

const EXAMPLES: &str = "\
Examples:
  trifactor dump firmware-models/pair-stdp --stage ir
  trifactor dump firmware-models/pair-stdp --stage rules > pair-stdp.md
  trifactor dump firmware-models/pair-stdp --stage plan --chip large | less

The stages in order:
  surface  the keys of model.ron as they were read, with what was left out filled in; it is a
           model.ron itself
  ir       the network: spaces, states, kernels and the phases of a time step
  plan     number formats, binary points and the error each rounding may cause
  ucode    the microcode of each rule before it has an address
  rules    a page in Markdown: each rule as written, its formats, operations, microcode and cost
           with every preset, and which chips hold it
  proof    what each register of it holds, as an expression, and which values that has
  place    which core of which tile hosts which lanes, and what filled it
  image    what goes onto each core

A stage needs only those before it, so a model that does not compile can be looked at up to the
stage that fails.";

/// Print a model as it is between two stages.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    #[command(flatten)]
    model: ModelArgs,
    /// What to print.
    #[arg(long, value_enum)]
    stage: Stage,
}

/// What stands between two stages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Stage {
    /// Keys of model.ron.
    Surface,
    /// The network.
    Ir,
    /// Number formats.
    Plan,
    /// Microcode.
    Ucode,
    /// A page on each rule.
    Rules,
    /// Expressions and values of registers.
    Proof,
    /// Lanes on cores.
    Place,
    /// Memories of cores.
    Image,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        let text = match self.stage {
            Stage::Surface => self.surface()?,
            Stage::Ir => {
                let model = self.model.load()?;
                terminal.findings(&model.warnings);
                text::print_network(&model.network)
            }
            Stage::Plan => self.plan(terminal)?,
            Stage::Ucode | Stage::Rules | Stage::Proof | Stage::Place | Stage::Image => {
                let ready = self.model.ready()?;
                terminal.findings(&ready.findings);
                match self.stage {
                    Stage::Ucode => listing::ucode::all(&ready)?,
                    Stage::Rules => listing::rules::page(&self.model, &ready)?,
                    Stage::Proof => listing::proofs(&ready)?,
                    Stage::Place => place(&ready)?,
                    _ => image(&ready),
                }
            }
        };
        terminal.print(&text)
    }

    fn surface(&self) -> Result<String, Fault> {
        let path = self.model.file();
        let label = path.display().to_string();
        let text = self.model.text()?;
        Ok(print_model(&parse_model(&text, &label)?))
    }

    fn plan(&self, terminal: &Terminal) -> Result<String, Fault> {
        let model = self.model.load()?;
        let chip = self.model.chip(&model)?;
        let (network, plan, warnings) =
            planned(&model, &chip).map_err(|found| self.model.in_model(found))?;
        terminal.findings(&self.model.in_model(warnings));
        Ok(plan.print(&network))
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("internal: a String accepts every text");
}

fn place(ready: &Ready) -> Result<String, Fault> {
    let net = &ready.model.network;
    let structure = structure::read(net)?;
    let report = ready.mesh()?;
    let mut out = mesh::map(&report);
    let compiled = &ready.prepared.compiled;
    for (k, on) in compiled.arrangement.by_number().into_iter().zip(&report.cores) {
        let core = &compiled.placement.cores[k];
        let (column, row) = on.tile;
        line(&mut out, format_args!("core {} on tile ({column}, {row})", on.number));
        for s in &core.slices {
            let name = &net.spaces[structure.populations[s.population].space].name;
            let (end, last) = (s.first_lane + s.n, s.first_compartment + s.n);
            line(
                &mut out,
                format_args!(
                    "  {name}[{}..{end}] in compartments {}..{last}",
                    s.first_lane, s.first_compartment
                ),
            );
        }
        for r in &core.ranges {
            let name = &net.spaces[structure.modulators[r.modulator].space].name;
            let end = r.first_lane + r.n;
            line(&mut out, format_args!("  modulator {name}[{}..{end}]", r.first_lane));
        }
        line(&mut out, format_args!("  {}", mesh::full(on, report.spread)));
    }
    Ok(out)
}

fn image(ready: &Ready) -> String {
    let image = &ready.prepared.compiled.image;
    let mut out = listing::header(image, &ready.prepared.chip.name);
    for core in &image.cores {
        out.push('\n');
        out += &listing::core(image, core, false);
    }
    out
}
