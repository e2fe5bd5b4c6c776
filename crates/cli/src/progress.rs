//! Progress of a long run as bars on standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::sync::{Mutex, PoisonError};
use trifactor_lab::Progress;

/// Shows nothing.
pub struct Hidden;

impl Progress for Hidden {
    fn tell(&self, _: &str, _: u64, _: u64) {}
}

/// One bar for each part of a run; the next part begins below the last.
#[derive(Default)]
pub struct Bars {
    current: Mutex<Option<(String, ProgressBar)>>,
}

impl Progress for Bars {
    fn tell(&self, what: &str, done: u64, total: u64) {
        // A bar that was left in the middle of an update is still a bar.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let same = current.as_ref().is_some_and(|(name, _)| name == what);
        if !same {
            if let Some((_, bar)) = current.take() {
                bar.finish();
            }
            *current = Some((what.to_owned(), bar(what, total)));
        }
        if let Some((_, bar)) = &*current {
            // Workers report in any order; a bar only grows.
            bar.set_position(done.max(bar.position()));
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        let current = self.current.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bar)) = current.take() {
            bar.finish();
        }
    }
}

fn bar(what: &str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:16} [{bar:40}] {pos}/{len} {eta}")
        .expect("internal: the template of a progress bar is legal")
        .progress_chars("=> ");
    ProgressBar::new(total).with_style(style).with_message(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_message_of_a_worker_does_not_move_the_bar_back() {
        let bars = Bars::default();
        bars.tell("chip", 5, 10);
        bars.tell("chip", 3, 10);
        assert_eq!(position(&bars), Some(5));
        bars.tell("float", 1, 10);
        assert_eq!(position(&bars), Some(1));
    }

    fn position(bars: &Bars) -> Option<u64> {
        let current = bars.current.lock().expect("no worker has panicked");
        current.as_ref().map(|(_, bar)| bar.position())
    }
}
