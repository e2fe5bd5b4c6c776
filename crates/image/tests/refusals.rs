//! One image per rule of `validate`, broken in one place.

mod common;

use common::{Shape, image};
use trifactor_image::{
    AxonOut, ColumnKind, Field, FieldMap, Image, LineTable, NO_DELAY_FIELD, PopulationMap, Slot,
    TraceSide, elf, f64_bits::Ms, pack_row, unpack_row, validate,
};
use trifactor_isa::assemble;

/// Breaks a good image and compares what `validate` and `write` say with a part of the message.
#[track_caller]
fn refused(expected: &str, break_it: impl FnOnce(&mut Image)) {
    let mut image = image(&Shape { n_in: 4, hidden: vec![3, 4], n_out: 2, dense: false, seed: 3 });
    validate(&image).unwrap();
    break_it(&mut image);
    let error = validate(&image).expect_err("the broken image was accepted").to_string();
    assert!(error.contains(expected), "'{error}' does not contain '{expected}'");
    assert_eq!(elf::write(&image).unwrap_err().to_string(), error);
}

/// Replaces a value in the list of the first input axon of the first core.
fn edit_list(image: &mut Image, edit: impl FnOnce(&mut trifactor_image::SynapseList)) {
    let core = &mut image.cores[0];
    let (axon, format) = (core.axons_in[0], core.formats[0].clone());
    let (first, n) = (axon.first_word, axon.n_synapses);
    let mut list = unpack_row(&core.synapses, first, n, &format, 0).unwrap();
    edit(&mut list);
    let mut words = Vec::new();
    pack_row(&list, &format, 0, &mut words).unwrap();
    core.synapses.splice(first as usize..first as usize + words.len(), words);
}

fn program(image: &mut Image, text: &str) {
    let words: Vec<_> = assemble(text).unwrap().iter().map(|inst| inst.encode()).collect();
    image.cores[0].profiles[0].n_words = words.len() as u32;
    image.cores[0].ucode = words;
    image.map.source.clear();
    image.lines = LineTable::default();
}

#[test]
fn an_image_for_another_instruction_table_names_both_and_the_way_out() {
    refused("made for the instruction table 00, here it is", |i| i.meta.isa_hash = "00".into());
    refused("recompile the model", |i| i.meta.isa_hash = "00".into());
    refused("made for the chip description 00", |i| i.meta.chip_hash = "00".into());
    refused("made for the chip description", |i| {
        i.meta.chip = i.meta.chip.replace("refractory_max: 63", "refractory_max: 62");
    });
    refused("the chip description inside the image", |i| i.meta.chip.truncate(9000));
    refused("hash of the model is not 1 to 128", |i| i.meta.model_hash = "no".into());
    refused("hash of the plan is not 1 to 128", |i| i.meta.plan_hash.clear());
}

#[test]
fn what_the_file_says_of_itself_is_checked() {
    refused("epoch 0; the chip has 1 to 63", |i| i.meta.epoch = 0);
    refused("epoch 64; the chip has 1 to 63", |i| i.meta.epoch = 64);
    refused("a step of NaN ms is no time", |i| i.meta.step_ms = Ms::new(f64::NAN));
    refused("the name of the model is empty", |i| i.meta.model.clear());
    refused("is not in ascending order of cores", |i| i.cores.swap(0, 1));
    refused("core 128; the chip has 128", |i| i.cores[1].id = 128);
    refused("core 9 holds nothing", |i| {
        i.cores.push(trifactor_image::Core { id: 9, ..Default::default() });
    });
}

#[test]
fn a_memory_larger_than_the_chips_is_refused() {
    refused(
        ".core1.axons_out, byte 0x6000: 4097 records; a core of this chip has room for 4096",
        |i| {
            i.cores[0].axons_out.resize(4097, AxonOut::default());
        },
    );
    refused("1025 records", |i| i.cores[0].compartments.resize(1025, Default::default()));
    refused("16385 records", |i| i.cores[0].synapses.resize(16385, 0));
    refused("1025 records", |i| i.cores[0].ucode.resize(1025, 0));
    refused("17 records", |i| i.cores[0].formats.resize(17, Default::default()));
    refused("17 records", |i| {
        let profile = i.cores[0].profiles[0].clone();
        i.cores[0].profiles.resize(17, profile);
    });
}

#[test]
fn a_register_that_does_not_fit_is_refused_with_its_place() {
    refused(".core1.compartments, byte 0x23: bias 8388608 does not fit 24 bits", |i| {
        i.cores[0].compartments[1].bias = 1 << 23;
    });
    refused("refractory 64; the chip has 0 to 63", |i| i.cores[0].compartments[0].refractory = 64);
    refused("messages 4294967295 + 4294967295 of", |i| {
        (i.cores[0].compartments[0].first_out, i.cores[0].compartments[0].n_out) = (!0, !0);
    });
    refused("initial value 1 outside of", |i| {
        (i.cores[0].modulators[0].hi, i.cores[0].modulators[0].init) = (0, 1);
    });
    refused("does not fit 16 bits", |i| i.cores[0].modulators[0].hi = 32768);
    refused("2 bits, a width the chip does not offer", |i| i.cores[0].columns[0].bits = 2);
    refused("largest value -1 of 0", |i| i.cores[0].columns[0].max = -1);
    refused("initial value 65536 of 0", |i| i.cores[0].columns[0].init = 65536);
    refused("impulse 65536 of 0 to 65535", |i| i.cores[0].columns[0].impulse = 65536);
    refused("x_max -1 of 0", |i| {
        i.cores[0].columns[0].kind = ColumnKind::Saturating;
        i.cores[0].columns[0].x_max = -1;
    });
    refused("shift 63 of 0 to 62", |i| {
        i.cores[0].columns[0].kind = ColumnKind::Saturating;
        i.cores[0].columns[0].shift = 63;
    });
}

#[test]
fn a_pseudo_derivative_that_no_compartment_writes_is_refused() {
    let written = |i: &mut Image| {
        let c = &mut i.cores[0].columns[1];
        (c.kind, c.decay, c.x_max, c.shift) = (ColumnKind::PseudoDerivative, 0, 9, 3);
        (c.max, c.impulse, c.init) = (100, 50, 0);
    };
    refused("a pseudo-derivative with the decay register 7", |i| {
        written(i);
        i.cores[0].columns[1].decay = 7;
    });
    refused("slope 65536 of 0 to 65535", |i| {
        written(i);
        i.cores[0].columns[1].x_max = 65536;
    });
    refused("impulse 101 of 0 to 100", |i| {
        written(i);
        i.cores[0].columns[1].impulse = 101;
    });
    refused("shift 63 of 0 to 62", |i| {
        written(i);
        i.cores[0].columns[1].shift = 63;
    });
    refused("a pseudo-derivative of pre lanes", |i| {
        let c = &mut i.cores[0].columns[0];
        (c.kind, c.decay, c.impulse) = (ColumnKind::PseudoDerivative, 0, 0);
    });
    refused("a pseudo-derivative, which the chip does not have", |i| {
        written(i);
        i.meta.chip = i.meta.chip.replace("pseudo_derivative: true", "pseudo_derivative: false");
        i.meta.chip_hash = trifactor_isa::Chip::parse(&i.meta.chip).unwrap().hash();
    });
}

#[test]
fn a_format_that_the_chip_does_not_have_is_refused() {
    refused("11 index bits; not of this chip", |i| {
        i.meta.chip = i.meta.chip.replace("9, 10, 11, 12]", "9, 10, 12]");
        i.meta.chip_hash = trifactor_isa::Chip::parse(&i.meta.chip).unwrap().hash();
        i.cores[0].formats[0].index_bits = 11;
    });
    refused("field 0 has 7 bits", |i| i.cores[0].formats[0].fields[0].bits = 7);
    refused("field 2 has 11 bits", |i| i.cores[0].formats[0].fields[2].bits = 11);
    refused("0 fields; 1 to 8 fit", |i| i.cores[0].formats[1].fields.clear());
    refused("9 fields; 1 to 8 fit", |i| {
        i.cores[0].formats[1].fields = vec![Field { bits: 8, signed: true }; 9];
    });
}

#[test]
fn a_reference_to_what_is_not_there_is_refused() {
    refused("the map has no modulator 1", |i| i.cores[0].modulators[0].modulator = 1);
    refused("lines 1 + 3; the next line is 0", |i| i.cores[0].modulators[0].first_line = 1);
    refused("lines 0 + 4294967295 of at most", |i| i.cores[0].modulators[0].n_lines = !0);
    refused("lanes 5 + 3 of 7", |i| i.cores[0].modulators[0].first_lane = 5);
    refused("the map has no projection 3", |i| i.cores[0].groups[0].projection = 3);
    refused("axons 1 + 4; the next axon is 0", |i| i.cores[0].groups[0].first_axon = 1);
    refused("axons 4 + 4294967295 of 11", |i| i.cores[0].groups[1].n_axons = !0);
    refused("axons 10 to 11 belong to no group", |i| i.cores[0].groups[1].n_axons -= 1);
    refused("the group has no post lanes", |i| i.cores[0].groups[0].n_post = 0);
    refused("targets 6 + 3 of 6", |i| i.cores[0].groups[1].first_target = 6);
    refused("post lanes 5 + 3 of 7", |i| i.cores[0].groups[0].first_post = 5);
    refused("shift -128 is beyond 31", |i| i.cores[0].groups[0].shift = -128);
    refused("there is no format 2", |i| i.cores[0].groups[0].format = 2);
    refused("format 1 has 1 fields, the map 3", |i| i.cores[0].groups[0].format = 1);
    refused("delay 63; the chip has 0 to 62", |i| i.cores[0].groups[1].delay = 63);
    refused("the format has no field 3 for delays", |i| i.cores[0].groups[0].delay_field = 3);
    refused("field 0 cannot hold delays", |i| i.cores[0].groups[0].delay_field = 0);
    refused("field 2 cannot hold delays", |i| i.cores[0].groups[0].delay_field = 2);
    refused("there is no profile 1", |i| i.cores[0].groups[0].profile = 1);
    refused("profile 0 has two groups", |i| i.cores[0].groups[1].profile = 0);
    refused("profile 0 has no group", |i| i.cores[0].groups[0].profile = 0xff);
    refused("pre lane 4 of 4", |i| i.cores[0].axons_in[3].pre = 4);
    refused("pre lane 0 is not in ascending order", |i| i.cores[0].axons_in[1].pre = 0);
    refused("there is no profile 1", |i| {
        i.cores[0].profiles[0].pre_slots.clear();
        program(i, "halt");
        i.cores[0].columns[0].profile = 1;
    });
}

#[test]
fn a_profile_at_odds_with_its_group_is_refused() {
    refused("program 0 + 12 of 11 words", |i| i.cores[0].profiles[0].n_words = 12);
    refused("program 4294967295 + 11", |i| i.cores[0].profiles[0].first_word = !0);
    refused("2 ranges for 3 fields", |i| i.cores[0].profiles[0].ranges.truncate(2));
    refused("field 0: -256 to 256 of -256 to 255", |i| i.cores[0].profiles[0].ranges[0].hi = 256);
    refused("field 2: 1 to 0", |i| {
        let range = &mut i.cores[0].profiles[0].ranges[2];
        (range.lo, range.hi) = (1, 0);
    });
    refused("delays up to 63; the chip has 0 to 62", |i| i.cores[0].profiles[0].ranges[1].hi = 63);
    refused("16 slots for ldx; the chip has 15", |i| {
        i.cores[0].profiles[0].pre_slots = vec![Slot::Column(0); 16];
    });
    refused("17 slots for ldg; the chip has 16", |i| {
        i.cores[0].profiles[0].global_slots = vec![Slot::Modulator(0); 17];
    });
    refused("entry 0 for ldx: column 1 is none of this side", |i| {
        i.cores[0].profiles[0].pre_slots[0] = Slot::Column(1);
    });
    refused("entry 0 for ldg: column 0 is none of this side", |i| {
        i.cores[0].profiles[0].global_slots[0] = Slot::Column(0);
    });
    refused("entry 1 for ldy: no modulator 1", |i| {
        i.cores[0].profiles[0].post_slots[1] = Slot::Modulator(1);
    });
    refused("entry 0 for ldx: lanes without a modulator line", |i| {
        // Three lines serve the three post lanes, not the four pre lanes.
        i.cores[0].profiles[0].pre_slots[0] = Slot::Modulator(0);
    });
}

#[test]
fn a_synapse_list_at_odds_with_its_group_is_refused() {
    refused("overlap", |i| i.cores[0].axons_in[1].first_word = 0);
    refused("an empty synapse list", |i| i.cores[0].axons_in[0].n_synapses = 0);
    refused("ends behind word", |i| {
        let last = i.cores[0].axons_in.len() - 1;
        i.cores[0].axons_in[last].n_synapses = !0;
    });
    refused("list of input axon 0: word 0: the header says", |i| i.cores[0].synapses[0] ^= 1);
    refused("index 3 of 3 post lanes", |i| {
        edit_list(i, |list| *list.index.last_mut().unwrap() = 3)
    });
    refused("stands before 0", |i| edit_list(i, |list| *list.index.last_mut().unwrap() = 0));
    refused("delay 63; the chip has 0 to 62", |i| edit_list(i, |list| list.fields[1][0] = 63));
    refused("field 2 holds 9; its range is -8 to 8", |i| {
        edit_list(i, |list| list.fields[2].fill(9));
        (i.cores[0].profiles[0].ranges[2].lo, i.cores[0].profiles[0].ranges[2].hi) = (-8, 8);
    });
}

#[test]
fn a_program_that_leaves_its_profile_is_refused() {
    refused(".core1.ucode, byte 0x8: 0x00000000 is no instruction", |i| i.cores[0].ucode[2] = 0);
    refused("the program of profile 0 has its one `halt` at its end", |i| {
        program(i, "ldu r0, k 1")
    });
    refused("has its one `halt` at its end", |i| program(i, "halt\nldu r0, k 1\nhalt"));
    refused("`lds r0, field 3` in the program of profile 0: its synapses have 3 fields", |i| {
        program(i, "lds r0, field 3\nhalt");
    });
    refused("its synapses have 3 fields", |i| {
        program(i, "sts field 5, r0, >>0, floor, site 0\nhalt");
    });
    refused("it has slots 0 to 1", |i| program(i, "ldx r0, slot 2, at end\nhalt"));
    refused("it has slots 0 to 2", |i| program(i, "ldy r0, slot 3, at end\nhalt"));
    refused("it has 1 global slots", |i| program(i, "ldg r0, slot 1\nhalt"));
    for load in ["ldy r0, slot 1, at x0", "ldy r0, slot 1, at end, prev"] {
        refused("column 1 keeps no values of earlier steps", |i| {
            i.cores[0].columns[1].history = false;
            program(i, &format!("{load}\nhalt"));
        });
    }
}

#[test]
fn names_must_be_usable_and_unique() {
    refused("the name of a population is empty or has control", |i| {
        i.map.populations[0].name = "a\0b".into();
    });
    refused("projection 'hid': the name is used twice", |i| {
        i.map.projections[0].name = "hid".into()
    });
    refused("trace 'in.ff.x1': used twice", |i| i.map.traces[1] = i.map.traces[0].clone());
    refused("'ff' has two fields 'w'", |i| i.map.projections[0].fields[1].name = "w".into());
    refused("the name of a rule", |i| i.map.source[0].rule.clear());
}

#[test]
fn a_population_must_be_where_the_map_says() {
    refused("population 'none' has no lanes", |i| {
        let none = PopulationMap {
            name: "none".into(),
            n: 0,
            frac: 0,
            slices: vec![],
            input_axons: vec![],
        };
        i.map.populations.push(none);
    });
    refused("input 'in': 4 of 5 lanes", |i| i.map.populations[0].n = 5);
    refused("population 'hid' has compartments and is an input", |i| {
        i.map.populations[1].input_axons.push(vec![]);
    });
    refused("'hid': lanes 3 + 5 of 7", |i| i.map.populations[1].slices[1].n = 5);
    refused("'hid': lanes 3 to 7 are on no core", |i| i.map.populations[1].slices.truncate(1));
    refused("'hid': there is no core 2", |i| i.map.populations[1].slices[0].core = 2);
    refused("'hid': compartments 1 + 3 on core 1", |i| {
        i.map.populations[1].slices[0].first_compartment = 1;
    });
    refused("'out' shares compartments on core 4", |i| {
        i.map.populations[2].slices[0].first_compartment = 1;
    });
    refused("compartment 3 belongs to no population", |i| {
        i.cores[0].compartments.push(Default::default());
        // The modulator lines move up with the number of compartments.
        i.cores[0].groups[1].first_target += 1;
    });
}

#[test]
fn a_projection_must_be_where_the_map_says() {
    refused("'ff': 'out' has no 4 lanes", |i| i.map.projections[0].pre = "out".into());
    refused("'ff': there is no 'nobody'", |i| i.map.projections[0].post = "nobody".into());
    refused("'read': 'out' has 2 lanes, not 3", |i| i.map.projections[1].n_post = 3);
    refused("'ff': no such part: core 1, group 1", |i| i.map.projections[0].parts[0].group = 1);
    refused("'ff': core 1, group 0 twice", |i| {
        let part = i.map.projections[0].parts[0];
        i.map.projections[0].parts.push(part);
    });
    refused("synapses on cores", |i| i.map.projections[0].n_synapses += 1);
    refused("synapses on cores", |i| i.map.projections[2].n_synapses = !0);
    refused("group 0 is no part of the map", |i| {
        i.map.projections[1].parts.clear();
        i.map.projections[1].n_synapses = 0;
    });
    refused("'ff': targets 1 + 2 are not lanes 0 + 2 of 'hid'", |i| {
        i.cores[0].groups[0].first_target = 1;
        i.cores[0].groups[0].n_post = 2;
        for k in 0..4 {
            i.cores[0].axons_in[k].n_synapses = 1;
        }
        rewrite_lists(i);
    });
}

/// Gives every list of the first core's first group one synapse to lane 0.
fn rewrite_lists(image: &mut Image) {
    let core = &mut image.cores[0];
    let format = core.formats[0].clone();
    for axon in &mut core.axons_in[..4] {
        let fields = vec![vec![0]; 3];
        let list = trifactor_image::SynapseList { index: vec![0], fields };
        let mut words = Vec::new();
        pack_row(&list, &format, 0, &mut words).unwrap();
        core.synapses[axon.first_word as usize] = words[0];
        axon.n_synapses = 1;
    }
}

#[test]
fn modulators_traces_and_sources_must_be_where_the_map_says() {
    refused("modulator 'err': 8 lanes, as no population has", |i| i.map.modulators[0].n = 8);
    refused("'err': no such lines: core 1, range 1", |i| i.map.modulators[0].parts[0].range = 1);
    refused("'err': core 1, range 0 twice", |i| {
        let part = i.map.modulators[0].parts[0];
        i.map.modulators[0].parts.push(part);
    });
    refused("range 0 is no part of the map", |i| {
        i.map.modulators[0].parts.pop();
    });
    refused("trace 'in.ff.x1': there is no projection 9", |i| i.map.traces[0].projection = 9);
    refused("trace 'in.ff.x1' has 1 parts, its projection 2", |i| {
        i.map.traces[0].parts.pop();
    });
    refused("column 0 is another's", |i| i.map.traces[0].side = TraceSide::Post);
    refused("column 2 is another's", |i| i.map.traces[0].parts[0].1 = 2);
    refused("rule 'stdp': core 1 has no microcode word 11", |i| i.map.source[0].word = 11);
}

#[test]
fn lines_must_be_of_words_and_files_that_are_there() {
    refused(".trifactor.lines, byte 0x0: the name of a file", |i| i.lines.files[1].clear());
    refused("words are not in ascending order", |i| i.lines.words.swap(0, 1));
    refused("words are not in ascending order", |i| {
        i.lines.words.insert(0, i.lines.words[0]);
    });
    refused("core 1 has no microcode word 11", |i| i.lines.words[9].word = 11);
    refused("core 2 has no microcode word 9", |i| i.lines.words[9].core = 2);
    refused("core 1, word 0: line 0 of file", |i| i.lines.words[0].line = 0);
    refused("core 1, word 0: line 1 of file 2", |i| i.lines.words[0].file = 2);
    refused("core 1, word 0: there is no product 2", |i| i.lines.words[0].term = Some(2));
    refused("a product is empty", |i| i.lines.terms[0].clear());
}

#[test]
fn every_input_axon_hears_exactly_the_lane_it_names() {
    refused("'in', lane 0: there is no core 77", |i| i.map.populations[0].input_axons[0][0].0 = 77);
    refused("core 1 has no input axon 99", |i| i.map.populations[0].input_axons[0][0].1 = 99);
    refused("input axon 1 of core 1 is that of 'in', lane 1", |i| {
        i.map.populations[0].input_axons[0][0].1 = 1;
    });
    refused("input axon 0 of core 1 has another message already", |i| {
        i.map.populations[0].input_axons[0].push((1, 0));
    });
    refused("no message ever reaches input axon 0", |i| {
        i.map.populations[0].input_axons[0].remove(0);
    });
    refused(".core1.axons_out, byte 0x0: 'hid', lane 0: input axon", |i| {
        i.cores[0].axons_out[0] = AxonOut { core: 1, axon: 0 };
    });
}

#[test]
fn a_group_may_have_a_fixed_delay_although_its_format_has_a_field_for_it() {
    let mut image = image(&Shape::small());
    image.cores[0].groups[0].delay_field = NO_DELAY_FIELD;
    image.cores[0].groups[0].delay = 62;
    validate(&image).unwrap();
}

#[test]
fn field_names_of_different_projections_may_agree() {
    let mut image = image(&Shape::small());
    image.map.projections[1].fields = vec![FieldMap { name: "d".into(), frac: 0 }];
    validate(&image).unwrap();
}
