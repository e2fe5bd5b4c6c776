//! How well one-shot cue association can be answered from the input spikes alone.
//!
//! An *ideal observer* knows how episodes are made (all probabilities, the time table, that every
//! group has the same size) but neither which line belongs to which group nor the side of any cue.
//! It sees all spikes of an episode and the learning signal of the training trials, and names the
//! class of the test trial that is more probable given all that.
//!
//! For one assignment of lines to groups the sum over the sides of all cues is exact: trials are
//! independent, and within a trial the prior depends on the number of cues on the class side only.
//! The sum over assignments has 20! / (5!)^4 terms and is cut off: a search by exchanges of two
//! lines (and of both cue groups) finds the most probable assignments, and the sum runs over all
//! it has met near the best one. So what is computed is the accuracy of a real decision rule, a
//! lower bound of the ceiling. It is tight where one assignment dominates, as with the paper's
//! probabilities; a test compares it with the full sum where that is possible.
//!
//! The *counting rule* is a yardstick for what little machinery does: a weight per line, the
//! difference of its spike counts in training trials of either class, and a centred linear sum.

use crate::evaluate::Accuracy;
use crate::task::{CueAssociation, Part, Rest, Task};
use crate::{HostError, credit};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use trifactor_stimulus::portable::{exp, ln};

/// Who answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Observer {
    /// The most probable class given everything visible.
    Ideal,
    /// The linear rule on spike counts.
    Counting,
}

/// Measures an observer on the evaluation episodes 0 to `episodes - 1` of a task, the same ones
/// that [`run_episodes`](crate::run_episodes) shows to a network. `progress` is told how many are
/// done, from any thread. Results do not depend on the number of threads.
///
/// Errors: impossible numbers in the task; episodes with `fewer` cues, for which the observers know
/// no rule.
pub fn observe(
    observer: Observer,
    task: &CueAssociation,
    (seed, episodes): (u32, usize),
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Accuracy, HostError> {
    task.check().map_err(HostError::settings)?;
    if task.fewer > 0.0 {
        let message = format!("fewer is {}; observers expect a cue in every period", task.fewer);
        return Err(HostError::settings(message));
    }
    let world = World::new(task);
    let done = AtomicUsize::new(0);
    let threads = threads.clamp(1, 256).min(episodes.max(1));
    let share = |worker: usize| {
        let range = worker * episodes / threads..(worker + 1) * episodes / threads;
        let mut correct = 0.0;
        for number in range {
            let (evidence, class) = Evidence::of(task, seed, number as u32);
            let scores = match observer {
                Observer::Ideal => world.posterior(&evidence),
                Observer::Counting => evidence.counting(),
            };
            correct += credit(&scores, class);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
        correct
    };
    // Credits are multiples of a half, so that their sum is exact in any order.
    let correct = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|w| scope.spawn(move || share(w))).collect();
        let mine = share(0);
        workers.into_iter().fold(mine, |sum, worker| match worker.join() {
            Ok(correct) => sum + correct,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    });
    Ok(Accuracy::from_count(correct, episodes))
}

/// What is visible of one episode.
#[derive(Clone, Debug)]
struct Evidence {
    lines: usize,
    /// Spikes in each cue window, `[trial][cue][line]`.
    shown: Vec<Vec<Vec<f64>>>,
    /// Spikes in decision intervals of all trials, `[line]`.
    deciding: Vec<f64>,
    /// Spikes at other times, `[line]`.
    resting: Vec<f64>,
    /// Spikes before the decision interval, `[trial][line]`.
    before: Vec<Vec<f64>>,
    /// Classes that the signal names, one per training trial.
    classes: Vec<usize>,
}

impl Evidence {
    /// That of an evaluation episode, and the right answer.
    fn of(task: &CueAssociation, seed: u32, number: u32) -> (Self, usize) {
        let lines = 4 * task.group as usize;
        let (trials, cues) = (task.trials() as usize, task.cues as usize);
        let mut evidence = Self {
            lines,
            shown: vec![vec![vec![0.0; lines]; cues]; trials],
            deciding: vec![0.0; lines],
            resting: vec![0.0; lines],
            before: vec![vec![0.0; lines]; trials],
            classes: vec![0; trials - 1],
        };
        let (length, period) = (u64::from(task.trial_steps()), u64::from(task.period()));
        let cues_end = period * u64::from(task.cues);
        let decision = length - u64::from(task.decision_steps);
        let class = task.episode(seed, Part::Evaluation, number, &mut |step, port, lane| {
            let (trial, at) = (((step - 1) / length) as usize, (step - 1) % length);
            if port == 1 {
                evidence.classes[trial] = lane;
                return;
            }
            if at < decision {
                evidence.before[trial][lane] += 1.0;
            }
            if at < cues_end && at % period < u64::from(task.cue_steps) {
                evidence.shown[trial][(at / period) as usize][lane] += 1.0;
            } else if at >= decision {
                evidence.deciding[lane] += 1.0;
            } else {
                evidence.resting[lane] += 1.0;
            }
        });
        (evidence, class)
    }

    /// Logits of the counting rule.
    fn counting(&self) -> Vec<f64> {
        let training = self.classes.len();
        let sum = |line: usize| -> f64 {
            let mean = (0..training).map(|t| self.before[t][line]).sum::<f64>() / training as f64;
            let weight: f64 = (self.classes.iter().zip(&self.before))
                .map(|(class, counts)| if *class == 0 { counts[line] } else { -counts[line] })
                .sum();
            weight * (self.before[training][line] - mean)
        };
        vec![(0..self.lines).map(sum).sum(), 0.0]
    }
}

/// Groups as the observer numbers them: two of cues, by their side, then the others.
const DECISION: u8 = 2;
const NOISE: u8 = 3;

/// How episodes are made.
#[derive(Clone, Debug)]
struct World {
    size: usize,
    cues: usize,
    trials: usize,
    cue_steps: f64,
    /// Steps of all trials: in cue windows, in decision intervals, at other times.
    steps: [f64; 3],
    active: f64,
    background: f64,
    /// Firing probability of cue lines outside cue windows.
    outside: f64,
    /// Logarithm of the prior of one sequence of sides by the number of cues on the class side.
    prior: Vec<f64>,
}

/// Log-likelihoods of one episode's lines.
struct Lines {
    /// `[line][group]`, for cue groups as if their side were never shown.
    base: Vec<[f64; 4]>,
    /// What a shown side adds, `[line][trial * cues + cue]`.
    gain: Vec<Vec<f64>>,
}

/// An assignment of lines to groups with its sums.
#[derive(Clone)]
struct Assignment {
    groups: Vec<u8>,
    base: f64,
    /// Gains of both cue groups, `[side][trial * cues + cue]`.
    gain: [Vec<f64>; 2],
}

/// Logarithm of the probability of so many spikes in so many steps, order included. Probabilities
/// of 0 and 1 are kept off their ends, so that one impossible spike does not end the search.
fn likelihood(spikes: f64, steps: f64, p: f64) -> f64 {
    let p = p.clamp(1e-12, 1.0 - 1e-12);
    spikes * ln(p) + (steps - spikes) * ln(1.0 - p)
}

/// Assignments this much less probable than the best one (in logarithms) are left out of the sum,
/// and so are the neighbours of those which are [`OPEN`] less probable.
const NEGLIGIBLE: f64 = 30.0;
const OPEN: f64 = 7.0;
/// Most assignments whose neighbours are looked at.
const MOST_OPENED: usize = 60;

impl World {
    fn new(task: &CueAssociation) -> Self {
        let trials = f64::from(task.trials());
        let cue = f64::from(task.cues * task.cue_steps);
        let decision = f64::from(task.decision_steps);
        let rest = f64::from(task.trial_steps()) - cue - decision;
        let (p, pure, cues) = (task.sides.probability(), task.one_sided, task.cues as i32);
        let prior = (0..=cues).map(|k| {
            if 2 * k < cues {
                return f64::NEG_INFINITY;
            }
            let mixed = |p: f64| p.powi(k) * (1.0 - p).powi(cues - k);
            let whole = if k == cues { pure } else { 0.0 };
            // A trial that came out the other way round is mirrored.
            ln((1.0 - pure) * (mixed(p) + mixed(1.0 - p)) + whole)
        });
        Self {
            size: task.group as usize,
            cues: task.cues as usize,
            trials: task.trials() as usize,
            cue_steps: f64::from(task.cue_steps),
            steps: [trials * cue, trials * decision, trials * rest],
            active: task.active,
            background: task.background,
            outside: if task.rest == Rest::Silent { 0.0 } else { task.background },
            prior: prior.collect(),
        }
    }

    fn lines(&self, evidence: &Evidence) -> Lines {
        let [in_cues, in_decisions, at_rest] = self.steps;
        let mut lines = Lines { base: Vec::new(), gain: Vec::new() };
        for line in 0..evidence.lines {
            let windows: Vec<f64> =
                evidence.shown.iter().flatten().map(|counts| counts[line]).collect();
            let shown: f64 = windows.iter().sum();
            let (deciding, resting) = (evidence.deciding[line], evidence.resting[line]);
            let cue = likelihood(deciding + resting, in_decisions + at_rest, self.outside)
                + likelihood(shown, in_cues, self.background);
            let decision = likelihood(shown + resting, in_cues + at_rest, self.background)
                + likelihood(deciding, in_decisions, self.active);
            let all = in_cues + in_decisions + at_rest;
            let noise = likelihood(shown + deciding + resting, all, self.background);
            lines.base.push([cue, cue, decision, noise]);
            let gain = |n: &f64| {
                likelihood(*n, self.cue_steps, self.active)
                    - likelihood(*n, self.cue_steps, self.background)
            };
            lines.gain.push(windows.iter().map(gain).collect());
        }
        lines
    }

    /// Posterior probabilities of the test trial's classes up to a common factor. Shape: `[class]`.
    fn posterior(&self, evidence: &Evidence) -> Vec<f64> {
        let lines = self.lines(evidence);
        let met = self.search(&lines, evidence);
        let best = met.values().copied().fold(f64::NEG_INFINITY, f64::max);
        let near = met.iter().filter(|(_, score)| **score >= best - NEGLIGIBLE);
        let scores: Vec<[f64; 2]> = near
            .map(|(groups, _)| self.joint(&Assignment::new(groups, &lines), &evidence.classes))
            .collect();
        let top = scores.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum = |class: usize| scores.iter().map(|s| exp(s[class] - top)).sum::<f64>();
        vec![sum(0), sum(1)]
    }

    /// Logarithm of the joint probability of an episode, an assignment and each class of the test.
    fn joint(&self, a: &Assignment, classes: &[usize]) -> [f64; 2] {
        let known: f64 = classes.iter().enumerate().map(|(t, c)| self.sum(a, t, *c)).sum();
        [0, 1].map(|class| a.base + known + self.sum(a, self.trials - 1, class))
    }

    /// Logarithm of the sum over all sides of a trial of that class.
    fn sum(&self, a: &Assignment, trial: usize, class: usize) -> f64 {
        // Coefficients by the number of cues on the class side, largest factor of each cue apart.
        let mut sums = vec![0.0; self.cues + 1];
        sums[0] = 1.0;
        let mut apart = 0.0;
        for at in trial * self.cues..(trial + 1) * self.cues {
            let (on, off) = (a.gain[class][at], a.gain[1 - class][at]);
            let most = on.max(off);
            apart += most;
            let (on, off) = (exp(on - most), exp(off - most));
            for k in (0..=self.cues).rev() {
                let below = if k > 0 { sums[k - 1] * on } else { 0.0 };
                sums[k] = sums[k] * off + below;
            }
        }
        let sum: f64 = sums.iter().zip(&self.prior).map(|(s, prior)| s * exp(*prior)).sum();
        // A sum that is too small for a number is at least its largest term.
        (apart + ln(sum)).max(self.largest(&a.gain, trial, class))
    }

    /// Logarithm of the largest term of that sum: what the search compares.
    fn largest(&self, gain: &[Vec<f64>; 2], trial: usize, class: usize) -> f64 {
        let range = trial * self.cues..(trial + 1) * self.cues;
        let (on, off) = (&gain[class][range.clone()], &gain[1 - class][range]);
        let mut steps: Vec<f64> = on.iter().zip(off).map(|(on, off)| on - off).collect();
        steps.sort_unstable_by(|a, b| b.total_cmp(a));
        let mut sum: f64 = off.iter().sum();
        let mut best = sum + self.prior[0];
        for (step, prior) in steps.iter().zip(&self.prior[1..]) {
            sum += step;
            best = best.max(sum + prior);
        }
        best
    }

    fn score(&self, base: f64, gain: &[Vec<f64>; 2], classes: &[usize]) -> f64 {
        let known: f64 =
            classes.iter().enumerate().map(|(t, class)| self.largest(gain, t, *class)).sum();
        let test = [0, 1].map(|class| self.largest(gain, self.trials - 1, class));
        base + known + test[0].max(test[1])
    }

    /// Probable assignments with their scores: from each start uphill to a summit, then around
    /// the best one.
    fn search(&self, lines: &Lines, evidence: &Evidence) -> BTreeMap<Vec<u8>, f64> {
        let mut met = BTreeMap::new();
        for start in self.starts(lines, evidence) {
            let mut here = start;
            loop {
                let a = Assignment::new(&here, lines);
                let height = self.score(a.base, &a.gain, &evidence.classes);
                met.insert(here.clone(), height);
                let around = self.neighbours(&a, lines, &evidence.classes);
                let Some((next, best)) = around.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))
                else {
                    break;
                };
                if best <= height || met.contains_key(&next) {
                    break;
                }
                here = next;
            }
        }
        let mut opened: Vec<Vec<u8>> = Vec::new();
        while opened.len() < MOST_OPENED {
            let best = met.values().copied().fold(f64::NEG_INFINITY, f64::max);
            let next = met
                .iter()
                .filter(|(groups, score)| **score >= best - OPEN && !opened.contains(groups))
                .max_by(|a, b| a.1.total_cmp(b.1));
            let Some((groups, _)) = next else { break };
            let groups = groups.clone();
            let a = Assignment::new(&groups, lines);
            met.extend(self.neighbours(&a, lines, &evidence.classes));
            opened.push(groups);
        }
        met
    }

    /// Assignments that differ by one exchange, with their scores.
    fn neighbours(&self, a: &Assignment, lines: &Lines, classes: &[usize]) -> Vec<(Vec<u8>, f64)> {
        let mut found = Vec::new();
        let mut gain = a.gain.clone();
        for i in 0..a.groups.len() {
            for j in i + 1..a.groups.len() {
                let (g, h) = (a.groups[i], a.groups[j]);
                if g == h {
                    continue;
                }
                let of = |line: usize, group: u8| lines.base[line][usize::from(group)];
                let base = a.base - of(i, g) - of(j, h) + of(i, h) + of(j, g);
                let mut cues = false;
                for (group, from, to) in [(g, i, j), (h, j, i)] {
                    if group < DECISION {
                        cues = true;
                        let sums = &mut gain[usize::from(group)];
                        for (k, sum) in sums.iter_mut().enumerate() {
                            let before = a.gain[usize::from(group)][k];
                            *sum = before - lines.gain[from][k] + lines.gain[to][k];
                        }
                    }
                }
                let score = self.score(base, &gain, classes);
                let mut groups = a.groups.clone();
                groups.swap(i, j);
                found.push((groups, score));
                if cues {
                    gain.clone_from(&a.gain);
                }
            }
        }
        let other: Vec<u8> =
            a.groups.iter().map(|g| if *g < DECISION { 1 - g } else { *g }).collect();
        let [right, left] = a.gain.clone();
        found.push((other, self.score(a.base, &[left, right], classes)));
        found
    }

    /// First guesses: decision and cue lines by what is likely line by line, cue lines then split
    /// by the signal, and by their likeness to the line that moves most.
    fn starts(&self, lines: &Lines, evidence: &Evidence) -> Vec<Vec<u8>> {
        let n = evidence.lines;
        let order = |key: &dyn Fn(usize) -> f64, among: &[usize]| {
            let mut sorted = among.to_vec();
            sorted.sort_by(|a, b| key(*b).total_cmp(&key(*a)));
            sorted
        };
        let of = |line: usize, group: u8| lines.base[line][usize::from(group)];
        let all: Vec<usize> = (0..n).collect();
        let deciding = order(&|l| of(l, DECISION) - of(l, NOISE), &all);
        let (deciding, others) = deciding.split_at(self.size);
        let hopeful = |l: usize| of(l, 0) + lines.gain[l].iter().map(|g| g.max(0.0)).sum::<f64>();
        let others = order(&|l| hopeful(l) - of(l, NOISE), others);
        let cues = &others[..2 * self.size];
        let by_signal = |line: usize| -> f64 {
            let signed = |(class, counts): (&usize, &Vec<Vec<f64>>)| {
                let sum: f64 = counts.iter().map(|counts| counts[line]).sum();
                if *class == 0 { sum } else { -sum }
            };
            evidence.classes.iter().zip(&evidence.shown).map(signed).sum()
        };
        let centred = |line: usize| -> Vec<f64> {
            let gain = &lines.gain[line];
            let mean = gain.iter().sum::<f64>() / gain.len() as f64;
            gain.iter().map(|g| g - mean).collect()
        };
        let product = |a: usize, b: usize| -> f64 {
            centred(a).iter().zip(centred(b)).map(|(a, b)| a * b).sum()
        };
        let first = order(&|l| product(l, l), cues)[0];
        let keys: [&dyn Fn(usize) -> f64; 2] = [&by_signal, &|l| product(first, l)];
        keys.map(|key| {
            let mut groups = vec![NOISE; n];
            deciding.iter().for_each(|l| groups[*l] = DECISION);
            for (at, line) in order(key, cues).into_iter().enumerate() {
                groups[line] = u8::from(at >= self.size);
            }
            groups
        })
        .to_vec()
    }
}

impl Assignment {
    fn new(groups: &[u8], lines: &Lines) -> Self {
        let windows = lines.gain.first().map_or(0, Vec::len);
        let mut gain = [vec![0.0; windows], vec![0.0; windows]];
        let mut base = 0.0;
        for (line, group) in groups.iter().enumerate() {
            base += lines.base[line][usize::from(*group)];
            if let Some(sums) = gain.get_mut(usize::from(*group)) {
                sums.iter_mut().zip(&lines.gain[line]).for_each(|(sum, g)| *sum += g);
            }
        }
        Self { groups: groups.to_vec(), base, gain }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Sides;

    fn accuracy(observer: Observer, task: &CueAssociation, episodes: usize) -> f64 {
        observe(observer, task, (3, episodes), 2, &|_| {}).expect("a legal task").mean
    }

    #[test]
    fn without_noise_nothing_is_ever_answered_wrongly() {
        for (rest, sides) in [(Rest::Silent, Sides::Iid), (Rest::Background, Sides::Biased(0.7))] {
            let task = CueAssociation {
                active: 1.0,
                background: 0.0,
                rest,
                sides,
                ..CueAssociation::default()
            };
            assert_eq!(accuracy(Observer::Ideal, &task, 60), 1.0, "{rest:?}");
        }
    }

    #[test]
    fn the_papers_task_leaves_an_ideal_observer_almost_no_doubt() {
        for (rest, sides) in [
            (Rest::Silent, Sides::Biased(0.7)),
            (Rest::Silent, Sides::Iid),
            (Rest::Background, Sides::Biased(0.7)),
        ] {
            let task = CueAssociation { rest, sides, ..CueAssociation::default() };
            let ideal = accuracy(Observer::Ideal, &task, 100);
            assert!(ideal >= 0.98, "{rest:?} {sides:?}: {ideal}");
            let counting = accuracy(Observer::Counting, &task, 400);
            assert!(counting > 0.75 && counting < 0.995, "{rest:?} {sides:?}: {counting}");
        }
    }

    #[test]
    fn a_signal_that_says_nothing_leaves_chance() {
        let task = CueAssociation { cues: 3, ..CueAssociation::default() };
        let world = World::new(&task);
        let (mut ideal, mut counting) = (0.0, 0.0);
        for number in 0..400 {
            let (mut evidence, class) = Evidence::of(&task, 3, number);
            // Half of all episodes have their signal lines exchanged.
            if number % 2 == 0 {
                evidence.classes.iter_mut().for_each(|c| *c = 1 - *c);
            }
            ideal += credit(&world.posterior(&evidence), class);
            counting += credit(&evidence.counting(), class);
        }
        // Four standard errors around one half.
        for correct in [ideal, counting] {
            assert!((correct / 400.0 - 0.5).abs() < 0.1, "{correct}");
        }
    }

    /// Every assignment of lines to groups of the same size.
    fn all(size: usize) -> Vec<Vec<u8>> {
        let mut done = vec![Vec::new()];
        for _ in 0..4 * size {
            let longer = done.iter().flat_map(|head: &Vec<u8>| {
                (0..4u8)
                    .filter(|g| head.iter().filter(|h| *h == g).count() < size)
                    .map(|g| [head.as_slice(), &[g]].concat())
            });
            done = longer.collect();
        }
        done
    }

    #[test]
    fn the_search_agrees_with_the_sum_over_all_assignments_where_that_is_possible() {
        let weak = CueAssociation {
            cues: 3,
            group: 2,
            cue_steps: 6,
            rest_steps: 2,
            gap_steps: 3,
            decision_steps: 6,
            active: 0.5,
            rest: Rest::Background,
            ..CueAssociation::default()
        };
        let world = World::new(&weak);
        let assignments = all(2);
        assert_eq!(assignments.len(), 2520);
        let (mut agree, mut distance) = (0, 0.0f64);
        let n = 150;
        for number in 0..n {
            let (evidence, _) = Evidence::of(&weak, 5, number);
            let lines = world.lines(&evidence);
            let scores = assignments
                .iter()
                .map(|groups| world.joint(&Assignment::new(groups, &lines), &evidence.classes));
            let scores: Vec<[f64; 2]> = scores.collect();
            let top = scores.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
            let full = [0, 1].map(|c| scores.iter().map(|s| (s[c] - top).exp()).sum::<f64>());
            let found = world.posterior(&evidence);
            let share = |s: &[f64]| s[0] / (s[0] + s[1]);
            distance += (share(&full) - share(&found)).abs() / f64::from(n);
            agree += u32::from((full[0] > full[1]) == (found[0] > found[1]));
        }
        assert!(agree >= n * 95 / 100 && distance < 0.03, "{agree} of {n}, {distance}");
    }

    #[test]
    fn threads_change_nothing_and_impossible_tasks_are_refused() {
        let task = CueAssociation { cues: 1, ..CueAssociation::default() };
        let with = |threads| observe(Observer::Ideal, &task, (1, 21), threads, &|_| {});
        assert_eq!(with(1).expect("legal"), with(4).expect("legal"));
        let even = CueAssociation { cues: 2, ..task };
        assert!(observe(Observer::Ideal, &even, (1, 1), 1, &|_| {}).is_err());
    }
}
