//! The inner loops: one operation, or one fused group, over the rows of a tile.
//!
//! A tile is `rows` lanes of `width` episodes. Every loop works on chunks of `W` neighbouring
//! numbers held in registers; `W` is 16 or 8 where it divides the width, and where the rows of all
//! operands lie one behind the other the tile is one long row (so that a single episode is
//! vectorised over its lanes). Fused groups compute exactly what their operations compute one by
//! one: the same roundings in the same order.

use super::real::Real;
use trifactor_ir::Surrogate;

/// What an instruction computes from its operands a, b, c, d.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Code {
    /// a
    Copy,
    /// Sign of a.
    Sgn,
    /// a > 0
    Step,
    /// Surrogate derivative at a.
    Bump(Surrogate),
    /// a + b
    Add,
    /// a - b
    Sub,
    /// a * b
    Mul,
    /// The smaller one.
    Min,
    /// The larger one.
    Max,
    /// a > b
    Gt,
    /// (a - b) > 0
    SubStep,
    /// b where a is not 0, else c.
    Select,
    /// a, not below b, not above c.
    Clamp,
    /// b < a < c
    Between,
    /// d where b < a < c, else 0.
    Within,
    /// a * b + c
    MulAdd,
    /// a * b - c
    MulSub,
    /// c - a * b
    SubMul,
    /// (a * b) * c
    Mul3,
    /// a * b + c * d
    MulMulAdd,
    /// a * b - c * d
    MulMulSub,
    /// (a * b + c) + d
    MulAddAdd,
    /// (a * b + c) - d
    MulAddSub,
    /// d + (a * b) * c
    Mul3Add,
    /// d - (a * b) * c
    SubMul3,
}

/// An operand of one instruction over one tile.
#[derive(Clone, Copy)]
pub(super) enum Arg<'a, T> {
    /// Row r of the tile starts at chunk `index[r]` of `data`, see [`chunks_per_row`]. One copy of
    /// a loop thus serves values of the own lanes, of pre and post lanes and of all lanes together.
    Rows { data: &'a [T], index: Index<'a> },
    /// One number per row.
    Lane(&'a [T]),
}

/// Number of chunks in a row: what row numbers are multiplied by in an [`Index`].
pub(super) fn chunks_per_row(width: usize) -> usize {
    match width {
        w if w.is_multiple_of(16) => w / 16,
        w if w.is_multiple_of(8) => w / 8,
        w => w,
    }
}

/// First chunks of rows.
#[derive(Clone, Copy)]
pub(super) struct Index<'a> {
    pub rows: &'a [u32],
    pub kind: IndexKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum IndexKind {
    /// The row of the same number.
    Same,
    /// Row 0.
    First,
    /// Some row.
    Listed,
}

/// The longest chunk; a uniform value is kept as so many copies of it.
pub(super) const SPLAT: usize = 16;

/// Size of a tile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Size {
    pub rows: usize,
    pub width: usize,
}

impl Size {
    fn len(self) -> usize {
        self.rows * self.width
    }
}

/// Rows of an operand in chunks of `W`.
trait Source<T, const W: usize>: Copy {
    type Row: Copy;
    fn row(self, r: usize) -> Self::Row;
    fn lane(row: Self::Row, i: usize) -> T;
}

#[derive(Clone, Copy)]
struct Chunks<'a, T, const W: usize> {
    chunks: &'a [[T; W]],
    index: &'a [u32],
}

impl<'a, T: Real, const W: usize> Source<T, W> for Chunks<'a, T, W> {
    type Row = &'a [T; W];
    #[inline(always)]
    fn row(self, r: usize) -> &'a [T; W] {
        &self.chunks[self.index[r] as usize]
    }
    #[inline(always)]
    fn lane(row: &'a [T; W], i: usize) -> T {
        row[i]
    }
}

#[derive(Clone, Copy)]
struct Lanes<'a, T>(&'a [T]);

impl<T: Real, const W: usize> Source<T, W> for Lanes<'_, T> {
    type Row = T;
    #[inline(always)]
    fn row(self, r: usize) -> T {
        self.0[r]
    }
    #[inline(always)]
    fn lane(row: T, _: usize) -> T {
        row
    }
}

/// Where results go: chunk `r * step + first` for row r.
struct Sink<'a, T, const W: usize> {
    chunks: &'a mut [[T; W]],
    step: usize,
    first: usize,
    rows: usize,
    bounds: Bounds<T>,
}

/// Limits that a result is held in as it is written. A branch per row that always goes the same
/// way costs less than a second pass, and less code than a second copy of every loop.
pub(super) type Bounds<T> = Option<(T, T)>;

/// Defines a loop over rows for a function of so many operands.
macro_rules! define_map {
    ($name:ident, $($x:ident: $kind:ident),+) => {
        #[inline(always)]
        fn $name<T: Real, const W: usize, $($kind: Source<T, W>),+>(
            sink: Sink<'_, T, W>, $($x: $kind,)+ f: impl Fn($(replace_with!(T $x)),+) -> T,
        ) {
            for r in 0..sink.rows {
                $(let $x = $x.row(r);)+
                let mut row: [T; W] = std::array::from_fn(|i| f($($kind::lane($x, i)),+));
                if let Some((low, high)) = sink.bounds {
                    row = std::array::from_fn(|i| min(max(row[i], low), high));
                }
                sink.chunks[r * sink.step + sink.first] = row;
            }
        }
    };
}
macro_rules! replace_with {
    ($t:ident $x:ident) => {
        $t
    };
}
define_map!(map1, a: A);
define_map!(map2, a: A, b: B);
define_map!(map3, a: A, b: B, c: C);
define_map!(map4, a: A, b: B, c: C, d: D);

/// Evaluates a loop with each operand bound to its kind of source, once per combination.
macro_rules! with_sources {
    ($w:ident $sink:ident; ; $body:expr) => { $body };
    ($w:ident $sink:ident; $x:ident $(, $rest:ident)*; $body:expr) => {
        match *$x {
            Arg::Rows { data, index } => {
                let chunks = data.as_chunks::<$w>().0;
                // A splat operand may have fewer chunks than a row; they are all the same.
                let chunks = &chunks[$sink.first.min(chunks.len().saturating_sub(1))..];
                let $x = Chunks { chunks, index: &index.rows[..$sink.rows] };
                with_sources!($w $sink; $($rest),*; $body)
            }
            Arg::Lane(values) => {
                let $x = Lanes(&values[..$sink.rows]);
                with_sources!($w $sink; $($rest),*; $body)
            }
        }
    };
}

/// Computes `code` for every row of a tile. `out` holds `rows * width` numbers.
#[inline]
pub(super) fn apply<T: Real>(
    code: Code,
    bounds: Bounds<T>,
    out: &mut [T],
    size: Size,
    args: &[Arg<'_, T>; 4],
) {
    if let (Code::Bump(surrogate), Arg::Rows { data, index }) = (code, args[0])
        && bounds.is_none()
        && index.kind == IndexKind::Same
    {
        return bump(surrogate, &mut out[..size.len()], &data[..size.len()]);
    }
    if size.width.is_multiple_of(16) {
        chunked::<T, 16>(code, bounds, out, size, args);
    } else if size.width.is_multiple_of(8) {
        chunked::<T, 8>(code, bounds, out, size, args);
    } else if size.len() <= 16 * MOST_ROWS && args.iter().all(|a| is_one_row(a, size.width)) {
        let main = size.len() / 16 * 16;
        let (head, tail) = out.split_at_mut(main);
        let splat = args.map(|a| splat_of(&a));
        let long = Size { rows: main / 16, width: 16 };
        let flat: [_; 4] = std::array::from_fn(|i| flattened(&args[i], &splat[i], size, 0));
        chunked::<T, 16>(code, bounds, head, long, &flat);
        let rest = Size { rows: tail.len(), width: 1 };
        let flat: [_; 4] = std::array::from_fn(|i| flattened(&args[i], &splat[i], size, main));
        chunked::<T, 1>(code, bounds, tail, rest, &flat);
    } else {
        chunked::<T, 1>(code, bounds, out, size, args);
    }
}

/// Whether an operand can be read as one long row: it is contiguous, or one number for all.
fn is_one_row<T>(arg: &Arg<'_, T>, width: usize) -> bool {
    match *arg {
        Arg::Rows { index, data } => match index.kind {
            IndexKind::Same => true,
            // Apart from repeated rows there are the copies of a uniform value.
            IndexKind::First => width == 1 || data.len() == SPLAT,
            IndexKind::Listed => false,
        },
        Arg::Lane(_) => width == 1,
    }
}

/// Copies of the first number of an operand.
fn splat_of<T: Real>(arg: &Arg<'_, T>) -> [T; SPLAT] {
    match *arg {
        Arg::Rows { data, .. } | Arg::Lane(data) => {
            [data.first().copied().unwrap_or(T::ZERO); SPLAT]
        }
    }
}

/// An operand for which [`is_one_row`] holds, from element `from` on.
fn flattened<'a, T: Real>(
    arg: &Arg<'a, T>,
    splat: &'a [T; SPLAT],
    size: Size,
    from: usize,
) -> Arg<'a, T> {
    let rest = |data: &'a [T]| &data[from.min(size.len())..];
    match *arg {
        Arg::Rows { index, .. } if index.kind == IndexKind::First => {
            Arg::Rows { data: splat, index }
        }
        Arg::Rows { data, .. } => Arg::Rows { data: rest(data), index: same() },
        Arg::Lane(data) => Arg::Rows { data: rest(data), index: same() },
    }
}

/// Rows `0, 1, 2, ...` of one chunk, [`MOST_ROWS`] of them.
pub(super) fn same() -> Index<'static> {
    Index { rows: &COUNT, kind: IndexKind::Same }
}

/// Row 0, as often.
pub(super) fn first() -> Index<'static> {
    Index { rows: &[0; MOST_ROWS], kind: IndexKind::First }
}

/// The largest number of rows of one call; of one number each where rows are flattened.
pub(super) const MOST_ROWS: usize = 4096;

static COUNT: [u32; MOST_ROWS] = {
    let mut count = [0; MOST_ROWS];
    let mut i = 0;
    while i < MOST_ROWS {
        count[i] = i as u32;
        i += 1;
    }
    count
};

fn chunked<T: Real, const W: usize>(
    code: Code,
    bounds: Bounds<T>,
    out: &mut [T],
    size: Size,
    args: &[Arg<'_, T>; 4],
) {
    let step = size.width / W;
    let chunks = out.as_chunks_mut::<W>().0;
    for first in 0..step {
        let sink = Sink { chunks: &mut *chunks, step, first, rows: size.rows, bounds };
        column(code, sink, args);
    }
}

#[rustfmt::skip]
fn column<T: Real, const W: usize>(
    code: Code, sink: Sink<'_, T, W>, args: &[Arg<'_, T>; 4],
) {
    let [a, b, c, d] = args;
    macro_rules! one { ($f:expr) => { with_sources!(W sink; a; map1(sink, a, $f)) }; }
    macro_rules! two { ($f:expr) => { with_sources!(W sink; a, b; map2(sink, a, b, $f)) }; }
    macro_rules! three {
        ($f:expr) => { with_sources!(W sink; a, b, c; map3(sink, a, b, c, $f)) };
    }
    macro_rules! four {
        ($f:expr) => { with_sources!(W sink; a, b, c, d; map4(sink, a, b, c, d, $f)) };
    }
    match code {
        Code::Copy => one!(|a| a),
        Code::Sgn => one!(sign),
        Code::Step => one!(|a| flag(a > T::ZERO)),
        Code::Bump(surrogate) => {
            let slope = slope(surrogate);
            one!(slope)
        }
        Code::Add => two!(|a, b| a + b),
        Code::Sub => two!(|a, b| a - b),
        Code::Mul => two!(|a, b| a * b),
        Code::Min => two!(min),
        Code::Max => two!(max),
        Code::Gt => two!(|a, b| flag(a > b)),
        Code::SubStep => two!(|a, b| flag(a - b > T::ZERO)),
        Code::Select => three!(|a, b, c| if a != T::ZERO { b } else { c }),
        Code::Clamp => three!(|a, b, c| min(max(a, b), c)),
        Code::Between => three!(|a, b, c| flag((a > b) & (c > a))),
        Code::Within => four!(|a, b, c, d| if (a > b) & (c > a) { d } else { T::ZERO }),
        Code::MulAdd => three!(|a, b, c| a * b + c),
        Code::MulSub => three!(|a, b, c| a * b - c),
        Code::SubMul => three!(|a, b, c| c - a * b),
        Code::Mul3 => three!(|a, b, c| (a * b) * c),
        Code::MulMulAdd => four!(|a, b, c, d| a * b + c * d),
        Code::MulMulSub => four!(|a, b, c, d| a * b - c * d),
        Code::MulAddAdd => four!(|a, b, c, d| (a * b + c) + d),
        Code::MulAddSub => four!(|a, b, c, d| (a * b + c) - d),
        Code::Mul3Add => four!(|a, b, c, d| d + (a * b) * c),
        Code::SubMul3 => four!(|a, b, c, d| d - (a * b) * c),
    }
}

/// The value of one operation, for operands that are the same in every lane.
pub(super) fn scalar<T: Real>(code: Code, args: [T; 4]) -> T {
    let mut out = [T::ZERO];
    let rows: [Arg<'_, T>; 4] =
        std::array::from_fn(|i| Arg::Rows { data: &args[i..=i], index: first() });
    chunked::<T, 1>(code, None, &mut out, Size { rows: 1, width: 1 }, &rows);
    out[0]
}

/// Surrogate derivatives of a contiguous run. Apart from [`column`], because these long
/// expressions vectorise only in a loop of unknown length.
fn bump<T: Real>(surrogate: Surrogate, out: &mut [T], a: &[T]) {
    fn each<T: Real>(out: &mut [T], a: &[T], f: impl Fn(T) -> T) {
        for (out, a) in out.iter_mut().zip(a) {
            *out = f(*a);
        }
    }
    match surrogate {
        Surrogate::None => out.fill(T::ZERO),
        Surrogate::FastSigmoid { scale, beta } => {
            let (scale, beta) = (T::from_f64(scale), T::from_f64(beta));
            each(out, a, |a| fast_sigmoid(a, scale, beta));
        }
        Surrogate::Exponential { scale, beta } => {
            let (scale, beta) = (T::from_f64(scale), T::from_f64(beta));
            each(out, a, |a| exponential(a, scale, beta));
        }
        Surrogate::Triangle { scale, beta } => {
            let (scale, beta) = (T::from_f64(scale), T::from_f64(beta));
            each(out, a, |a| triangle(a, scale, beta));
        }
    }
}

/// The same for one number; for operands that are not contiguous, which are rare.
fn slope<T: Real>(surrogate: Surrogate) -> impl Fn(T) -> T {
    move |a| {
        let mut out = [T::ZERO];
        bump(surrogate, &mut out, &[a]);
        out[0]
    }
}

#[inline(always)]
fn flag<T: Real>(condition: bool) -> T {
    if condition { T::ONE } else { T::ZERO }
}
#[inline(always)]
fn sign<T: Real>(a: T) -> T {
    flag::<T>(a > T::ZERO) - flag::<T>(a < T::ZERO)
}
#[inline(always)]
fn min<T: Real>(a: T, b: T) -> T {
    if a < b { a } else { b }
}
#[inline(always)]
fn max<T: Real>(a: T, b: T) -> T {
    if a > b { a } else { b }
}
#[inline(always)]
fn fast_sigmoid<T: Real>(a: T, scale: T, beta: T) -> T {
    let x = T::ONE + a.magnitude() * beta;
    scale / (x * x)
}
#[inline(always)]
fn exponential<T: Real>(a: T, scale: T, beta: T) -> T {
    scale * (beta * a.magnitude()).exp_neg()
}
#[inline(always)]
fn triangle<T: Real>(a: T, scale: T, beta: T) -> T {
    scale * max(T::ZERO, T::ONE - beta * a.magnitude())
}

/// What is added to accumulators: one value or a product of two, or what is subtracted.
#[derive(Clone, Copy)]
pub(super) struct Addend<'x, 'a, T> {
    pub a: &'x Arg<'a, T>,
    pub b: Option<&'x Arg<'a, T>>,
    pub negative: bool,
}

/// The row of accumulators to which a row of a tile is added.
#[derive(Clone, Copy)]
pub(super) enum Onto<'a> {
    /// The row of the same number.
    Same,
    /// The row that starts at the chunk the list names.
    Listed(&'a [u32]),
    /// Row 0, which thus becomes a sum over rows.
    First,
}

/// Adds every row of a tile to a row of `sums`, rows in order.
pub(super) fn add_rows<T: Real>(
    sums: &mut [T],
    size: Size,
    addend: Addend<'_, '_, T>,
    onto: Onto<'_>,
) {
    if size.width.is_multiple_of(16) {
        add_chunks::<T, 16>(sums, size, addend, onto);
    } else if size.width.is_multiple_of(8) {
        add_chunks::<T, 8>(sums, size, addend, onto);
    } else {
        add_chunks::<T, 1>(sums, size, addend, onto);
    }
}

fn add_chunks<T: Real, const W: usize>(
    sums: &mut [T],
    size: Size,
    addend: Addend<'_, '_, T>,
    onto: Onto<'_>,
) {
    let Addend { a, b, negative } = addend;
    let step = size.width / W;
    let chunks = sums.as_chunks_mut::<W>().0;
    for first in 0..step {
        let rows = size.rows;
        let sink = Sink { chunks: &mut *chunks, step, first, rows, bounds: None };
        match (b, negative) {
            (None, false) => with_sources!(W sink; a; add1(sink, a, onto, |s, a| s + a)),
            (None, true) => with_sources!(W sink; a; add1(sink, a, onto, |s, a| s - a)),
            (Some(b), false) => {
                with_sources!(W sink; a, b; add2(sink, a, b, onto, |s, a| s + a))
            }
            (Some(b), true) => {
                with_sources!(W sink; a, b; add2(sink, a, b, onto, |s, a| s - a))
            }
        }
    }
}

/// Evaluates the new sum of each row, `$sum` being the old one. A macro, because a closure over
/// whole rows was not inlined and then moved every row through memory.
macro_rules! accumulate {
    ($sink:ident, $onto:ident, $r:ident, $sum:ident, $new:expr) => {{
        let Sink { chunks, step, first, rows, .. } = $sink;
        match $onto {
            Onto::Same => {
                for $r in 0..rows {
                    let $sum = &mut chunks[$r * step + first];
                    *$sum = $new;
                }
            }
            Onto::Listed(list) => {
                let chunks = &mut chunks[first..];
                for ($r, target) in list[..rows].iter().enumerate() {
                    let $sum = &mut chunks[*target as usize];
                    *$sum = $new;
                }
            }
            Onto::First => {
                let mut $sum = chunks[first];
                for $r in 0..rows {
                    $sum = $new;
                }
                chunks[first] = $sum;
            }
        }
    }};
}

fn add1<T: Real, const W: usize, A: Source<T, W>>(
    sink: Sink<'_, T, W>,
    a: A,
    onto: Onto<'_>,
    add: impl Fn(T, T) -> T,
) {
    accumulate!(sink, onto, r, sum, {
        let a = a.row(r);
        std::array::from_fn(|i| add(sum[i], A::lane(a, i)))
    });
}

fn add2<T: Real, const W: usize, A: Source<T, W>, B: Source<T, W>>(
    sink: Sink<'_, T, W>,
    a: A,
    b: B,
    onto: Onto<'_>,
    add: impl Fn(T, T) -> T,
) {
    accumulate!(sink, onto, r, sum, {
        let (a, b) = (a.row(r), b.row(r));
        std::array::from_fn(|i| add(sum[i], A::lane(a, i) * B::lane(b, i)))
    });
}
