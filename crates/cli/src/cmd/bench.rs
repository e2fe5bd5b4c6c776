//! `trifactor bench`: how fast the emulator and the compiler are on this machine.

use crate::exit::Fault;
use crate::table::{grouped, table};
use crate::terminal::Terminal;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use trifactor_lab::LabError;
use trifactor_lab::bench::compile::{Compiling, POST_LANES, compiling};
use trifactor_lab::bench::probe::{Probe, probe};
use trifactor_lab::bench::scaling::{Point, SIDES, scaling};
use trifactor_lab::bench::timing::{CORES, Threaded, Timed, threaded, timed};
use trifactor_lab::bench::{BenchOptions, BenchReport, RECORDED, Spike, Workload, measure, raster};

const EXAMPLES: &str = "\
Examples:
  trifactor bench
  trifactor bench --steps 2000 --json
  trifactor bench --steps 1000 --raster spikes.csv
  trifactor bench --scaling
  trifactor bench --compile --up-to 1000000
  trifactor bench --timing --repeat 5

Runs three networks on which public emulators of Loihi-class chips were timed: W1, 1,000 neurons
with static synapses; W2, pair STDP on 78,400 synapses; W3, a tag and a reward on as many; the last
two with learning epochs of 1 and 4 steps. Each is loaded from a model file, compiled to an image
and executed on one thread with the cost ledger on. Times are those of the steps alone, on the
wall. Without --json the table also says what this machine could do at best (the bound: measured in
the same run) and where the time goes (from a further run). The recorded input of 1,000 steps
repeats after its end. docs/speed.md has the figures and what they mean.";

/// Measure the speed of the emulator and of the compiler on this machine.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    /// Steps of each run, such as 2000; the recorded input repeats after 1,000.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    steps: u32,
    /// Runs of each workload, such as 5, of which the fastest counts; on a machine that others use, more are fairer.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// Write the spikes of W1 to a file, step (from 1) and neuron (from 0): .npy, or CSV under any other name.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scaling", "compile", "timing"])]
    raster: Option<PathBuf>,
    /// Measure how a step's cost follows size and activity instead: 10^4 to 10^7 plastic synapses, 0 to 20 %.
    #[arg(long, conflicts_with = "compile")]
    scaling: bool,
    /// Measure how the time of compilation follows size instead: 10^4 to 10^7 synapses.
    #[arg(long, conflicts_with = "timing")]
    compile: bool,
    /// Measure what simulated time costs instead, and what a second thread gains on 16 to 64 cores.
    #[arg(long, conflicts_with = "scaling")]
    timing: bool,
    /// Leave out sizes above so many synapses, such as 1000000.
    #[arg(long, value_name = "N", default_value_t = 20_000_000)]
    up_to: u64,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        if self.scaling {
            return self.scaling(terminal);
        }
        if self.compile {
            return self.compiling(terminal);
        }
        if self.timing {
            return self.timing(terminal);
        }
        let options = BenchOptions { steps: self.steps, repeat: self.repeat, times: !self.json };
        let report = measure(&options).map_err(fault)?;
        if let Some(path) = &self.raster {
            let spikes = raster(Workload::W1, self.steps).map_err(fault)?;
            write_raster(path, &spikes)?;
            terminal.note(&format!("wrote {}", path.display()));
        }
        if self.json {
            return terminal.print_json(&report.to_json());
        }
        let mut text = to_text(&report, &probe());
        if self.steps as usize > RECORDED {
            let _ = writeln!(text, "The input of {RECORDED} steps was repeated.");
        }
        terminal.print(&text)
    }

    fn scaling(&self, terminal: &Terminal) -> Result<(), Fault> {
        let sides: Vec<u32> = SIDES
            .into_iter()
            .filter(|side| u64::from(*side) * u64::from(*side) <= self.up_to)
            .collect();
        let probe = probe();
        let progress = |p: &Point| {
            terminal.note(&format!("{} synapses, {} %", grouped(p.synapses), p.activity));
        };
        let points = scaling(&sides, &probe, progress).map_err(fault)?;
        if self.json {
            let list: Vec<Value> = points.iter().map(point_json).collect();
            return terminal.print_json(&list.into());
        }
        let header = [
            "plastic synapses",
            "activity",
            "µs per step",
            "CPU µs per step",
            "evaluations per step",
            "synaptic events per step",
            "CPU ns per evaluation",
            "memory bound µs",
        ];
        let row = |p: &Point| {
            vec![
                grouped(p.synapses),
                format!("{} %", p.activity),
                format!("{:.2}", p.us_per_step),
                format!("{:.2}", p.cpu_us_per_step),
                grouped(p.evaluated.round() as u64),
                grouped(p.synops.round() as u64),
                p.ns_per_evaluation().map_or_else(String::new, |ns| format!("{ns:.2}")),
                format!("{:.2}", p.memory_us),
            ]
        };
        terminal.print(&table(&header, &points.iter().map(row).collect::<Vec<_>>()))
    }

    fn timing(&self, terminal: &Terminal) -> Result<(), Fault> {
        let options = BenchOptions { steps: self.steps, repeat: self.repeat, times: false };
        let all = timed(&options).map_err(fault)?;
        terminal.note("networks of many cores");
        let many = threaded(&CORES, self.repeat).map_err(fault)?;
        if self.json {
            let workload = |t: &Timed| {
                let [functional, timed] = t.us_per_step();
                json!({
                    "workload": t.workload.name(),
                    "functional_cpu_us_per_step": functional,
                    "timed_cpu_us_per_step": timed,
                    "ratio": t.ratio(),
                })
            };
            let network = |t: &Threaded| {
                json!({
                    "cores": t.cores,
                    "synapses": t.synapses,
                    "messages_per_step": t.messages,
                    "ms_per_step_by_threads": t.ms_per_step,
                    "functional_ms_per_step_by_threads": t.functional_ms_per_step,
                    "same_bytes": t.same,
                })
            };
            return terminal.print_json(&json!({
                "workloads": all.iter().map(workload).collect::<Vec<_>>(),
                "networks": many.iter().map(network).collect::<Vec<_>>(),
            }));
        }
        let header = ["workload", "CPU µs per step, functional", "with time", "ratio"];
        let row = |t: &Timed| {
            let [functional, timed] = t.us_per_step();
            vec![
                t.workload.name().to_owned(),
                format!("{functional:.2}"),
                format!("{timed:.2}"),
                format!("{:.2}", t.ratio()),
            ]
        };
        let mut text = table(&header, &all.iter().map(row).collect::<Vec<_>>());
        let header = [
            "cores",
            "plastic synapses",
            "messages per step",
            "ms per step, 1 thread",
            "2 threads",
            "functional, 1 thread",
            "2 threads",
            "same bytes",
        ];
        let row = |t: &Threaded| {
            vec![
                t.cores.to_string(),
                grouped(t.synapses),
                format!("{:.0}", t.messages),
                format!("{:.3}", t.ms_per_step[0]),
                format!("{:.3}", t.ms_per_step[1]),
                format!("{:.3}", t.functional_ms_per_step[0]),
                format!("{:.3}", t.functional_ms_per_step[1]),
                if t.same { "yes" } else { "NO" }.to_owned(),
            ]
        };
        text.push('\n');
        text += &table(&header, &many.iter().map(row).collect::<Vec<_>>());
        terminal.print(&text)
    }

    fn compiling(&self, terminal: &Terminal) -> Result<(), Fault> {
        // Half of 4,000 inputs reach each neuron.
        let lanes: Vec<u32> =
            POST_LANES.into_iter().filter(|n| u64::from(*n) * 2000 <= self.up_to).collect();
        let progress = |c: &Compiling| {
            terminal.note(&format!("{} synapses", grouped(c.synapses)));
        };
        let sizes = compiling(&lanes, progress).map_err(fault)?;
        if self.json {
            let list: Vec<Value> = sizes.iter().map(compiling_json).collect();
            return terminal.print_json(&list.into());
        }
        let header = [
            "synapses",
            "load s",
            "plan s",
            "compile s",
            "write s",
            "total s",
            "CPU s",
            "CPU ns per synapse",
            "cores",
            "image MB",
            "peak MB",
        ];
        let seconds = |d: Duration| format!("{:.3}", d.as_secs_f64());
        let cpu = |c: &Compiling| c.cpu.unwrap_or(c.total());
        let row = |c: &Compiling| {
            vec![
                grouped(c.synapses),
                seconds(c.load),
                seconds(c.plan),
                seconds(c.compile),
                seconds(c.write),
                seconds(c.total()),
                seconds(cpu(c)),
                format!("{:.0}", cpu(c).as_secs_f64() * 1e9 / c.synapses.max(1) as f64),
                c.cores.to_string(),
                format!("{:.1}", c.bytes as f64 / 1e6),
                c.peak_memory.map_or_else(|| "?".to_owned(), megabytes),
            ]
        };
        terminal.print(&table(&header, &sizes.iter().map(row).collect::<Vec<_>>()))
    }
}

/// A finding in a workload of ours would be our mistake, yet it says more than that it is one.
fn fault(error: LabError) -> Fault {
    match error {
        LabError::Model(found) => Fault::Model(found),
        other => Fault::File(other.to_string()),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / 1e6)
}

fn to_text(report: &BenchReport, probe: &Probe) -> String {
    let header = [
        "workload",
        "ms per step",
        "CPU ms",
        "bound ms",
        "bound by",
        "CPU by bound",
        "spikes per step",
        "mean weight",
        "bytes per synapse",
    ];
    let row = |m: &trifactor_lab::bench::Measured| {
        let bound = probe.bound(m);
        vec![
            m.workload.name().to_owned(),
            format!("{:.5}", m.ms_per_step()),
            m.cpu_ms_per_step().map_or_else(|| "?".to_owned(), |ms| format!("{ms:.5}")),
            format!("{:.5}", bound.ms()),
            bound.name().to_owned(),
            format!("{:.1}", m.cpu_ms_per_step().unwrap_or(m.ms_per_step()) / bound.ms()),
            format!("{:.3}", m.spikes_per_step()),
            format!("{:.3}", m.mean_weight),
            format!("{:.2}", m.bytes_per_synapse),
        ]
    };
    let rows: Vec<Vec<String>> = report.measured.iter().map(row).collect();
    let mut text = table(&header, &rows);
    text.push_str("\nWhere the time goes, percent:\n");
    let names = report.measured.iter().find_map(|m| m.times).unwrap_or_default().parts();
    let header: Vec<&str> =
        std::iter::once("workload").chain(names.map(|(name, _)| name)).collect();
    let row = |m: &trifactor_lab::bench::Measured| {
        let parts = m.times.unwrap_or_default().parts().map(|(_, time)| time);
        let sum: Duration = parts.iter().sum();
        let share = |time: Duration| {
            format!("{:.1}", time.as_secs_f64() * 100.0 / sum.as_secs_f64().max(1e-12))
        };
        std::iter::once(m.workload.name().to_owned()).chain(parts.map(share)).collect()
    };
    let rows: Vec<Vec<String>> = report.measured.iter().map(row).collect();
    text.push_str(&table(&header, &rows));
    let bandwidth = probe.bandwidth.map(|(size, rate)| {
        format!("{rate:.1} GB/s for {:.1} MiB", size as f64 / f64::from(1 << 20))
    });
    let _ = writeln!(
        text,
        "\nThis machine, one thread: {:.2} operations on 32-bit lanes and {:.2} scattered sums per ns;\n\
         memory read and written at {}.",
        probe.lane_operations,
        probe.scattered_sums,
        bandwidth.join(", "),
    );
    if let Some(peak) = report.peak_memory {
        let _ = writeln!(text, "Peak memory of the process: {} MB.", megabytes(peak));
    }
    text
}

fn point_json(p: &Point) -> Value {
    json!({
        "synapses": p.synapses,
        "activity_percent": p.activity,
        "us_per_step": p.us_per_step,
        "cpu_us_per_step": p.cpu_us_per_step,
        "evaluations_per_step": p.evaluated,
        "synaptic_events_per_step": p.synops,
        "memory_bound_us": p.memory_us,
    })
}

fn compiling_json(c: &Compiling) -> Value {
    json!({
        "synapses": c.synapses,
        "load_s": c.load.as_secs_f64(),
        "plan_s": c.plan.as_secs_f64(),
        "compile_s": c.compile.as_secs_f64(),
        "write_s": c.write.as_secs_f64(),
        "total_s": c.total().as_secs_f64(),
        "cpu_s": c.cpu.map(|cpu| cpu.as_secs_f64()),
        "cores": c.cores,
        "image_bytes": c.bytes,
        "peak_memory_bytes": c.peak_memory,
    })
}

fn write_raster(path: &Path, spikes: &[Spike]) -> Result<(), Fault> {
    let bytes = match path.extension().is_some_and(|e| e == "npy") {
        true => npy(spikes),
        false => csv(spikes).into_bytes(),
    };
    std::fs::write(path, bytes)
        .map_err(|e| Fault::File(format!("cannot write {}: {e}", path.display())))
}

fn csv(spikes: &[Spike]) -> String {
    let mut text = String::from("step,neuron\n");
    for (step, neuron) in spikes {
        let _ = writeln!(text, "{step},{neuron}");
    }
    text
}

/// A NumPy array of 32-bit integers, one row a spike.
fn npy(spikes: &[Spike]) -> Vec<u8> {
    let n = spikes.len();
    let dictionary = format!("{{'descr': '<u4', 'fortran_order': False, 'shape': ({n}, 2), }}");
    // The header ends in a line end and at a multiple of 64 bytes.
    let length = (10 + dictionary.len() + 1).div_ceil(64) * 64 - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{dictionary:<width$}\n", width = length - 1).bytes());
    for (step, neuron) in spikes {
        bytes.extend(step.to_le_bytes());
        bytes.extend(neuron.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raster_is_written_in_both_forms() {
        let spikes = [(1, 0), (3, 999)];
        assert_eq!(csv(&spikes), "step,neuron\n1,0\n3,999\n");
        let bytes = npy(&spikes);
        assert_eq!(bytes.len(), 128 + 16);
        assert!(bytes[10..127].ends_with(b" ") && bytes[127] == b'\n');
        assert_eq!(bytes[128..], [1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0xe7, 3, 0, 0]);
    }
}
