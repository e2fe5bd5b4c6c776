//! `docs/isa/chips.md` is the built-in chips as tables; run with BLESS=1 to rewrite it.

use std::fmt::Write;
use std::path::Path;
use trifactor_isa::{Chip, Cost, Preset, ProductForm, RuleForm};

#[test]
fn the_page_of_chips_is_what_the_files_give() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/isa/chips.md");
    let page = page();
    if std::env::var_os("BLESS").is_some_and(|v| v == "1") {
        std::fs::write(&path, &page).expect("docs/isa exists");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "docs/isa/chips.md is stale: run the tests with BLESS=1");
}

fn page() -> String {
    let chips: Vec<Chip> = Chip::builtin_names().filter_map(Chip::builtin).collect();
    let mut out = String::from(
        "<!-- Written by crates/isa/tests/chips_manual.rs with BLESS=1; do not edit. -->\n\
         # Built-in chips\n\n\
         The files are `isa/chips/<name>.ron`; their comments give the source of each number.\n",
    );
    for chip in &chips {
        writeln!(out, "\n`{}`: {}", chip.name, chip.doc).expect("a String accepts every text");
    }
    out += "\n## Sizes\n\n";
    row(&mut out, "", chips.iter().map(|c| c.name.clone()));
    out += &"|---".repeat(chips.len() + 1);
    out += "|\n";
    for (label, value) in sizes() {
        row(&mut out, label, chips.iter().map(value));
    }
    out += COSTS;
    let presets = &chips[0].cost.presets;
    assert!(chips.iter().all(|c| c.cost.presets == *presets), "one table of costs serves all");
    row(&mut out, "", presets.iter().map(|p| p.name.clone()));
    out += &"|---".repeat(presets.len() + 1);
    out += "|\n";
    for (label, value) in costs() {
        row(&mut out, label, presets.iter().map(value));
    }
    out += KEYS;
    for p in presets {
        let (l, s) = (&p.learning, &p.system);
        write!(
            out,
            "\n`{}`\n- events: {} ({:?})\n- learning: {} ({:?})\n- chip and host: {} ({:?})\n",
            p.name, p.source, p.certainty, l.source, l.certainty, s.source, s.certainty
        )
        .expect("a String accepts every text");
    }
    out
}

const COSTS: &str = r#"
## Costs

Energy / time per event; a dash is a coefficient that no source gives, which counts as 0 and is
named in every report. Learning energies are modelled, with one published anchor: the additive
pairwise program (5 loads, 5 alu, 4 mul, 1 store, 1 control, 1 state access) costs 120 pJ and
6.1 ns. The barrier is linear between its points and continues with the last slope; across chips
its first point is the time on one chip. `hop_chip` is what a link to another chip costs on top of
a link; only a mesh of several chips needs it.

A mesh of several chips is a chip file of its own, such as
`(name: "loihi1-2", doc: "two chips", base: "loihi1", mesh: (columns: 8, rows: 4, cores_per_tile: 4,
chips: (columns: 2, rows: 1)))`. Systems of 1, 2, 32, 64 and 768 of the published chips were built.
Linear in the number of chips the barrier takes 2.15 us on 32 chips, which agrees with the shortest
steps that were measured there (5.8 us, FR20); linear in its logarithm it would take 9.11 us.

"#;

const KEYS: &str = "
Keys: D18 is Davies et al., IEEE Micro 38(1):82-99, 2018; FR20 Frady et al., NICE 2020; SF
SANA-FE, IEEE TCAD 44(8):3165-3178, 2025, and its file arch/loihi.yaml; SEN Tang et al.,
Frontiers in Neuroscience 17:1187252, 2023. `own` is decided in this project.
";

fn sizes() -> Vec<(&'static str, fn(&Chip) -> String)> {
    vec![
        ("tiles (columns x rows)", |c| format!("{} x {}", c.mesh.columns, c.mesh.rows)),
        ("chips (columns x rows)", |c| format!("{} x {}", c.mesh.chips.columns, c.mesh.chips.rows)),
        ("cores (per tile)", |c| format!("{} ({})", c.n_cores(), c.mesh.cores_per_tile)),
        ("compartments per core", |c| c.core.compartments.to_string()),
        ("axons in, out per core", |c| format!("{}, {}", c.core.axons_in, c.core.axons_out)),
        ("synapse memory per core, words of 64 bits", |c| c.core.synapse_words.to_string()),
        ("synapses per block, header bits", |c| {
            format!("{}, {}", c.core.block_synapses, c.core.block_header_bits)
        }),
        ("synapse formats, profiles", |c| format!("{}, {}", c.core.formats, c.core.profiles)),
        ("microcode per core, words of 32 bits", |c| c.core.ucode_words.to_string()),
        ("pre columns, post columns, modulator lines", |c| {
            format!("{}, {}, {}", c.core.pre_columns, c.core.post_columns, c.core.modulator_lines)
        }),
        ("delays, steps", |c| format!("0 to {}", c.core.delay_slots - 1)),
        ("longest epoch, refractory time, steps", |c| {
            format!("{}, {}", c.core.epoch_max, c.neuron.refractory_max)
        }),
        ("bits of state, accumulator, decay", |c| {
            let n = &c.neuron;
            format!("{}, {}, {}", n.state_bits, n.accumulator_bits, n.decay_bits)
        }),
        ("weight bits", |c| widths(&c.synapse.weight_bits)),
        ("index bits", |c| widths(&c.synapse.index_bits)),
        ("tags, their bits", |c| format!("{}; {}", c.synapse.tags, widths(&c.synapse.tag_bits))),
        ("rates, their bits", |c| format!("{}; {}", c.synapse.rates, widths(&c.synapse.rate_bits))),
        ("trace bits", |c| widths(&c.trace.bits)),
        ("pseudo-derivatives (S27)", |c| {
            if c.has_pseudo_derivatives() { "yes" } else { "no" }.to_owned()
        }),
        ("modulator bits", |c| widths(&c.modulator.bits)),
        ("rules", |c| match c.rule {
            RuleForm::Microcode => "microcode".to_owned(),
            RuleForm::SumsOfProducts(_) => "sums of products".to_owned(),
        }),
        ("scales of products", |c| {
            products(c, "m of 15 bits", |p| {
                let (lo, hi) = p.scale.exponent;
                format!("m of {} bits times 2^{lo} to 2^{hi}", p.scale.mantissa_bits)
            })
        }),
        ("bits of constants added to traces, to variables", |c| {
            products(c, "15, 15", |p| {
                format!("{}, {}", p.trace_constant_bits, p.variable_constant_bits)
            })
        }),
        ("products of a rule, factors of a product", |c| {
            products(c, "no limit, no limit", |p| {
                let most = |n: Option<u16>| n.map_or("no limit".to_owned(), |n| n.to_string());
                format!("{}, {}", most(p.products), most(p.factors.map(u16::from)))
            })
        }),
    ]
}

/// What holds for products, which microcode has none of: its constants have 15 bits (S60).
fn products(chip: &Chip, microcode: &str, shown: impl Fn(ProductForm) -> String) -> String {
    chip.rule.products().map_or(microcode.to_owned(), shown)
}

fn costs() -> Vec<(&'static str, fn(&Preset) -> String)> {
    vec![
        ("tile_entry", |p| cost(p.tile_entry)),
        ("hop_ew", |p| cost(p.hop_ew)),
        ("hop_ns", |p| cost(p.hop_ns)),
        ("hop_chip", |p| cost(p.hop_chip)),
        ("axon_in", |p| cost(p.axon_in)),
        ("synop", |p| cost(p.synop)),
        ("synapse_word", |p| cost(p.synapse_word)),
        ("compartment_inactive", |p| cost(p.compartment_inactive)),
        ("compartment_active", |p| cost(p.compartment_active)),
        ("spike_out", |p| cost(p.spike_out)),
        ("axon_out", |p| cost(p.axon_out)),
        ("learning.state_access", |p| cost(p.learning.state_access)),
        ("learning.load", |p| cost(p.learning.load)),
        ("learning.alu", |p| cost(p.learning.alu)),
        ("learning.mul", |p| cost(p.learning.mul)),
        ("learning.store", |p| cost(p.learning.store)),
        ("learning.control", |p| cost(p.learning.control)),
        ("learning.skipped_synapse", |p| cost(p.learning.skipped_synapse)),
        ("learning.trace_update", |p| cost(p.learning.trace_update)),
        ("learning.modulator_update", |p| cost(p.learning.modulator_update)),
        ("barrier, ns by tiles", |p| {
            let point = |b: &trifactor_isa::BarrierPoint| format!("{}: {}", b.tiles, ns(b.ticks));
            p.barrier.iter().map(point).collect::<Vec<_>>().join(", ")
        }),
        ("barrier_fj_per_tile", |p| {
            p.barrier_fj_per_tile.map_or("-".into(), |fj| format!("{fj} fJ"))
        }),
        ("system.static_uw_per_chip", |p| {
            p.system.static_uw_per_chip.map_or("-".into(), |uw| format!("{uw} uW"))
        }),
        ("system.barrier_across_chips, ns by chips", |p| {
            let point =
                |b: &trifactor_isa::ChipsBarrierPoint| format!("{}: {}", b.chips, ns(b.ticks));
            p.system.barrier_across_chips.iter().map(point).collect::<Vec<_>>().join(", ")
        }),
        ("system.host_write", |p| cost(p.system.host_write)),
        ("system.host_reset", |p| cost(p.system.host_reset)),
    ]
}

/// Picojoules and nanoseconds, both exact.
fn cost(c: Option<Cost>) -> String {
    let Some(Cost { fj, ticks }) = c else {
        return "-".into();
    };
    let pj = match fj % 1000 {
        0 => format!("{}", fj / 1000),
        rest => format!("{}.{}", fj / 1000, format!("{rest:03}").trim_end_matches('0')),
    };
    format!("{pj} pJ / {} ns", ns(ticks))
}

/// Ticks of 100 ps as nanoseconds.
fn ns(ticks: u64) -> String {
    match ticks % 10 {
        0 => (ticks / 10).to_string(),
        tenth => format!("{}.{tenth}", ticks / 10),
    }
}

fn widths(bits: &[u8]) -> String {
    bits.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

fn row(out: &mut String, label: &str, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.collect();
    writeln!(out, "| {label} | {} |", cells.join(" | ")).expect("a String accepts every text");
}
