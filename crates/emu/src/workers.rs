//! Cores side by side on several threads.
//!
//! Steps are short, some tens of microseconds for each thread, so what counts is how seldom
//! threads wait for each other. The caller's thread works too. Helpers are called once for both
//! rounds of a step; one that comes late, because it was asleep, finds less to do, and nobody
//! waits for it before the end. Between the rounds helpers stay awake.
//!
//! Who takes which item is left to chance and cannot be seen: items are independent of each other
//! in each round.

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// Threads beside the caller's.
#[derive(Debug)]
pub(crate) struct Workers {
    pool: ThreadPool,
    helpers: usize,
}

impl Workers {
    /// So many threads with the caller's; `None` for that one alone.
    pub(crate) fn new(threads: usize) -> Result<Option<Self>, ThreadPoolBuildError> {
        let helpers = threads.saturating_sub(1);
        if helpers == 0 {
            return Ok(None);
        }
        let pool = ThreadPoolBuilder::new().num_threads(helpers).build()?;
        Ok(Some(Self { pool, helpers }))
    }
}

/// Items of which each thread takes the next, until there are none.
#[derive(Default)]
struct Round {
    open: AtomicBool,
    next: AtomicUsize,
    done: AtomicUsize,
}

impl Round {
    /// Takes items as long as there are any.
    fn work<T>(&self, items: &[Mutex<&mut T>], run: impl Fn(&mut T)) {
        while let Some(item) = items.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            run(&mut held(item));
            self.done.fetch_add(1, Ordering::Release);
        }
    }
}

fn held<'a, 'b, T>(item: &'a Mutex<&'b mut T>) -> MutexGuard<'a, &'b mut T> {
    // A thread that panics ends the step, so nobody sees what it left behind.
    item.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Set when a thread unwinds, so that none waits for it.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Release);
        }
    }
}

/// Waits for something that takes microseconds; lets other threads run if it takes longer.
fn wait_until(ready: impl Fn() -> bool) {
    let mut tries = 0u32;
    while !ready() {
        tries += 1;
        if tries < 2_000 { spin_loop() } else { thread::yield_now() }
    }
}

/// Runs something on every item.
pub(crate) fn each<T: Send>(
    workers: &Option<Workers>,
    items: &mut [T],
    run: impl Fn(&mut T) + Sync,
) {
    match workers {
        None => items.iter_mut().for_each(run),
        Some(_) => two_rounds(workers, items, run, |_| || (), |_| ()),
    }
}

/// Runs `first` on every item; then `between` on all of them, on the caller's thread; then
/// `second` on every item, while the caller's thread first does what `between` has returned.
pub(crate) fn two_rounds<T: Send, A: FnOnce()>(
    workers: &Option<Workers>,
    items: &mut [T],
    first: impl Fn(&mut T) + Sync,
    between: impl FnOnce(&mut [&mut T]) -> A,
    second: impl Fn(&mut T) + Sync,
) {
    let Some(workers) = workers else {
        items.iter_mut().for_each(first);
        let aside = between(&mut items.iter_mut().collect::<Vec<_>>());
        items.iter_mut().for_each(second);
        return aside();
    };
    let items: Vec<Mutex<&mut T>> = items.iter_mut().map(Mutex::new).collect();
    let rounds = [Round::default(), Round::default()];
    let (broken, helping) = (AtomicBool::new(false), AtomicUsize::new(workers.helpers));
    let ended = |round: &Round| {
        wait_until(|| {
            round.done.load(Ordering::Acquire) == items.len() || broken.load(Ordering::Acquire)
        });
        !broken.load(Ordering::Acquire)
    };
    workers.pool.in_place_scope(|scope| {
        let _alarm = Alarm(&broken);
        for _ in 0..workers.helpers {
            scope.spawn(|_| {
                let _alarm = Alarm(&broken);
                rounds[0].work(&items, &first);
                wait_until(|| {
                    rounds[1].open.load(Ordering::Acquire) || broken.load(Ordering::Acquire)
                });
                if rounds[1].open.load(Ordering::Acquire) {
                    rounds[1].work(&items, &second);
                }
                helping.fetch_sub(1, Ordering::Release);
            });
        }
        rounds[0].work(&items, &first);
        if !ended(&rounds[0]) {
            return;
        }
        let aside = {
            let mut all: Vec<_> = items.iter().map(held).collect();
            between(&mut all.iter_mut().map(|item| &mut ***item).collect::<Vec<_>>())
        };
        rounds[1].open.store(true, Ordering::Release);
        aside();
        rounds[1].work(&items, &second);
        ended(&rounds[1]);
        // The scope waits for helpers by going to sleep, from which it is slow to wake.
        for _ in 0..2_000 {
            if helping.load(Ordering::Acquire) == 0 {
                break;
            }
            spin_loop();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_rounds_see_every_item_once_and_the_caller_sees_all_between_them() {
        for threads in 1..5 {
            let workers = Workers::new(threads).unwrap();
            assert_eq!(workers.is_some(), threads > 1);
            for n in [0, 1, 2, 7, 40] {
                let mut items: Vec<u64> = (0..n).collect();
                let mut sum = 0;
                two_rounds(
                    &workers,
                    &mut items,
                    |item| *item += 1,
                    |items| {
                        items.iter_mut().for_each(|item| **item *= 2);
                        let all: u64 = items.iter().map(|item| **item).sum();
                        let sum = &mut sum;
                        move || *sum = all
                    },
                    |item| *item += 3,
                );
                let expected: Vec<u64> = (0..n).map(|k| (k + 1) * 2 + 3).collect();
                assert_eq!((items.clone(), sum), (expected, n * (n + 1)));
                each(&workers, &mut items, |item| *item = 0);
                assert!(items.iter().all(|item| *item == 0));
            }
        }
    }

    #[test]
    fn a_panic_on_any_thread_reaches_the_caller() {
        let workers = Workers::new(3).unwrap();
        for round in 0..3 {
            for wrong in [0, 5, 19] {
                let run = std::panic::AssertUnwindSafe(|| {
                    let mut items: Vec<u32> = (0..20).collect();
                    let fails =
                        |at: u32| move |item: &mut u32| assert!(at != round || *item != wrong);
                    let between = |items: &mut [&mut u32]| {
                        assert!(round != 1 || items[0] != &0);
                        || ()
                    };
                    two_rounds(&workers, &mut items, fails(0), between, fails(2));
                });
                assert!(std::panic::catch_unwind(run).is_err(), "round {round}, item {wrong}");
            }
        }
    }
}
