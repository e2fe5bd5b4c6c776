//! Time of the processor and memory of the process, as the system counts them.

use std::time::{Duration, Instant};

/// A stretch of time by two clocks.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Spent {
    /// Time on the wall.
    pub wall: Duration,
    /// Time that this thread was executed; `None` where the system does not say.
    pub cpu: Option<Duration>,
}

/// Runs both clocks.
#[derive(Debug)]
pub(super) struct Stopwatch {
    wall: Instant,
    cpu: Option<Duration>,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self { cpu: thread_time(), wall: Instant::now() }
    }
    pub(super) fn stop(&self) -> Spent {
        let wall = self.wall.elapsed();
        let cpu = thread_time().zip(self.cpu).map(|(now, then)| now.saturating_sub(then));
        Spent { wall, cpu }
    }
}

#[cfg(unix)]
fn thread_time() -> Option<Duration> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(now).ok()
}

#[cfg(not(unix))]
fn thread_time() -> Option<Duration> {
    None
}

/// Most memory that the process has had in bytes, on systems with `/proc`.
pub(super) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

/// The most memory during something.
#[derive(Debug)]
pub(super) struct Peak;

impl Peak {
    /// Forgets the peak so far, where the system lets a process do that.
    pub(super) fn start() -> Self {
        // Without it the figure is that of the process since its start, which is no less.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self
    }
    pub(super) fn stop(&self) -> Option<u64> {
        peak_memory()
    }
}
