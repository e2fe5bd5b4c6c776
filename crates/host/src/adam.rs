//! Adam with global clipping, warm-up and a schedule.

use crate::settings::{Optimiser, Schedule};
use serde::{Deserialize, Serialize};
use trifactor_stimulus::portable::{exp, ln};

/// Moments of all values the optimiser moves, and their running average.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Adam {
    /// Updates made.
    pub updates: u64,
    mean: Vec<f64>,
    square: Vec<f64>,
    /// The averaged values.
    pub average: Vec<f64>,
}

impl Adam {
    /// A start from these values.
    pub fn new(values: &[f64]) -> Self {
        let zero = vec![0.0; values.len()];
        Self { updates: 0, mean: zero.clone(), square: zero, average: values.to_vec() }
    }

    /// Moves values against a gradient and returns the gradient's norm before clipping. `rates`
    /// are multiples of the step size. Shapes: all `[values]`. The average is not touched.
    pub fn step(
        &mut self,
        values: &mut [f64],
        gradient: &[f64],
        rates: &[f64],
        rate: f64,
        options: &Optimiser,
    ) -> f64 {
        self.updates += 1;
        let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        let shorten = if norm > options.clip { options.clip / norm } else { 1.0 };
        let n = self.updates as f64;
        let correct_mean = 1.0 - power(options.beta1, n);
        let correct_square = 1.0 - power(options.beta2, n);
        for (i, value) in values.iter_mut().enumerate() {
            let g = gradient[i] * shorten;
            self.mean[i] = options.beta1 * self.mean[i] + (1.0 - options.beta1) * g;
            self.square[i] = options.beta2 * self.square[i] + (1.0 - options.beta2) * g * g;
            let scale = (self.square[i] / correct_square).sqrt() + options.epsilon;
            let step = self.mean[i] / correct_mean / scale + options.weight_decay * *value;
            *value -= rate * rates[i] * step;
        }
        norm
    }

    /// Moves the average towards the values, faster at the beginning.
    pub fn follow(&mut self, values: &[f64], memory: f64) {
        let n = self.updates as f64;
        let memory = memory.min((1.0 + n) / (10.0 + n));
        for (average, value) in self.average.iter_mut().zip(values) {
            *average = memory * *average + (1.0 - memory) * value;
        }
    }
}

/// base^n for 0 <= base < 1.
fn power(base: f64, n: f64) -> f64 {
    if base == 0.0 { 0.0 } else { exp(n * ln(base)) }
}

/// The step size of an update, counted from 0, in a run of so many.
pub fn learning_rate(options: &Optimiser, update: u64, updates: u64) -> f64 {
    let warm = if options.warm_up > 0 {
        ((update + 1) as f64 / options.warm_up as f64).min(1.0)
    } else {
        1.0
    };
    let fall = match options.schedule {
        Schedule::Constant => 1.0,
        Schedule::Cosine(floor) => {
            let x = (update as f64 / updates.max(1) as f64).min(1.0);
            floor + (1.0 - floor) * half_cosine(x)
        }
    };
    options.rate * warm * fall
}

/// (1 + cos(pi x)) / 2 for 0 <= x <= 1, with arithmetic that is the same everywhere.
fn half_cosine(x: f64) -> f64 {
    // cos(pi x) = -sin(pi (x - 1/2)); the argument stays within a quarter turn.
    let y = std::f64::consts::PI * (x - 0.5);
    let mut sum = 0.0;
    for n in (0..12u32).rev() {
        let k = f64::from(2 * n + 1);
        sum = 1.0 - y * y / ((k + 1.0) * (k + 2.0)) * sum;
    }
    0.5 * (1.0 - y * sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quadratic_bowl_is_descended_to_its_bottom() {
        let options = Optimiser { rate: 0.05, average: 0.9, ..Optimiser::default() };
        let mut x = vec![3.0, -2.0];
        let mut adam = Adam::new(&x);
        for update in 0..600 {
            let gradient = [2.0 * (x[0] - 1.0), 40.0 * (x[1] - 0.5)];
            let rate = 0.05 * (1.0 - f64::from(update) / 600.0);
            adam.step(&mut x, &gradient, &[1.0, 1.0], rate, &options);
            adam.follow(&x, options.average);
        }
        assert!((x[0] - 1.0).abs() < 1e-2 && (x[1] - 0.5).abs() < 1e-2, "{x:?}");
        assert!((adam.average[0] - 1.0).abs() < 2e-2, "{:?}", adam.average);
    }

    #[test]
    fn the_first_step_has_the_length_of_the_rate_whatever_the_gradient() {
        for g in [1e-3, 0.5, 300.0] {
            let mut x = vec![0.0];
            let options = Optimiser::default();
            let norm = Adam::new(&x).step(&mut x, &[g], &[2.0], 0.01, &options);
            assert!((x[0] + 0.02).abs() < 1e-6, "{x:?}");
            assert_eq!(norm, g);
        }
    }

    #[test]
    fn the_schedule_warms_up_and_falls_as_half_a_cosine() {
        for i in 0..=100 {
            let x = f64::from(i) / 100.0;
            let expected = 0.5 + 0.5 * (std::f64::consts::PI * x).cos();
            assert!((half_cosine(x) - expected).abs() < 1e-14, "{x}");
        }
        let options =
            Optimiser { warm_up: 10, schedule: Schedule::Cosine(0.02), ..Optimiser::default() };
        assert!((learning_rate(&options, 0, 100) - 4e-4).abs() < 1e-12);
        assert!(learning_rate(&options, 20, 100) > learning_rate(&options, 60, 100));
        assert!((learning_rate(&options, 100, 100) - 8e-5).abs() < 1e-12);
    }
}
