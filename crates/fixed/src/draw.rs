//! Counter-based random draws: a pure function of what is rounded, never of where or in which
//! order. A chip evaluates it with four multiply-xor mixers; two of them are per row.

/// One step of a 32-bit mixer: two multiplications and three xor-shifts, a bijection.
///
/// The constants are those found by an automated search for low bias (Wellons, "Prospecting for
/// hash functions", public domain). Source: S50.
#[inline(always)]
pub const fn mix32(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// What a draw is for, apart from the lane: the part that is shared by a whole row or unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DrawKey(u32);

impl DrawKey {
    /// Mixes seed, step, stream and site. Source: S51.
    ///
    /// `stream` names the variable's owner (one per projection, trace or modulator, assigned in
    /// the author's order), `site` the place inside its program, `step` the time step from 1.
    #[inline]
    pub const fn new(seed: u32, step: u32, stream: u32, site: u8) -> Self {
        let a = mix32(seed ^ step.wrapping_mul(0x9e37_79b9));
        let b = mix32(a ^ stream.wrapping_mul(0x85eb_ca6b));
        Self(mix32(b ^ (site as u32).wrapping_mul(0xc2b2_ae35)))
    }
    /// The row of a pre-synaptic lane.
    #[inline(always)]
    pub const fn row(self, pre: u32) -> u32 {
        mix32(self.0 ^ pre.wrapping_mul(0x9e37_79b1))
    }
    /// The draw of one synapse, 32 uniform bits. For a pre lane alone, `post` is 0, and the
    /// other way round.
    #[inline(always)]
    pub const fn draw(self, pre: u32, post: u32) -> u32 {
        Self::lane(self.row(pre), post)
    }
    /// The draw of one post lane in a row.
    #[inline(always)]
    pub const fn lane(row: u32, post: u32) -> u32 {
        Self::joined(row, Self::post(post))
    }
    /// What a post lane brings to every row's draws.
    #[inline(always)]
    pub const fn post(post: u32) -> u32 {
        post.wrapping_mul(0x85eb_ca6b)
    }
    /// The draw of a [row](Self::row) and a [post lane](Self::post).
    #[inline(always)]
    pub const fn joined(row: u32, post: u32) -> u32 {
        mix32(row ^ post)
    }
}

/// Sites of the fixed-function units; microcode uses 0 to 31.
pub mod site {
    /// Decay of a trace or modulator.
    pub const DECAY: u8 = 32;
    /// Impulse of a saturating trace, and of a replayed one.
    pub const IMPULSE: u8 = 33;
    /// Impulse of a replayed trace that is not the last one of its epoch.
    pub const EARLY: u8 = 34;
}

/// A source of random bits: keyed by default, a recorded sequence for conformance.
pub trait Draw {
    /// 32 bits for this (step, stream, site, pre, post).
    fn draw(&self, step: u32, stream: u32, site: u8, pre: u32, post: u32) -> u32;
}

/// The chip's own source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyedDraws {
    /// The seed register.
    pub seed: u32,
}

impl Draw for KeyedDraws {
    #[inline]
    fn draw(&self, step: u32, stream: u32, site: u8, pre: u32, post: u32) -> u32 {
        DrawKey::new(self.seed, step, stream, site).draw(pre, post)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chi-squared over the 16 values of the top nibble, along each coordinate of the key.
    #[test]
    fn draws_are_uniform_along_every_coordinate() {
        let source = KeyedDraws { seed: 7 };
        let n = 65_536u32;
        let axes: [(&str, &dyn Fn(u32) -> u32); 5] = [
            ("step", &|i| source.draw(i, 3, 1, 5, 9)),
            ("stream", &|i| source.draw(11, i, 1, 5, 9)),
            ("pre", &|i| source.draw(11, 3, 1, i, 9)),
            ("post", &|i| source.draw(11, 3, 1, 5, i)),
            ("site and post", &|i| source.draw(11, 3, (i % 64) as u8, 5, i / 64)),
        ];
        for (name, draw) in axes {
            for shift in [28, 14, 0] {
                let mut bins = [0f64; 16];
                for i in 0..n {
                    bins[((draw(i) >> shift) & 15) as usize] += 1.0;
                }
                let e = f64::from(n) / 16.0;
                let chi2: f64 = bins.iter().map(|b| (b - e) * (b - e) / e).sum();
                // 15 degrees of freedom: 44.3 is exceeded with probability 1e-4.
                assert!(chi2 < 44.3, "{name}, bits from {shift}: chi2 {chi2}");
            }
        }
    }

    #[test]
    fn neighbouring_lanes_and_steps_are_uncorrelated() {
        let source = KeyedDraws { seed: 1 };
        let unit = |d: u32| f64::from(d) / f64::from(u32::MAX) - 0.5;
        let n = 20_000;
        let (mut lane, mut row, mut step) = (0.0, 0.0, 0.0);
        for i in 0..n {
            let a = unit(source.draw(4, 0, 0, 2, i));
            lane += a * unit(source.draw(4, 0, 0, 2, i + 1));
            row += a * unit(source.draw(4, 0, 0, 3, i));
            step += a * unit(source.draw(5, 0, 0, 2, i));
        }
        // The standard error of the mean product is 1/12/sqrt(n).
        let bound = 4.0 / 12.0 / f64::from(n).sqrt() * f64::from(n);
        assert!(lane.abs() < bound && row.abs() < bound && step.abs() < bound);
    }
}
