//! The map: every name stands for something, and everything has a name.

use super::{Site, at, ensure, legal_name};
use crate::{
    Compartment, Core, Group, Image, ImageError, Map, ModulatorLines, ModulatorMap, PopulationMap,
    ProjectionMap, SourceLine, TraceSide, WordLine,
};
use std::collections::{BTreeMap, BTreeSet};

/// Finds cores by their position on the chip.
pub(super) fn core_of(image: &Image, id: u32) -> Option<(usize, &Core)> {
    let position = image.cores.binary_search_by_key(&id, |core| core.id).ok()?;
    Some((position, &image.cores[position]))
}

/// What a projection ends on.
enum Post<'a> {
    Population(&'a PopulationMap),
    Modulator(&'a ModulatorMap),
}

pub(super) fn check(image: &Image) -> Result<(), ImageError> {
    let map = &image.map;
    unique_names(map)?;
    populations(image)?;
    modulators(image)?;
    projections(image)?;
    traces(image)?;
    sources(image)?;
    lines(image)
}

fn unique_names(map: &Map) -> Result<(), ImageError> {
    let mut spaces = BTreeSet::new();
    let populations = map.populations.iter().map(|p| ("population", &p.name));
    let projections = map.projections.iter().map(|p| ("projection", &p.name));
    let modulators = map.modulators.iter().map(|m| ("modulator", &m.name));
    for (what, name) in populations.chain(projections).chain(modulators) {
        legal_name(name, &format!("a {what}"))?;
        ensure!(spaces.insert(name), Site::Map, "{what} '{name}': the name is used twice");
    }
    let mut traces = BTreeSet::new();
    for trace in &map.traces {
        legal_name(&trace.name, "a trace")?;
        ensure!(
            traces.insert((&trace.name, trace.projection, trace.side == TraceSide::Post)),
            Site::Map,
            "trace '{}': used twice",
            trace.name
        );
    }
    for projection in &map.projections {
        let mut fields = BTreeSet::new();
        for field in &projection.fields {
            legal_name(&field.name, &format!("a field of '{}'", projection.name))?;
            let new = fields.insert(&field.name);
            ensure!(new, Site::Map, "'{}' has two fields '{}'", projection.name, field.name);
        }
    }
    Ok(())
}

fn populations(image: &Image) -> Result<(), ImageError> {
    let mut owned: Vec<_> =
        image.cores.iter().map(|core| vec![false; core.compartments.len()]).collect();
    for p in &image.map.populations {
        let name = &p.name;
        ensure!(p.n > 0, Site::Map, "population '{name}' has no lanes");
        if p.slices.is_empty() {
            let n = p.input_axons.len();
            ensure!(n == p.n as usize, Site::Map, "input '{name}': {n} of {} lanes", p.n);
            continue;
        }
        let none = p.input_axons.is_empty();
        ensure!(none, Site::Map, "population '{name}' has compartments and is an input");
        let mut next = 0u32;
        for s in &p.slices {
            let tiled = s.first_lane == next && s.n > 0 && s.n <= p.n - next;
            ensure!(tiled, Site::Map, "'{name}': lanes {} + {} of {}", s.first_lane, s.n, p.n);
            next += s.n;
            let Some((core, _)) = core_of(image, s.core) else {
                return Err(Site::Map.fault(format!("'{name}': there is no core {}", s.core)));
            };
            let first = s.first_compartment as usize;
            let places =
                first.checked_add(s.n as usize).and_then(|end| owned[core].get_mut(first..end));
            let Some(places) = places else {
                let what = format!("'{name}': compartments {first} + {} on core {}", s.n, s.core);
                return Err(Site::Map.fault(what));
            };
            let free = places.iter().all(|taken| !taken);
            ensure!(free, Site::Map, "'{name}' shares compartments on core {}", s.core);
            places.fill(true);
        }
        ensure!(next == p.n, Site::Map, "'{name}': lanes {next} to {} are on no core", p.n);
    }
    for (core, owned) in image.cores.iter().zip(owned) {
        if let Some(k) = owned.iter().position(|taken| !taken) {
            let site = at::<Compartment>(core.id, k);
            return Err(site.fault(format!("compartment {k} belongs to no population")));
        }
    }
    Ok(())
}

fn modulators(image: &Image) -> Result<(), ImageError> {
    let mut named = BTreeSet::new();
    for (k, m) in image.map.modulators.iter().enumerate() {
        // S36; it also bounds what a reader of all lanes needs.
        let legal = m.n == 1 || image.map.populations.iter().any(|p| p.n == m.n);
        ensure!(legal, Site::Map, "modulator '{}': {} lanes, as no population has", m.name, m.n);
        for part in &m.parts {
            let (core, index) = (part.core, usize::from(part.range));
            let range = core_of(image, core).and_then(|(_, c)| c.modulators.get(index));
            let legal = range.is_some_and(|range| usize::from(range.modulator) == k);
            ensure!(legal, Site::Map, "'{}': no such lines: core {core}, range {index}", m.name);
            let new = named.insert((core, index));
            ensure!(new, Site::Map, "'{}': core {core}, range {index} twice", m.name);
        }
    }
    for core in &image.cores {
        for k in 0..core.modulators.len() {
            let known = named.contains(&(core.id, k));
            ensure!(known, at::<ModulatorLines>(core.id, k), "range {k} is no part of the map");
        }
    }
    Ok(())
}

fn projections(image: &Image) -> Result<(), ImageError> {
    let map = &image.map;
    let populations: BTreeMap<_, _> = map.populations.iter().map(|p| (&p.name, p)).collect();
    let modulators: BTreeMap<_, _> = map.modulators.iter().map(|m| (&m.name, m)).collect();
    let mut named = BTreeSet::new();
    for (k, p) in map.projections.iter().enumerate() {
        let name = &p.name;
        let pre = populations.get(&p.pre).map(|pre| pre.n);
        ensure!(pre == Some(p.n_pre), Site::Map, "'{name}': '{}' has no {} lanes", p.pre, p.n_pre);
        let (post, n_post) = match (populations.get(&p.post), modulators.get(&p.post)) {
            (Some(population), _) => (Post::Population(population), population.n),
            (_, Some(modulator)) => (Post::Modulator(modulator), modulator.n),
            _ => return Err(Site::Map.fault(format!("'{name}': there is no '{}'", p.post))),
        };
        let legal = n_post == p.n_post;
        ensure!(legal, Site::Map, "'{name}': '{}' has {n_post} lanes, not {}", p.post, p.n_post);
        let mut n_synapses = 0u64;
        for part in &p.parts {
            let (id, index) = (part.core, usize::from(part.group));
            let core = core_of(image, id).map(|(_, core)| core);
            let group = core.and_then(|core| Some((core, core.groups.get(index)?)));
            let Some((core, g)) = group.filter(|(_, g)| usize::from(g.projection) == k) else {
                return Err(
                    Site::Map.fault(format!("'{name}': no such part: core {id}, group {index}"))
                );
            };
            let new = named.insert((id, index));
            ensure!(new, Site::Map, "'{name}': core {id}, group {index} twice");
            targets(core, index, g, &post, p)?;
            let axons = &core.axons_in[g.first_axon as usize..][..g.n_axons as usize];
            n_synapses += axons.iter().map(|axon| u64::from(axon.n_synapses)).sum::<u64>();
        }
        // Every copy of a modulator (S38) has its own synapses.
        let legal = match post {
            Post::Population(_) => n_synapses == u64::from(p.n_synapses),
            Post::Modulator(_) => n_synapses >= u64::from(p.n_synapses),
        };
        ensure!(
            legal,
            Site::Map,
            "'{name}': {n_synapses} synapses on cores, {} named",
            p.n_synapses
        );
    }
    for core in &image.cores {
        for k in 0..core.groups.len() {
            let known = named.contains(&(core.id, k));
            ensure!(known, at::<Group>(core.id, k), "group {k} is no part of the map");
        }
    }
    Ok(())
}

/// The targets of a group are the lanes of its post population or modulator.
fn targets(
    core: &Core,
    index: usize,
    g: &Group,
    post: &Post<'_>,
    projection: &ProjectionMap,
) -> Result<(), ImageError> {
    let n_compartments = core.compartments.len() as u64;
    let (first, n) = (u64::from(g.first_target), u64::from(g.n_post));
    // (first lane, lanes, first target) of the range the group's targets must lie in.
    let ranges: Vec<(u32, u32, u64)> = match post {
        Post::Population(population) => {
            let here = population.slices.iter().filter(|s| s.core == core.id);
            here.map(|s| (s.first_lane, s.n, u64::from(s.first_compartment))).collect()
        }
        Post::Modulator(modulator) => {
            let here = modulator.parts.iter().filter(|part| part.core == core.id);
            here.map(|part| core.modulators[usize::from(part.range)])
                .map(|m| (m.first_lane, m.n_lines, n_compartments + u64::from(m.first_line)))
                .collect()
        }
    };
    let found = ranges.iter().any(|&(lane, lanes, target)| {
        let (lane, lanes, wanted) = (u64::from(lane), u64::from(lanes), u64::from(g.first_post));
        wanted >= lane && wanted + n <= lane + lanes && first == target + (wanted - lane)
    });
    ensure!(
        found,
        at::<Group>(core.id, index),
        "'{}': targets {first} + {n} are not lanes {} + {n} of '{}'",
        projection.name,
        g.first_post,
        projection.post
    );
    Ok(())
}

fn traces(image: &Image) -> Result<(), ImageError> {
    for trace in &image.map.traces {
        let name = &trace.name;
        let Some(p) = image.map.projections.get(usize::from(trace.projection)) else {
            let what = format!("trace '{name}': there is no projection {}", trace.projection);
            return Err(Site::Map.fault(what));
        };
        let (has, needs) = (trace.parts.len(), p.parts.len());
        ensure!(has == needs, Site::Map, "trace '{name}' has {has} parts, its projection {needs}");
        for (&(id, column), part) in trace.parts.iter().zip(&p.parts) {
            let core = core_of(image, part.core).map(|(_, core)| core);
            let group = core.and_then(|core| core.groups.get(usize::from(part.group)));
            let found = core.and_then(|core| core.columns.get(usize::from(column)));
            let legal = id == part.core
                && found.zip(group).is_some_and(|(column, group)| {
                    column.profile == group.profile
                        && column.post == (trace.side == TraceSide::Post)
                });
            ensure!(legal, Site::Map, "trace '{name}': core {id}, column {column} is another's");
        }
    }
    Ok(())
}

fn lines(image: &Image) -> Result<(), ImageError> {
    let table = &image.lines;
    for file in &table.files {
        let printable = !file.is_empty() && !file.chars().any(char::is_control);
        ensure!(printable, Site::Lines, "the name of a file is empty or has control characters");
    }
    for term in &table.terms {
        let printable = !term.is_empty() && !term.chars().any(char::is_control);
        ensure!(printable, Site::Lines, "a product is empty or has control characters");
    }
    let ascending = table.words.is_sorted_by_key(|w| (w.core, w.word));
    let once = table.words.windows(2).all(|w| (w[0].core, w[0].word) != (w[1].core, w[1].word));
    ensure!(ascending && once, Site::Lines, "words are not in ascending order");
    for WordLine { core, word, file, line, term } in &table.words {
        let held = core_of(image, *core).map(|(_, core)| core);
        let legal = held.is_some_and(|core| (*word as usize) < core.ucode.len());
        ensure!(legal, Site::Lines, "core {core} has no microcode word {word}");
        let legal = usize::from(*file) < table.files.len() && *line > 0;
        ensure!(legal, Site::Lines, "core {core}, word {word}: line {line} of file {file}");
        if let Some(term) = term {
            let legal = usize::from(*term) < table.terms.len();
            ensure!(legal, Site::Lines, "core {core}, word {word}: there is no product {term}");
        }
    }
    Ok(())
}

fn sources(image: &Image) -> Result<(), ImageError> {
    for line in &image.map.source {
        legal_name(&line.rule, "a rule")?;
        let core = core_of(image, line.core).map(|(_, core)| core);
        let legal = core.is_some_and(|core| (line.word as usize) < core.ucode.len());
        let SourceLine { core, word, rule, .. } = line;
        ensure!(legal, Site::Map, "rule '{rule}': core {core} has no microcode word {word}");
    }
    Ok(())
}
