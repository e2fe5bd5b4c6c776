//! Which pairs of lanes have a synapse.

use crate::folder::Folder;
use crate::report::Report;
use crate::surface::Connect;
use crate::values::{CONNECT_SITE, name_stream, value_draws};
use trifactor_fixed::DrawKey;
use trifactor_stimulus::NpyArray;

/// Most synapses of a projection.
pub(crate) const MAX_SYNAPSES: u64 = 1 << 26;
/// Most pairs that are asked one by one.
const MAX_PAIRS: u64 = 1 << 30;

/// Synapses in their final order, with what their values need.
#[derive(Debug, Default)]
pub(crate) struct Pattern {
    /// First synapse of each pre lane, and one past the last.
    pub(crate) row_start: Vec<u32>,
    /// Pre lane of each synapse.
    pub(crate) pre_lane: Vec<u32>,
    /// Post lane of each synapse.
    pub(crate) post_lane: Vec<u32>,
    /// Position of each in the author's list.
    pub(crate) listed: Option<Vec<u32>>,
    /// Weights from a convolution's kernel.
    pub(crate) weights: Option<Vec<f64>>,
}

impl Pattern {
    fn with_rows(n_pre: u32) -> Self {
        Self { row_start: Vec::with_capacity(n_pre as usize + 1), ..Self::default() }
    }
    fn begin_row(&mut self) {
        self.row_start.push(self.post_lane.len() as u32);
    }
    fn push(&mut self, pre: u32, post: u32) {
        self.pre_lane.push(pre);
        self.post_lane.push(post);
    }
    fn full(&self) -> bool {
        self.post_lane.len() as u64 > MAX_SYNAPSES
    }
}

/// The place of a projection in the model.
pub(crate) struct Site<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) seed: u32,
    pub(crate) name: &'a str,
    pub(crate) key: &'a str,
    pub(crate) n_pre: u32,
    pub(crate) n_post: u32,
    pub(crate) same: bool,
}

/// The synapses of a projection, in order of pre, then post lane; `None` after a finding.
pub(crate) fn connect(how: &Connect, site: &Site<'_>, report: &mut Report) -> Option<Pattern> {
    let key = format!("{}.connect", site.key);
    let (n_pre, n_post) = (site.n_pre, site.n_post);
    let pairs = u64::from(n_pre) * u64::from(n_post);
    let dense = matches!(how, Connect::AllToAll | Connect::AllToOthers);
    if dense && pairs > MAX_SYNAPSES {
        too_many(&key, &format!("{n_pre} x {n_post} lanes"), report);
        return None;
    }
    match how {
        Connect::AllToAll => Some(by_test(n_pre, n_post, |_| |_| true)),
        Connect::AllToOthers => {
            if !site.same {
                report.error_hint(
                    "M021",
                    &key,
                    "AllToOthers connects a population with itself; these are two",
                    "use AllToAll",
                );
                return None;
            }
            Some(by_test(n_pre, n_post, |i| move |j| i != j))
        }
        Connect::OneToOne => {
            if n_pre != n_post {
                report.error(
                    "M021",
                    &key,
                    format!(
                        "OneToOne needs equal numbers of lanes; here they are {n_pre} and {n_post}"
                    ),
                );
                return None;
            }
            let lanes: Vec<u32> = (0..n_pre).collect();
            Some(Pattern {
                row_start: (0..=n_pre).collect(),
                pre_lane: lanes.clone(),
                post_lane: lanes,
                ..Pattern::default()
            })
        }
        Connect::Probability { p, seed } => {
            if !(0.0..=1.0).contains(p) {
                report.error("M016", &key, format!("{p} is not a probability between 0 and 1"));
                return None;
            }
            if pairs > MAX_PAIRS || p * pairs as f64 > 1.01 * MAX_SYNAPSES as f64 {
                too_many(&key, &format!("{n_pre} x {n_post} pairs with probability {p}"), report);
                return None;
            }
            let limit = (p * 4_294_967_296.0).round() as u64;
            let (draws, stream) = (value_draws(site.seed, *seed), name_stream(site.name));
            let pair = DrawKey::new(draws.seed, 0, stream, CONNECT_SITE);
            let pattern = by_test(n_pre, n_post, |i| {
                let row = pair.row(i);
                move |j| u64::from(DrawKey::lane(row, j)) < limit
            });
            if pattern.full() {
                too_many(&key, &format!("{} synapses", pattern.post_lane.len()), report);
                return None;
            }
            Some(pattern)
        }
        Connect::List(list) => from_list(list, n_pre, n_post, &key, report),
        Connect::ListFile(file) => {
            let array = site.folder.npy(file, &key, report)?;
            let list = pairs_of(&array, file, &key, report)?;
            from_list(&list, n_pre, n_post, &key, report)
        }
        Connect::Mask(file) => {
            let array = site.folder.npy(file, &key, report)?;
            if array.shape != [n_pre as usize, n_post as usize] {
                report.error("M017", &key, format!("the mask '{file}' has the shape {:?}; expected [{n_pre}, {n_post}] (pre, post)", array.shape));
                return None;
            }
            let on = array.values.iter().filter(|v| **v != 0.0).count() as u64;
            if on > MAX_SYNAPSES {
                too_many(&key, &format!("{on} synapses"), report);
                return None;
            }
            Some(by_test(n_pre, n_post, |i| {
                let row = &array.values[i as usize * n_post as usize..][..n_post as usize];
                move |j| row[j as usize] != 0.0
            }))
        }
        Connect::Conv2d { input, kernel, stride, padding } => {
            let array = site.folder.npy(kernel, &key, report)?;
            let [filters, channels, rows, columns] = array.shape[..] else {
                report.error("M017", &key, format!("the kernel '{kernel}' has the shape {:?}; expected [filters, channels, rows, columns]", array.shape));
                return None;
            };
            if channels as u64 != u64::from(input.0) {
                report.error(
                    "M017",
                    &key,
                    format!("the kernel '{kernel}' has {channels} channels, the input {}", input.0),
                );
                return None;
            }
            let window = Window {
                input: *input,
                filters: Some(filters as u64),
                side: (rows as u64, columns as u64),
                stride: *stride,
                padding: *padding,
            };
            window.pattern(site, &key, Some(&array.values), report)
        }
        Connect::Pool { input, size, stride } => {
            let side = u64::from(*size);
            let window = Window {
                input: *input,
                filters: None,
                side: (side, side),
                stride: stride.unwrap_or(*size),
                padding: 0,
            };
            window.pattern(site, &key, None, report)
        }
    }
}

fn too_many(key: &str, what: &str, report: &mut Report) {
    report.error_hint(
        "M014",
        key,
        format!("{what} make more synapses than the limit of {MAX_SYNAPSES} per projection"),
        "split the populations or connect fewer pairs",
    );
}

/// All pairs that pass the test of their row; stops one row past the limit.
fn by_test<T: Fn(u32) -> bool>(n_pre: u32, n_post: u32, test: impl Fn(u32) -> T) -> Pattern {
    let mut pattern = Pattern::with_rows(n_pre);
    for pre in 0..n_pre {
        pattern.begin_row();
        if pattern.full() {
            continue;
        }
        let passes = test(pre);
        let lanes = &mut pattern.post_lane;
        let start = lanes.len();
        // Every lane is written and only those that pass are kept: a branch on a random test
        // would be the slowest part of making a network.
        lanes.resize(start + n_post as usize, 0);
        let mut end = start;
        for post in 0..n_post {
            lanes[end] = post;
            end += usize::from(passes(post));
        }
        lanes.truncate(end);
        pattern.pre_lane.resize(end, pre);
    }
    pattern.begin_row();
    pattern
}

fn pairs_of(
    array: &NpyArray,
    file: &str,
    key: &str,
    report: &mut Report,
) -> Option<Vec<(u32, u32)>> {
    let [n, 2] = array.shape[..] else {
        report.error(
            "M017",
            key,
            format!(
                "the list '{file}' has the shape {:?}; expected [n, 2] (pre, post)",
                array.shape
            ),
        );
        return None;
    };
    let whole = |v: f64| (v.fract() == 0.0 && (0.0..4e9).contains(&v)).then_some(v as u32);
    let mut list = Vec::with_capacity(n);
    for pair in array.values.chunks_exact(2) {
        let (Some(pre), Some(post)) = (whole(pair[0]), whole(pair[1])) else {
            report.error(
                "M021",
                key,
                format!("({}, {}) in '{file}' are not lanes", pair[0], pair[1]),
            );
            return None;
        };
        list.push((pre, post));
    }
    Some(list)
}

fn from_list(
    list: &[(u32, u32)],
    n_pre: u32,
    n_post: u32,
    key: &str,
    report: &mut Report,
) -> Option<Pattern> {
    if list.len() as u64 > MAX_SYNAPSES {
        too_many(key, &format!("{} pairs", list.len()), report);
        return None;
    }
    if let Some((pre, post)) = list.iter().find(|(pre, post)| *pre >= n_pre || *post >= n_post) {
        report.error("M021", key, format!("the pair ({pre}, {post}) is outside {n_pre} pre and {n_post} post lanes, counted from 0"));
        return None;
    }
    let mut order: Vec<u32> = (0..list.len() as u32).collect();
    order.sort_by_key(|&i| list[i as usize]);
    if let Some(twice) = order.windows(2).find(|w| list[w[0] as usize] == list[w[1] as usize]) {
        let (pre, post) = list[twice[0] as usize];
        report.error_hint(
            "M021",
            key,
            format!("the pair ({pre}, {post}) is listed twice"),
            "add the weights and list it once",
        );
        return None;
    }
    let mut pattern = Pattern::with_rows(n_pre);
    let mut rest = order.as_slice();
    for pre in 0..n_pre {
        pattern.begin_row();
        let end = rest.partition_point(|&i| list[i as usize].0 <= pre);
        for &i in &rest[..end] {
            pattern.push(pre, list[i as usize].1);
        }
        rest = &rest[end..];
    }
    pattern.begin_row();
    pattern.listed = Some(order);
    Some(pattern)
}

/// A window that moves over the rows and columns of channels.
struct Window {
    input: (u32, u32, u32),
    /// Number of filters, each over all channels; `None` keeps channels apart.
    filters: Option<u64>,
    side: (u64, u64),
    stride: u32,
    padding: u32,
}

impl Window {
    fn pattern(
        &self,
        site: &Site<'_>,
        key: &str,
        kernel: Option<&[f64]>,
        report: &mut Report,
    ) -> Option<Pattern> {
        let (c, h, w) = (u64::from(self.input.0), u64::from(self.input.1), u64::from(self.input.2));
        let (stride, padding) = (u64::from(self.stride), u64::from(self.padding));
        let (rows, columns) = self.side;
        let fits = stride > 0
            && rows > 0
            && columns > 0
            && self.filters != Some(0)
            && c.max(h).max(w).max(padding) <= 1 << 22
            && rows <= h + 2 * padding
            && columns <= w + 2 * padding;
        if !fits {
            report.error("M021", key, format!("a window of {rows} x {columns} with stride {stride} and padding {padding} does not fit an input of {c} x {h} x {w}"));
            return None;
        }
        let (out_h, out_w) =
            ((h + 2 * padding - rows) / stride + 1, (w + 2 * padding - columns) / stride + 1);
        let planes = self.filters.unwrap_or(c);
        // Factors are at most 2^23, 2^23 and the length of a file, so 128 bits hold the products.
        let (n_in, n_out) =
            (u128::from(c) * u128::from(h * w), u128::from(planes) * u128::from(out_h * out_w));
        if n_in != u128::from(site.n_pre) || n_out != u128::from(site.n_post) {
            report.error("M021", key, format!(
                "the window turns {c} x {h} x {w} = {n_in} lanes into {planes} x {out_h} x {out_w} = {n_out}; the populations have {} and {}",
                site.n_pre, site.n_post
            ));
            return None;
        }
        let per_output =
            u128::from(rows * columns) * if self.filters.is_some() { u128::from(c) } else { 1 };
        if n_out * per_output > u128::from(MAX_SYNAPSES) {
            too_many(key, &format!("{n_out} windows of {per_output} synapses"), report);
            return None;
        }
        let mut pattern = Pattern::with_rows(site.n_pre);
        let mut weights = Vec::new();
        for (pre, (ch, y, x)) in (0u32..)
            .zip((0..c).flat_map(|ch| (0..h).flat_map(move |y| (0..w).map(move |x| (ch, y, x)))))
        {
            pattern.begin_row();
            // Output row o covers padded rows o * stride .. o * stride + rows.
            let across = positions(x + padding, columns, stride, out_w);
            let down = positions(y + padding, rows, stride, out_h);
            // Where no window reaches a pixel, many filters must not cost time.
            let planes = match self.filters {
                _ if across.is_empty() || down.is_empty() => 0..0,
                Some(_) => 0..planes,
                None => ch..ch + 1,
            };
            for plane in planes {
                for oy in down.clone() {
                    for ox in across.clone() {
                        pattern.push(pre, ((plane * out_h + oy) * out_w + ox) as u32);
                        if let Some(kernel) = kernel {
                            let (ky, kx) = (y + padding - oy * stride, x + padding - ox * stride);
                            weights.push(
                                kernel[(((plane * c + ch) * rows + ky) * columns + kx) as usize],
                            );
                        }
                    }
                }
            }
        }
        pattern.begin_row();
        pattern.weights = kernel.map(|_| weights);
        Some(pattern)
    }
}

/// Window positions that cover a padded row or column.
fn positions(at: u64, side: u64, stride: u64, count: u64) -> std::ops::Range<u64> {
    let first = (at + 1).saturating_sub(side).div_ceil(stride);
    first..(at / stride + 1).min(count).max(first)
}
