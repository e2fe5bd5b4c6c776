//! Where the emulator's own time goes, for those who want to make it faster.

use std::time::{Duration, Instant};

/// Time of this machine spent in the parts of steps, added over cores. Measured only on request;
/// no state and no figure of the ledger depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Times {
    /// Weights of arriving spikes (S10 to S14).
    pub deliver: Duration,
    /// Membranes and spikes (S20 to S25).
    pub neurons: Duration,
    /// Messages from spikes to the cores that hear them.
    pub messages: Duration,
    /// Modulators and traces (S30 to S38).
    pub traces: Duration,
    /// Rules (S39 to S48).
    pub plasticity: Duration,
    /// Costs of the step.
    pub ledger: Duration,
}

impl Times {
    /// The parts with their names.
    pub fn parts(&self) -> [(&'static str, Duration); 6] {
        let Self { deliver, neurons, messages, traces, plasticity, ledger } = *self;
        [
            ("deliver", deliver),
            ("neurons", neurons),
            ("messages", messages),
            ("traces", traces),
            ("plasticity", plasticity),
            ("ledger", ledger),
        ]
    }
    /// All parts together.
    pub fn total(&self) -> Duration {
        self.parts().into_iter().map(|(_, time)| time).sum()
    }
    pub(crate) fn add(&mut self, other: &Self) {
        self.deliver += other.deliver;
        self.neurons += other.neurons;
        self.messages += other.messages;
        self.traces += other.traces;
        self.plasticity += other.plasticity;
        self.ledger += other.ledger;
    }
}

/// A stopwatch that costs one test where nobody asked for times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Laps {
    running: Option<(Times, Instant)>,
}

impl Laps {
    /// Measures from now on, from zero.
    pub(crate) fn keep(&mut self) {
        self.running = Some((Times::default(), Instant::now()));
    }
    /// What was measured.
    pub(crate) fn times(&self) -> Option<&Times> {
        self.running.as_ref().map(|(times, _)| times)
    }
    /// Begins a lap.
    pub(crate) fn begin(&mut self) {
        if let Some((_, since)) = &mut self.running {
            *since = Instant::now();
        }
    }
    /// Ends a lap, which is a part's, and begins the next.
    pub(crate) fn lap(&mut self, part: impl Fn(&mut Times) -> &mut Duration) {
        if let Some((times, since)) = &mut self.running {
            let now = Instant::now();
            *part(times) += now - *since;
            *since = now;
        }
    }
}
