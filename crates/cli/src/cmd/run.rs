//! `trifactor run`: a model's protocol, or an image by itself.

use crate::cmd::disasm;
use crate::exit::Fault;
use crate::folder;
use crate::record::{self, RecordArgs};
use crate::source::{ChipArg, ModelArgs};
use crate::table::{counted, grouped, table};
use crate::terminal::Terminal;
use serde_json::{Value, json};
use std::path::PathBuf;
use trifactor_emu::{Emulator, Options, Report as Ledger};
use trifactor_isa::Chip;
use trifactor_lab::costs::{Costs, with_all_presets};
use trifactor_lab::{LabError, Recorded, RunOptions, run_and_record};
use trifactor_signals::Recorder;

const EXAMPLES: &str = "\
Examples:
  trifactor run firmware-models/one-shot-prototypes
  trifactor run firmware-models/one-shot-prototypes --trials 100 --seed 7 --json
  trifactor run firmware-models/one-shot-prototypes --data my-characters --out results
  trifactor run firmware-models/stdp-triplet --out results
  trifactor run firmware-models/three-factor --signals list
  trifactor run firmware-models/three-factor --wave run.fst --table spikes=spikes.csv
  trifactor run firmware-models/three-factor --wave run.vcd --signals '*.v,policy.w[0->1]'
  trifactor run firmware-models/three-factor --table actors.v=v.npy --table performance=cost.csv
  trifactor run firmware-models/three-factor --timeline run.json --timeline-steps 1..11
  trifactor run stdp.elf --steps 1000
  trifactor run firmware-models/pair-stdp --costs

A model is compiled, then its protocol runs on the emulated chip and in float with the same
spikes. The report is on standard output. It ends with the time and energy of all trials by cause: what one
of a kind costs, who says so and how sure that is, and the range over the chip's cost presets where
only a model says it. --costs gives the range for everything, and the time with each preset.
The folder of --out gets
  report.txt, report.json    the report
  curve.csv, picture.png     what the protocol records, against the sweep or the phases done;
                             answers.csv and the trials' drawings for few-shot protocols
  probes.csv, probes.png     the model's probes in the first trial, spikes as rasters
Float is drawn as lines, the chip as points. The same seed gives the same results, with any
number of threads.

Waves open in GTKWave and Surfer, a timeline in Perfetto or chrome://tracing; docs/waves.md says what can be recorded, how it is named and
what the columns and axes of the tables are. All of them
record one trial, --record-trial.

An image holds no stimuli: without its model it runs in silence, driven by its biases alone.";

/// Run a model's protocol on the emulated chip and in float, or an image in silence.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    /// Folder with the model's model.ron, or an image that `trifactor compile` wrote.
    #[arg(value_name = "MODEL|IMAGE")]
    path: PathBuf,
    #[command(flatten)]
    chip: ChipArg,
    /// Number of trials; by default the protocol's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    trials: Option<u32>,
    /// Seed of the run; by default the model's.
    #[arg(long, value_name = "S")]
    seed: Option<u32>,
    /// Folder with data files that replace the model's; every class in it is tested.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Worker threads; by default one for each processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Folder for pictures and tables; by default trifactor-out/NAME.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Steps to run an image for; by default 100.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    steps: Option<u32>,
    /// Time the run with every cost preset of the chip, not only with that of the report.
    #[arg(long)]
    costs: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    record: RecordArgs,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        if self.path.is_file() { self.image(terminal) } else { self.model(terminal) }
    }

    fn model(&self, terminal: &Terminal) -> Result<(), Fault> {
        if self.steps.is_some() {
            return Err(Fault::Usage(
                "--steps is for images; how long a model runs stands in its protocol".to_owned(),
            ));
        }
        let recording = self.record.recording()?;
        // Before a long run, not after it.
        if let Some(out) = self.out.as_ref().filter(|o| o.exists() && !o.is_dir()) {
            return Err(Fault::File(format!("{} is a file; --out names a folder", out.display())));
        }
        let chip = ChipArg { name: self.chip.name.clone() };
        let source = ModelArgs { path: self.path.clone(), chip };
        if self.record.lists() {
            let ready = source.ready()?;
            terminal.findings(&ready.findings);
            return record::list(terminal, &ready.prepared.compiled.image, self.json);
        }
        let model = source.load()?;
        terminal.findings(&model.warnings);
        let options = RunOptions {
            trials: self.trials,
            seed: self.seed,
            data: self.data.clone(),
            chip: self.chip.name.clone(),
            threads: self.threads.map(usize::from),
            all_presets: self.costs,
        };
        let progress = terminal.progress();
        let ran = run_and_record(&model, &options, &recording, &*progress).map_err(|e| match e {
            LabError::Model(found) => Fault::Model(source.in_model(found)),
            LabError::Signals(refused) => record::fault(refused),
            LabError::NoSuchTrial { .. } => Fault::Usage(format!("--record-trial: {e}")),
            other => Fault::File(other.to_string()),
        });
        drop(progress);
        let (report, recorded) = ran?;
        if let Some(recorded) = recorded {
            let what = format!("trial {}", recording.trial);
            record::tell(terminal, &recording.request, &what, &recorded);
        }
        let out = self.out.clone().unwrap_or_else(|| folder::default_for(&model.name));
        let files = report.files();
        folder::write_all(&out, &files)?;
        if !files.is_empty() {
            let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            terminal.note(&format!("wrote {} to {}", names.join(", "), out.display()));
        }
        if self.json {
            terminal.print_json(&report.to_json())
        } else {
            let text = report.to_string();
            terminal.print(&format!("{}\n", text.trim_end()))
        }
    }

    fn image(&self, terminal: &Terminal) -> Result<(), Fault> {
        for (given, option) in [
            (self.chip.name.is_some(), "--chip"),
            (self.trials.is_some(), "--trials"),
            (self.data.is_some(), "--data"),
            (self.out.is_some(), "--out"),
            (self.record.trial().is_some(), "--record-trial"),
        ] {
            if given {
                let path = self.path.display();
                return Err(Fault::Usage(format!("{option} is for models, and {path} is a file")));
            }
        }
        let recording = self.record.recording()?;
        let image = disasm::read(&self.path)?;
        if self.record.lists() {
            return record::list(terminal, &image, self.json);
        }
        let cannot =
            |e: trifactor_emu::EmuError| Fault::File(format!("{}: {e}", self.path.display()));
        let mut options =
            Options { threads: self.threads.map_or(1, usize::from), ..Options::default() };
        let chip = Chip::parse(&image.meta.chip)
            .map_err(|e| Fault::File(format!("{}: {e}", self.path.display())))?;
        if self.costs {
            options = with_all_presets(&chip, options);
        }
        let mut emulator = Emulator::load(&image, options).map_err(cannot)?;
        emulator.begin_trial(self.seed.unwrap_or(image.meta.seed));
        // What the loader wrote and reset is not part of the run.
        emulator.clear_ledger();
        let request = &recording.request;
        let mut recorder = match request.is_empty() {
            true => None,
            false => Some(Recorder::begin(request, &image, &emulator).map_err(record::fault)?),
        };
        let mut spikes = vec![0u64; image.map.populations.len()];
        let steps = self.steps.unwrap_or(100);
        for _ in 0..steps {
            match &mut recorder {
                None => emulator.step(&[]).map_err(cannot)?,
                Some(recorder) => recorder.step(&mut emulator, &[]).map_err(record::fault)?,
            }
            for (k, count) in spikes.iter_mut().enumerate() {
                *count += emulator.spikes(k).len() as u64;
            }
        }
        if let Some(recorder) = recorder {
            let recorded = Recorded::of(&recorder, steps);
            recorder.finish().map_err(record::fault)?;
            record::tell(terminal, request, "without input", &recorded);
        }
        let names = image.map.populations.iter().map(|p| p.name.clone());
        let silence = Silence {
            model: image.meta.model.clone(),
            spikes: names.zip(spikes).collect(),
            ledger: emulator.report(),
            costs: Costs::of(&chip, 1, &[emulator.reports()]),
        };
        if self.json {
            terminal.print_json(&silence.to_json())
        } else {
            terminal.print(&silence.to_text())
        }
    }
}

/// What an image did without input.
struct Silence {
    model: String,
    /// Population and number of its spikes.
    spikes: Vec<(String, u64)>,
    ledger: Ledger,
    costs: Costs,
}

impl Silence {
    fn microseconds(&self) -> f64 {
        self.ledger.time_ticks as f64 * self.ledger.tick_ps as f64 * 1e-6
    }
    fn microjoules(&self) -> f64 {
        self.ledger.total_fj() as f64 * 1e-9
    }

    fn to_text(&self) -> String {
        let rows: Vec<Vec<String>> =
            self.spikes.iter().map(|(name, n)| vec![name.clone(), grouped(*n)]).collect();
        let mut out = format!(
            "{}, {} without input on {} ({})\n{}time    {:.3} us\nenergy  {:.6} uJ\n",
            self.model,
            counted(self.ledger.steps, "step"),
            self.ledger.chip,
            self.ledger.preset,
            table(&["population", "spikes"], &rows),
            self.microseconds(),
            self.microjoules(),
        );
        for s in self.ledger.saturations.iter().filter(|s| s.count > 0) {
            out += &format!("saturated: {}, {}\n", s.state, counted(s.count, "time"));
        }
        out += &format!("\n{}", self.costs);
        out
    }

    fn to_json(&self) -> Value {
        let spikes: Vec<Value> = self
            .spikes
            .iter()
            .map(|(name, n)| json!({ "population": name, "spikes": n }))
            .collect();
        let saturations = self.ledger.saturations.iter().filter(|s| s.count > 0);
        let saturations: Vec<Value> =
            saturations.map(|s| json!({ "state": s.state, "count": s.count })).collect();
        json!({
            "model": self.model,
            "chip": self.ledger.chip,
            "preset": self.ledger.preset,
            "steps": self.ledger.steps,
            "spikes": spikes,
            "microseconds": self.microseconds(),
            "microjoules": self.microjoules(),
            "saturations": saturations,
            "missing_costs": self.ledger.missing,
            "costs": self.costs.to_json(),
        })
    }
}
