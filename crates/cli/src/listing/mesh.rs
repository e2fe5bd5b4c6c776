//! Where cores are on the mesh, what their messages load, and what filled them.

use crate::table::{counted, grouped, percent, table};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use trifactor_compile::mesh::report::{Figures, Loaded, MeshReport, PlacedOn};
use trifactor_compile::place::Spread;
use trifactor_isa::Link;

/// Projections named for the most loaded link.
const NAMED: usize = 5;
/// Letters that stand for populations; those beyond share the last sign.
const SIGNS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ#";

/// Everything: map, figures before and after, limits.
pub fn text(report: &MeshReport) -> String {
    let mut out = map(report);
    out += &figures(report);
    out += &cores(report);
    out
}

/// Tiles with a sign for each core: its first population's, `-` for a core without neurons and `.`
/// for one that is free.
pub fn map(report: &MeshReport) -> String {
    let mut signs: BTreeMap<&str, char> = BTreeMap::new();
    let mut key: Vec<(char, &str)> = Vec::new();
    for core in &report.cores {
        for (name, ..) in &core.parts {
            if !signs.contains_key(name.as_str()) {
                let sign = SIGNS.chars().nth(key.len()).unwrap_or('#');
                signs.insert(name, sign);
                key.push((sign, name));
            }
        }
    }
    let mut tiles: BTreeMap<(u32, u32), String> = BTreeMap::new();
    for core in &report.cores {
        let first = core.parts.first();
        let sign = first.map_or('-', |(name, ..)| signs[name.as_str()]);
        tiles.entry(core.tile).or_default().push(sign);
    }
    let width = report.cores_per_tile as usize;
    let columns = tiles.keys().map(|(x, _)| x + 1).max().unwrap_or(0);
    let rows = tiles.keys().map(|(_, y)| y + 1).max().unwrap_or(0);
    let mut out = String::new();
    for y in 0..rows {
        if y > 0 && y % report.of_chip.1 == 0 {
            let borders = (columns - 1) / report.of_chip.0;
            let dashes = columns as usize * (width + 1) + borders as usize * 2 - 1;
            let _ = writeln!(out, "  {}", "-".repeat(dashes));
        }
        let mut line = String::from(" ");
        for x in 0..columns {
            if x > 0 && x % report.of_chip.0 == 0 {
                line += " |";
            }
            let cell = tiles.get(&(x, y)).map_or("", String::as_str);
            let _ = write!(line, " {cell:.<width$}");
        }
        let _ = writeln!(out, "{line}");
    }
    let chips = u64::from(report.arranged.chips);
    let _ = writeln!(
        out,
        "{} and {} in use, of {} x {} tiles; north is up, the host port at the upper left",
        counted(u64::from(report.arranged.tiles), "tile"),
        counted(chips, "chip"),
        report.size.0,
        report.size.1
    );
    let shared = key.iter().filter(|(sign, _)| *sign == '#').count();
    let named = key.iter().filter(|(sign, _)| *sign != '#');
    let mut list: Vec<String> = named.map(|(sign, name)| format!("{sign} {name}")).collect();
    if shared > 0 {
        list.push(format!("# {shared} others"));
    }
    if !list.is_empty() {
        let _ = writeln!(out, "{}", list.join(", "));
    }
    out
}

/// Hops and loads, in the author's order and as arranged.
fn figures(report: &MeshReport) -> String {
    let (before, after) = (&report.in_order, &report.arranged);
    let mut rows = Vec::new();
    let mut row = |what: &str, of: &dyn Fn(&Figures) -> String| {
        rows.push(vec![what.to_owned(), of(before), of(after)]);
    };
    row("messages per spike", &|f| two(f.messages / f.spikes.max(1.0)));
    row("hops per message", &|f| two(f.hops_per_message()));
    row("hops per spike", &|f| two(f.hops_per_spike()));
    row("hops per step", &|f| one(f.hops()));
    if report.size != report.of_chip {
        row("of these to another chip", &|f| one(f.border));
    }
    row("their energy, pJ", &|f| one(f.fj / 1000.0));
    row("messages of the most loaded link", &|f| {
        one(f.most_loaded.as_ref().map_or(0.0, |l| l.messages))
    });
    let header = ["", "author's order", "arranged"];
    let mut out = format!("\n{}", table(&header, &rows));
    for (when, figures) in [("in the author's order", before), ("arranged", after)] {
        if let Some(loaded) = &figures.most_loaded {
            let _ = writeln!(out, "most loaded, {when}: {}", loaded_text(loaded));
        }
    }
    out
}

fn loaded_text(loaded: &Loaded) -> String {
    let all = loaded.projections.iter();
    let share = |n: f64| percent(n.round() as u64, loaded.messages.round().max(1.0) as u64);
    let mut named: Vec<String> =
        all.take(NAMED).map(|(name, n)| format!("{name} {}", share(*n))).collect();
    if loaded.projections.len() > NAMED {
        named.push(format!("{} others", loaded.projections.len() - NAMED));
    }
    format!("{}: {}", link(loaded.link), named.join(", "))
}

fn link(link: Link) -> String {
    let ((ax, ay), (bx, by)) = (link.from, link.to());
    let border = if link.border { ", across chips" } else { "" };
    format!("tile ({ax}, {ay}) {} to ({bx}, {by}){border}", link.direction.name())
}

/// Each core with its parts and what kept the next lane away.
fn cores(report: &MeshReport) -> String {
    let mut out = String::from("\n");
    for core in &report.cores {
        let parts: Vec<String> =
            core.parts.iter().map(|(name, a, b)| format!("{name}[{a}..{b}]")).collect();
        let (x, y) = core.tile;
        let _ = writeln!(
            out,
            "core {} on tile ({x}, {y}): {}; {}",
            core.number,
            parts.join(", "),
            full(core, report.spread)
        );
    }
    let mut sums: BTreeMap<&str, u32> = BTreeMap::new();
    for limit in report.cores.iter().filter_map(|core| core.full.as_ref()) {
        *sums.entry(limit.resource).or_default() += 1;
    }
    let named: BTreeSet<String> = sums.iter().map(|(what, n)| format!("{n} by {what}")).collect();
    let open = report.cores.iter().filter(|core| core.full.is_none()).count();
    let mut named: Vec<String> = named.into_iter().collect();
    named.push(format!("{open} with room"));
    let _ = writeln!(out, "cores limited: {}", named.join(", "));
    out
}

/// What kept the next lane away from a core.
pub fn full(core: &PlacedOn, spread: Option<Spread>) -> String {
    let Some(limit) = &core.full else { return "room left".to_owned() };
    let why = match (limit.resource, spread) {
        ("neurons", Some(Spread::Author(_))) => " (neurons_per_core)",
        ("neurons", Some(Spread::Messages(_))) => " (output axons for more are missing)",
        _ => "",
    };
    format!(
        "with {}[{}] {} {} of {}{why}",
        limit.population,
        limit.lane,
        grouped(limit.needed),
        limit.resource,
        grouped(limit.allowed)
    )
}

/// The report for programs.
pub fn to_json(report: &MeshReport) -> Value {
    let cores: Vec<Value> = report
        .cores
        .iter()
        .map(|core| {
            let parts = core.parts.iter();
            let parts: Vec<Value> = parts
                .map(|(name, a, b)| json!({ "population": name, "first": a, "end": b }))
                .collect();
            let full = core.full.as_ref().map(|limit| {
                json!({
                    "population": limit.population, "lane": limit.lane,
                    "resource": limit.resource, "needed": limit.needed, "allowed": limit.allowed,
                })
            });
            json!({
                "core": core.number, "tile": [core.tile.0, core.tile.1],
                "parts": parts, "full": full,
            })
        })
        .collect();
    json!({
        "tiles": [report.size.0, report.size.1],
        "tiles_of_chip": [report.of_chip.0, report.of_chip.1],
        "cores_per_tile": report.cores_per_tile,
        "author_order": figures_json(&report.in_order),
        "arranged": figures_json(&report.arranged),
        "cores": cores,
    })
}

fn figures_json(f: &Figures) -> Value {
    let loaded = f.most_loaded.as_ref().map(|loaded| {
        let ((ax, ay), (bx, by)) = (loaded.link.from, loaded.link.to());
        let all = loaded.projections.iter();
        let projections: Vec<Value> =
            all.map(|(name, n)| json!({ "projection": name, "messages": n })).collect();
        json!({
            "from": [ax, ay], "to": [bx, by], "border": loaded.link.border,
            "messages": loaded.messages, "projections": projections,
        })
    });
    json!({
        "tiles": f.tiles, "chips": f.chips, "spikes": f.spikes, "messages": f.messages,
        "hops_ew": f.ew, "hops_ns": f.ns, "hops_chip": f.border, "hop_fj": f.fj,
        "hops_per_spike": f.hops_per_spike(), "hops_per_message": f.hops_per_message(),
        "most_loaded": loaded,
    })
}

fn one(x: f64) -> String {
    format!("{x:.1}")
}

fn two(x: f64) -> String {
    format!("{x:.2}")
}
