//! The ledger as a report: counts times coefficients, under the author's names.

use crate::ledger::{CLASSES, Cause, Clock, Counts, Elapsed, Line, Report, Saturation};
use crate::machine::Emulator;
use crate::network::Network;
use crate::tables::{ColumnTable, GroupTable};
use std::collections::BTreeMap;
use trifactor_isa::{Cost, ResolvedCosts};

impl Emulator {
    /// What was done since loading or the last [`clear_ledger`](Self::clear_ledger), and what it
    /// cost with the preset of the options.
    pub fn report(&self) -> Report {
        self.report_of(0)
    }
    /// The same with every preset of the options, [`Options::preset`](crate::Options) first.
    pub fn reports(&self) -> Vec<Report> {
        (0..self.networks.len()).map(|network| self.report_of(network)).collect()
    }

    fn report_of(&self, network: usize) -> Report {
        let barrier = self.barrier(network);
        let network = &self.networks[network];
        let (c, waited) = (&network.prices.costs, &network.elapsed);
        let mut counts = self.host;
        self.cores.iter().for_each(|core| counts.add(&core.state.counts));
        let both = counts.by_cause().into_iter().zip(waited.counts.by_cause());
        let mut lines: Vec<Line> =
            both.map(|((cause, n), (_, waited))| line(c, cause, None, [n, waited])).collect();
        for projection in 0..self.map.projections.len() {
            self.rule_lines(network, projection, &mut lines);
        }
        for (cause, ticks) in [(Cause::Stall, waited.stalled), (Cause::UnderWay, waited.messages)] {
            lines.push(line(c, cause, None, [ticks; 2]));
        }
        let barrier =
            Cost { fj: c.barrier_fj_per_tile * u64::from(self.used.tiles), ticks: barrier };
        lines.push(at(barrier, Cause::Barrier, None, [waited.barriers; 2]));
        let clock = &self.clock;
        lines.push(line(c, Cause::HostWrite, None, [clock.host_writes, 0]));
        lines.push(line(c, Cause::HostReset, None, [clock.host_resets, 0]));
        let tick_ps = self.chip.cost.tick_ps;
        let fj = c.static_fj(waited.ticks, tick_ps) * u64::from(self.used.chips);
        let cost = Cost { fj, ticks: 0 };
        let (cause, count) = (Cause::Static, waited.ticks);
        lines.push(Line { cause, rule: None, count, each: None, cost, critical: 0 });
        Report {
            chip: self.chip.name.clone(),
            preset: network.preset.clone(),
            tick_ps,
            steps: clock.steps,
            tiles: self.used.tiles,
            chips: self.used.chips,
            lines,
            time_ticks: waited.ticks,
            longest_step_ticks: waited.longest,
            missing: network.missing.clone(),
            saturations: self.saturations(),
        }
    }

    /// Sets all counts of costs and saturations to 0.
    pub fn clear_ledger(&mut self) {
        self.clock = Clock::default();
        self.host = Counts::default();
        for network in &mut self.networks {
            let rules = network.elapsed.rules.iter().map(|core| vec![[0; 2]; core.len()]).collect();
            network.elapsed = Elapsed { rules, ..Elapsed::default() };
        }
        for core in &mut self.cores {
            let state = &mut core.state;
            state.counts = Counts::default();
            state.saturated.fill([0; 2]);
            state.saturated_lines.fill(0);
            for group in &mut state.groups {
                group.evaluated = 0;
                group.skipped = 0;
                group.saturated_stores.fill(0);
                group.saturated_pre.fill(0);
                group.saturated_post.fill(0);
            }
        }
    }

    /// How often each state was clipped. Source: S25, S33, S37, S42.
    pub fn saturations(&self) -> Vec<Saturation> {
        let mut list = Vec::new();
        let mut add = |state: String, count: u64| list.push(Saturation { state, count });
        for (named, population) in self.map.populations.iter().zip(&self.populations) {
            for (name, at) in [("u", 0), ("v", 1)] {
                if population.slices.is_empty() {
                    continue;
                }
                let count = population.slices.iter().map(|(core, s)| {
                    let first = s.first_compartment as usize;
                    let saturated = &self.cores[*core].state.saturated;
                    saturated[first..first + s.n as usize].iter().map(|n| n[at]).sum::<u64>()
                });
                add(format!("{}.{name}", named.name), count.sum());
            }
        }
        for (m, named) in self.map.modulators.iter().enumerate() {
            let of_core = |core: &crate::core::Core| -> u64 {
                let ranges = core.table.modulators.iter().zip(&core.state.saturated_lines);
                ranges.filter(|(t, _)| t.modulator == m).map(|(_, n)| n).sum()
            };
            add(named.name.clone(), self.cores.iter().map(of_core).sum());
        }
        for (p, named) in self.map.projections.iter().enumerate() {
            let groups = || self.groups(p).filter(|(table, _)| table.rule.is_some());
            for (f, field) in named.fields.iter().enumerate() {
                if groups().next().is_some() {
                    let count = groups().map(|(_, state)| state.saturated_stores[f]).sum();
                    add(format!("{}.{}", named.name, field.name), count);
                }
            }
        }
        for (name, count) in self.map.traces.iter().zip(self.trace_saturations()) {
            add(name.name.clone(), count);
        }
        list
    }

    fn trace_saturations(&self) -> Vec<u64> {
        let mut counts = BTreeMap::new();
        for (table, state) in
            self.cores.iter().flat_map(|c| c.table.groups.iter().zip(&c.state.groups))
        {
            let Some(rule) = &table.rule else { continue };
            let mut add = |columns: &[ColumnTable], saturated: &[u64]| {
                for (column, n) in columns.iter().zip(saturated) {
                    if let Some(trace) = column.trace {
                        *counts.entry(trace).or_insert(0) += n;
                    }
                }
            };
            add(&rule.pre_columns, &state.saturated_pre);
            add(&rule.post_columns, &state.saturated_post);
        }
        (0..self.map.traces.len()).map(|t| counts.get(&t).copied().unwrap_or(0)).collect()
    }

    fn groups(
        &self,
        projection: usize,
    ) -> impl Iterator<Item = (&GroupTable, &crate::state::GroupState)> {
        let all = self.cores.iter().flat_map(|c| c.table.groups.iter().zip(&c.state.groups));
        all.filter(move |(table, _)| table.projection == projection)
    }

    /// Lines of a projection's rule; none for a projection that does not learn.
    fn rule_lines(&self, network: &Network, projection: usize, lines: &mut Vec<Line>) {
        let (mut evaluated, mut skipped, mut classes) = ([0; 2], [0; 2], [[0u64; 2]; 5]);
        let mut plastic = false;
        let all = self.cores.iter().zip(&network.elapsed.rules).flat_map(|(core, waited)| {
            core.table.groups.iter().zip(&core.state.groups).zip(waited)
        });
        for ((table, state), waited) in all.filter(|((t, _), _)| t.projection == projection) {
            let Some(rule) = &table.rule else { continue };
            plastic = true;
            // All of them, and those that a step waited for.
            let both = [[state.evaluated, state.skipped], *waited];
            for (k, [ran, did_not]) in both.into_iter().enumerate() {
                evaluated[k] += ran;
                skipped[k] += did_not;
                for (sum, n) in classes.iter_mut().zip(rule.program.classes) {
                    sum[k] += n * ran;
                }
            }
        }
        if !plastic {
            return;
        }
        let mut add = |cause, counts| {
            let name = self.map.projections[projection].name.clone();
            lines.push(line(&network.prices.costs, cause, Some(name), counts));
        };
        add(Cause::RuleState, evaluated);
        for (class, n) in CLASSES.into_iter().zip(classes) {
            add(Cause::RuleInstruction(class), n);
        }
        add(Cause::RuleSkip, skipped);
    }
}

/// A line of what has a coefficient: how often it happened, and how often of it on the core that
/// a step waited for.
fn line(costs: &ResolvedCosts, cause: Cause, rule: Option<String>, counts: [u64; 2]) -> Line {
    at(cause.coefficient(costs).unwrap_or_default(), cause, rule, counts)
}

fn at(each: Cost, cause: Cause, rule: Option<String>, [count, waited]: [u64; 2]) -> Line {
    let critical = each.ticks * waited;
    Line { cause, rule, count, each: Some(each), cost: each * count, critical }
}
