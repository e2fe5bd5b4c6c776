//! Sets of grey pictures and the steps that prepare one for an encoder.

use crate::error::DataError;
use crate::idx::{IdxArray, IdxElements};
use crate::portable::exp;
use serde::{Deserialize, Serialize};

/// Largest width of a blur in pixels.
const MAX_SIGMA: f32 = 64.0;

/// One picture, values 0 (paper) to 1 (ink) unless a step says otherwise.
#[derive(Clone, PartialEq, Debug)]
pub struct Image {
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
    /// Row-major values; `h * w` of them.
    pub pixels: Vec<f32>,
}

/// Values of an [`ImageSet`].
#[derive(Clone, PartialEq, Debug)]
pub enum Pixels {
    /// 0 to 255, standing for 0 to 1.
    U8(Vec<u8>),
    /// As they are.
    F32(Vec<f32>),
}

/// Pictures of one size.
#[derive(Clone, PartialEq, Debug)]
pub struct ImageSet {
    n: usize,
    h: usize,
    w: usize,
    pixels: Pixels,
}

impl ImageSet {
    /// A set of `n` pictures of `h` rows and `w` columns; `None` if the values are not `n * h * w`.
    pub fn new(n: usize, h: usize, w: usize, pixels: Pixels) -> Option<Self> {
        let have = match &pixels {
            Pixels::U8(v) => v.len(),
            Pixels::F32(v) => v.len(),
        };
        (n.checked_mul(h)?.checked_mul(w)? == have).then_some(Self { n, h, w, pixels })
    }
    /// The pictures of an IDX array of bytes with three dimensions.
    ///
    /// Errors: [`DataError::Content`] for another type or number of dimensions.
    pub fn from_idx(name: &str, array: IdxArray) -> Result<Self, DataError> {
        match (&array.dims[..], array.elements) {
            (&[n, h, w], IdxElements::U8(pixels)) => {
                Ok(Self { n, h, w, pixels: Pixels::U8(pixels) })
            }
            (dims, _) => Err(DataError::content(
                name,
                format!(
                    "pictures are bytes of shape [n, rows, columns]; the shape here is {dims:?}"
                ),
            )),
        }
    }
    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.n
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }
    /// Rows and columns.
    pub fn size(&self) -> (usize, usize) {
        (self.h, self.w)
    }
    /// One picture; `None` past the end.
    pub fn image(&self, i: usize) -> Option<Image> {
        let area = self.h * self.w;
        let range = i.checked_mul(area)?..i.checked_add(1)?.checked_mul(area)?;
        if i >= self.n {
            return None;
        }
        let pixels = match &self.pixels {
            Pixels::U8(v) => v[range].iter().map(|&p| f32::from(p) / 255.0).collect(),
            Pixels::F32(v) => v[range].to_vec(),
        };
        Some(Image { h: self.h, w: self.w, pixels })
    }
    /// All pictures, prepared.
    pub fn prepared(&self, steps: &[Prepare]) -> Self {
        let (h, w) = prepared_size(self.size(), steps);
        let pixels = (0..self.n)
            .filter_map(|i| self.image(i))
            .flat_map(|image| image.prepared(steps).pixels)
            .collect();
        Self { n: self.n, h, w, pixels: Pixels::F32(pixels) }
    }
}

/// What the values of a picture are divided by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Normalise {
    /// Their sum.
    Sum,
    /// The largest.
    Max,
}

/// One step of preparing a picture.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Prepare {
    /// Moves the centre of mass to the middle by a whole number of pixels; what leaves the frame
    /// is lost, what enters is 0. An empty picture stays.
    Centre,
    /// Multiplies every value.
    Scale(f32),
    /// 1 above the threshold, else 0.
    Threshold(f32),
    /// Convolves with a Gaussian of this standard deviation in pixels, cut at three of them;
    /// outside the frame is 0.
    Blur(f32),
    /// Divides by the sum or the maximum; an empty picture stays.
    Normalise(Normalise),
    /// Replaces squares of this many pixels a side by their mean; rows and columns that fill no
    /// whole square are cut off.
    Pool(u32),
}

impl Prepare {
    /// What is wrong with the numbers of a step, if anything.
    pub fn fault(&self) -> Option<String> {
        match *self {
            Self::Scale(f) if !f.is_finite() => Some(format!("Scale({f}) is not finite")),
            Self::Threshold(t) if !t.is_finite() => Some(format!("Threshold({t}) is not finite")),
            Self::Blur(s) if !(s > 0.0 && s <= MAX_SIGMA) => {
                Some(format!("Blur({s}) is outside 0 < sigma <= {MAX_SIGMA}"))
            }
            Self::Pool(0) => Some("Pool(0) has no pixels".to_owned()),
            _ => None,
        }
    }
}

/// Rows and columns after the steps.
pub fn prepared_size(size: (usize, usize), steps: &[Prepare]) -> (usize, usize) {
    steps.iter().fold(size, |(h, w), step| match step {
        Prepare::Pool(n) => (h / (*n).max(1) as usize, w / (*n).max(1) as usize),
        _ => (h, w),
    })
}

impl Image {
    /// The picture after the steps, in order.
    pub fn prepared(&self, steps: &[Prepare]) -> Self {
        steps.iter().fold(self.clone(), |image, step| match *step {
            Prepare::Centre => image.centred(),
            Prepare::Scale(f) => image.each(|p| p * f),
            Prepare::Threshold(t) => image.each(|p| f32::from(u8::from(p > t))),
            Prepare::Blur(sigma) => image.blurred(sigma),
            Prepare::Normalise(by) => image.normalised(by),
            Prepare::Pool(n) => image.pooled(n.max(1) as usize),
        })
    }
    /// The picture turned by quarter turns, counterclockwise.
    pub fn rotated(&self, quarter_turns: u8) -> Self {
        let mut image = self.clone();
        for _ in 0..quarter_turns % 4 {
            let (h, w) = (image.w, image.h);
            let mut pixels = Vec::with_capacity(image.pixels.len());
            for y in 0..h {
                for x in 0..w {
                    pixels.push(image.pixels[x * image.w + (image.w - 1 - y)]);
                }
            }
            image = Self { h, w, pixels };
        }
        image
    }
    fn each(mut self, f: impl Fn(f32) -> f32) -> Self {
        for p in &mut self.pixels {
            *p = f(*p);
        }
        self
    }
    fn centred(self) -> Self {
        let (mut mass, mut my, mut mx) = (0.0f64, 0.0f64, 0.0f64);
        for (i, &p) in self.pixels.iter().enumerate() {
            mass += f64::from(p);
            my += f64::from(p) * (i / self.w) as f64;
            mx += f64::from(p) * (i % self.w) as f64;
        }
        if mass <= 0.0 {
            return self;
        }
        let shift =
            |size: usize, moment: f64| ((size as f64 - 1.0) / 2.0 - moment / mass).round() as isize;
        let (dy, dx) = (shift(self.h, my), shift(self.w, mx));
        let mut pixels = vec![0.0; self.pixels.len()];
        for y in 0..self.h {
            for x in 0..self.w {
                let (to_y, to_x) = (y.checked_add_signed(dy), x.checked_add_signed(dx));
                if let (Some(to_y), Some(to_x)) = (to_y, to_x)
                    && to_y < self.h
                    && to_x < self.w
                {
                    pixels[to_y * self.w + to_x] = self.pixels[y * self.w + x];
                }
            }
        }
        Self { pixels, ..self }
    }
    fn normalised(self, by: Normalise) -> Self {
        let divisor = match by {
            Normalise::Sum => self.pixels.iter().map(|&p| f64::from(p)).sum::<f64>() as f32,
            Normalise::Max => self.pixels.iter().fold(0.0, |m, &p| f32::max(m, p)),
        };
        if divisor > 0.0 { self.each(|p| p / divisor) } else { self }
    }
    fn pooled(self, n: usize) -> Self {
        let (h, w) = (self.h / n, self.w / n);
        let mut pixels = Vec::with_capacity(h * w);
        for y in 0..h {
            for x in 0..w {
                let square = (0..n).flat_map(|dy| (0..n).map(move |dx| (y * n + dy, x * n + dx)));
                let sum: f32 = square.map(|(y, x)| self.pixels[y * self.w + x]).sum();
                pixels.push(sum / (n * n) as f32);
            }
        }
        Self { h, w, pixels }
    }
    fn blurred(self, sigma: f32) -> Self {
        if !(sigma > 0.0 && sigma <= MAX_SIGMA) {
            return self;
        }
        let sigma = f64::from(sigma);
        let radius = (3.0 * sigma).ceil() as isize;
        let weights: Vec<f64> = (-radius..=radius)
            .map(|d| exp(-0.5 * (d as f64 / sigma) * (d as f64 / sigma)))
            .collect();
        let total: f64 = weights.iter().sum();
        let along = |pixels: &[f32], horizontal: bool| -> Vec<f32> {
            (0..self.h * self.w)
                .map(|i| {
                    let (y, x) = (i / self.w, i % self.w);
                    let mut sum = 0.0;
                    for (weight, d) in weights.iter().zip(-radius..=radius) {
                        let (dy, dx) = if horizontal { (0, d) } else { (d, 0) };
                        if let (Some(y), Some(x)) =
                            (y.checked_add_signed(dy), x.checked_add_signed(dx))
                            && y < self.h
                            && x < self.w
                        {
                            sum += weight * f64::from(pixels[y * self.w + x]);
                        }
                    }
                    (sum / total) as f32
                })
                .collect()
        };
        let pixels = along(&along(&self.pixels, true), false);
        Self { pixels, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(h: usize, w: usize, y: usize, x: usize) -> Image {
        let mut pixels = vec![0.0; h * w];
        pixels[y * w + x] = 1.0;
        Image { h, w, pixels }
    }

    #[test]
    fn centring_moves_the_mass_to_the_middle() {
        assert_eq!(dot(5, 7, 0, 6).prepared(&[Prepare::Centre]), dot(5, 7, 2, 3));
        let empty = Image { h: 2, w: 2, pixels: vec![0.0; 4] };
        assert_eq!(empty.prepared(&[Prepare::Centre]), empty);
    }

    #[test]
    fn steps_run_in_order() {
        let image = Image { h: 1, w: 2, pixels: vec![0.5, 1.0] };
        let a = image.prepared(&[Prepare::Scale(0.5), Prepare::Threshold(0.3)]);
        let b = image.prepared(&[Prepare::Threshold(0.3), Prepare::Scale(0.5)]);
        assert_eq!((a.pixels, b.pixels), (vec![0.0, 1.0], vec![0.5, 0.5]));
        let n = image.prepared(&[Prepare::Normalise(Normalise::Sum)]);
        assert!((n.pixels[0] - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(image.prepared(&[Prepare::Normalise(Normalise::Max)]), image);
    }

    #[test]
    fn a_blur_keeps_the_mass_away_from_the_edges_and_spreads_it_evenly() {
        let image = dot(21, 21, 10, 10).prepared(&[Prepare::Blur(1.5)]);
        let sum: f32 = image.pixels.iter().sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        assert!((image.pixels[10 * 21 + 8] - image.pixels[8 * 21 + 10]).abs() < 1e-7);
        // The ratio of neighbours of a Gaussian: exp(-1 / (2 * 1.5^2)).
        let ratio = image.pixels[10 * 21 + 11] / image.pixels[10 * 21 + 10];
        assert!((ratio - (-1.0f32 / 4.5).exp()).abs() < 1e-5);
    }

    #[test]
    fn pooling_averages_whole_squares_and_declares_its_size() {
        let image = Image { h: 3, w: 4, pixels: (0..12).map(|i| i as f32).collect() };
        let pooled = image.prepared(&[Prepare::Pool(2)]);
        assert_eq!(prepared_size((3, 4), &[Prepare::Pool(2)]), (pooled.h, pooled.w));
        assert_eq!(pooled.pixels, [2.5, 4.5]);
    }

    #[test]
    fn four_quarter_turns_are_none_and_one_moves_the_top_right_corner_to_the_top_left() {
        let image = Image { h: 2, w: 3, pixels: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        assert_eq!(image.rotated(4), image);
        assert_eq!(image.rotated(1).pixels, [3.0, 6.0, 2.0, 5.0, 1.0, 4.0]);
        assert_eq!(image.rotated(2).rotated(2), image);
    }
}
