//! The decay of traces in published models, and draws as numbers from 0 up to 1.

use serde::{Deserialize, Serialize};

/// The factor by which a trace decays.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum TraceLaw {
    /// `exp(-n / tau)` over n steps.
    Exponential,
    /// `1 - 1 / tau` over a step.
    Linear,
}

impl TraceLaw {
    /// The factor over `steps` steps; a time constant of 0 keeps nothing.
    pub fn keep(self, tau: f64, steps: f64) -> f64 {
        match self {
            _ if tau == 0.0 => 0.0,
            Self::Exponential => (-steps / tau).exp(),
            Self::Linear => 1.0 - steps / tau,
        }
    }
}

/// A draw as a number from 0 up to 1.
pub fn unit(draw: u32) -> f64 {
    f64::from(draw) / 4_294_967_296.0
}

/// The draw that stands for a number from 0 up to 1.
pub fn from_unit(x: f64) -> u32 {
    (x * 4_294_967_296.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_survives_its_number() {
        for draw in [0, 1, 77 << 25, u32::MAX] {
            assert_eq!(from_unit(unit(draw)), draw);
        }
    }

    #[test]
    fn a_time_constant_is_a_factor_by_either_law() {
        assert_eq!(TraceLaw::Linear.keep(4.0, 1.0), 0.75);
        assert_eq!(TraceLaw::Exponential.keep(f64::INFINITY, 1.0), 1.0);
        assert!((TraceLaw::Exponential.keep(2.0, 2.0) - (-1f64).exp()).abs() < 1e-15);
        assert_eq!(TraceLaw::Linear.keep(0.0, 1.0), 0.0);
    }
}
