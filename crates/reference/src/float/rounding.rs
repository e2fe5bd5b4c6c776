//! States rounded as the chip stores them, right after a phase has written them.
//!
//! A value becomes a value of its format, by the same draw as on the chip: that of seed, step,
//! stream, site and logical lane (S51), with a seed for every episode. So running a step again
//! rounds it the same way, whatever runs beside it.

use super::real::Real;
use trifactor_entity::SideTable;
use trifactor_fixed::{DrawKey, RealRounding, Rounding};
use trifactor_ir::{Network, SpaceKind, StateId};

/// How the values that phases write into a state are rounded.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StoreRounding {
    /// Format, range and mode.
    pub real: RealRounding,
    /// Stream of its draws: that of the phase which writes the state.
    pub stream: u32,
    /// Site of its draws in the program of that phase.
    pub site: u8,
}

/// A state that is rounded, and who its lanes are.
#[derive(Clone, Debug)]
struct Rounded {
    how: StoreRounding,
    /// Logical ids (pre, post) of every lane (S52).
    lanes: Vec<(u32, u32)>,
}

/// The rounding of a whole network for some episodes.
#[derive(Clone, Debug)]
pub(super) struct Roundings {
    states: SideTable<StateId, Option<Rounded>>,
    /// Mixed part of the draws of one row of lanes, per episode.
    rows: Vec<u32>,
}

impl Roundings {
    pub fn new(
        network: &Network,
        table: &SideTable<StateId, Option<StoreRounding>>,
        width: usize,
    ) -> Self {
        let states = SideTable::for_each(&network.states, |id, state| {
            let how = table[id]?;
            let lanes = match &network.spaces[state.space].kind {
                SpaceKind::Synapses(s) => {
                    s.pre_lanes().into_iter().zip(s.post_lane.iter().copied()).collect()
                }
                _ => (0..network.lanes(state.space) as u32).map(|lane| (lane, 0)).collect(),
            };
            Some(Rounded { how, lanes })
        });
        Self { states, rows: vec![0; width] }
    }

    /// Rounds what a phase wrote in a step, with draws of these seeds, one per episode. Shape of
    /// `values`: `[lane][episode]`.
    pub fn apply<T: Real>(&mut self, state: StateId, step: i64, seeds: &[u32], values: &mut [T]) {
        let Some(Rounded { how, lanes }) = &self.states[state] else { return };
        let real = how.real;
        if real.rounding() != Rounding::Stochastic {
            return values.iter_mut().for_each(|x| *x = T::from_f64(real.round(x.to_f64(), 0)));
        }
        let rows = &mut self.rows;
        let mut row_of = None;
        for ((pre, post), row) in lanes.iter().zip(values.chunks_exact_mut(seeds.len())) {
            if row_of != Some(*pre) {
                for (r, seed) in rows.iter_mut().zip(seeds) {
                    *r = DrawKey::new(*seed, step as u32, how.stream, how.site).row(*pre);
                }
                row_of = Some(*pre);
            }
            for (x, r) in row.iter_mut().zip(&*rows) {
                *x = T::from_f64(real.round(x.to_f64(), DrawKey::lane(*r, *post)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trifactor_fixed::QFormat;
    use trifactor_ir::{ResetGroup, Space, State, StateRole, Values};

    const LANES: usize = 40;
    const WIDTH: usize = 50;

    /// One population with one state, rounded to eighths from -4 up.
    fn roundings(rounding: Rounding) -> (StateId, Roundings) {
        let mut network = Network::new("n");
        let kind = SpaceKind::Population { n: LANES as u32 };
        let space = network.spaces.push(Space { name: "a".into(), kind });
        let state = network.states.push(State {
            name: "v".into(),
            space,
            role: StateRole::Variable,
            init: Values::Constant(0.0),
            range: None,
            reset: ResetGroup::Membrane,
        });
        let q = QFormat::signed(6, 3);
        let real = RealRounding::new(q, q.raw_range(), rounding);
        let how = Some(StoreRounding { real, stream: 5, site: 1 });
        let table = SideTable::for_each(&network.states, |_, _| how);
        (state, Roundings::new(&network, &table, WIDTH))
    }

    fn round(rounding: Rounding, x: f64, step: i64) -> Vec<f64> {
        let (state, mut roundings) = roundings(rounding);
        let mut values = vec![x; LANES * WIDTH];
        let seeds: Vec<u32> = (100..100 + WIDTH as u32).collect();
        roundings.apply(state, step, &seeds, &mut values);
        values
    }

    #[test]
    fn every_mode_gives_values_of_the_format_and_keeps_to_its_ends() {
        for x in [-9.0, -1.3, -0.02, 0.0, 0.06, 0.19, 2.0, 9.0] {
            for code in 0..4 {
                let rounding = Rounding::from_code(code);
                for y in round(rounding, x, 1) {
                    assert!((y * 8.0).fract() == 0.0 && (-4.0..=3.875).contains(&y), "{x} {y}");
                    let slack = rounding.max_error_lsb() / 8.0;
                    assert!((y - x.clamp(-4.0, 3.875)).abs() <= slack, "{rounding:?} {x} {y}");
                }
            }
        }
        assert!(round(Rounding::Nearest, 0.19, 1).iter().all(|y| *y == 0.25));
    }

    #[test]
    fn stochastic_rounding_is_unbiased_over_lanes_and_episodes_and_differs_between_steps() {
        for x in [0.01, 0.1, -0.7, 1.0 / 16.0] {
            let values = round(Rounding::Stochastic, x, 3);
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            // The standard deviation of one rounding is at most half a unit.
            assert!((mean - x).abs() < 4.0 * 0.5 / 8.0 / n.sqrt(), "{x} {mean}");
        }
        let (a, b) = (round(Rounding::Stochastic, 0.06, 3), round(Rounding::Stochastic, 0.06, 4));
        assert_eq!(a, round(Rounding::Stochastic, 0.06, 3));
        assert_ne!(a, b);
    }
}
