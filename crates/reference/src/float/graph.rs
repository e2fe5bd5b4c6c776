//! A kernel as a graph of instructions: dead code removed, equal values merged, values computed
//! where they vary, multiplications fused into what uses them.
//!
//! Every value has a [`Stage`]: the smallest set of lanes over which it varies. A product of two
//! pre-synaptic factors is computed once per pre lane, not once per synapse. None of this changes
//! a bit of any result: the same operations are applied to the same numbers, fewer times.

use super::loops::Code;
use super::program::{Axis, Shape, Sink};
use std::collections::BTreeMap;
use trifactor_entity::{EntityId, SideTable};
use trifactor_ir::{Kernel, Op, PortId, Surrogate, Target, ValueId};

/// Over which lanes a value varies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Stage {
    /// One number for everything.
    Uniform,
    /// One number per episode.
    Global,
    /// Pre lanes and episodes.
    Pre,
    /// Post lanes and episodes.
    Post,
    /// The executing lanes, the same in every episode.
    Lane,
    /// The executing lanes and episodes.
    Tile,
}

/// Position of a node in [`Graph::nodes`].
pub(super) type NodeId = usize;

/// What a node is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Body {
    Constant(f64),
    Port(PortId),
    Apply(Code, [NodeId; 4], usize),
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub body: Body,
    pub stage: Stage,
    /// Limits the value is held in.
    pub bounds: Option<(f64, f64)>,
    /// Sets of lanes it depends on, see [`Dependence`].
    depends: u8,
}

impl Node {
    /// The operands.
    pub fn args(&self) -> &[NodeId] {
        match &self.body {
            Body::Apply(_, args, n) => &args[..*n],
            Body::Constant(_) | Body::Port(_) => &[],
        }
    }
}

/// One wanted result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Result {
    /// Position in the kernel's outputs.
    pub output: usize,
    pub target: Target,
    pub addend: Addend,
}

/// The value of a result.
#[derive(Clone, Copy, Debug)]
pub(super) enum Addend {
    /// A node. Where the result is set, no other result has the same one.
    One(NodeId),
    /// `a`, or `a * b`, with its sign changed if `negative`; added only. `at`, which nobody else
    /// needs, keeps its place in the order.
    Part { at: NodeId, a: NodeId, b: Option<NodeId>, negative: bool },
}

impl Addend {
    /// The node after which the result can be made.
    pub fn at(self) -> NodeId {
        match self {
            Self::One(node) | Self::Part { at: node, .. } => node,
        }
    }
}

/// A planned kernel.
#[derive(Debug)]
pub(super) struct Graph {
    pub nodes: Vec<Node>,
    /// Whether a node is still needed after fusion.
    pub live: Vec<bool>,
    pub results: Vec<Result>,
}

/// Bits of [`Node::depends`].
struct Dependence;

impl Dependence {
    const EPISODE: u8 = 1;
    const PRE: u8 = 2;
    const POST: u8 = 4;
    const LANE: u8 = 8;
    const OWN: u8 = 16;

    fn stage(bits: u8) -> Stage {
        match bits {
            0 => Stage::Uniform,
            Self::EPISODE => Stage::Global,
            Self::LANE => Stage::Lane,
            _ if bits & !(Self::EPISODE | Self::PRE) == 0 => Stage::Pre,
            _ if bits & !(Self::EPISODE | Self::POST) == 0 => Stage::Post,
            _ => Stage::Tile,
        }
    }
}

/// A node as a key of equal nodes: a tag, operands, and the bits of its numbers.
type Key = (u8, [NodeId; 4], [u64; 2]);

struct Builder<'a> {
    shapes: &'a [Shape],
    nodes: Vec<Node>,
    known: BTreeMap<Key, NodeId>,
}

impl Graph {
    /// Plans the results that `sinks` names; `shapes` has one entry per input.
    pub fn new(kernel: &Kernel, shapes: &[Shape], sinks: &[Option<Sink>]) -> Self {
        let mut needed = SideTable::for_each(&kernel.ops, |_, _| false);
        for (output, _) in kernel.outputs.iter().zip(sinks).filter(|(_, sink)| sink.is_some()) {
            needed[output.value] = true;
        }
        for (id, op) in kernel.ops.iter().rev() {
            if needed[id] {
                op.operands().for_each(|v| needed[v] = true);
            }
        }
        let mut builder = Builder { shapes, nodes: Vec::new(), known: BTreeMap::new() };
        let mut node_of: SideTable<ValueId, NodeId> = SideTable::empty();
        for (id, op) in kernel.ops.iter() {
            // A value that is not needed is never looked up.
            node_of.push(if needed[id] { builder.op(op, &node_of) } else { usize::MAX });
        }
        let mut results = Vec::new();
        for (i, (output, sink)) in kernel.outputs.iter().zip(sinks).enumerate() {
            if let Some(sink) = sink {
                let node = builder.result(node_of[output.value], *sink, &results);
                results.push(Result { output: i, target: sink.target, addend: Addend::One(node) });
            }
        }
        let mut graph =
            Self { live: vec![false; builder.nodes.len()], nodes: builder.nodes, results };
        let uses = graph.uses();
        graph.fuse(uses);
        graph.fuse_products_into_sums();
        graph.mark_live();
        graph
    }

    fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.nodes.len()];
        for node in &self.nodes {
            node.args().iter().for_each(|a| uses[*a] += 1);
        }
        for result in &self.results {
            uses[result.addend.at()] += 1;
        }
        uses
    }

    /// Replaces pairs of operations by groups. Nodes that only fed a group become dead.
    fn fuse(&mut self, uses: Vec<usize>) {
        for id in 0..self.nodes.len() {
            let Body::Apply(code, args, _) = self.nodes[id].body else { continue };
            let stage = self.nodes[id].stage;
            let inner = |at: usize| -> Option<(Code, [NodeId; 4])> {
                let node = &self.nodes[args[at]];
                match node.body {
                    Body::Apply(c, a, _) if uses[args[at]] == 1 && node.stage == stage => {
                        Some((c, a))
                    }
                    _ => None,
                }
            };
            let [x, y, ..] = args;
            if let (Code::Clamp, Some(_)) = (code, inner(0)) {
                let number = |id: NodeId| match self.nodes[id].body {
                    Body::Constant(c) => c,
                    Body::Port(_) | Body::Apply(..) => unreachable!("internal: bounds are numbers"),
                };
                let bounds = Some((number(y), number(args[2])));
                self.nodes[id] = Node { bounds, ..self.nodes[args[0]] };
                continue;
            }
            use Code::{Add, Between, Gt, Mul, Mul3, MulAdd, Select, Step, Sub};
            let is_zero = |id: NodeId| self.nodes[id].body == Body::Constant(0.0);
            let second = matches!(code, Add | Sub | Mul).then(|| inner(1)).flatten();
            let group = match (code, inner(0), second) {
                (Add, Some((Mul, [a, b, ..])), Some((Mul, [c, d, ..]))) => {
                    (Code::MulMulAdd, [a, b, c, d], 4)
                }
                (Add, Some((Mul3, [a, b, c, _])), _) => (Code::Mul3Add, [a, b, c, y], 4),
                (Add, _, Some((Mul3, [a, b, c, _]))) => (Code::Mul3Add, [a, b, c, x], 4),
                (Add, Some((Mul, [a, b, ..])), _) => (Code::MulAdd, [a, b, y, 0], 3),
                (Add, _, Some((Mul, [a, b, ..]))) => (Code::MulAdd, [a, b, x, 0], 3),
                (Sub, Some((Mul, [a, b, ..])), Some((Mul, [c, d, ..]))) => {
                    (Code::MulMulSub, [a, b, c, d], 4)
                }
                (Sub, _, Some((Mul3, [a, b, c, _]))) => (Code::SubMul3, [a, b, c, x], 4),
                (Sub, Some((Mul, [a, b, ..])), _) => (Code::MulSub, [a, b, y, 0], 3),
                (Sub, _, Some((Mul, [a, b, ..]))) => (Code::SubMul, [a, b, x, 0], 3),
                (Mul, Some((Mul, [a, b, ..])), _) => (Code::Mul3, [a, b, y, 0], 3),
                (Mul, _, Some((Mul, [a, b, ..]))) => (Code::Mul3, [a, b, x, 0], 3),
                (Mul, Some((Gt, [a, b, ..])), Some((Gt, [c, d, ..]))) if a == d => {
                    (Between, [a, b, c, 0], 3)
                }
                (Mul, Some((Gt, [a, b, ..])), Some((Gt, [c, d, ..]))) if b == c => {
                    (Between, [b, d, a, 0], 3)
                }
                (Select, Some((Between, [a, b, c, _])), _) if is_zero(args[2]) => {
                    (Code::Within, [a, b, c, y], 4)
                }
                (Add, Some((MulAdd, [a, b, c, _])), _) => (Code::MulAddAdd, [a, b, c, y], 4),
                (Add, _, Some((MulAdd, [a, b, c, _]))) => (Code::MulAddAdd, [a, b, c, x], 4),
                (Sub, Some((MulAdd, [a, b, c, _])), _) => (Code::MulAddSub, [a, b, c, y], 4),
                (Step, Some((Sub, [a, b, ..])), _) => (Code::SubStep, [a, b, 0, 0], 2),
                _ => continue,
            };
            self.nodes[id].body = Body::Apply(group.0, group.1, group.2);
        }
    }

    fn fuse_products_into_sums(&mut self) {
        self.mark_live();
        let mut uses = vec![0usize; self.nodes.len()];
        for (node, live) in self.nodes.iter().zip(&self.live) {
            if *live {
                node.args().iter().for_each(|a| uses[*a] += 1);
            }
        }
        for result in &self.results {
            uses[result.addend.at()] += 1;
        }
        let is_minus_one = |id: NodeId| self.nodes[id].body == Body::Constant(-1.0);
        for result in &mut self.results {
            let at = result.addend.at();
            let node = &self.nodes[at];
            if result.target == Target::Set || uses[at] != 1 || node.stage != Stage::Tile {
                continue;
            }
            let Body::Apply(code, [a, b, c, _], _) = node.body else { continue };
            let (a, b, negative) = match code {
                Code::Mul if is_minus_one(a) => (b, None, true),
                Code::Mul if is_minus_one(b) => (a, None, true),
                Code::Mul => (a, Some(b), false),
                Code::Mul3 if is_minus_one(c) => (a, Some(b), true),
                _ => continue,
            };
            result.addend = Addend::Part { at, a, b, negative };
        }
    }

    fn mark_live(&mut self) {
        self.live.fill(false);
        for result in &self.results {
            match result.addend {
                Addend::One(node) => self.live[node] = true,
                Addend::Part { a, b, .. } => {
                    self.live[a] = true;
                    b.into_iter().for_each(|b| self.live[b] = true);
                }
            }
        }
        for id in (0..self.nodes.len()).rev() {
            if self.live[id] {
                for i in 0..self.nodes[id].args().len() {
                    let arg = self.nodes[id].args()[i];
                    self.live[arg] = true;
                }
            }
        }
    }
}

impl Builder<'_> {
    fn op(&mut self, op: &Op, node_of: &SideTable<ValueId, NodeId>) -> NodeId {
        let n = |v: ValueId| node_of[v];
        match *op {
            Op::Const(value) => self.constant(value),
            Op::Port(port) => self.port(port),
            Op::Add(a, b) => self.apply(Code::Add, &[n(a), n(b)]),
            Op::Sub(a, b) => self.apply(Code::Sub, &[n(a), n(b)]),
            Op::Mul(a, b) => self.apply(Code::Mul, &[n(a), n(b)]),
            Op::Min(a, b) => self.apply(Code::Min, &[n(a), n(b)]),
            Op::Max(a, b) => self.apply(Code::Max, &[n(a), n(b)]),
            Op::Gt(a, b) => self.apply(Code::Gt, &[n(a), n(b)]),
            Op::Sgn(a) => self.apply(Code::Sgn, &[n(a)]),
            Op::Step(a, _) => self.apply(Code::Step, &[n(a)]),
            Op::Bump(a, surrogate) => self.apply(Code::Bump(surrogate), &[n(a)]),
            Op::Select { cond, then, other } => {
                self.apply(Code::Select, &[n(cond), n(then), n(other)])
            }
        }
    }

    /// The node of a result. A value to be set gets a node of its own among the tile's.
    fn result(&mut self, value: NodeId, sink: Sink, earlier: &[Result]) -> NodeId {
        if sink.target != Target::Set {
            return value;
        }
        let depends = Dependence::OWN | self.nodes[value].depends;
        if let Some((low, high)) = sink.clamp {
            let (low, high) = (self.constant(low), self.constant(high));
            let body = Body::Apply(Code::Clamp, [value, low, high, 0], 3);
            return self.push(Node { body, stage: Stage::Tile, depends, bounds: None });
        }
        let node = &self.nodes[value];
        let taken = earlier.iter().any(|r| r.target == Target::Set && r.addend.at() == value);
        if node.stage == Stage::Tile && matches!(node.body, Body::Apply(..)) && !taken {
            return value;
        }
        let body = Body::Apply(Code::Copy, [value, 0, 0, 0], 1);
        self.push(Node { body, stage: Stage::Tile, depends, bounds: None })
    }

    fn constant(&mut self, value: f64) -> NodeId {
        let key = (0, [0; 4], [value.to_bits(), 0]);
        let node =
            Node { body: Body::Constant(value), stage: Stage::Uniform, depends: 0, bounds: None };
        self.merged(key, node)
    }

    fn port(&mut self, port: PortId) -> NodeId {
        let shape = self.shapes[port.index()];
        let depends = match (shape.axis, shape.per_episode) {
            (Axis::Own, true) => Dependence::OWN,
            (Axis::Own, false) => Dependence::LANE,
            (Axis::Pre, _) => Dependence::PRE,
            (Axis::Post, _) => Dependence::POST,
            (Axis::Global, true) => Dependence::EPISODE,
            (Axis::Global, false) => 0,
        };
        let key = (1, [port.index(), 0, 0, 0], [0; 2]);
        let stage = Dependence::stage(depends);
        let read = self.merged(key, Node { body: Body::Port(port), stage, depends, bounds: None });
        if !shape.per_episode && matches!(shape.axis, Axis::Pre | Axis::Post) {
            // Spread over episodes once per lane, so that synapses read whole rows.
            return self.apply(Code::Copy, &[read]);
        }
        read
    }

    fn apply(&mut self, code: Code, operands: &[NodeId]) -> NodeId {
        let mut args = [0; 4];
        args[..operands.len()].copy_from_slice(operands);
        if matches!(code, Code::Add | Code::Mul) {
            args[..2].sort_unstable();
        }
        let depends = operands.iter().fold(0, |d, a| d | self.nodes[*a].depends);
        let stage = Dependence::stage(depends);
        let (tag, numbers) = fingerprint(code);
        self.merged(
            (tag, args, numbers),
            Node { body: Body::Apply(code, args, operands.len()), stage, depends, bounds: None },
        )
    }

    fn merged(&mut self, key: Key, node: Node) -> NodeId {
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let id = self.push(node);
        self.known.insert(key, id);
        id
    }

    fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }
}

/// A tag and numbers that tell operations apart. Groups are made after merging and have none.
fn fingerprint(code: Code) -> (u8, [u64; 2]) {
    let plain = |tag| (tag, [0; 2]);
    match code {
        Code::Copy => plain(2),
        Code::Sgn => plain(3),
        Code::Step => plain(4),
        Code::Add => plain(5),
        Code::Sub => plain(6),
        Code::Mul => plain(7),
        Code::Min => plain(8),
        Code::Max => plain(9),
        Code::Gt => plain(10),
        Code::Select => plain(11),
        Code::Bump(Surrogate::None) => plain(12),
        Code::Bump(Surrogate::FastSigmoid { scale, beta }) => {
            (13, [scale.to_bits(), beta.to_bits()])
        }
        Code::Bump(Surrogate::Exponential { scale, beta }) => {
            (14, [scale.to_bits(), beta.to_bits()])
        }
        Code::Bump(Surrogate::Triangle { scale, beta }) => (15, [scale.to_bits(), beta.to_bits()]),
        Code::SubStep
        | Code::Clamp
        | Code::Between
        | Code::Within
        | Code::MulAdd
        | Code::MulSub
        | Code::SubMul
        | Code::Mul3
        | Code::MulMulAdd
        | Code::MulMulSub
        | Code::MulAddAdd
        | Code::MulAddSub
        | Code::Mul3Add
        | Code::SubMul3 => unreachable!("internal: groups are made by fusion"),
    }
}
