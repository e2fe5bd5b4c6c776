//! `trifactor compile`: from a model to a chip image.

use crate::exit::Fault;
use crate::listing::mesh;
use crate::source::ModelArgs;
use crate::table::{grouped, percent, table};
use crate::terminal::Terminal;
use serde_json::{Value, json};
use std::path::PathBuf;
use trifactor_compile::report::Utilisation;
use trifactor_image::elf;

const EXAMPLES: &str = "\
Examples:
  trifactor compile firmware-models/pair-stdp -o stdp.elf
  trifactor compile firmware-models/pair-stdp --chip my-chip.ron -o stdp.elf
  trifactor compile firmware-models/cue-association -o cue.elf --report

The image is an ELF file: readelf and objdump list it, `trifactor disasm` reads it in full, and
docs/image-format.md describes every byte. It appears complete or not at all. The same model and
chip always give the same bytes. The table on standard output shows how full each core is; --report adds
where the cores are on the mesh, what their messages load and what limits each (docs/placement.md).";

/// Compile a model to a chip image.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    #[command(flatten)]
    model: ModelArgs,
    /// File to write; one that exists is replaced.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Also print where cores are on the mesh, hops and the most loaded link, and what filled each core.
    #[arg(long)]
    report: bool,
    /// Print how full the cores are as JSON.
    #[arg(long)]
    json: bool,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        let path = self.output.display();
        if self.output.is_dir() {
            return Err(Fault::File(format!("{path} is a folder; name a file to write")));
        }
        let ready = self.model.ready()?;
        terminal.findings(&ready.findings);
        let compiled = &ready.prepared.compiled;
        elf::write_file(&compiled.image, &self.output)
            .map_err(|e| Fault::File(format!("cannot write the image: {e}")))?;
        terminal.note(&format!("wrote {path}"));
        if self.json {
            let mut value = to_json(&compiled.report);
            let meta = &compiled.image.meta;
            value["image"] = self.output.to_string_lossy().into();
            value["chip"] = ready.prepared.chip.name.as_str().into();
            value["model_hash"] = meta.model_hash.as_str().into();
            value["plan_hash"] = meta.plan_hash.as_str().into();
            if self.report {
                value["mesh"] = mesh::to_json(&ready.mesh()?);
            }
            terminal.print_json(&value)
        } else {
            let mut text = to_text(&compiled.report);
            if self.report {
                text.push('\n');
                text += &mesh::text(&ready.mesh()?);
            }
            terminal.print(&text)
        }
    }
}

/// One row per core, below how much a core holds.
fn to_text(report: &Utilisation) -> String {
    let Some((_, first)) = report.cores.first() else {
        return "no core is used\n".to_owned();
    };
    let mut header = vec!["core"];
    header.extend(first.iter().map(|r| r.name));
    let mut limits = vec!["holds".to_owned()];
    limits.extend(first.iter().map(|r| grouped(r.allowed)));
    let rows = report.cores.iter().map(|(core, resources)| {
        let mut row = vec![core.to_string()];
        let used = |r: &trifactor_compile::report::Resource| {
            format!("{} ({})", grouped(r.used), percent(r.used, r.allowed))
        };
        row.extend(resources.iter().map(used));
        row
    });
    let rows: Vec<Vec<String>> = std::iter::once(limits).chain(rows).collect();
    let n = report.cores.len();
    format!("{}{n} of {} cores\n", table(&header, &rows), grouped(report.n_cores.into()))
}

fn to_json(report: &Utilisation) -> Value {
    let cores: Vec<Value> = report
        .cores
        .iter()
        .map(|(core, resources)| {
            let list: Vec<Value> = resources
                .iter()
                .map(|r| json!({ "name": r.name, "used": r.used, "allowed": r.allowed }))
                .collect();
            json!({ "core": core, "resources": list })
        })
        .collect();
    json!({ "cores": cores, "n_cores": report.n_cores })
}

#[cfg(test)]
mod tests {
    use super::*;
    use trifactor_compile::report::Resource;

    #[test]
    fn the_table_has_a_row_per_core_below_the_limits() {
        let resource = |used| Resource { name: "synapse words", used, allowed: 16_384 };
        let report = Utilisation {
            cores: vec![(0, vec![resource(16_384)]), (5, vec![resource(1)])],
            n_cores: 128,
        };
        assert_eq!(
            to_text(&report),
            "core    synapse words\n\
             holds          16,384\n\
             0      16,384 (100 %)\n\
             5            1 (<1 %)\n\
             2 of 128 cores\n"
        );
    }
}
