//! Reads networks.
//!
//! ```text
//! network  = "network" "name" "{" "epoch" T { space } { state } { kernel } { phase } "}"
//! space    = ( "population" | "modulator" ) name ":" lanes
//!          | "synapses" name ":" pre "->" post sign "rows" n "count" n "{" { row } "}"
//! row      = pre-lane ":" { post-lane }
//! sign     = "mixed" | "excitatory" | "inhibitory"
//! state    = "state" name "on" space ":" role "reset" group [ "range" "(" lo "," hi ")" ]
//!            "init" ( number | "[" { number "," } "]" )
//! role     = "parameter" | "variable" | "accumulator" | "spike"
//! group    = "membrane" | "traces" | "modulators" | "weights"
//! phase    = "phase" "name" "at" "key" ":" part "over" space "runs" kernelN "stream" n
//!            "{" { input "<-" read } { variable "->" name "on" space } "}"
//! read     = "state" name "on" space | "spiked" name "on" space | "flag"
//!          | "arriving" name "on" space "delay" ( steps | name "on" space )
//! ```
//!
//! Each item ends its line. A kernel is referred to by its id, counted from `kernel0` in the
//! order of the text, because several may have one name. Nothing is allocated beyond what the
//! text itself lists: every row of synapses and every value of a list is written out, and the
//! counts in the headers must agree with them.

use super::MAX_LANES;
use super::kernel_parse::parse_body;
use super::lexer::{Fail, Lexer, Token};
use crate::network::{
    Delay, Group, KernelId, MAX_DELAY, Network, Phase, Read, ResetGroup, Sign, Space, SpaceId,
    SpaceKind, State, StateId, StateRole, Synapses, Values,
};
use std::collections::BTreeMap;
use trifactor_diag::{Diagnostics, did_you_mean};
use trifactor_entity::{EntityId, Table};

/// Reads a network; `file` is named in errors. The result is unchecked: see [`mod@crate::verify`].
///
/// Errors: N001 to N005 about the first part that cannot be read, K001 to K009 about kernels; each
/// with line and column.
pub fn parse_network(text: &str, file: &str) -> Result<Network, Diagnostics> {
    let mut lexer = Lexer::new(text, file);
    let mut found = Diagnostics::new();
    let mut parser = NetworkParser {
        lexer: &mut lexer,
        network: Network::new(""),
        spaces: BTreeMap::new(),
        states: BTreeMap::new(),
        ends: Vec::new(),
    };
    match parser.network(&mut found) {
        Ok(()) => {}
        Err(fail) => found.push(*fail),
    }
    let network = parser.network;
    found.into_result(network).map(|(network, _)| network)
}

/// Code of everything that does not fit the grammar.
const SYNTAX: &str = "N001";
/// Code of a name that stands for nothing.
const UNKNOWN: &str = "N002";
/// Code of a name given twice.
const TWICE: &str = "N003";
/// Code of a number beyond its limit.
const LIMIT: &str = "N004";
/// Code of a list whose length is not the declared one.
const COUNT: &str = "N005";

struct NetworkParser<'l, 'a> {
    lexer: &'l mut Lexer<'a>,
    network: Network,
    spaces: BTreeMap<&'a str, SpaceId>,
    states: BTreeMap<(SpaceId, &'a str), StateId>,
    /// Pre and post names of synapses, which may come later than the synapses.
    ends: Vec<(SpaceId, (&'a str, usize), (&'a str, usize))>,
}

impl<'a> NetworkParser<'_, 'a> {
    fn network(&mut self, found: &mut Diagnostics) -> Result<(), Fail> {
        self.lexer.skip_newlines()?;
        self.word("network")?;
        self.network.name = self.quoted()?;
        self.lexer.expect('{', SYNTAX)?;
        self.lexer.skip_newlines()?;
        self.word("epoch")?;
        self.network.epoch = self.lexer.whole("the epoch's length", u32::MAX, LIMIT)?;
        loop {
            self.lexer.end_of_line(SYNTAX)?;
            self.lexer.skip_newlines()?;
            let (token, at) = self.lexer.next()?;
            let word = match token {
                Token::Sign('}') => break,
                Token::Name(word) => word,
                _ => return Err(self.unexpected(token, at, "an item of the network")),
            };
            if !matches!(word, "population" | "modulator" | "synapses") {
                self.resolve_ends()?;
            }
            match word {
                "population" | "modulator" => self.lanes(word == "population")?,
                "synapses" => self.synapses()?,
                "state" => self.state()?,
                "kernel" => {
                    let kernel = parse_body(self.lexer, found)?;
                    self.network.kernels.push(kernel);
                }
                "phase" => self.phase()?,
                _ => {
                    let message = format!("'{word}' is not an item of a network");
                    let hint = "items are population, modulator, synapses, state, kernel, phase";
                    return Err(Box::new(self.lexer.fail(SYNTAX, at, message).hint(hint)));
                }
            }
        }
        self.resolve_ends()?;
        self.lexer.skip_newlines()?;
        match self.lexer.next()? {
            (Token::End, _) => Ok(()),
            (token, at) => Err(self.unexpected(token, at, "the end of the text")),
        }
    }

    fn lanes(&mut self, population: bool) -> Result<(), Fail> {
        let name = self.new_space()?;
        let limit = u32::try_from(MAX_LANES).expect("internal: the limit has 27 bits");
        let n = self.lexer.whole("the number of lanes", limit, LIMIT)?;
        let kind =
            if population { SpaceKind::Population { n } } else { SpaceKind::Modulator { n } };
        self.push_space(name, kind);
        Ok(())
    }

    fn synapses(&mut self) -> Result<(), Fail> {
        let name = self.new_space()?;
        let pre = self.lexer.name("the space of the sources", SYNTAX)?;
        self.lexer.expect('-', SYNTAX)?;
        self.lexer.expect('>', SYNTAX)?;
        let post = self.lexer.name("the space of the targets", SYNTAX)?;
        let sign = self.choice(&[
            ("mixed", Sign::Mixed),
            ("excitatory", Sign::Excitatory),
            ("inhibitory", Sign::Inhibitory),
        ])?;
        let limit = u32::try_from(MAX_LANES).expect("internal: the limit has 27 bits");
        self.word("rows")?;
        let (_, rows_at) = self.lexer.peek_placed()?;
        let rows = self.lexer.whole("the number of rows", limit, LIMIT)?;
        self.word("count")?;
        let (_, count_at) = self.lexer.peek_placed()?;
        let count = self.lexer.whole("the number of synapses", limit, LIMIT)?;
        self.lexer.expect('{', SYNTAX)?;
        let mut row_start = vec![0u32];
        let mut post_lane = Vec::new();
        loop {
            self.lexer.skip_newlines()?;
            if self.lexer.take('}')? {
                break;
            }
            let row = row_start.len() - 1;
            let (_, at) = self.lexer.peek_placed()?;
            if self.lexer.whole("the row", limit, LIMIT)? as usize != row {
                return Err(self.lexer.fail(COUNT, at, format!("expected row {row}")));
            }
            self.lexer.expect(':', SYNTAX)?;
            while matches!(self.lexer.peek()?, Token::Number(_)) {
                post_lane.push(self.lexer.whole("a post lane", limit, LIMIT)?);
            }
            self.lexer.end_of_line(SYNTAX)?;
            let end = u32::try_from(post_lane.len()).ok().filter(|n| *n <= limit);
            let Some(end) = end else {
                let message = format!("a space has at most {MAX_LANES} synapses");
                return Err(self.lexer.fail(LIMIT, at, message));
            };
            row_start.push(end);
        }
        if row_start.len() - 1 != rows as usize {
            let message = format!("{rows} rows are declared, {} listed", row_start.len() - 1);
            return Err(self.lexer.fail(COUNT, rows_at, message));
        }
        if post_lane.len() != count as usize {
            let message = format!("{count} synapses are declared, {} listed", post_lane.len());
            return Err(self.lexer.fail(COUNT, count_at, message));
        }
        // Both ends are set when all spaces are known.
        let none = SpaceId::from_index(0);
        let kind =
            SpaceKind::Synapses(Synapses { pre: none, post: none, sign, row_start, post_lane });
        let id = self.push_space(name, kind);
        self.ends.push((id, pre, post));
        Ok(())
    }

    fn resolve_ends(&mut self) -> Result<(), Fail> {
        for (id, pre, post) in std::mem::take(&mut self.ends) {
            let pre = self.space_named(pre.0, pre.1)?;
            let post = self.space_named(post.0, post.1)?;
            if let SpaceKind::Synapses(s) = &mut self.network.spaces[id].kind {
                s.pre = pre;
                s.post = post;
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<(), Fail> {
        let (name, at) = self.lexer.name("the name of the state", SYNTAX)?;
        self.word("on")?;
        let space = self.space()?;
        self.lexer.expect(':', SYNTAX)?;
        let role = self.choice(&[
            ("parameter", StateRole::Parameter),
            ("variable", StateRole::Variable),
            ("accumulator", StateRole::Accumulator),
            ("spike", StateRole::Spike),
        ])?;
        self.word("reset")?;
        let reset = self.choice(&ResetGroup::ALL.map(|g| (g.word(), g)))?;
        let mut range = None;
        if self.lexer.take_word("range")? {
            self.lexer.expect('(', SYNTAX)?;
            let low = self.lexer.number()?;
            self.lexer.expect(',', SYNTAX)?;
            let high = self.lexer.number()?;
            self.lexer.expect(')', SYNTAX)?;
            range = Some((low, high));
        }
        self.word("init")?;
        let (_, init_at) = self.lexer.peek_placed()?;
        let init = self.values()?;
        if let Values::PerLane(values) = &init
            && values.len() != self.network.lanes(space)
        {
            let message = format!(
                "'{name}' lists {} values, '{}' has {} lanes",
                values.len(),
                self.network.spaces[space].name,
                self.network.lanes(space)
            );
            return Err(self.lexer.fail(COUNT, init_at, message));
        }
        let state = State { name: name.to_owned(), space, role, init, range, reset };
        let id = self.network.states.push(state);
        if self.states.insert((space, name), id).is_some() {
            return Err(self.lexer.fail(TWICE, at, format!("a second state is called '{name}'")));
        }
        Ok(())
    }

    fn values(&mut self) -> Result<Values, Fail> {
        if !self.lexer.take('[')? {
            return Ok(Values::Constant(self.lexer.number()?));
        }
        let mut values = Vec::new();
        if self.lexer.take(']')? {
            return Ok(Values::PerLane(values));
        }
        loop {
            values.push(self.lexer.number()?);
            if self.lexer.take(']')? {
                return Ok(Values::PerLane(values));
            }
            self.lexer.expect(',', SYNTAX)?;
        }
    }

    fn phase(&mut self) -> Result<(), Fail> {
        let name = self.quoted()?;
        self.word("at")?;
        let key = self.quoted()?;
        self.lexer.expect(':', SYNTAX)?;
        let group = self.choice(
            &[Group::Deliver, Group::Neurons, Group::Modulators, Group::Traces, Group::Plasticity]
                .map(|g| (g.word(), g)),
        )?;
        self.word("over")?;
        let over = self.space()?;
        self.word("runs")?;
        let kernel = self.kernel()?;
        self.word("stream")?;
        let stream = self.lexer.whole("the stream", u32::MAX, LIMIT)?;
        self.lexer.expect('{', SYNTAX)?;
        let mut reads = Table::new();
        let mut writes = Vec::new();
        loop {
            self.lexer.skip_newlines()?;
            if self.lexer.take('}')? {
                break;
            }
            let (left, at) = self.lexer.name("an input or a result", SYNTAX)?;
            let program = &self.network.kernels[kernel];
            let (token, arrow_at) = self.lexer.next()?;
            match token {
                Token::Sign('<') => {
                    self.lexer.expect('-', SYNTAX)?;
                    let port = program.ports.get(reads.next_id());
                    self.agrees("input", left, at, port.map(|p| p.name.as_str()))?;
                    let read = self.read()?;
                    reads.push(read);
                }
                Token::Sign('-') => {
                    self.lexer.expect('>', SYNTAX)?;
                    let output = program.outputs.get(writes.len());
                    self.agrees("result", left, at, output.map(|o| o.variable.as_str()))?;
                    writes.push(self.state_ref()?);
                }
                _ => return Err(self.unexpected(token, arrow_at, "'<-' or '->'")),
            }
            self.lexer.end_of_line(SYNTAX)?;
        }
        self.network.phases.push(Phase { name, key, group, kernel, over, reads, writes, stream });
        Ok(())
    }

    /// The left side of a binding must be the kernel's next input or result.
    fn agrees(&self, what: &str, left: &str, at: usize, next: Option<&str>) -> Result<(), Fail> {
        match next {
            Some(name) if name == left => Ok(()),
            Some(name) => Err(self.lexer.fail(
                COUNT,
                at,
                format!("the kernel's next {what} is '{name}', not '{left}'"),
            )),
            None => Err(self.lexer.fail(COUNT, at, format!("the kernel has no further {what}"))),
        }
    }

    fn read(&mut self) -> Result<Read, Fail> {
        let (token, at) = self.lexer.next()?;
        match token {
            Token::Name("state") => Ok(Read::State(self.state_ref()?)),
            Token::Name("spiked") => Ok(Read::SpikedInEpoch(self.state_ref()?)),
            Token::Name("flag") => Ok(Read::EpochFlag),
            Token::Name("arriving") => {
                let spike = self.state_ref()?;
                self.word("delay")?;
                let delay = if matches!(self.lexer.peek()?, Token::Number(_)) {
                    let steps = self.lexer.whole("the delay", u32::from(MAX_DELAY), LIMIT)?;
                    Delay::Fixed(u8::try_from(steps).expect("internal: a delay is at most 62"))
                } else {
                    Delay::PerSynapse(self.state_ref()?)
                };
                Ok(Read::Arriving { spike, delay })
            }
            _ => Err(self.unexpected(token, at, "state, spiked, flag or arriving")),
        }
    }

    fn state_ref(&mut self) -> Result<StateId, Fail> {
        let (name, at) = self.lexer.name("the name of a state", SYNTAX)?;
        self.word("on")?;
        let space = self.space()?;
        if let Some(id) = self.states.get(&(space, name)) {
            return Ok(*id);
        }
        let on = &self.network.spaces[space].name;
        let mut fail = *self.lexer.fail(UNKNOWN, at, format!("'{on}' has no state '{name}'"));
        let names = self.states.keys().filter(|(s, _)| *s == space).map(|(_, n)| *n);
        if let Some(near) = did_you_mean(name, names) {
            fail = fail.hint(format!("did you mean '{near}'?"));
        }
        Err(Box::new(fail))
    }

    fn space(&mut self) -> Result<SpaceId, Fail> {
        let (name, at) = self.lexer.name("the name of a space", SYNTAX)?;
        self.space_named(name, at)
    }

    fn space_named(&self, name: &str, at: usize) -> Result<SpaceId, Fail> {
        if let Some(id) = self.spaces.get(name) {
            return Ok(*id);
        }
        let mut fail = *self.lexer.fail(UNKNOWN, at, format!("there is no space '{name}'"));
        if let Some(near) = did_you_mean(name, self.spaces.keys().copied()) {
            fail = fail.hint(format!("did you mean '{near}'?"));
        }
        Err(Box::new(fail))
    }

    fn kernel(&mut self) -> Result<KernelId, Fail> {
        let (name, at) = self.lexer.name("the id of a kernel", SYNTAX)?;
        let count = self.network.kernels.len();
        name.strip_prefix("kernel")
            .and_then(|n| n.parse::<usize>().ok())
            .filter(|n| *n < count)
            .map(KernelId::from_index)
            .ok_or_else(|| {
                let message = format!("'{name}' is none of the {count} kernels above");
                Box::new(self.lexer.fail(UNKNOWN, at, message).hint("the first one is kernel0"))
            })
    }

    fn new_space(&mut self) -> Result<&'a str, Fail> {
        let (name, at) = self.lexer.name("the name of the space", SYNTAX)?;
        if self.spaces.contains_key(name) {
            return Err(self.lexer.fail(TWICE, at, format!("a second space is called '{name}'")));
        }
        self.lexer.expect(':', SYNTAX)?;
        Ok(name)
    }

    fn push_space(&mut self, name: &'a str, kind: SpaceKind) -> SpaceId {
        let id = self.network.spaces.push(Space { name: name.to_owned(), kind });
        self.spaces.insert(name, id);
        id
    }

    fn word(&mut self, word: &str) -> Result<(), Fail> {
        let (token, at) = self.lexer.next()?;
        if token == Token::Name(word) {
            return Ok(());
        }
        Err(self.unexpected(token, at, &format!("'{word}'")))
    }

    fn choice<T: Copy>(&mut self, choices: &[(&str, T)]) -> Result<T, Fail> {
        let (token, at) = self.lexer.next()?;
        if let Token::Name(word) = token
            && let Some((_, value)) = choices.iter().find(|(name, _)| *name == word)
        {
            return Ok(*value);
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        Err(self.unexpected(token, at, &format!("one of {}", names.join(", "))))
    }

    fn quoted(&mut self) -> Result<String, Fail> {
        let (token, at) = self.lexer.next()?;
        let Token::Quoted(body) = token else {
            return Err(self.unexpected(token, at, "a text in double quotes"));
        };
        let mut out = String::with_capacity(body.len());
        let mut rest = body.chars();
        while let Some(c) = rest.next() {
            out.push(match c {
                '\\' => match rest.next() {
                    Some('n') => '\n',
                    Some(c @ ('"' | '\\')) => c,
                    _ => return Err(self.lexer.fail(SYNTAX, at, "escapes are \\\" \\\\ and \\n")),
                },
                c => c,
            });
        }
        Ok(out)
    }

    fn unexpected(&self, token: Token<'_>, at: usize, expected: &str) -> Fail {
        let message = format!("expected {expected}, found {}", token.describe());
        self.lexer.fail(SYNTAX, at, message)
    }
}
