//! A kernel made ready for one space: instructions over tiles of lanes.
//!
//! A [`Program`] runs a kernel over all lanes of a space for all episodes at once: as native code
//! which keeps the values of a row in registers ([`super::native`]), or, where there can be none,
//! over tiles of lanes, in which each instruction is one loop ([`super::loops`]). Both give the same
//! bits. Inputs are read where they lie. Arrays have the shape `[lane][episode]`, parameters
//! `[lane]`.

pub(super) use super::edges::{Edges, first_chunks};
use super::graph::{Body, Graph, Stage};
use super::loops::{self, Arg, Bounds, Code, Index, IndexKind, MOST_ROWS, Onto, SPLAT, Size};
use super::native::Native;
use super::planner::Planner;
use super::real::Real;
use std::sync::Arc;
use trifactor_entity::EntityId;
use trifactor_ir::{Kernel, Target};
use trifactor_jit::Level;

/// Whose lanes an input array has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Axis {
    Own,
    Pre,
    Post,
    Global,
}

/// Shape of an input array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shape {
    pub axis: Axis,
    /// `[lane][episode]` if true, else `[lane]`.
    pub per_episode: bool,
}

/// What happens to a result. Its array is `[lane][episode]` of the lanes of its target.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Sink {
    pub target: Target,
    /// Bounds of a result that is set.
    pub clamp: Option<(f64, f64)>,
}

/// The lanes of a space.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    pub n: usize,
    pub edges: Option<Arc<Edges>>,
}

/// Where an operand is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Scalar(usize),
    Port(usize),
    Hoisted(usize),
    Temp(usize),
    Out(usize),
}

/// An operand as a rule for finding its numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    pub place: Place,
    /// Numbers to skip for each lane before the tile, and for each lane of the tile before a row.
    pub per_first: usize,
    pub per_row: usize,
    pub rows: RowsOf,
}

/// Which rows an operand has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RowsOf {
    /// Its own, in order.
    Own,
    /// One for all lanes.
    All,
    /// Those of the pre lanes.
    Pre,
    /// Those of the post lanes.
    Post,
    /// One number each.
    Number,
}

/// Where rows start, for all kinds of [`RowsOf`].
#[derive(Clone, Copy)]
struct Lists<'a> {
    same: &'a [u32],
    edges: Option<&'a Edges>,
}

/// Rows from `row` on of the tile that starts at lane `first`.
#[derive(Clone, Copy, Default, Debug)]
struct At {
    first: usize,
    row: usize,
}

/// A run of rows of a tile that have one pre lane.
#[derive(Clone, Copy, Debug)]
struct Segment {
    row: usize,
    rows: usize,
    pre: usize,
}

/// Lanes that are computed together.
#[derive(Clone, Copy, Debug)]
struct Tile {
    first: usize,
    rows: usize,
    /// Its segments, as a range.
    segments: (usize, usize),
}

/// Where an instruction of a tile writes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dest {
    Temp(usize),
    Out(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step<T> {
    /// Copies the rows of the tile's pre or post lanes.
    Gather {
        temp: usize,
        from: Place,
        axis: Axis,
    },
    Apply {
        code: Code,
        bounds: Bounds<T>,
        args: [Operand; 4],
        dest: Dest,
    },
    Add {
        output: usize,
        target: Target,
        a: Operand,
        b: Option<Operand>,
        negative: bool,
    },
}

/// A value that is the same in all lanes, computed once per run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar<T> {
    Constant(T),
    Port(usize),
    Apply(Code, [usize; 4]),
}

/// A value computed once per pre lane, post lane, own lane or episode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hoist {
    pub stage: Stage,
    pub code: Code,
    pub args: [Operand; 4],
}

/// Buffers of a program, kept between runs.
#[derive(Clone, Debug)]
pub(super) struct Buffers<T> {
    pub scalars: Vec<[T; SPLAT]>,
    pub hoisted: Vec<Vec<T>>,
    pub temps: Vec<Vec<T>>,
    pub outs: Vec<Vec<T>>,
}

/// A kernel ready to run over one space.
#[derive(Clone, Debug)]
pub(super) struct Program<T> {
    lanes: Lanes,
    width: usize,
    tiles: Vec<Tile>,
    segments: Vec<Segment>,
    /// First chunks of the rows of a tile.
    same: Vec<u32>,
    scalars: Vec<Scalar<T>>,
    hoists: Vec<Hoist>,
    steps: Vec<Step<T>>,
    /// The steps once more, as code that takes the place of all tiles.
    native: Option<Arc<Native<T>>>,
    used_ports: Vec<bool>,
    buffers: Buffers<T>,
}

/// Numbers in one buffer of a tile, where a program runs as loops over tiles. With `f32` a buffer is
/// 8 KB, so that the few buffers of a program share the first- and second-level cache; the cost of
/// choosing an instruction is spread over 2,048 numbers.
const TILE: usize = 2048;

impl<T: Real> Program<T> {
    /// Plans `kernel` over `lanes` for `width` episodes. `shapes` has one entry per input, `sinks`
    /// one per result, `None` for results nobody wants.
    pub fn new(
        kernel: &Kernel,
        shapes: &[Shape],
        sinks: &[Option<Sink>],
        lanes: &Lanes,
        width: usize,
    ) -> Self {
        Self::with_level(kernel, shapes, sinks, lanes, width, Level::best())
    }

    /// The same with native code of a level, or without.
    pub fn with_level(
        kernel: &Kernel,
        shapes: &[Shape],
        sinks: &[Option<Sink>],
        lanes: &Lanes,
        width: usize,
        level: Option<Level>,
    ) -> Self {
        let shapes: Vec<Shape> = shapes
            .iter()
            .map(|s| match s.axis {
                // For one episode the two shapes are the same array.
                Axis::Own | Axis::Pre | Axis::Post if width == 1 => {
                    Shape { per_episode: true, ..*s }
                }
                _ => *s,
            })
            .collect();
        let graph = Graph::new(kernel, &shapes, sinks);
        let mut planner = Planner::new(&graph, &shapes, width);
        planner.plan();
        let native = level.and_then(|level| Native::new(&planner, lanes, width, level));
        let Planner { scalars, hoists, steps, n_temps, .. } = planner;
        let mut used_ports = vec![false; shapes.len()];
        for (node, live) in graph.nodes.iter().zip(&graph.live) {
            if let (Body::Port(port), true) = (node.body, *live) {
                used_ports[port.index()] = true;
            }
        }
        let tile_rows = (TILE / width).clamp(1, lanes.n.max(1)).min(MOST_ROWS);
        let (tiles, segments) = tiles(lanes, tile_rows);
        let n_of = |stage| match (stage, &lanes.edges) {
            (Stage::Global, _) | (_, None) => 1,
            (Stage::Pre, Some(e)) => e.n_pre(),
            (_, Some(e)) => e.n_post,
        };
        let hoisted = hoists.iter().map(|h| match h.stage {
            Stage::Lane => vec![T::ZERO; lanes.n],
            stage => vec![T::ZERO; n_of(stage) * width],
        });
        let buffers = Buffers {
            scalars: vec![[T::ZERO; SPLAT]; scalars.len()],
            hoisted: hoisted.collect(),
            temps: match native {
                Some(_) => Vec::new(),
                None => vec![vec![T::ZERO; tile_rows * width]; n_temps],
            },
            outs: vec![Vec::new(); sinks.len()],
        };
        Self {
            lanes: lanes.clone(),
            width,
            tiles,
            segments,
            same: first_chunks(0..MOST_ROWS as u32, width),
            scalars,
            hoists,
            steps,
            native: native.map(Arc::new),
            used_ports,
            buffers,
        }
    }

    /// Whether an input is read at all.
    pub fn uses_port(&self, port: usize) -> bool {
        self.used_ports[port]
    }

    /// Whether it runs as native code.
    #[cfg(test)]
    pub fn is_native(&self) -> bool {
        self.native.is_some()
    }

    /// The lanes at both ends, if it runs over synapses.
    pub fn edges(&self) -> Option<&Arc<Edges>> {
        self.lanes.edges.as_ref()
    }

    /// Runs over all lanes. `inputs` and `outputs` name arrays of `bank`, one per input and per
    /// result; those of unused inputs and unwanted results are not looked at. No wanted result may
    /// be an input or another result.
    pub fn run(&mut self, bank: &mut [Vec<T>], inputs: &[usize], outputs: &[usize]) {
        let mut buffers = std::mem::take(&mut self.buffers);
        for (out, id) in buffers.outs.iter_mut().zip(outputs) {
            if *id != NOWHERE {
                std::mem::swap(out, &mut bank[*id]);
            }
        }
        self.uniform_values(&mut buffers, bank, inputs);
        self.hoisted_values(&mut buffers, bank, inputs);
        match &self.native {
            Some(native) => native.run(&mut buffers, bank, inputs),
            None => {
                for tile in &self.tiles {
                    self.tile(&mut buffers, bank, inputs, *tile);
                }
            }
        }
        for (out, id) in buffers.outs.iter_mut().zip(outputs) {
            if *id != NOWHERE {
                std::mem::swap(out, &mut bank[*id]);
            }
        }
        self.buffers = buffers;
    }

    fn uniform_values(&self, buffers: &mut Buffers<T>, bank: &[Vec<T>], inputs: &[usize]) {
        for (i, scalar) in self.scalars.iter().enumerate() {
            let value = match *scalar {
                Scalar::Constant(value) => value,
                Scalar::Port(port) => bank[inputs[port]][0],
                Scalar::Apply(code, args) => {
                    loops::scalar(code, args.map(|a| buffers.scalars[a][0]))
                }
            };
            buffers.scalars[i] = [value; SPLAT];
        }
    }

    fn hoisted_values(&self, buffers: &mut Buffers<T>, bank: &[Vec<T>], inputs: &[usize]) {
        for (i, hoist) in self.hoists.iter().enumerate() {
            let mut out = std::mem::take(&mut buffers.hoisted[i]);
            let width = if hoist.stage == Stage::Lane { 1 } else { self.width };
            let size = Size { rows: out.len() / width, width };
            for first in (0..size.rows).step_by(MOST_ROWS) {
                let rows = MOST_ROWS.min(size.rows - first);
                let at = At { first, row: 0 };
                let lists = Lists {
                    same: if width == 1 { loops::same().rows } else { &self.same },
                    edges: None,
                };
                let args = Self::args(&hoist.args, buffers, bank, inputs, lists, at);
                let out = &mut out[first * width..(first + rows) * width];
                loops::apply(hoist.code, None, out, Size { rows, width }, &args);
            }
            buffers.hoisted[i] = out;
        }
    }

    fn tile(&self, buffers: &mut Buffers<T>, bank: &[Vec<T>], inputs: &[usize], tile: Tile) {
        let width = self.width;
        let Tile { first, rows, segments } = tile;
        let segments = &self.segments[segments.0..segments.1];
        let own = first * width..(first + rows) * width;
        let lists = Lists { same: &self.same, edges: self.lanes.edges.as_deref() };
        for step in &self.steps {
            match step {
                Step::Gather { temp, from, axis } => {
                    let mut out = std::mem::take(&mut buffers.temps[*temp]);
                    let edges = self.lanes.edges.as_ref().expect("internal: lanes without ends");
                    let index = if *axis == Axis::Pre { &edges.pre } else { &edges.post };
                    let data = from.whole(buffers, bank, inputs);
                    gather(&mut out, data, &index[first..first + rows], width);
                    buffers.temps[*temp] = out;
                }
                Step::Apply { code, bounds, args, dest } => {
                    let mut array = match *dest {
                        Dest::Temp(i) => std::mem::take(&mut buffers.temps[i]),
                        Dest::Out(i) => std::mem::take(&mut buffers.outs[i]),
                    };
                    let out = match dest {
                        Dest::Temp(_) => &mut array[..rows * width],
                        Dest::Out(_) => &mut array[own.clone()],
                    };
                    let at = At { first, row: 0 };
                    let args = Self::args(args, buffers, bank, inputs, lists, at);
                    loops::apply(*code, *bounds, out, Size { rows, width }, &args);
                    match *dest {
                        Dest::Temp(i) => buffers.temps[i] = array,
                        Dest::Out(i) => buffers.outs[i] = array,
                    }
                }
                Step::Add { output, target, a, b, negative } => {
                    let mut out = std::mem::take(&mut buffers.outs[*output]);
                    let whole = [Segment { row: 0, rows, pre: 0 }];
                    // Rows of one pre lane are summed in registers.
                    let by_row = *target == Target::AddPre;
                    for s in if by_row { segments } else { &whole } {
                        let at = At { first, row: s.row };
                        let a = a.arg(buffers, bank, inputs, lists, at);
                        let b = b.as_ref().map(|b| b.arg(buffers, bank, inputs, lists, at));
                        let addend = loops::Addend { a: &a, b: b.as_ref(), negative: *negative };
                        let lane = first + s.row;
                        let (sums, onto) = self.sums(*target, &mut out, lane, s);
                        loops::add_rows(sums, Size { rows: s.rows, width }, addend, onto);
                    }
                    buffers.outs[*output] = out;
                }
            }
        }
    }

    /// Where the rows of a segment from `lane` on are added.
    fn sums<'a>(
        &'a self,
        target: Target,
        out: &'a mut [T],
        lane: usize,
        segment: &Segment,
    ) -> (&'a mut [T], Onto<'a>) {
        let width = self.width;
        let lanes = lane..lane + segment.rows;
        let edges = || self.lanes.edges.as_deref().expect("internal: lanes without ends");
        match target {
            Target::AddOwn | Target::Set => {
                (&mut out[lanes.start * width..lanes.end * width], Onto::Same)
            }
            Target::AddGlobal => (out, Onto::First),
            Target::AddPost => (out, Onto::Listed(&edges().post_chunk()[lanes])),
            Target::AddPre => (&mut out[segment.pre * width..][..width], Onto::First),
        }
    }

    #[inline(always)]
    fn args<'a>(
        operands: &[Operand; 4],
        buffers: &'a Buffers<T>,
        bank: &'a [Vec<T>],
        inputs: &[usize],
        lists: Lists<'a>,
        at: At,
    ) -> [Arg<'a, T>; 4] {
        let arg = |i: usize| operands[i].arg(buffers, bank, inputs, lists, at);
        [arg(0), arg(1), arg(2), arg(3)]
    }
}

impl Operand {
    /// What stands in for operands an instruction does not have.
    pub const ABSENT: Self =
        Self { place: Place::Scalar(0), per_first: 0, per_row: 0, rows: RowsOf::All };

    #[inline(always)]
    fn arg<'a, T: Real>(
        &self,
        buffers: &'a Buffers<T>,
        bank: &'a [Vec<T>],
        inputs: &[usize],
        lists: Lists<'a>,
        at: At,
    ) -> Arg<'a, T> {
        let data = self.place.whole(buffers, bank, inputs);
        let data = &data[at.first * self.per_first + at.row * self.per_row..];
        let listed =
            |list: &'a [u32]| Index { rows: &list[at.first + at.row..], kind: IndexKind::Listed };
        let same = Index { rows: lists.same, kind: IndexKind::Same };
        let index = match (self.rows, lists.edges) {
            (RowsOf::Number, _) => return Arg::Lane(data),
            (RowsOf::Pre, Some(e)) => listed(&e.pre_chunk),
            (RowsOf::Post, Some(e)) => listed(e.post_chunk()),
            (RowsOf::All, _) => loops::first(),
            (RowsOf::Own | RowsOf::Pre | RowsOf::Post, _) => same,
        };
        Arg::Rows { data, index }
    }
}

impl Place {
    /// The array behind a place, from its first lane on.
    #[inline(always)]
    pub fn whole<'a, T>(
        self,
        buffers: &'a Buffers<T>,
        bank: &'a [Vec<T>],
        inputs: &[usize],
    ) -> &'a [T] {
        match self {
            Self::Port(i) => &bank[inputs[i]],
            Self::Hoisted(i) => &buffers.hoisted[i],
            Self::Out(i) => &buffers.outs[i],
            Self::Temp(i) => &buffers.temps[i],
            Self::Scalar(i) => buffers.scalars.get(i).map_or(&[], |s| &s[..]),
        }
    }
}

/// Cuts lanes into tiles, and these, if asked, where the pre lane changes.
fn tiles(lanes: &Lanes, tile_rows: usize) -> (Vec<Tile>, Vec<Segment>) {
    let (mut tiles, mut segments) = (Vec::new(), Vec::new());
    for first in (0..lanes.n).step_by(tile_rows) {
        let rows = tile_rows.min(lanes.n - first);
        let before = segments.len();
        match &lanes.edges {
            Some(edges) => {
                let mut row = 0;
                while row < rows {
                    let pre = edges.pre[first + row] as usize;
                    let n = (edges.row(pre).end - first).min(rows) - row;
                    segments.push(Segment { row, rows: n, pre });
                    row += n;
                }
            }
            None => segments.push(Segment { row: 0, rows, pre: 0 }),
        }
        tiles.push(Tile { first, rows, segments: (before, segments.len()) });
    }
    (tiles, segments)
}

/// Stands for an array in the list of outputs where a result is not wanted.
pub(super) const NOWHERE: usize = usize::MAX;

impl<T> Default for Buffers<T> {
    fn default() -> Self {
        Self { scalars: Vec::new(), hoisted: Vec::new(), temps: Vec::new(), outs: Vec::new() }
    }
}

/// Copies row `index[r]` of `data` to row r of `out`.
fn gather<T: Real>(out: &mut [T], data: &[T], index: &[u32], width: usize) {
    fn chunks<T: Real, const W: usize>(out: &mut [T], data: &[T], index: &[u32]) {
        let (out, data) = (out.as_chunks_mut::<W>().0, data.as_chunks::<W>().0);
        for (row, i) in out.iter_mut().zip(index) {
            *row = data[*i as usize];
        }
    }
    match width {
        1 => chunks::<T, 1>(out, data, index),
        8 => chunks::<T, 8>(out, data, index),
        16 => chunks::<T, 16>(out, data, index),
        32 => chunks::<T, 32>(out, data, index),
        _ => {
            for (row, i) in out.chunks_exact_mut(width).zip(index) {
                row.copy_from_slice(&data[*i as usize * width..][..width]);
            }
        }
    }
}
