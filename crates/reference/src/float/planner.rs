//! From the graph of a kernel to the instructions of a [`Program`](super::program::Program): where
//! every value lives, what is computed before the tiles, and the order within a tile.

use super::graph::{Addend, Body, Graph, NodeId, Stage};
use super::loops::Code;
use super::program::{Axis, Dest, Hoist, Operand, Place, RowsOf, Scalar, Shape, Step};
use super::real::Real;
use trifactor_entity::EntityId;
use trifactor_ir::Target;

fn shape_of(stage: Stage) -> Shape {
    let axis = match stage {
        Stage::Uniform | Stage::Global => Axis::Global,
        Stage::Pre => Axis::Pre,
        Stage::Post => Axis::Post,
        Stage::Lane | Stage::Tile => Axis::Own,
    };
    Shape { axis, per_episode: stage != Stage::Lane }
}

/// Whether a place holds the values of the running tile only.
fn place_is_temp(place: Place) -> bool {
    matches!(place, Place::Temp(_))
}

/// The plan of one kernel in the making.
pub(super) struct Planner<'a, T> {
    pub graph: &'a Graph,
    shapes: &'a [Shape],
    width: usize,
    /// Where the value of a node is found.
    pub places: Vec<Option<Place>>,
    pub scalars: Vec<Scalar<T>>,
    pub hoists: Vec<Hoist>,
    pub steps: Vec<Step<T>>,
    /// Position after which a node's buffer is free again.
    last_use: Vec<usize>,
    /// Buffer with the gathered rows of a node.
    gathered: Vec<Option<usize>>,
    free: Vec<usize>,
    /// Buffers a tile needs.
    pub n_temps: usize,
}

/// One thing a tile does.
#[derive(Clone, Copy)]
pub(super) enum Item {
    Node(NodeId),
    /// Position in the graph's results.
    Result(usize),
}

impl<'a, T: Real> Planner<'a, T> {
    pub fn new(graph: &'a Graph, shapes: &'a [Shape], width: usize) -> Self {
        Self {
            graph,
            shapes,
            width,
            places: vec![None; graph.nodes.len()],
            scalars: Vec::new(),
            hoists: Vec::new(),
            steps: Vec::new(),
            last_use: vec![0; graph.nodes.len()],
            gathered: vec![None; graph.nodes.len()],
            free: Vec::new(),
            n_temps: 0,
        }
    }

    pub fn plan(&mut self) {
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
    pub fn order(&self) -> Vec<Item> {
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

    /// The array behind a place.
    pub fn shape(&self, place: Place) -> Shape {
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
