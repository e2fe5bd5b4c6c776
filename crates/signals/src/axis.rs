//! The time axis of a file of waves: the coarsest unit in which a time step is a whole number.

use crate::error::SignalError;

/// A unit of time and how many of it a step lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeAxis {
    /// The unit is `10^exponent` seconds; -15 to 3.
    pub exponent: i8,
    /// Units of a time step, or of a tick.
    pub per_step: u64,
}

/// Femtoseconds of a millisecond.
const FS_PER_MS: f64 = 1e12;

impl TimeAxis {
    /// For steps of so many milliseconds.
    ///
    /// Errors: a step of less than a femtosecond or more than a thousand seconds.
    pub fn of_step(ms: f64) -> Result<Self, SignalError> {
        let fs = (ms * FS_PER_MS).round();
        if !(1.0..=1e18).contains(&fs) {
            return Err(SignalError::StepLength { ms });
        }
        Ok(Self::of_femtoseconds(fs as u64))
    }

    /// For ticks of so many picoseconds; `per_step` are then the units of a tick.
    ///
    /// Errors: a tick without a length, or one of more than a thousand seconds.
    pub fn of_tick(ps: u64) -> Result<Self, SignalError> {
        Self::of_step(ps as f64 / 1e9)
    }

    fn of_femtoseconds(fs: u64) -> Self {
        let (mut exponent, mut per_step) = (-15, fs);
        while per_step.is_multiple_of(10) && exponent < 0 {
            per_step /= 10;
            exponent += 1;
        }
        Self { exponent, per_step }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_coarsest_that_divides_a_step() {
        let of = |ms| TimeAxis::of_step(ms).map(|a| (a.exponent, a.per_step)).ok();
        assert_eq!(of(1.0), Some((-3, 1)));
        assert_eq!(of(0.1), Some((-4, 1)));
        assert_eq!(of(2.5), Some((-4, 25)));
        assert_eq!(of(20.0), Some((-2, 2)));
        assert_eq!(of(5000.0), Some((0, 5)));
        let tick = TimeAxis::of_tick(100).unwrap();
        assert_eq!((tick.exponent, tick.per_step), (-10, 1));
        assert_eq!(of(1.0 / 3.0), Some((-15, 333_333_333_333)));
        for ms in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-13, 1e7] {
            assert_eq!(of(ms), None, "{ms}");
        }
    }
}
