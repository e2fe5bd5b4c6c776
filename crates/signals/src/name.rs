//! The grammar of signal names, and lists of patterns over them.
//!
//! A signal is a variable and, in brackets, which of its lanes:
//!
//! | written | is |
//! |---|---|
//! | `hidden.u[3]`, `hidden.v[3]`, `hidden.hold[3]`, `hidden.spikes[3]` | current, voltage, refractory counter, spike of lane 3 of the population `hidden` |
//! | `ff.w[2->5]` | the variable `w` of the synapse of `ff` from pre lane 2 to post lane 5 |
//! | `input.ff.x1[2]` | the trace of this full name on lane 2 of its side |
//! | `dopamine[0]` | line 0 of the modulator `dopamine` |
//! | `chip.step`, `chip.epoch`, `chip.position` | counters: step, learning epoch, step within the epoch |
//! | `chip.busy[4]` | whether core 4 had work in the step |
//!
//! A [`Selector`] names several at once: `*` in a variable stands for any letters, a variable
//! without brackets for all its lanes; in brackets stand lanes, spans that end before their
//! second number (`0..4` is 0 to 3) and `*`, separated by commas (`hidden.v[0..4,7]`), and for
//! synapses a pair of these (`ff.w[2->*]`, `ff.w[0..3->5]`). Selectors in a list are separated by commas.

use std::fmt;
use wildmatch::WildMatch;

/// Variables of one name or pattern, and which of their lanes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selector {
    /// Name of a variable; `*` stands for any letters.
    pub variable: String,
    /// Lanes; empty for all.
    pub places: Vec<Place>,
}

/// Lanes or synapses in brackets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// Lanes.
    Lanes(Span),
    /// Synapses from these pre lanes to these post lanes.
    Synapses(Span, Span),
}

/// Lanes from one to another, both included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Span {
    /// First lane.
    pub first: u32,
    /// Last lane.
    pub last: u32,
}

impl Span {
    /// Every lane.
    pub const ALL: Self = Self { first: 0, last: u32::MAX };

    /// Whether a lane is in it.
    pub const fn holds(&self, lane: u32) -> bool {
        self.first <= lane && lane <= self.last
    }
}

/// What is wrong with the text of a selector.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// A list has nothing between two commas, or nothing at all.
    #[error("a name is missing in '{list}'; names are separated by single commas")]
    Missing {
        /// The list.
        list: String,
    },
    /// A bracket has no partner, or something follows it.
    #[error("'{name}': lanes stand in one pair of brackets at the end, as in v[3]")]
    Brackets {
        /// The name.
        name: String,
    },
    /// The brackets hold something else than lanes.
    #[error(
        "'{place}' in '{name}' is no lane: write a number, a span such as 0..4, *, or for synapses 2->5"
    )]
    Place {
        /// The name.
        name: String,
        /// The part in brackets.
        place: String,
    },
    /// A span holds no lane.
    #[error("the span '{place}' in '{name}' is empty; 0..4 is lanes 0 to 3")]
    Nothing {
        /// The name.
        name: String,
        /// The part in brackets.
        place: String,
    },
}

impl Selector {
    /// Reads one selector.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = text.trim();
        let brackets = || NameError::Brackets { name: name.to_owned() };
        let (variable, inside) = match name.split_once('[') {
            None => (name, None),
            Some((variable, rest)) => {
                let inside = rest.strip_suffix(']').ok_or_else(brackets)?;
                (variable.trim_end(), Some(inside))
            }
        };
        if variable.contains(']') || inside.is_some_and(|i| i.contains(['[', ']'])) {
            return Err(brackets());
        }
        if variable.is_empty() {
            return Err(NameError::Missing { list: name.to_owned() });
        }
        let places: Result<Vec<Place>, NameError> = match inside {
            None => Ok(Vec::new()),
            Some(inside) => inside.split(',').map(|part| place(name, part.trim())).collect(),
        };
        Ok(Self { variable: variable.to_owned(), places: places? })
    }

    /// Reads a list: selectors with commas between them.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, NameError> {
        let mut depth = 0usize;
        let parts = text.split(|c: char| {
            match c {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == ',' && depth == 0
        });
        let missing = || NameError::Missing { list: text.to_owned() };
        parts
            .map(|part| if part.trim().is_empty() { Err(missing()) } else { Self::parse(part) })
            .collect()
    }

    /// Whether it means a variable of this name.
    pub fn means(&self, variable: &str) -> bool {
        WildMatch::new(&self.variable).matches(variable)
    }
    /// Whether it is a pattern rather than a name.
    pub fn is_pattern(&self) -> bool {
        self.variable.contains(['*', '?'])
    }
}

fn place(name: &str, part: &str) -> Result<Place, NameError> {
    match part.split_once("->") {
        None => Ok(Place::Lanes(span(name, part, part)?)),
        Some((pre, post)) => {
            Ok(Place::Synapses(span(name, part, pre.trim())?, span(name, part, post.trim())?))
        }
    }
}

fn span(name: &str, place: &str, text: &str) -> Result<Span, NameError> {
    let (name, place) = (name.to_owned(), place.to_owned());
    let lane = |text: &str| text.trim().parse::<u32>();
    if text == "*" {
        return Ok(Span::ALL);
    }
    let ends = match text.split_once("..") {
        None => lane(text).map(|n| (n, n)),
        Some((first, end)) => {
            let ends = lane(first).and_then(|first| Ok((first, lane(end)?)));
            match ends {
                Ok((first, end)) if end <= first => return Err(NameError::Nothing { name, place }),
                ends => ends.map(|(first, end)| (first, end - 1)),
            }
        }
    };
    match ends {
        Err(_) => Err(NameError::Place { name, place }),
        Ok((first, last)) => Ok(Span { first, last }),
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ALL => f.write_str("*"),
            Self { first, last } if first == last => write!(f, "{first}"),
            Self { first, last } => write!(f, "{first}..{}", u64::from(last) + 1),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lanes(span) => span.fmt(f),
            Self::Synapses(pre, post) => write!(f, "{pre}->{post}"),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.variable)?;
        if !self.places.is_empty() {
            let places: Vec<String> = self.places.iter().map(ToString::to_string).collect();
            write!(f, "[{}]", places.join(","))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_at_commas_outside_of_brackets() {
        let list = Selector::parse_list("hidden.v[0..4, 7],ff.w[2->5,0..3->*],dopamine").unwrap();
        let lanes = |first, last| Place::Lanes(Span { first, last });
        let one = |n| Span { first: n, last: n };
        assert_eq!(list[0].places, [lanes(0, 3), lanes(7, 7)]);
        let from = Span { first: 0, last: 2 };
        let synapses = [Place::Synapses(one(2), one(5)), Place::Synapses(from, Span::ALL)];
        assert_eq!(list[1].places, synapses);
        assert_eq!((list[2].variable.as_str(), list[2].places.len()), ("dopamine", 0));
    }

    #[test]
    fn what_is_printed_reads_back() {
        for text in ["a", "a.v[3]", "a.v[0..4,7]", "ff.w[2->5]", "*.w[*->5,1..3->*]", "p[*]"] {
            let selector = Selector::parse(text).unwrap();
            assert_eq!(selector.to_string(), text);
        }
    }

    #[test]
    fn a_star_stands_for_any_letters() {
        let means = |pattern: &str, name: &str| Selector::parse(pattern).unwrap().means(name);
        assert!(means("*.v", "hidden.v") && means("*", "pre.ff.x1") && means("ff.*", "ff.w"));
        assert!(!means("*.v", "hidden.v2") && !means("hidden.v", "hidden.vv"));
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        let said = |text: &str| Selector::parse_list(text).unwrap_err().to_string();
        for (text, part) in [
            ("", "a name is missing"),
            ("a,,b", "a name is missing in 'a,,b'"),
            ("[3]", "a name is missing"),
            ("a.v[3", "one pair of brackets"),
            ("a.v[3]x", "one pair of brackets"),
            ("a.v]", "one pair of brackets"),
            ("a.v[x]", "'x' in 'a.v[x]' is no lane"),
            ("a.v[]", "is no lane"),
            ("a.v[-1]", "is no lane"),
            ("a.v[4294967296]", "is no lane"),
            ("a.v[1->2->3]", "is no lane"),
            ("a.v[4..1]", "is empty"),
            ("a.v[3..3]", "is empty"),
        ] {
            assert!(said(text).contains(part), "{text}: {}", said(text));
        }
    }
}
