//! Chrome's trace event format, written one event after the other.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// A track and how it is called, which is said when it is used for the first time.
pub(super) struct Place {
    pub process: u64,
    pub thread: u64,
    /// Names of process and thread.
    pub names: (String, String),
}

/// The list of events.
pub(super) struct Events {
    tick_ps: u64,
    processes: BTreeSet<u64>,
    threads: BTreeSet<(u64, u64)>,
    written: usize,
}

impl Events {
    /// Begins the file; `about` goes into its head.
    pub(super) fn begin(file: &mut impl Write, tick_ps: u64, about: &Value) -> io::Result<Self> {
        write!(file, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{about},\"traceEvents\":[")?;
        Ok(Self { tick_ps, processes: BTreeSet::new(), threads: BTreeSet::new(), written: 0 })
    }

    /// Number of events so far.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// A stretch of time, unless it is empty. Units: ticks.
    pub(super) fn slice(
        &mut self,
        file: &mut impl Write,
        place: &Place,
        name: &str,
        [from, to]: [u64; 2],
        args: Value,
    ) -> io::Result<()> {
        if to <= from {
            return Ok(());
        }
        self.open(file, place, name, from, args)?;
        self.close(file, place, to)
    }

    /// The beginning of a stretch.
    pub(super) fn open(
        &mut self,
        file: &mut impl Write,
        place: &Place,
        name: &str,
        at: u64,
        args: Value,
    ) -> io::Result<()> {
        let Place { process: pid, thread: tid, names } = place;
        if self.threads.insert((*pid, *tid)) {
            let (process, thread) = names;
            let mut metadata = |name: &str, args: Value| {
                self.event(
                    file,
                    &json!({ "ph": "M", "name": name, "pid": pid, "tid": tid, "args": args }),
                )
            };
            metadata("thread_name", json!({ "name": thread }))?;
            metadata("thread_sort_index", json!({ "sort_index": tid }))?;
            if !self.processes.contains(pid) {
                let mut metadata = |name: &str, args: Value| {
                    self.event(file, &json!({ "ph": "M", "name": name, "pid": pid, "args": args }))
                };
                metadata("process_name", json!({ "name": process }))?;
                metadata("process_sort_index", json!({ "sort_index": pid }))?;
                self.processes.insert(*pid);
            }
        }
        let mut event = json!({
            "ph": "B", "name": name, "pid": pid, "tid": tid, "ts": self.microseconds(at),
        });
        if !args.is_null() {
            event["args"] = args;
        }
        self.event(file, &event)
    }

    /// The end of the stretch that was begun last.
    pub(super) fn close(
        &mut self,
        file: &mut impl Write,
        place: &Place,
        at: u64,
    ) -> io::Result<()> {
        let (pid, tid, ts) = (place.process, place.thread, self.microseconds(at));
        self.event(file, &json!({ "ph": "E", "pid": pid, "tid": tid, "ts": ts }))
    }

    /// An arrow with a number of its own, from a stretch on one track to a stretch on another,
    /// both of which are begun at the ticks given.
    pub(super) fn arrow(
        &mut self,
        file: &mut impl Write,
        number: u64,
        from: (Place, u64),
        to: (Place, u64),
    ) -> io::Result<()> {
        for (ph, (place, at)) in [("s", from), ("f", to)] {
            let mut event = json!({
                "ph": ph, "cat": "message", "name": "message", "id": number,
                "pid": place.process, "tid": place.thread, "ts": self.microseconds(at),
            });
            if ph == "f" {
                // It ends at the stretch that begins there, not at the next one.
                event["bp"] = json!("e");
            }
            self.event(file, &event)?;
        }
        Ok(())
    }

    /// Ends the file.
    pub(super) fn end(&mut self, file: &mut impl Write) -> io::Result<()> {
        file.write_all(b"\n]}\n")
    }

    /// The format counts in microseconds. The nearest number names the tick without doubt as long
    /// as a trial has fewer than 2^53 picoseconds, which are two hours and a half.
    fn microseconds(&self, ticks: u64) -> f64 {
        (ticks * self.tick_ps) as f64 / 1e6
    }

    fn event(&mut self, file: &mut impl Write, event: &Value) -> io::Result<()> {
        let before = if self.written == 0 { "\n" } else { ",\n" };
        self.written += 1;
        write!(file, "{before}{event}")
    }
}
