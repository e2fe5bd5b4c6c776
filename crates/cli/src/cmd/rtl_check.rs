//! `trifactor rtl-check`: the rules of a model in the hardware description.

use crate::exit::Fault;
use crate::source::ModelArgs;
use crate::table::{grouped, table};
use crate::terminal::Terminal;
use serde_json::{Value, json};
use std::path::PathBuf;
use trifactor_isa::Inst;
use trifactor_rtl::{
    CheckOptions, Finding, RuleReport, Simulator, Sources, Ticks, What, cache_folder, check,
};

const EXAMPLES: &str = "\
Examples:
  trifactor rtl-check firmware-models/pair-stdp
  trifactor rtl-check firmware-models/cue-association --states 20000 --seed 7
  trifactor rtl-check mymodel --chip loihi1 --preset silicon-2025 --json

Compiles the model, takes the programs of its rules out of the image and runs each in the plasticity
engine as hardware: SystemVerilog that Verilator makes a program of (Debian: apt-get install
verilator g++ make). On every state of a synapse, random ones and corner values, all registers after
every instruction, the stored words, the saturations and the clock cycles from start to done must be
those of the emulator's meaning and of the chip's cost preset. The first difference is named by
instruction, register and both values, and the command then ends with 1.

The engine is built once for each set of ticks, in some seconds, and kept in the folder for caches.
docs/rtl.md describes it and says what is not covered.";

/// Compare a model's rules with the plasticity engine as hardware, in Verilator.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    #[command(flatten)]
    model: ModelArgs,
    /// Cost preset whose ticks are the engine's clocks; by default the chip's.
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// States of synapses per rule, such as 5000.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    states: u32,
    /// Seed of the states, such as 7.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u32,
    /// Folder in which builds of the engine are kept, such as build/rtl.
    #[arg(long, value_name = "DIR")]
    build_dir: Option<PathBuf>,
    /// Print the comparison as JSON.
    #[arg(long)]
    json: bool,
}

/// What was compared, and what came of it.
struct Comparison {
    model: String,
    chip: String,
    preset: String,
    ticks: Ticks,
    options: CheckOptions,
    rules: Vec<RuleReport>,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        let ready = self.model.ready()?;
        terminal.findings(&ready.findings);
        let (chip, image) = (&ready.prepared.chip, &ready.prepared.compiled.image);
        let ticks = Ticks::of(chip, self.preset.as_deref()).map_err(|e| match e {
            trifactor_rtl::TicksError::UnknownPreset { .. } => Fault::Usage(e.to_string()),
            _ => Fault::File(e.to_string()),
        })?;
        let folder = self.build_dir.clone().or_else(cache_folder).ok_or_else(|| {
            Fault::Usage("this system names no folder for caches; name one with --build-dir".into())
        })?;
        let simulator = Simulator::build(ticks, &Sources::default(), &folder, || {
            terminal.note(&format!("building the engine below {}", folder.display()));
        });
        let options = CheckOptions { states: self.states, seed: self.seed };
        let rules = simulator.and_then(|simulator| check(image, chip, &simulator, &options));
        let comparison = Comparison {
            model: image.meta.model.clone(),
            chip: chip.name.clone(),
            preset: self.preset.clone().unwrap_or_else(|| chip.cost.default.clone()),
            ticks,
            options,
            rules: rules.map_err(|e| Fault::File(e.to_string()))?,
        };
        match self.json {
            true => terminal.print_json(&comparison.to_json())?,
            false => terminal.print(&comparison.to_text())?,
        }
        let different = comparison.rules.iter().filter(|r| r.finding.is_some()).count();
        match different {
            0 => Ok(()),
            n => Err(Fault::File(format!(
                "{n} of {} rules differ between the RTL and the emulator's meaning",
                comparison.rules.len()
            ))),
        }
    }
}

impl Comparison {
    fn to_text(&self) -> String {
        let Self { model, chip, preset, ticks: t, options, rules } = self;
        let mut out = format!(
            "{model} on {chip}, costs {preset}: ticks {} state access, {} load, {} arithmetic, \
             {} multiply, {} store, {} control, {} skipped synapse\n",
            t.state_access, t.load, t.alu, t.mul, t.store, t.control, t.skipped_synapse
        );
        if rules.is_empty() {
            return out + "no projection learns, so there is no rule to compare\n";
        }
        let header = [
            "rule",
            "synapses",
            "instruc- tions",
            "evaluations compared",
            "skips compared",
            "saturated stores",
            "cycles",
            "cycles skipped",
        ];
        let clocks = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), grouped);
        let rows: Vec<Vec<String>> = rules
            .iter()
            .map(|r| {
                vec![
                    title(r),
                    grouped(r.learner.synapses),
                    grouped(r.learner.rule.words.len() as u64),
                    grouped(r.evaluated),
                    grouped(r.skipped),
                    grouped(r.saturated),
                    clocks(r.clocks),
                    clocks(r.clocks_skipped),
                ]
            })
            .collect();
        out += &table(&header, &rows);
        for r in rules {
            if let Some(finding) = &r.finding {
                out += &format!("{}: {}\n", title(r), difference(r, finding));
            }
        }
        if rules.iter().all(|r| r.finding.is_none()) {
            out +=
                "equal: all registers after every instruction, stored words, saturations, cycles\n";
        }
        out + &format!(
            "{} states of each rule, seed {}\n",
            grouped(options.states.into()),
            options.seed
        )
    }

    fn to_json(&self) -> Value {
        let t = &self.ticks;
        let rules: Vec<Value> = self.rules.iter().map(rule_json).collect();
        json!({
            "model": self.model,
            "chip": self.chip,
            "preset": self.preset,
            "ticks": {
                "state_access": t.state_access,
                "load": t.load,
                "alu": t.alu,
                "mul": t.mul,
                "store": t.store,
                "control": t.control,
                "skipped_synapse": t.skipped_synapse,
            },
            "states": self.options.states,
            "seed": self.options.seed,
            "equal": self.rules.iter().all(|r| r.finding.is_none()),
            "rules": rules,
        })
    }
}

/// A rule and its projection, as messages name them.
fn title(r: &RuleReport) -> String {
    format!("{} of {}", r.learner.name, r.learner.projection)
}

/// A difference with what is needed to see it again.
fn difference(r: &RuleReport, finding: &Finding) -> String {
    let s = &finding.synapse;
    format!(
        "{}\n  state {}: seed {:#010x}, step {}, epoch {}, pre {}, post {}, last spikes at {} and {} \
         (0: none), fields {:?}, pre columns {:?}, post columns {:?}, lines {:?}",
        finding.difference.describe(&r.learner.rule),
        finding.state,
        s.seed,
        s.step,
        s.epoch,
        s.pre,
        s.post,
        s.pre_last,
        s.post_last,
        s.fields,
        s.pre_columns,
        s.post_columns,
        s.lines,
    )
}

fn rule_json(r: &RuleReport) -> Value {
    let mut value = json!({
        "projection": r.learner.projection,
        "rule": r.learner.name,
        "synapses": r.learner.synapses,
        "instructions": r.learner.rule.words.len(),
        "evaluations": r.evaluated,
        "skips": r.skipped,
        "saturated_stores": r.saturated,
        "cycles": r.clocks,
        "cycles_skipped": r.clocks_skipped,
        "difference": null,
    });
    if let Some(finding) = &r.finding {
        let d = &finding.difference;
        let word = d.address.and_then(|at| r.learner.rule.words.get(at as usize));
        let text = word.and_then(|word| Inst::decode(*word).ok()).map(|inst| inst.to_string());
        value["difference"] = json!({
            "state": finding.state,
            "instruction": d.address,
            "text": text,
            "what": d.describe(&r.learner.rule),
        });
        if let What::Register(register, meaning, rtl) = d.what {
            value["difference"]["register"] = register.into();
            value["difference"]["meaning"] = meaning.into();
            value["difference"]["rtl"] = rtl.into();
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use trifactor_image::Guard;
    use trifactor_isa::assemble;
    use trifactor_rtl::{Difference, Learner, Rule, Synapse};

    /// A rule whose first instruction differs.
    fn different() -> Comparison {
        let code = assemble("ldi r3, 5, <<0\nhalt").expect("it assembles");
        let rule = Rule {
            words: code.iter().map(|i| i.encode()).collect(),
            guard: Guard::Always,
            stream: 0,
            epoch_length: 1,
            fields: vec![],
            pre_slots: 0,
            post_slots: 0,
            lines: 0,
        };
        let learner = Learner {
            projection: "ff".into(),
            name: "stdp".into(),
            rule,
            pre_slots: vec![],
            post_slots: vec![],
            lines: vec![],
            pre: 0..=0,
            post: 0..=0,
            one_draw: false,
            synapses: 12_000,
        };
        let synapse = Synapse {
            seed: 7,
            step: 9,
            epoch: 9,
            pre: 1,
            post: 2,
            pre_last: 1,
            post_last: 0,
            fields: vec![],
            pre_columns: vec![],
            post_columns: vec![],
            lines: vec![],
        };
        let difference = Difference { address: Some(0), what: What::Register(3, 5, 6) };
        let report = RuleReport {
            learner,
            evaluated: 0,
            skipped: 0,
            saturated: 0,
            clocks: None,
            clocks_skipped: None,
            finding: Some(Finding { state: 0, synapse, difference }),
        };
        Comparison {
            model: "m".into(),
            chip: "superset".into(),
            preset: "p".into(),
            ticks: Ticks {
                state_access: 35,
                load: 1,
                alu: 1,
                mul: 3,
                store: 2,
                control: 2,
                skipped_synapse: 1,
            },
            options: CheckOptions { states: 10, seed: 1 },
            rules: vec![report],
        }
    }

    #[test]
    fn a_difference_is_named_by_instruction_register_and_both_values() {
        let text = different().to_text();
        let sentence = "stdp of ff: instruction 0 `ldi r3, 5, <<0`: r3 is 5 by the emulator's \
                        meaning and 6 in the RTL\n  state 0: seed 0x00000007, step 9";
        assert!(text.contains(sentence), "{text}");
        assert!(!text.contains("equal"), "{text}");
        let json = different().to_json();
        assert_eq!(json["equal"], false);
        let found = &json["rules"][0]["difference"];
        assert_eq!((&found["register"], &found["meaning"]), (&json!(3), &json!(5)));
        assert_eq!((&found["rtl"], &found["text"]), (&json!(6), &json!("ldi r3, 5, <<0")));
    }

    #[test]
    fn a_model_that_does_not_learn_has_nothing_to_compare() {
        let none = Comparison { rules: vec![], ..different() };
        assert!(none.to_text().contains("no projection learns"), "{}", none.to_text());
        assert_eq!(none.to_json()["equal"], true);
    }
}
