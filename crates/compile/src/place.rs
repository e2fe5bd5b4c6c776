//! Assign slices of populations to cores, with the modulator lines their rules read.
//!
//! Reads: network, structure, lowered sizes, chip capacities.   Writes: [`Placement`].
//! Needs: exact program and synapse sizes (after lowering).
//! Gives: no core over any capacity.
//! Method: populations in the author's order fill cores one lane at a time; a lane brings its
//! compartment, its incoming synapses (in exact words) and new input axons, and the first lane of
//! a slice brings programs and modulator copies. A lane that does not fit opens the next core.
//! Cores are counted beyond those of the chip, so that a refusal can say how many are needed.
//! Where a core would send more messages than its output table holds, the whole placement is
//! made again with half as many neurons per core. An author may ask for fewer neurons per core
//! than fit: a step lasts as long as that of the fullest core.
//! Cost: O(synapses). Distance on the mesh is not its business: `mesh` arranges the cores.

use crate::lower::Lowered;
use crate::structure::{ModulatorId, PopulationId, ProjectionId, Structure};
use trifactor_diag::{Diagnostic, Diagnostics, Place as Where};
use trifactor_entity::SideTable;
use trifactor_image::{Format, words_for};
use trifactor_ir::{CheckedNetwork, Role};
use trifactor_isa::Chip;

/// Part of a population on a core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlacedSlice {
    /// The population.
    pub population: PopulationId,
    /// First lane.
    pub first_lane: u32,
    /// Number of lanes.
    pub n: u32,
    /// Compartment of the first lane.
    pub first_compartment: u32,
}

/// Modulator lines on a core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlacedRange {
    /// The modulator.
    pub modulator: ModulatorId,
    /// First lane.
    pub first_lane: u32,
    /// Number of lanes.
    pub n: u32,
}

/// What a core hosts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PlacedCore {
    /// Population slices in compartment order.
    pub slices: Vec<PlacedSlice>,
    /// Modulator lines.
    pub ranges: Vec<PlacedRange>,
    /// Why no further lane came here; `None` where there was none.
    pub full: Option<Full>,
}

/// The lane that no longer fitted a core, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full {
    /// Its population.
    pub population: PopulationId,
    /// The lane.
    pub lane: u32,
    /// What there was too little of.
    pub resource: &'static str,
    /// How much of it the core would have needed.
    pub needed: u64,
    /// How much of it there is.
    pub allowed: u64,
}

/// Populations and modulators to cores; core numbers are positions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Placement {
    /// Used cores, from 0.
    pub cores: Vec<PlacedCore>,
    /// Why a core takes fewer neurons than it has compartments; `None` where it need not.
    pub spread: Option<Spread>,
}

/// Why a core takes only so many neurons.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spread {
    /// The author wants no more.
    Author(u32),
    /// More would send more messages than a core has output axons.
    Messages(u32),
}

/// Synapses of a projection by post lane.
pub(crate) struct Incoming {
    start: Vec<u32>,
    pre: Vec<u32>,
}

impl Incoming {
    pub(crate) fn of(net: &CheckedNetwork, structure: &Structure, id: ProjectionId) -> Self {
        let projection = &structure.projections[id];
        let synapses = net.synapses(projection.space).expect("internal: a projection has synapses");
        let n_post = net.lanes(projection.post);
        let mut start = vec![0u32; n_post + 1];
        for &post in &synapses.post_lane {
            start[post as usize + 1] += 1;
        }
        for j in 0..n_post {
            start[j + 1] += start[j];
        }
        let mut next = start.clone();
        let mut pre = vec![0u32; synapses.len()];
        for (i, row) in (0u32..).zip(synapses.row_start.windows(2)) {
            for k in row[0]..row[1] {
                let at = &mut next[synapses.post_lane[k as usize] as usize];
                pre[*at as usize] = i;
                *at += 1;
            }
        }
        Self { start, pre }
    }
    fn of_lane(&self, lane: u32) -> &[u32] {
        let lane = lane as usize;
        &self.pre[self.start[lane] as usize..self.start[lane + 1] as usize]
    }
}

/// How full a core is.
#[derive(Clone, Copy, Default, Debug)]
struct Load {
    lanes: u64,
    targets: u64,
    axons_in: u64,
    synapse_words: u64,
    ucode_words: u64,
    profiles: u64,
    formats: u64,
}

impl Load {
    fn plus(self, other: Self) -> Self {
        Self {
            lanes: self.lanes + other.lanes,
            targets: self.targets + other.targets,
            axons_in: self.axons_in + other.axons_in,
            synapse_words: self.synapse_words + other.synapse_words,
            ucode_words: self.ucode_words + other.ucode_words,
            profiles: self.profiles + other.profiles,
            formats: self.formats + other.formats,
        }
    }
    /// The first resource over its limit: (what, used, allowed).
    fn over(self, chip: &Chip, most_lanes: u32) -> Option<(&'static str, u64, u64)> {
        let core = &chip.core;
        [
            ("neurons", self.lanes, u64::from(most_lanes)),
            ("compartments and modulator lines", self.targets, u64::from(core.compartments)),
            ("input axons", self.axons_in, u64::from(core.axons_in)),
            ("64-bit words of synapse memory", self.synapse_words, u64::from(core.synapse_words)),
            ("microcode words", self.ucode_words, u64::from(core.ucode_words)),
            ("learning profiles", self.profiles, u64::from(core.profiles)),
            ("synapse formats", self.formats, u64::from(core.formats)),
        ]
        .into_iter()
        .find(|(_, used, allowed)| used > allowed)
    }
}

struct Placer<'a> {
    net: &'a CheckedNetwork,
    chip: &'a Chip,
    structure: &'a Structure,
    lowered: &'a Lowered,
    incoming: &'a SideTable<ProjectionId, Incoming>,
    /// Neurons per core at most: fewer than the chip's where their messages would not fit.
    most_lanes: u32,
    placement: Placement,
    load: Load,
    /// Synapses of each pre lane in the slice being filled, per projection.
    rows: SideTable<ProjectionId, Vec<u32>>,
}

/// Places all populations, at most so many neurons on a core. Errors: `C020` where a lane does
/// not fit an empty core, `C021` where there are too few cores, `C022` where spikes of a core cause too many messages.
pub fn place(
    net: &CheckedNetwork,
    chip: &Chip,
    neurons_per_core: Option<u32>,
    structure: &Structure,
    lowered: &Lowered,
) -> Result<Placement, Diagnostics> {
    let incoming =
        SideTable::for_each(&structure.projections, |id, _| Incoming::of(net, structure, id));
    let most = chip.core.compartments;
    let mut most_lanes = neurons_per_core.map_or(most, |n| n.clamp(1, most));
    let mut crowded = None;
    loop {
        let rows = SideTable::for_each(&structure.projections, |_, p| vec![0; net.lanes(p.pre)]);
        let mut placer = Placer {
            net,
            chip,
            structure,
            lowered,
            incoming: &incoming,
            most_lanes,
            placement: Placement::default(),
            load: Load::default(),
            rows,
        };
        for (id, population) in structure.populations.iter() {
            if population.phase.is_some() {
                // Where neurons were spread because of their messages, that is what is wrong.
                placer.population(id).map_err(|e| crowded.clone().unwrap_or(e))?;
            }
        }
        let mut placement = placer.placement;
        placement.spread = match most_lanes {
            _ if crowded.is_some() => Some(Spread::Messages(most_lanes)),
            n if n < most => Some(Spread::Author(n)),
            _ => None,
        };
        let crowd = too_many_messages(net, chip, structure, &placement);
        if let Some(core) = placement.cores.get(chip.n_cores() as usize) {
            // Neurons that must be spread need more cores still.
            let needed = placement.cores.len();
            let found = chip_is_full(net, chip, structure, core, needed, crowd.is_some());
            return Err(crowded.unwrap_or(found));
        }
        let Some((core, used)) = crowd else {
            return Ok(placement);
        };
        let found = too_crowded(net, chip, structure, &placement.cores[core], used);
        if most_lanes <= 1 {
            return Err(found);
        }
        crowded = Some(found);
        most_lanes /= 2;
    }
}

/// `core` is the first for which there is none on the chip, `needed` how many there would be, or
/// more.
fn chip_is_full(
    net: &CheckedNetwork,
    chip: &Chip,
    structure: &Structure,
    core: &PlacedCore,
    needed: usize,
    or_more: bool,
) -> Diagnostics {
    let name = &net.spaces[structure.populations[core.slices[0].population].space].name;
    let least = if or_more { "at least " } else { "" };
    let chips = needed.div_ceil(chip.cores_per_chip() as usize);
    let (available, whole) = (chip.n_cores(), whole(chip));
    Diagnostic::error(
        "C021",
        format!(
            "'{name}' no longer fits: all {available} cores of {whole} are in use, and the network \
             needs {least}{needed} cores"
        ),
    )
    .at(Where::at_key(format!("populations.{name}")))
    .hint(format!(
        "choose a larger chip (`--chip large`), give the chip file's mesh more chips ({least}{chips} \
         hold it: `chips: (columns: {chips}, rows: 1)`), or make the network smaller"
    ))
    .into()
}

fn too_crowded(
    net: &CheckedNetwork,
    chip: &Chip,
    structure: &Structure,
    core: &PlacedCore,
    used: u64,
) -> Diagnostics {
    let name = &net.spaces[structure.populations[core.slices[0].population].space].name;
    let senders = match core.slices.iter().map(|s| s.n).sum::<u32>() {
        1 => format!("one neuron of '{name}' sends"),
        n => format!("{n} neurons on a core with '{name}' send"),
    };
    Diagnostic::error(
        "C022",
        format!(
            "{senders} {used} messages per spike, and a core of the chip '{}' has {} output axons",
            chip.name, chip.core.axons_out
        ),
    )
    .at(Where::at_key(format!("populations.{name}")))
    .hint("use fewer projections, or a chip with larger cores")
    .into()
}

/// The first core whose spikes need more output axons than there are, and how many.
fn too_many_messages(
    net: &CheckedNetwork,
    chip: &Chip,
    structure: &Structure,
    placement: &Placement,
) -> Option<(usize, u64)> {
    let messages = crate::route::messages(net, structure, placement);
    placement.cores.iter().enumerate().find_map(|(c, core)| {
        let used: u64 = core
            .slices
            .iter()
            .flat_map(|s| {
                let counts = &messages[s.population];
                (s.first_lane..s.first_lane + s.n).map(|lane| counts[lane as usize].len() as u64)
            })
            .sum();
        (used > u64::from(chip.core.axons_out)).then_some((c, used))
    })
}

/// The chip, or all chips, in words.
fn whole(chip: &Chip) -> String {
    match chip.n_chips() {
        1 => format!("the chip '{}'", chip.name),
        n => format!("the {n} chips of '{}'", chip.name),
    }
}

impl Placer<'_> {
    fn population(&mut self, id: PopulationId) -> Result<(), Diagnostics> {
        let n = self.net.lanes(self.structure.populations[id].space) as u32;
        let mut lane = 0;
        let mut opened = false;
        while lane < n {
            if self.placement.cores.is_empty() || opened {
                self.open_core();
            }
            let taken = self.slice(id, lane, n);
            if taken == 0 && (opened || self.core_is_empty()) {
                return Err(self.does_not_fit(id, lane));
            }
            lane += taken;
            // The next turn needs a fresh core, since this one would not take the next lane.
            opened = true;
        }
        Ok(())
    }

    fn core_is_empty(&self) -> bool {
        self.placement.cores.last().is_some_and(|c| c.slices.is_empty())
    }

    fn open_core(&mut self) {
        self.placement.cores.push(PlacedCore::default());
        self.load = Load::default();
    }

    fn does_not_fit(&mut self, id: PopulationId, lane: u32) -> Diagnostics {
        let population = &self.structure.populations[id];
        let name = self.net.spaces[population.space].name.clone();
        let load = self.fixed(id).0.plus(self.lane(id, lane));
        let (what, used, allowed) =
            load.over(self.chip, self.most_lanes).unwrap_or(("resources", 0, 0));
        Diagnostic::error(
            "C020",
            format!(
                "neuron {lane} of '{name}' does not fit a core by itself: it needs {used} {what}, and a core of \
                 the chip '{}' has {allowed}",
                self.chip.name
            ),
        )
        .at(Where::at_key(format!("populations.{name}")))
        .hint("lower its fan-in or the bits of its synapses, or choose the chip 'large'")
        .into()
    }

    /// Puts as many lanes from `first` on the current core as fit; returns how many.
    fn slice(&mut self, id: PopulationId, first: u32, n: u32) -> u32 {
        let (fixed, ranges) = self.fixed(id);
        let before = self.load;
        let mut load = before.plus(fixed);
        let mut taken = 0;
        let mut over = load.over(self.chip, self.most_lanes);
        while over.is_none() && first + taken < n {
            let with = load.plus(self.lane(id, first + taken));
            over = with.over(self.chip, self.most_lanes);
            if over.is_none() {
                load = with;
                taken += 1;
            }
        }
        let full = over.map(|(resource, needed, allowed)| {
            let lane = first + taken;
            Full { population: id, lane, resource, needed, allowed }
        });
        if let Some(core) = self.placement.cores.last_mut() {
            core.full = full;
        }
        self.clear_rows(id);
        if taken == 0 {
            return 0;
        }
        self.load = load;
        let post = self.post_modulators(id);
        let core = self.placement.cores.last_mut().expect("internal: a core is open");
        let first_compartment = core.slices.iter().map(|s| s.n).sum();
        core.slices.push(PlacedSlice {
            population: id,
            first_lane: first,
            n: taken,
            first_compartment,
        });
        core.ranges.extend(ranges);
        for modulator in post {
            let range = PlacedRange { modulator, first_lane: first, n: taken };
            if !core.ranges.contains(&range) {
                core.ranges.push(range);
            }
        }
        taken
    }

    fn projections_to(&self, id: PopulationId) -> Vec<ProjectionId> {
        let space = self.structure.populations[id].space;
        self.structure.projections.iter().filter(|(_, p)| p.post == space).map(|(k, _)| k).collect()
    }

    fn feeding(&self, modulator: ModulatorId) -> Vec<ProjectionId> {
        let space = self.structure.modulators[modulator].space;
        self.structure.projections.iter().filter(|(_, p)| p.post == space).map(|(k, _)| k).collect()
    }

    /// Modulators read per post lane by rules of projections to this population.
    fn post_modulators(&self, id: PopulationId) -> Vec<ModulatorId> {
        let mut found = Vec::new();
        for projection in self.projections_to(id) {
            for (modulator, role) in self.structure.modulators_of(self.net, projection) {
                if role == Role::Post && !found.contains(&modulator) {
                    found.push(modulator);
                }
            }
        }
        found
    }

    /// What the first lane of a slice brings besides itself, and the modulator lines among it.
    fn fixed(&self, id: PopulationId) -> (Load, Vec<PlacedRange>) {
        let mut load = Load::default();
        let mut ranges: Vec<PlacedRange> = Vec::new();
        let core = self.placement.cores.last();
        for projection in self.projections_to(id) {
            let lowered = &self.lowered.projections[projection];
            load.formats += 1;
            if let Some(program) = &lowered.program {
                load.profiles += 1;
                load.ucode_words += program.code.len() as u64;
            }
            for (modulator, role) in self.structure.modulators_of(self.net, projection) {
                if role == Role::Post {
                    continue;
                }
                let n = self.net.lanes(self.structure.modulators[modulator].space) as u32;
                let range = PlacedRange { modulator, first_lane: 0, n };
                let there = core.is_some_and(|c| c.ranges.contains(&range));
                if there || ranges.contains(&range) {
                    continue;
                }
                load = load.plus(self.copy_of(modulator));
                ranges.push(range);
            }
        }
        for modulator in self.post_modulators(id) {
            load.formats += self.feeding(modulator).len() as u64;
        }
        (load, ranges)
    }

    /// All lines of a modulator with all synapses that feed it.
    fn copy_of(&self, modulator: ModulatorId) -> Load {
        let space = self.structure.modulators[modulator].space;
        let mut load = Load { targets: self.net.lanes(space) as u64, ..Load::default() };
        for projection in self.feeding(modulator) {
            let format = &self.lowered.projections[projection].format;
            let synapses = self.net.synapses(self.structure.projections[projection].space);
            load.formats += 1;
            for row in synapses.into_iter().flat_map(|s| s.row_start.windows(2)) {
                let n = (row[1] - row[0]) as usize;
                load.synapse_words += words_for(n, format) as u64;
                load.axons_in += u64::from(n > 0);
            }
        }
        load
    }

    /// What one more lane brings; remembers its synapses.
    fn lane(&mut self, id: PopulationId, lane: u32) -> Load {
        let mut load = Load { lanes: 1, targets: 1, ..Load::default() };
        for projection in self.projections_to(id) {
            self.synapses_of_lane(projection, lane, &mut load);
        }
        for modulator in self.post_modulators(id) {
            load.targets += 1;
            for projection in self.feeding(modulator) {
                self.synapses_of_lane(projection, lane, &mut load);
            }
        }
        load
    }

    fn synapses_of_lane(&mut self, projection: ProjectionId, lane: u32, load: &mut Load) {
        let format: &Format = &self.lowered.projections[projection].format;
        let rows = &mut self.rows[projection];
        for &pre in self.incoming[projection].of_lane(lane) {
            let count = &mut rows[pre as usize];
            let before = words_for(*count as usize, format);
            load.axons_in += u64::from(*count == 0);
            *count += 1;
            load.synapse_words += (words_for(*count as usize, format) - before) as u64;
        }
    }

    fn clear_rows(&mut self, id: PopulationId) {
        let mut touched = self.projections_to(id);
        for modulator in self.post_modulators(id) {
            touched.extend(self.feeding(modulator));
        }
        for projection in touched {
            self.rows[projection].fill(0);
        }
    }
}
