//! A line of text from a person: editing, history, completion.
//!
//! What keys do is a state machine without a terminal ([`Line`]); [`Editor`] puts a terminal into
//! raw mode, decodes keys and draws. Where the terminal cannot be put into raw mode, lines are
//! read as they come.

use std::io::{self, Read, Write};

/// Lines that are remembered.
const HISTORY: usize = 1000;
/// Candidates that are listed.
const SHOWN: usize = 60;

/// A key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    Char(char),
    Enter,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    /// Up to the cursor is deleted.
    CutBefore,
    /// From the cursor on is deleted.
    CutAfter,
    /// The word before the cursor is deleted.
    CutWord,
    /// Control-C.
    Cancel,
    /// Control-D.
    Eof,
    Other,
}

/// What came of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Typed {
    /// A line.
    Line(String),
    /// A line that was given up.
    Nothing,
    /// There are no more.
    End,
}

/// Gives where the word at the cursor begins, and what could stand there.
type Complete<'a> = &'a dyn Fn(&str) -> (usize, Vec<String>);

/// A line that is being edited. Positions count characters.
#[derive(Clone, Default, Debug)]
struct Line {
    text: Vec<char>,
    cursor: usize,
    /// Which line of the history is shown; its length for the new one.
    at: usize,
    /// The new line, while another is shown.
    kept: Vec<char>,
}

/// What a key leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Effect {
    /// The line is drawn again.
    Draw,
    /// These could stand at the cursor.
    Candidates(Vec<String>),
    Done(Typed),
}

impl Line {
    fn new(history: &[String]) -> Self {
        Self { at: history.len(), ..Self::default() }
    }

    fn key(&mut self, key: Key, history: &[String], complete: Complete<'_>) -> Effect {
        match key {
            Key::Char(c) => {
                self.text.insert(self.cursor, c);
                self.cursor += 1;
            }
            Key::Enter => return Effect::Done(Typed::Line(self.text.iter().collect())),
            Key::Cancel => return Effect::Done(Typed::Nothing),
            Key::Eof if self.text.is_empty() => return Effect::Done(Typed::End),
            Key::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.text.remove(self.cursor);
            }
            Key::Delete | Key::Eof if self.cursor < self.text.len() => {
                self.text.remove(self.cursor);
            }
            Key::Left => self.cursor = self.cursor.saturating_sub(1),
            Key::Right => self.cursor = (self.cursor + 1).min(self.text.len()),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            Key::CutBefore => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
            }
            Key::CutAfter => self.text.truncate(self.cursor),
            Key::CutWord => {
                let before = &self.text[..self.cursor];
                let word = before.iter().rposition(|c| !c.is_whitespace());
                let start =
                    word.and_then(|end| before[..end].iter().rposition(|c| c.is_whitespace()));
                let start = start.map_or(0, |at| at + 1);
                self.text.drain(start..self.cursor);
                self.cursor = start;
            }
            Key::Up if self.at > 0 => self.show(self.at - 1, history),
            Key::Down if self.at < history.len() => self.show(self.at + 1, history),
            Key::Tab => return self.complete(complete),
            _ => {}
        }
        Effect::Draw
    }

    /// Shows a line of the history.
    fn show(&mut self, at: usize, history: &[String]) {
        if self.at == history.len() {
            self.kept = self.text.clone();
        }
        self.at = at;
        self.text =
            history.get(at).map_or_else(|| self.kept.clone(), |line| line.chars().collect());
        self.cursor = self.text.len();
    }

    /// Puts in what all candidates share; lists them where that is nothing.
    fn complete(&mut self, complete: Complete<'_>) -> Effect {
        let before: String = self.text[..self.cursor].iter().collect();
        let (start, candidates) = complete(&before);
        let typed = before[start..].chars().count();
        let Some(first) = candidates.first() else { return Effect::Draw };
        let shared = |a: usize, b: &String| {
            first.chars().zip(b.chars()).take(a).take_while(|(a, b)| a == b).count()
        };
        let n = candidates.iter().fold(first.chars().count(), shared);
        let more: Vec<char> = first.chars().take(n).skip(typed).collect();
        if more.is_empty() && candidates.len() > 1 {
            return Effect::Candidates(candidates);
        }
        for c in more {
            self.text.insert(self.cursor, c);
            self.cursor += 1;
        }
        if let ([only], true) = (&candidates[..], self.cursor == self.text.len())
            && !only.ends_with([':', '.'])
        {
            self.text.push(' ');
            self.cursor += 1;
        }
        Effect::Draw
    }
}

/// Reads lines from the terminal.
#[derive(Clone, Default, Debug)]
pub struct Editor {
    history: Vec<String>,
}

impl Editor {
    /// Reads a line behind a prompt.
    pub fn line(&mut self, prompt: &str, complete: Complete<'_>) -> io::Result<Typed> {
        let Some(_raw) = Raw::new() else { return plain(prompt) };
        let mut line = Line::new(&self.history);
        let (mut input, mut out) = (io::stdin().lock(), io::stderr().lock());
        loop {
            let shown: String = line.text.iter().collect();
            let back = line.text.len() - line.cursor;
            write!(out, "\r\x1b[K{prompt}{shown}")?;
            if back > 0 {
                write!(out, "\x1b[{back}D")?;
            }
            out.flush()?;
            let Some(key) = key(&mut input)? else { return Ok(Typed::End) };
            match line.key(key, &self.history, complete) {
                Effect::Draw => {}
                Effect::Candidates(list) => {
                    let shown = list[..list.len().min(SHOWN)].join("  ");
                    let more = if list.len() > SHOWN { "  .." } else { "" };
                    write!(out, "\r\n{shown}{more}\r\n")?;
                }
                Effect::Done(typed) => {
                    write!(out, "\r\n")?;
                    out.flush()?;
                    if let Typed::Line(text) = &typed {
                        self.remember(text);
                    }
                    return Ok(typed);
                }
            }
        }
    }

    fn remember(&mut self, line: &str) {
        if line.trim().is_empty() || self.history.last().is_some_and(|last| last == line) {
            return;
        }
        self.history.push(line.to_owned());
        if self.history.len() > HISTORY {
            self.history.remove(0);
        }
    }
}

/// A line as it comes.
fn plain(prompt: &str) -> io::Result<Typed> {
    let mut err = io::stderr().lock();
    write!(err, "{prompt}")?;
    err.flush()?;
    let mut line = String::new();
    match io::stdin().read_line(&mut line)? {
        0 => Ok(Typed::End),
        _ => Ok(Typed::Line(line)),
    }
}

/// The next key; `None` at the end of the input.
fn key(input: &mut impl Read) -> io::Result<Option<Key>> {
    let Some(first) = byte(input)? else { return Ok(None) };
    Ok(Some(match first {
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        0x7f | 0x08 => Key::Backspace,
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Cancel,
        0x04 => Key::Eof,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x0b => Key::CutAfter,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::CutBefore,
        0x17 => Key::CutWord,
        0x1b => escape(input)?,
        0x00..=0x1f => Key::Other,
        first => character(first, input)?,
    }))
}

fn byte(input: &mut impl Read) -> io::Result<Option<u8>> {
    let mut one = [0];
    loop {
        match input.read(&mut one) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(one[0])),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// What follows an escape: `[A` and its like, `[3~`, `OH`.
fn escape(input: &mut impl Read) -> io::Result<Key> {
    let (Some(b'[' | b'O'), Some(mut last)) = (byte(input)?, byte(input)?) else {
        return Ok(Key::Other);
    };
    let first = last;
    while matches!(last, b'0'..=b'9' | b';') {
        match byte(input)? {
            Some(next) => last = next,
            None => return Ok(Key::Other),
        }
    }
    Ok(match (first, last) {
        (_, b'A') => Key::Up,
        (_, b'B') => Key::Down,
        (_, b'C') => Key::Right,
        (_, b'D') => Key::Left,
        (_, b'H') | (b'1' | b'7', b'~') => Key::Home,
        (_, b'F') | (b'4' | b'8', b'~') => Key::End,
        (b'3', b'~') => Key::Delete,
        _ => Key::Other,
    })
}

/// A character in UTF-8 from its first byte on.
fn character(first: u8, input: &mut impl Read) -> io::Result<Key> {
    let length = match first {
        0x00..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    let mut bytes = vec![first];
    while bytes.len() < length {
        match byte(input)? {
            Some(next) => bytes.push(next),
            None => return Ok(Key::Other),
        }
    }
    let text = std::str::from_utf8(&bytes).ok();
    Ok(text.and_then(|text| text.chars().next()).map_or(Key::Other, Key::Char))
}

/// A terminal in raw mode, until it is dropped.
struct Raw {
    before: rustix::termios::Termios,
}

impl Raw {
    fn new() -> Option<Self> {
        use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw).ok()?;
        Some(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        // Nothing can be done for a terminal that has gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> (usize, Vec<String>) {
        let start = line.rfind(' ').map_or(0, |at| at + 1);
        let all = ["hidden.v", "hidden.u", "print", "w.é"];
        let fits = all.iter().filter(|w| w.starts_with(&line[start..]));
        (start, fits.map(|w| (*w).to_owned()).collect())
    }

    /// Types bytes; gives the line and the cursor, or how it ended.
    fn typed(bytes: &[u8], history: &[&str]) -> (String, usize, Option<Typed>) {
        let history: Vec<String> = history.iter().map(|l| (*l).to_owned()).collect();
        let mut line = Line::new(&history);
        let mut input = bytes;
        let mut end = None;
        while let Some(key) = key(&mut input).expect("bytes can be read") {
            if let Effect::Done(done) = line.key(key, &history, &words) {
                end = Some(done);
            }
        }
        (line.text.iter().collect(), line.cursor, end)
    }

    #[test]
    fn keys_edit_the_line() {
        let text = |bytes: &[u8]| typed(bytes, &[]).0;
        assert_eq!(text(b"abc\x7f"), "ab");
        assert_eq!(text("aé\u{7f}ü".as_bytes()), "aü");
        assert_eq!(text(b"abc\x1b[D\x1b[Dx"), "axbc");
        assert_eq!(text(b"abc\x01x\x05y"), "xabcy");
        assert_eq!(text(b"abc\x1b[H\x1b[3~"), "bc");
        assert_eq!(text(b"one two \x17x"), "one x");
        assert_eq!(text(b"abc\x02\x0b"), "ab");
        assert_eq!(text(b"abc\x02\x15"), "c");
        // Neither a key that is unknown nor one at the edge does anything.
        assert_eq!(text(b"\x7f\x1b[D\x1b[15~\x1b[Zab\x1b[C\xff"), "ab");
    }

    #[test]
    fn the_history_is_walked_and_the_new_line_kept() {
        let past = ["first", "second"];
        let text = |bytes: &[u8]| typed(bytes, &past).0;
        assert_eq!(text(b"new\x1b[A"), "second");
        assert_eq!(text(b"new\x1b[A\x1b[A\x1b[A"), "first");
        assert_eq!(text(b"new\x1b[A\x1b[A\x1b[B\x1b[B\x1b[B"), "new");
        let mut editor = Editor::default();
        ["a", "a", " ", "b"].iter().for_each(|line| editor.remember(line));
        assert_eq!(editor.history, ["a", "b"]);
    }

    #[test]
    fn the_tabulator_completes_as_far_as_it_is_certain() {
        let text = |bytes: &[u8]| typed(bytes, &[]).0;
        assert_eq!(text(b"pr\t"), "print ");
        assert_eq!(text(b"print h\tv"), "print hidden.v");
        assert_eq!(text(b"zz\t"), "zz");
        assert_eq!(text("w.\t".as_bytes()), "w.é ");
        let mut line = Line::new(&[]);
        "hidden.".chars().for_each(|c| {
            line.key(Key::Char(c), &[], &words);
        });
        let listed = line.key(Key::Tab, &[], &words);
        assert_eq!(listed, Effect::Candidates(vec!["hidden.v".into(), "hidden.u".into()]));
    }

    #[test]
    fn a_line_ends_in_three_ways() {
        assert_eq!(typed(b"a\r", &[]).2, Some(Typed::Line("a".into())));
        assert_eq!(typed(b"a\x03", &[]).2, Some(Typed::Nothing));
        assert_eq!(typed(b"\x04", &[]).2, Some(Typed::End));
        assert_eq!(typed(b"a\x04", &[]).2, None);
    }
}
