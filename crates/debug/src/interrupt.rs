//! Ending from outside what takes long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Ends the command at hand of a [`Session`](crate::Session), from another thread or a signal.
///
/// A run ends at the next place between two steps, phases or micro-operations, whichever it goes
/// by, so the state is that of a place which every other way leads to as well. It has to be
/// [cleared](Self::clear) before the session runs again.
#[derive(Clone, Default, Debug)]
pub struct Interrupt(Arc<AtomicUsize>);

impl Interrupt {
    /// Ends the command at hand, or the next one that goes anywhere.
    pub fn raise(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    /// Lets the session run again.
    pub fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
    /// How often it was raised, for those who can only store a number.
    pub fn counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
    }
    /// Takes back one of several.
    pub(crate) fn lower(&self) {
        // There may have been none.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
    }
    pub(crate) fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}
