//! Exponential, logarithm and normal deviates whose bits do not depend on the platform.
//!
//! The standard library calls the system's mathematics library, which differs between systems in
//! the last bit; initial values and decay factors must not. These use only additions,
//! multiplications, divisions and square roots, which IEEE 754 defines exactly.

use trifactor_fixed::{Draw, KeyedDraws};

/// e^x, within 2 units in the last place; 0 below -745, infinite above 709.78.
pub fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x > 709.78 {
        return f64::INFINITY;
    }
    if x < -745.0 {
        return 0.0;
    }
    // x = k ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts keeps r exact.
    let k = (x * std::f64::consts::LOG2_E).round();
    let r = (x - k * 0.693_147_180_369_123_8) - k * 1.908_214_929_270_587_7e-10;
    let mut sum = 1.0;
    for n in (1..=14u32).rev() {
        sum = 1.0 + r * sum / f64::from(n);
    }
    // Two factors keep results below the smallest normal number representable.
    let half = (k as i32) / 2;
    sum * power_of_two(half) * power_of_two(k as i32 - half)
}

/// The natural logarithm of a positive number, within 2 units in the last place; NaN below 0,
/// negative infinity at 0.
pub fn ln(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    if x.is_infinite() {
        return x;
    }
    // Subnormal numbers are brought into the normal range first.
    let (x, offset) = if x < f64::MIN_POSITIVE { (x * power_of_two(54), -54) } else { (x, 0) };
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i32 - 1023;
    let mut m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        exponent += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    let s2 = s * s;
    let mut sum = 0.0;
    for n in (1..=12u32).rev() {
        sum = s2 * (sum + 1.0 / f64::from(2 * n + 1));
    }
    let e = f64::from(exponent + offset);
    e * 0.693_147_180_369_123_8 + (2.0 * s * (1.0 + sum) + e * 1.908_214_929_270_587_7e-10)
}

/// A standard normal deviate for (stream, pre, post), by Marsaglia's polar method. Attempts use
/// one pair of sites each, so the number of attempts shifts no other draw.
pub fn normal(draws: KeyedDraws, stream: u32, pre: u32, post: u32) -> f64 {
    for attempt in 0..64u8 {
        let a = 2.0 * unit(draws.draw(0, stream, 2 * attempt, pre, post)) - 1.0;
        let b = 2.0 * unit(draws.draw(0, stream, 2 * attempt + 1, pre, post)) - 1.0;
        let s = a * a + b * b;
        if s > 0.0 && s < 1.0 {
            return a * (-2.0 * ln(s) / s).sqrt();
        }
    }
    // Reached with probability 0.215^64.
    0.0
}

/// 32 uniform bits as a number strictly between 0 and 1.
pub fn unit(draw: u32) -> f64 {
    (f64::from(draw) + 0.5) / 4_294_967_296.0
}

/// 2^k for -1022 <= k <= 1023.
fn power_of_two(k: i32) -> f64 {
    f64::from_bits(((i64::from(k) + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn exp_agrees_with_the_library_to_the_last_bits(x in -700.0f64..700.0) {
            let (got, want) = (exp(x), x.exp());
            prop_assert!((got / want - 1.0).abs() < 5e-16, "{x}: {got} {want}");
        }
        #[test]
        fn ln_agrees_with_the_library_to_the_last_bits(e in -300.0f64..300.0) {
            let x = 10f64.powf(e);
            let (got, want) = (ln(x), x.ln());
            prop_assert!((got - want).abs() <= 5e-16 * want.abs().max(1.0), "{x}: {got} {want}");
        }
    }

    #[test]
    fn ends_of_the_domains_are_answered() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(f64::INFINITY), f64::INFINITY);
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(ln(0.0), f64::NEG_INFINITY);
        assert!(ln(-1.0).is_nan() && exp(f64::NAN).is_nan());
        assert!((ln(5e-324) - 5e-324f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn normal_deviates_have_the_moments_of_the_normal_distribution() {
        let draws = KeyedDraws { seed: 5 };
        let n = 40_000u32;
        let x: Vec<f64> = (0..n).map(|i| normal(draws, 3, i, 0)).collect();
        let n = f64::from(n);
        let moment = |k: i32| x.iter().map(|v| v.powi(k)).sum::<f64>() / n;
        // Four standard errors: 1, 2, 15 and 96 are the variances of x, x^2, x^3 and x^4.
        for (k, want, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0f64)]
        {
            assert!((moment(k) - want).abs() < 4.0 * (variance / n).sqrt(), "{k}: {}", moment(k));
        }
    }
}
