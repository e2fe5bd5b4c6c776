//! What an arrangement costs, and what limits it: figures for people and programs.
//!
//! Every figure is counted plainly, message by message along [`Chip::route`], and not by the tables
//! with which the arrangement was found.

use super::Arrangement;
use super::traffic::{Traffic, milli_rates};
use crate::place::{Placement, Spread};
use crate::route::Routes;
use crate::structure::Structure;
use crate::{Compiled, Identity};
use std::collections::{BTreeMap, BTreeSet};
use trifactor_entity::{EntityId, SideTable};
use trifactor_ir::CheckedNetwork;
use trifactor_isa::{Chip, CoreId, Cost, Hops, Link};

/// An arrangement beside the author's order.
#[derive(Clone, PartialEq, Debug)]
pub struct MeshReport {
    /// Tiles of all chips, columns and rows.
    pub size: (u32, u32),
    /// Tiles of one chip, columns and rows.
    pub of_chip: (u32, u32),
    /// Cores that share a tile.
    pub cores_per_tile: u32,
    /// Every core in use, in the order of their numbers.
    pub cores: Vec<PlacedOn>,
    /// If cores had been numbered in the author's order.
    pub in_order: Figures,
    /// As they are.
    pub arranged: Figures,
    /// Why cores take fewer neurons than they could.
    pub spread: Option<Spread>,
}

/// A core in use.
#[derive(Clone, PartialEq, Debug)]
pub struct PlacedOn {
    /// Its number.
    pub number: u32,
    /// Column and row of its tile.
    pub tile: (u32, u32),
    /// Parts of populations: name, first lane, one past the last.
    pub parts: Vec<(String, u32, u32)>,
    /// What kept the next lane away; `None` where no lane was left.
    pub full: Option<Limit>,
}

/// A lane that did not fit.
#[derive(Clone, PartialEq, Debug)]
pub struct Limit {
    /// The lane's population.
    pub population: String,
    /// The lane.
    pub lane: u32,
    /// What there was too little of.
    pub resource: &'static str,
    /// How much the core would have needed.
    pub needed: u64,
    /// How much there is.
    pub allowed: u64,
}

/// What messages do on the mesh in a step in which every lane fires at its expected rate.
#[derive(Clone, PartialEq, Debug)]
pub struct Figures {
    /// Tiles in use.
    pub tiles: u32,
    /// Chips in use.
    pub chips: u32,
    /// Spikes.
    pub spikes: f64,
    /// Messages that they cause.
    pub messages: f64,
    /// Links that these pass east or west.
    pub ew: f64,
    /// Links that they pass north or south.
    pub ns: f64,
    /// Those among the links that lead to another chip.
    pub border: f64,
    /// Energy of these links in femtojoules, with the chip's default preset; a coefficient that no
    /// source gives counts as 0.
    pub fj: f64,
    /// The link with most messages.
    pub most_loaded: Option<Loaded>,
}

/// A link and who loads it.
#[derive(Clone, PartialEq, Debug)]
pub struct Loaded {
    /// The link.
    pub link: Link,
    /// Messages.
    pub messages: f64,
    /// Messages of each projection, most first.
    pub projections: Vec<(String, f64)>,
}

impl Figures {
    /// Links that all messages pass.
    pub fn hops(&self) -> f64 {
        self.ew + self.ns
    }
    /// Links that the messages of a spike pass, on average.
    pub fn hops_per_spike(&self) -> f64 {
        if self.spikes > 0.0 { self.hops() / self.spikes } else { 0.0 }
    }
    /// Links that a message passes, on average.
    pub fn hops_per_message(&self) -> f64 {
        if self.messages > 0.0 { self.hops() / self.messages } else { 0.0 }
    }
}

/// Figures of an arrangement, without the names of who loads which link.
pub fn figures(chip: &Chip, traffic: &Traffic, arrangement: &Arrangement) -> Figures {
    let core = |k: usize| CoreId::from_index(arrangement.numbers[k] as usize);
    let (mut all, mut loads) = (Hops64::default(), BTreeMap::<Link, u64>::new());
    let mut send = |from: CoreId, to: CoreId, messages: u64| {
        all.add(chip.hops(from, to), messages);
        for link in chip.route(from, to) {
            *loads.entry(link).or_default() += messages;
        }
    };
    for (k, list) in traffic.between.iter().enumerate() {
        // The host's port is at tile (0, 0), where core 0 is.
        send(CoreId::from_index(0), core(k), traffic.from_host[k]);
        for &(to, messages) in list {
            send(core(k), core(to as usize), messages);
        }
    }
    let cores = || (0..arrangement.numbers.len()).map(core);
    let tiles: BTreeSet<(u32, u32)> = cores().map(|c| chip.tile_of(c)).collect();
    let chips: BTreeSet<u32> = cores().map(|c| chip.chip_of(c)).collect();
    let preset = chip.default_preset();
    let fj = |cost: Option<Cost>| cost.map_or(0.0, |c| c.fj as f64);
    let milli = |n: u64| n as f64 / super::traffic::MILLI as f64;
    // The first of equals, in the order of tiles.
    let most = loads.iter().filter(|(_, n)| **n > 0).max_by_key(|(link, n)| {
        let ((x, y), direction) = (link.from, link.direction);
        (**n, std::cmp::Reverse((y, x, direction)))
    });
    Figures {
        tiles: tiles.len() as u32,
        chips: chips.len() as u32,
        spikes: milli(traffic.spikes),
        messages: milli(traffic.messages()),
        ew: milli(all.ew),
        ns: milli(all.ns),
        border: milli(all.border),
        fj: milli(all.ew) * fj(preset.hop_ew)
            + milli(all.ns) * fj(preset.hop_ns)
            + milli(all.border) * fj(preset.hop_chip),
        most_loaded: most.map(|(link, n)| Loaded {
            link: *link,
            messages: milli(*n),
            projections: Vec::new(),
        }),
    }
}

/// Reports where a compiled network is on the mesh, in the author's names.
pub fn report(
    net: &CheckedNetwork,
    chip: &Chip,
    identity: &Identity,
    structure: &Structure,
    compiled: &Compiled,
) -> MeshReport {
    let (placement, arrangement) = (&compiled.placement, &compiled.arrangement);
    let routes = crate::route::route(net, structure, placement);
    let traffic = Traffic::of(net, structure, placement, &routes, &identity.rates);
    let named = |arrangement: &Arrangement| {
        let mut figures = figures(chip, &traffic, arrangement);
        if let Some(loaded) = &mut figures.most_loaded {
            let rates = milli_rates(net, structure, &identity.rates);
            let who = Who { net, chip, structure, placement, routes: &routes, arrangement };
            loaded.projections = who.loads(loaded.link, &rates);
        }
        figures
    };
    let name = |id| net.spaces[structure.populations[id].space].name.clone();
    let mesh = &chip.mesh;
    let cores = arrangement.by_number().into_iter().map(|k| {
        let placed = &placement.cores[k];
        let number = arrangement.numbers[k];
        let parts = placed.slices.iter();
        PlacedOn {
            number,
            tile: chip.tile_of(CoreId::from_index(number as usize)),
            parts: parts.map(|s| (name(s.population), s.first_lane, s.first_lane + s.n)).collect(),
            full: placed.full.map(|full| Limit {
                population: name(full.population),
                lane: full.lane,
                resource: full.resource,
                needed: full.needed,
                allowed: full.allowed,
            }),
        }
    });
    MeshReport {
        size: (mesh.all_columns(), mesh.all_rows()),
        of_chip: (mesh.columns, mesh.rows),
        cores_per_tile: mesh.cores_per_tile,
        cores: cores.collect(),
        in_order: named(&Arrangement::in_order(placement.cores.len())),
        arranged: named(arrangement),
        spread: placement.spread,
    }
}

/// Sums of hops, in thousandths.
#[derive(Default)]
struct Hops64 {
    ew: u64,
    ns: u64,
    border: u64,
}

impl Hops64 {
    fn add(&mut self, hops: Hops, messages: u64) {
        self.ew += u64::from(hops.ew) * messages;
        self.ns += u64::from(hops.ns) * messages;
        self.border += u64::from(hops.border) * messages;
    }
}

/// Finds the projections whose messages pass a link.
struct Who<'a> {
    net: &'a CheckedNetwork,
    chip: &'a Chip,
    structure: &'a Structure,
    placement: &'a Placement,
    routes: &'a Routes,
    arrangement: &'a Arrangement,
}

impl Who<'_> {
    fn loads(
        &self,
        link: Link,
        rates: &SideTable<crate::structure::PopulationId, u64>,
    ) -> Vec<(String, f64)> {
        let core = |k: usize| CoreId::from_index(self.arrangement.numbers[k] as usize);
        let host = CoreId::from_index(0);
        // Core of each lane; inputs are at the host port.
        let mut at = SideTable::for_each(&self.structure.populations, |_, p| {
            vec![host; self.net.lanes(p.space)]
        });
        for (k, placed) in self.placement.cores.iter().enumerate() {
            for s in &placed.slices {
                let lanes = s.first_lane as usize..(s.first_lane + s.n) as usize;
                at[s.population][lanes].fill(core(k));
            }
        }
        let mut sums = SideTable::for_each(&self.structure.projections, |_, _| 0u64);
        for (k, groups) in self.routes.groups.iter().enumerate() {
            let to = core(k);
            let mut passes: BTreeMap<CoreId, bool> = BTreeMap::new();
            for group in groups {
                let pre = self.structure.projections[group.projection].pre;
                let source = self.structure.population(pre);
                let source = source.expect("internal: a projection starts at a population");
                for lane in &group.pre {
                    let from = at[source][*lane as usize];
                    let on_link = passes
                        .entry(from)
                        .or_insert_with(|| self.chip.route(from, to).any(|l| l == link));
                    if *on_link {
                        sums[group.projection] += rates[source];
                    }
                }
            }
        }
        let mut found: Vec<(String, f64)> = Vec::new();
        for (id, projection) in self.structure.projections.iter() {
            if sums[id] > 0 {
                let name = self.net.spaces[projection.space].name.clone();
                found.push((name, sums[id] as f64 / super::traffic::MILLI as f64));
            }
        }
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found
    }
}
