//! A learning profile and its microcode, each word beside the operation of the author's kernel
//! that it comes from.

use super::{line, modulator_name};
use trifactor_image::{Core, Group, Guard, Image, Profile, ProjectionMap, Slot};
use trifactor_isa::Inst;

/// Lists one profile of a core.
///
/// The image is validated: programs decode and indices are in range.
pub fn listing(out: &mut String, image: &Image, core: &Core, number: usize) {
    let profile = &core.profiles[number];
    let group = core.groups.iter().find(|g| usize::from(g.profile) == number);
    let projection = group.map(|g| &image.map.projections[usize::from(g.projection)]);
    let (first, end) = (profile.first_word, profile.first_word + profile.n_words);
    let source = |word: u32| image.map.source.iter().find(|s| s.core == core.id && s.word == word);
    let origin = (first..end).find_map(source);
    // The key path names the rule as it stands in the model file.
    let rule = origin.map_or("a rule without a source", |s| s.key.as_str());
    let of = projection.map_or("nothing", |p| p.name.as_str());
    line(out, format_args!("  profile {number}: {rule} of {of}"));
    line(
        out,
        format_args!(
            "    words {first}..{end}, stream {}, {}",
            profile.stream,
            guard(profile.guard)
        ),
    );
    if let (Some(group), Some(projection)) = (group, projection) {
        line(out, format_args!("    fields {}", fields(core, group, profile, projection)));
    }
    for (word, flag, first, slots) in [
        ("ldx", Some("0 x0"), 1, &profile.pre_slots),
        ("ldy", Some("0 y0"), 1, &profile.post_slots),
        ("ldg", None, 0, &profile.global_slots),
    ] {
        let named = slots.iter().enumerate();
        let named = named.map(|(k, s)| format!("{} {}", k + first, slot_name(image, core, *s)));
        let all: Vec<String> = flag.map(str::to_owned).into_iter().chain(named).collect();
        if !all.is_empty() {
            line(out, format_args!("    {word} slots {}", all.join(", ")));
        }
    }
    let words = (first..end).zip(&core.ucode[first as usize..end as usize]);
    let lines: Vec<(u32, u32, String)> = words.map(|(at, w)| (at, *w, decoded(*w))).collect();
    let width = lines.iter().map(|(_, _, text)| text.len()).max().unwrap_or(0);
    for (at, word, text) in lines {
        match source(at).filter(|s| !s.text.is_empty()) {
            Some(s) => {
                line(out, format_args!("    {at:5}: {word:08x}  {text:width$}  ; {}", s.text))
            }
            None => line(out, format_args!("    {at:5}: {word:08x}  {text}")),
        }
    }
}

fn decoded(word: u32) -> String {
    Inst::decode(word).map_or_else(|e| format!("; {e}"), |inst| inst.to_string())
}

const fn guard(guard: Guard) -> &'static str {
    match guard {
        Guard::Always => "evaluated for every synapse",
        Guard::PreOrPost => "skipped where neither lane spiked in the epoch",
        Guard::Pre => "skipped where the pre lane did not spike in the epoch",
        Guard::Post => "skipped where the post lane did not spike in the epoch",
    }
}

fn fields(core: &Core, group: &Group, profile: &Profile, projection: &ProjectionMap) -> String {
    let format = &core.formats[usize::from(group.format)];
    let ranges = profile.ranges.iter().zip(&format.fields).zip(&projection.fields);
    let texts = ranges.enumerate().map(|(k, ((range, _), name))| {
        format!("{k} {} {}..={} (frac {})", name.name, range.lo, range.hi, name.frac)
    });
    texts.collect::<Vec<_>>().join(", ")
}

fn slot_name(image: &Image, core: &Core, slot: Slot) -> String {
    match slot {
        Slot::Modulator(k) => modulator_name(image, &core.modulators[usize::from(k)]).to_owned(),
        Slot::Column(column) => {
            let here = |t: &&trifactor_image::TraceMap| t.parts.contains(&(core.id, column));
            let trace = image.map.traces.iter().find(here);
            trace.map_or_else(|| format!("column {column}"), |t| t.name.clone())
        }
    }
}
