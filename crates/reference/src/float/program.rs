//! A kernel made ready for one space: instructions over tiles of lanes.
//!
//! A [`Program`] runs a kernel over all lanes of a space for all episodes at once. Lanes are cut
//! into tiles small enough that the values of a tile stay in the first-level cache; within a tile
//! each instruction is one loop, see [`super::loops`]. Inputs are read where they lie. Arrays have the
//! shape `[lane][episode]`, parameters `[lane]`.

pub(super) use super::edges::{Edges, first_chunks};
use super::graph::{Addend, Body, Graph, NodeId, Stage};
use super::loops::{self, Arg, Bounds, Code, Index, IndexKind, MOST_ROWS, Onto, SPLAT, Size};
use super::real::Real;
use std::sync::Arc;
use trifactor_entity::EntityId;
use trifactor_ir::{Kernel, Target};

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
enum Place {
    Scalar(usize),
    Port(usize),
    Hoisted(usize),
    Temp(usize),
    Out(usize),
}

/// An operand as a rule for finding its numbers.
#[derive(Clone, Copy, Debug)]
struct Operand {
    place: Place,
    /// Numbers to skip for each lane before the tile, and for each lane of the tile before a row.
    per_first: usize,
    per_row: usize,
    rows: RowsOf,
}

/// Which rows an operand has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum RowsOf {
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
enum Dest {
    Temp(usize),
    Out(usize),
}

#[derive(Clone, Copy, Debug)]
enum Step<T> {
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
enum Scalar<T> {
    Constant(T),
    Port(usize),
    Apply(Code, [usize; 4]),
}

/// A value computed once per pre lane, post lane, own lane or episode.
#[derive(Clone, Copy, Debug)]
struct Hoist {
    stage: Stage,
    code: Code,
    args: [Operand; 4],
}

/// Buffers of a program, kept between runs.
#[derive(Clone, Debug)]
struct Buffers<T> {
    scalars: Vec<[T; SPLAT]>,
    hoisted: Vec<Vec<T>>,
    temps: Vec<Vec<T>>,
    outs: Vec<Vec<T>>,
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
    used_ports: Vec<bool>,
    buffers: Buffers<T>,
}

/// Numbers in one buffer of a tile. Measured on the cue network (benches/cue_net.rs): from 384 to
/// 1,024 makes no difference; 4,096 is a quarter slower.
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
        let mut planner = Planner {
            graph: &graph,
            shapes: &shapes,
            width,
            places: vec![None; graph.nodes.len()],
            scalars: Vec::new(),
            hoists: Vec::new(),
            steps: Vec::new(),
            last_use: vec![0; graph.nodes.len()],
            gathered: vec![None; graph.nodes.len()],
            free: Vec::new(),
            n_temps: 0,
        };
        planner.plan();
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
            temps: vec![vec![T::ZERO; tile_rows * width]; n_temps],
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
            used_ports,
            buffers,
        }
    }

    /// Whether an input is read at all.
    pub fn uses_port(&self, port: usize) -> bool {
        self.used_ports[port]
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
        for tile in &self.tiles {
            self.tile(&mut buffers, bank, inputs, *tile);
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
    const ABSENT: Self =
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
    fn whole<'a, T>(
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

fn shape_of(stage: Stage) -> Shape {
    let axis = match stage {
        Stage::Uniform | Stage::Global => Axis::Global,
        Stage::Pre => Axis::Pre,
        Stage::Post => Axis::Post,
        Stage::Lane | Stage::Tile => Axis::Own,
    };
    Shape { axis, per_episode: stage != Stage::Lane }
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

/// Whether a place holds the values of the running tile only.
fn place_is_temp(place: Place) -> bool {
    matches!(place, Place::Temp(_))
}

struct Planner<'a, T> {
    graph: &'a Graph,
    shapes: &'a [Shape],
    width: usize,
    places: Vec<Option<Place>>,
    scalars: Vec<Scalar<T>>,
    hoists: Vec<Hoist>,
    steps: Vec<Step<T>>,
    /// Position after which a node's buffer is free again.
    last_use: Vec<usize>,
    /// Buffer with the gathered rows of a node.
    gathered: Vec<Option<usize>>,
    free: Vec<usize>,
    n_temps: usize,
}

/// One thing a tile does.
#[derive(Clone, Copy)]
enum Item {
    Node(NodeId),
    /// Position in the graph's results.
    Result(usize),
}

impl<T: Real> Planner<'_, T> {
    fn plan(&mut self) {
        for id in 0..self.graph.nodes.len() {
            let node = &self.graph.nodes[id];
            let inside = node.stage == Stage::Tile && matches!(node.body, Body::Apply(..));
            if self.graph.live[id] && !inside {
                self.before_tiles(id);
            }
        }
        let items = self.order();
        for (at, item) in items.iter().enumerate() {
            for operand in self.operands(*item) {
                self.last_use[operand] = at;
            }
        }
        for (at, item) in items.iter().enumerate() {
            self.emit(*item);
            for operand in self.operands(*item) {
                if self.last_use[operand] == at {
                    self.release(operand);
                }
            }
        }
    }

    /// Uniform and hoisted values, and inputs.
    fn before_tiles(&mut self, id: NodeId) {
        let node = &self.graph.nodes[id];
        let place = match (node.stage, node.body) {
            (_, Body::Constant(value)) => self.scalar(Scalar::Constant(T::from_f64(value))),
            (Stage::Uniform, Body::Port(port)) => self.scalar(Scalar::Port(port.index())),
            (Stage::Uniform, Body::Apply(code, args, n)) => {
                let mut operands = [0; 4];
                for (operand, arg) in operands.iter_mut().zip(&args[..n]) {
                    if let Some(Place::Scalar(i)) = self.places[*arg] {
                        *operand = i;
                    }
                }
                self.scalar(Scalar::Apply(code, operands))
            }
            (_, Body::Port(port)) => Place::Port(port.index()),
            (stage, Body::Apply(code, args, n)) => {
                let mut operands = [Operand::ABSENT; 4];
                for (operand, arg) in operands.iter_mut().zip(&args[..n]) {
                    let place = self.places[*arg].expect("internal: operand without a place");
                    *operand = self.found(place, Some(stage));
                }
                self.hoists.push(Hoist { stage, code, args: operands });
                Place::Hoisted(self.hoists.len() - 1)
            }
        };
        self.places[id] = Some(place);
    }

    fn scalar(&mut self, scalar: Scalar<T>) -> Place {
        self.scalars.push(scalar);
        Place::Scalar(self.scalars.len() - 1)
    }

    /// Nodes in order; every result as soon as its value is there.
    fn order(&self) -> Vec<Item> {
        let graph = self.graph;
        let mut results_at = vec![Vec::new(); graph.nodes.len()];
        // Values to be set that are copies or clamps come right after what they copy.
        let mut sets_after = vec![Vec::new(); graph.nodes.len()];
        let mut deferred = vec![false; graph.nodes.len()];
        for (i, result) in graph.results.iter().enumerate() {
            results_at[result.addend.at()].push(Item::Result(i));
            let at = result.addend.at();
            if result.target == Target::Set
                && let Body::Apply(Code::Clamp | Code::Copy, args, _) = graph.nodes[at].body
            {
                deferred[at] = true;
                sets_after[args[0]].push(at);
            }
        }
        let mut items = Vec::new();
        for (id, node) in graph.nodes.iter().enumerate() {
            if deferred[id] {
                continue;
            }
            if graph.live[id] && node.stage == Stage::Tile && matches!(node.body, Body::Apply(..)) {
                items.push(Item::Node(id));
            }
            items.extend(&results_at[id]);
            for copy in &sets_after[id] {
                items.push(Item::Node(*copy));
                items.extend(&results_at[*copy]);
            }
        }
        items
    }

    fn operands(&self, item: Item) -> Vec<NodeId> {
        match item {
            Item::Node(id) => self.graph.nodes[id].args().to_vec(),
            Item::Result(i) => match self.graph.results[i].addend {
                Addend::One(node) => vec![node],
                Addend::Part { a, b, .. } => b.into_iter().chain([a]).collect(),
            },
        }
    }

    fn emit(&mut self, item: Item) {
        match item {
            Item::Node(id) => {
                let Body::Apply(code, args, n) = self.graph.nodes[id].body else { return };
                let bounds = self.graph.nodes[id].bounds;
                let bounds = bounds.map(|(low, high)| (T::from_f64(low), T::from_f64(high)));
                let mut operands = [Operand::ABSENT; 4];
                for (operand, arg) in operands.iter_mut().zip(&args[..n]) {
                    *operand = self.operand(*arg);
                }
                let set =
                    |r: &&super::graph::Result| r.target == Target::Set && r.addend.at() == id;
                let dest = match self.graph.results.iter().find(set) {
                    Some(result) => {
                        self.places[id] = Some(Place::Out(result.output));
                        Dest::Out(result.output)
                    }
                    None => {
                        let temp = self.temp();
                        self.places[id] = Some(Place::Temp(temp));
                        Dest::Temp(temp)
                    }
                };
                self.steps.push(Step::Apply { code, bounds, args: operands, dest });
            }
            Item::Result(i) => {
                let result = self.graph.results[i];
                let (a, b, negative) = match result.addend {
                    // The node itself was written to the result.
                    Addend::One(_) if result.target == Target::Set => return,
                    Addend::One(node) => (node, None, false),
                    Addend::Part { a, b, negative, .. } => (a, b, negative),
                };
                let (a, b) = (self.operand(a), b.map(|b| self.operand(b)));
                let (output, target) = (result.output, result.target);
                self.steps.push(Step::Add { output, target, a, b, negative });
            }
        }
    }

    /// A tile's operand. Other lanes' values are read through an index, except where rows are not
    /// made of whole chunks: there they are gathered first, so that what follows is one long row.
    fn operand(&mut self, id: NodeId) -> Operand {
        let place = self.places[id].expect("internal: operand without a place");
        let axis = self.shape(place).axis;
        if !matches!(axis, Axis::Pre | Axis::Post) || self.width.is_multiple_of(8) {
            return self.found(place, None);
        }
        let temp = match self.gathered[id] {
            Some(temp) => temp,
            None => {
                let temp = self.temp();
                self.gathered[id] = Some(temp);
                self.steps.push(Step::Gather { temp, from: place, axis });
                temp
            }
        };
        self.found(Place::Temp(temp), None)
    }

    fn shape(&self, place: Place) -> Shape {
        match place {
            Place::Port(i) => self.shapes[i],
            Place::Hoisted(i) => shape_of(self.hoists[i].stage),
            Place::Scalar(_) => Shape { axis: Axis::Global, per_episode: true },
            Place::Temp(_) | Place::Out(_) => Shape { axis: Axis::Own, per_episode: true },
        }
    }

    /// How to find a place's numbers, from a tile or from all lanes of an earlier stage.
    fn found(&self, place: Place, stage: Option<Stage>) -> Operand {
        let width = self.width;
        let shape = self.shape(place);
        let (per_first, rows) = match (shape.axis, stage) {
            _ if place_is_temp(place) => (0, RowsOf::Own),
            (Axis::Global, _) => (0, RowsOf::All),
            (Axis::Own, None) if !shape.per_episode => (1, RowsOf::Number),
            // Numbers of lanes are the rows of their own stage.
            (Axis::Own, Some(_)) => (1, RowsOf::Own),
            (Axis::Own, None) => (width, RowsOf::Own),
            (Axis::Pre, None) => (0, RowsOf::Pre),
            (Axis::Post, None) => (0, RowsOf::Post),
            (Axis::Pre | Axis::Post, Some(_)) if shape.per_episode => (width, RowsOf::Own),
            (Axis::Pre | Axis::Post, Some(_)) => (1, RowsOf::Number),
        };
        let per_row = if place_is_temp(place) { width } else { per_first };
        Operand { place, per_first, per_row, rows }
    }

    fn temp(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.n_temps += 1;
            self.n_temps - 1
        })
    }

    fn release(&mut self, id: NodeId) {
        let temp = match self.places[id] {
            Some(Place::Temp(temp)) => Some(temp),
            _ => self.gathered[id],
        };
        if let Some(temp) = temp
            && !self.free.contains(&temp)
        {
            self.free.push(temp);
        }
    }
}
