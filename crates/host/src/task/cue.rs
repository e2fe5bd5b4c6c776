//! One-shot cue association, experiment 1 of *Learning to learn online*.
//!
//! Input lines belong to four groups of equal size: right cue, left cue, decision, noise; which
//! line belongs to which is drawn anew for every episode. A trial shows cues with rests after
//! them, a longer rest, and a decision interval; the class is the side with more cues. An episode
//! has one training trial per class and shot, whose decision interval comes with the learning
//! signal, and then a test trial without it. Nothing is reset in between.
//!
//! The paper leaves open how sides are drawn ([`Sides`]) and whether cue lines fire outside cue
//! periods ([`Rest`]); a result names the reading it belongs to.

use super::{Part, Port, Task};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use trifactor_fixed::{DrawKey, mix32};

/// The longest episode, so that the spikes of 64 of them fit into memory.
const MAX_STEPS: u64 = 50_000;

/// How the sides of a trial's cues are drawn. The class is always that of the majority.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Sides {
    /// Each cue is on the class side with this probability.
    Biased(f64),
    /// Both sides are equally likely for each cue: the hardest reading.
    Iid,
    /// All cues are on the class side.
    OneSided,
}

impl Sides {
    /// Probability of a cue on the class side, before trials are named by their majority.
    pub fn probability(self) -> f64 {
        match self {
            Self::Biased(p) => p,
            Self::Iid => 0.5,
            Self::OneSided => 1.0,
        }
    }
}

/// What cue lines do outside cue periods.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Rest {
    /// They are silent, as in the task this one descends from.
    Silent,
    /// They fire at the background probability.
    Background,
}

/// The task's numbers; the defaults are those of the paper.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CueAssociation {
    /// Cues of a trial; odd, so that there is a majority.
    pub cues: u32,
    /// Training trials per class.
    pub shots: u32,
    /// How sides are drawn.
    pub sides: Sides,
    /// Share of trials whose cues are all on one side whatever `sides` says: an easier mixture.
    pub one_sided: f64,
    /// Share of episodes that show fewer cues than there are periods: 1, 3, .. or `cues - 2` with
    /// equal chances, in random periods; in the others nothing is shown. Trials keep their length.
    pub fewer: f64,
    /// What cue lines do outside cue periods.
    pub rest: Rest,
    /// Lines of a group; there are four groups.
    pub group: u32,
    /// Steps of a cue.
    pub cue_steps: u32,
    /// Steps of rest after each cue.
    pub rest_steps: u32,
    /// Further steps of rest after the last.
    pub gap_steps: u32,
    /// Steps of the decision interval.
    pub decision_steps: u32,
    /// Firing probability per step of a shown cue's group, and of the decision group in its turn.
    pub active: f64,
    /// Firing probability per step of everything else.
    pub background: f64,
}

impl Default for CueAssociation {
    fn default() -> Self {
        Self {
            cues: 5,
            shots: 1,
            sides: Sides::Biased(0.7),
            one_sided: 0.0,
            fewer: 0.0,
            rest: Rest::Silent,
            group: 5,
            cue_steps: 25,
            rest_steps: 30,
            gap_steps: 50,
            decision_steps: 25,
            active: 0.75,
            background: 0.15,
        }
    }
}

/// What a line is for in an episode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// It shows the cues of this side: 0 is right, 1 is left.
    Cue(usize),
    /// It shows the decision interval.
    Decision,
    /// It says nothing.
    Noise,
}

/// What an episode shows, behind its spikes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// What each sensor line is for.
    pub groups: Vec<Group>,
    /// Class of each trial and what its cue periods show; the last one is the test.
    pub trials: Vec<(usize, Vec<Option<usize>>)>,
}

/// Streams of the draws.
#[derive(Clone, Copy)]
enum Stream {
    Permutation = 1,
    Order = 2,
    Sides = 3,
    Spikes = 4,
    Fewer = 5,
}

/// The draws of one episode.
struct Draws {
    seed: u32,
}

impl Draws {
    fn new(seed: u32, part: Part, number: u32) -> Self {
        let part = match part {
            Part::Training => 0x7472_6169,
            Part::Evaluation => 0x6576_616c,
        };
        // Hashing twice keeps neighbouring episodes from sharing draws shifted by one.
        Self { seed: mix32(mix32(mix32(seed ^ part)) ^ number.wrapping_mul(0x9e37_79b9)) }
    }
    fn bits(&self, stream: Stream, a: u32, b: u32) -> u32 {
        DrawKey::new(self.seed, a, stream as u32, 0).draw(b, 0)
    }
    fn below(&self, stream: Stream, a: u32, b: u32, n: u32) -> usize {
        ((u64::from(self.bits(stream, a, b)) * u64::from(n)) >> 32) as usize
    }
}

/// The draws that are below it happen with this probability.
fn limit(probability: f64) -> u64 {
    (probability * 4_294_967_296.0).round() as u64
}

/// The half of all permutations to which one belongs, decided by its content.
fn part_of(groups: &[Group]) -> Part {
    let hash = groups.iter().fold(0x1234_5678, |h: u32, g| {
        let code = match g {
            Group::Cue(side) => *side as u32,
            Group::Decision => 2,
            Group::Noise => 3,
        };
        mix32(h.wrapping_mul(5).wrapping_add(code))
    });
    if hash & 1 == 0 { Part::Training } else { Part::Evaluation }
}

impl CueAssociation {
    /// What is wrong with the numbers, if anything.
    pub fn check(&self) -> Result<(), String> {
        let wrong = |key: &str, value: &dyn std::fmt::Display, rule: &str| {
            Err(format!("CueAssociation.{key} is {value}; {rule}"))
        };
        if self.cues.is_multiple_of(2) || self.cues > 99 {
            return wrong("cues", &self.cues, "an odd number up to 99 is needed");
        }
        if !(1..=20).contains(&self.shots) {
            return wrong("shots", &self.shots, "1 to 20 are possible");
        }
        if !(1..=64).contains(&self.group) {
            return wrong("group", &self.group, "1 to 64 are possible");
        }
        for (key, steps) in [("cue_steps", self.cue_steps), ("decision_steps", self.decision_steps)]
        {
            if !(1..=1000).contains(&steps) {
                return wrong(key, &steps, "1 to 1000 are possible");
            }
        }
        for (key, steps) in [("rest_steps", self.rest_steps), ("gap_steps", self.gap_steps)] {
            if steps > 1000 {
                return wrong(key, &steps, "0 to 1000 are possible");
            }
        }
        let steps = self.steps();
        if steps > MAX_STEPS {
            return Err(format!(
                "CueAssociation: an episode of {steps} steps; {MAX_STEPS} are possible"
            ));
        }
        let probabilities = [
            ("active", self.active),
            ("background", self.background),
            ("one_sided", self.one_sided),
            ("fewer", self.fewer),
            ("sides", self.sides.probability()),
        ];
        for (key, p) in probabilities {
            if !(0.0..=1.0).contains(&p) {
                return wrong(key, &p, "a probability from 0 to 1 is needed");
            }
        }
        Ok(())
    }

    fn cues_end(&self) -> u32 {
        self.cues * self.period()
    }

    /// Steps of a trial.
    pub fn trial_steps(&self) -> u32 {
        self.cues_end() + self.gap_steps + self.decision_steps
    }

    /// Trials of an episode; the last one is the test.
    pub fn trials(&self) -> u32 {
        2 * self.shots + 1
    }

    /// Distance in steps from the beginning of a cue to that of the next.
    pub fn period(&self) -> u32 {
        self.cue_steps + self.rest_steps
    }

    /// What an episode shows: for pictures and observers, never for a network.
    pub fn script(&self, seed: u32, part: Part, number: u32) -> Script {
        let draws = Draws::new(seed, part, number);
        let shown = self.shown(&draws);
        let trials = (0..self.trials()).map(|trial| {
            let class = self.class(&draws, trial);
            (class, self.sides(&draws, trial, class, shown))
        });
        Script { groups: self.groups(&draws, part), trials: trials.collect() }
    }

    /// Both classes once per shot, in random order; the test trial's class is free.
    fn class(&self, draws: &Draws, trial: u32) -> usize {
        let first = draws.below(Stream::Order, trial / 2, 0, 2);
        if trial.is_multiple_of(2) { first } else { 1 - first }
    }

    /// Random orders until one belongs to the part; each attempt succeeds half of the time.
    fn groups(&self, draws: &Draws, part: Part) -> Vec<Group> {
        let size = self.group as usize;
        let kinds = [Group::Cue(0), Group::Cue(1), Group::Decision, Group::Noise];
        let mut attempt = 0;
        loop {
            let mut groups: Vec<Group> =
                kinds.iter().flat_map(|kind| std::iter::repeat_n(*kind, size)).collect();
            for i in (1..groups.len()).rev() {
                groups.swap(i, draws.below(Stream::Permutation, attempt, i as u32, i as u32 + 1));
            }
            // Lines of a group of one have few orders; all parts may then be of one kind.
            if part_of(&groups) == part || attempt == 64 {
                return groups;
            }
            attempt += 1;
        }
    }

    /// Number of cues that the trials of an episode show.
    fn shown(&self, draws: &Draws) -> u32 {
        let smaller = self.cues / 2;
        let fewer = u64::from(draws.bits(Stream::Fewer, u32::MAX, 0)) < limit(self.fewer);
        if fewer && smaller > 0 {
            2 * draws.below(Stream::Fewer, u32::MAX, 1, smaller) as u32 + 1
        } else {
            self.cues
        }
    }

    /// What every cue period of a trial of that class shows, `shown` of them: a side.
    fn sides(&self, draws: &Draws, trial: u32, class: usize, shown: u32) -> Vec<Option<usize>> {
        let pure = u64::from(draws.bits(Stream::Sides, trial, u32::MAX)) < limit(self.one_sided);
        let p = limit(if pure { 1.0 } else { self.sides.probability() });
        let on_class = |cue| u64::from(draws.bits(Stream::Sides, trial, cue)) < p;
        let mut sides: Vec<usize> =
            (0..shown).map(|cue| if on_class(cue) { class } else { 1 - class }).collect();
        // The class is the majority's. Mirroring a trial that came out the other way round gives
        // the same distribution as naming it by its majority.
        if 2 * sides.iter().filter(|s| **s == class).count() < sides.len() {
            sides.iter_mut().for_each(|s| *s = 1 - *s);
        }
        // Each period is taken with the share of cues still to show in periods still to come.
        let mut sides = sides.into_iter();
        let periods = (0..self.cues).map(|period| {
            let left = (self.cues - period) as usize;
            let taken = draws.below(Stream::Fewer, trial, period, left as u32) < sides.len();
            if taken { sides.next() } else { None }
        });
        periods.collect()
    }
}

impl Task for CueAssociation {
    fn ports(&self) -> Vec<Port> {
        vec![
            Port { name: "sensors".to_owned(), lanes: 4 * self.group as usize },
            Port { name: "signal".to_owned(), lanes: 2 },
        ]
    }

    fn classes(&self) -> usize {
        2
    }

    fn steps(&self) -> u64 {
        u64::from(self.trials()) * u64::from(self.trial_steps())
    }

    fn window(&self) -> RangeInclusive<u64> {
        let end = self.steps();
        end - u64::from(self.decision_steps) + 1..=end
    }

    fn episode(
        &self,
        seed: u32,
        part: Part,
        number: u32,
        spike: &mut dyn FnMut(u64, usize, usize),
    ) -> usize {
        let draws = Draws::new(seed, part, number);
        let groups = self.groups(&draws, part);
        let (active, background) = (limit(self.active), limit(self.background));
        let outside = if self.rest == Rest::Silent { 0 } else { background };
        let period = self.period();
        let n_shown = self.shown(&draws);
        let mut class = 0;
        for trial in 0..self.trials() {
            class = self.class(&draws, trial);
            let sides = self.sides(&draws, trial, class, n_shown);
            for at in 0..self.trial_steps() {
                let step = trial * self.trial_steps() + at + 1;
                let deciding = at >= self.cues_end() + self.gap_steps;
                let shown = (at < self.cues_end() && at % period < self.cue_steps)
                    .then(|| sides[(at / period) as usize])
                    .flatten();
                let key = DrawKey::new(draws.seed, step, Stream::Spikes as u32, 0);
                for (lane, group) in groups.iter().enumerate() {
                    let p = match group {
                        Group::Cue(side) => match shown {
                            Some(now) if now == *side => active,
                            Some(_) => background,
                            None => outside,
                        },
                        Group::Decision if deciding => active,
                        Group::Decision | Group::Noise => background,
                    };
                    if u64::from(key.draw(lane as u32, 0)) < p {
                        spike(u64::from(step), 0, lane);
                    }
                }
                if deciding && trial + 1 < self.trials() {
                    spike(u64::from(step), 1, class);
                }
            }
        }
        class
    }
}

#[cfg(test)]
mod tests {
    use super::super::Batch;
    use super::*;

    fn groups_of(task: &CueAssociation, part: Part, number: u32) -> Vec<Group> {
        task.groups(&Draws::new(1, part, number), part)
    }

    #[test]
    fn no_permutation_of_the_evaluation_is_one_of_the_training() {
        let task = CueAssociation::default();
        for number in 0..500 {
            for part in [Part::Training, Part::Evaluation] {
                assert_eq!(part_of(&groups_of(&task, part, number)), part);
            }
        }
    }

    #[test]
    fn every_line_is_equally_often_in_every_group() {
        let task = CueAssociation::default();
        let n = 4000;
        let mut counts = vec![[0f64; 4]; 20];
        for number in 0..n {
            for (count, group) in counts.iter_mut().zip(groups_of(&task, Part::Training, number)) {
                let at = match group {
                    Group::Cue(side) => side,
                    Group::Decision => 2,
                    Group::Noise => 3,
                };
                count[at] += 1.0;
            }
        }
        for count in counts {
            let e = f64::from(n) / 4.0;
            let chi2: f64 = count.iter().map(|c| (c - e) * (c - e) / e).sum();
            // 3 degrees of freedom: 25.9 is exceeded with probability 1e-5.
            assert!(chi2 < 25.9, "{count:?}");
        }
    }

    #[test]
    fn groups_fire_as_the_reading_says() {
        for rest in [Rest::Silent, Rest::Background] {
            let task = CueAssociation { rest, ..CueAssociation::default() };
            // (spikes, chances): cue shown, cue not shown, cue outside, decision in its turn,
            // decision before, noise.
            let mut seen = [(0f64, 0f64); 6];
            for number in 0..40 {
                let draws = Draws::new(7, Part::Training, number);
                let groups = task.groups(&draws, Part::Training);
                let mut batch = Batch::default();
                batch.fill(&task, 7, Part::Training, &[number]);
                let class = batch.labels()[0];
                let sides = task.sides(&draws, 2, class, task.cues);
                assert!(sides.iter().filter(|s| **s == Some(class)).count() >= 3);
                for at in 0..350u32 {
                    for (lane, group) in groups.iter().enumerate() {
                        let cue = at < 275 && at % 55 < 25;
                        let shown = if cue { sides[at as usize / 55] } else { None };
                        let kind = match (group, shown) {
                            (Group::Cue(side), Some(now)) => usize::from(now != *side),
                            (Group::Cue(_), None) => 2,
                            (Group::Decision, _) => 3 + usize::from(at < 325),
                            (Group::Noise, _) => 5,
                        };
                        seen[kind].1 += 1.0;
                        let fires = batch.fires(u64::from(700 + at + 1), 0, lane, 0);
                        seen[kind].0 += f64::from(u8::from(fires));
                    }
                }
            }
            let outside = if rest == Rest::Silent { 0.0 } else { 0.15 };
            let expected = [0.75, 0.15, outside, 0.75, 0.15, 0.15];
            for ((spikes, chances), p) in seen.iter().zip(expected) {
                let error = (spikes / chances - p).abs();
                assert!(error <= 5.0 * (p * (1.0 - p) / chances).sqrt(), "{rest:?} {p}: {seen:?}");
            }
        }
    }

    #[test]
    fn the_signal_names_the_class_in_the_decisions_of_training_trials_only() {
        let task = CueAssociation { shots: 2, ..CueAssociation::default() };
        let mut batch = Batch::default();
        let numbers: Vec<u32> = (0..64).collect();
        batch.fill(&task, 3, Part::Evaluation, &numbers);
        for episode in 0..64 {
            let mut classes: Vec<usize> = Vec::new();
            for trial in 0..5u64 {
                let lines: Vec<usize> = (0..350)
                    .flat_map(|at| {
                        let step = trial * 350 + at + 1;
                        let batch = &batch;
                        (0..2).filter(move |l| batch.fires(step, 1, *l, episode))
                    })
                    .collect();
                assert_eq!(lines.len(), if trial < 4 { 25 } else { 0 });
                assert!(lines.windows(2).all(|w| w[0] == w[1]));
                classes.extend(lines.first());
            }
            assert_ne!(classes[0], classes[1]);
            assert_ne!(classes[2], classes[3]);
        }
    }

    #[test]
    fn sides_follow_their_reading() {
        let share = |sides: Sides, one_sided: f64| {
            let task = CueAssociation { sides, one_sided, ..CueAssociation::default() };
            let mut on_class = 0.0;
            for number in 0..4000 {
                let draws = Draws::new(1, Part::Training, number);
                on_class +=
                    task.sides(&draws, 0, 1, task.cues).iter().flatten().sum::<usize>() as f64;
            }
            on_class / 20_000.0
        };
        // By hand: sum over k > M/2 of k/M times the probability of k given the majority.
        let expected = |p: f64| {
            let q = 1.0 - p;
            let at = |k: i32, c: f64| c * (p.powi(k) * q.powi(5 - k) + q.powi(k) * p.powi(5 - k));
            0.6 * at(3, 10.0) + 0.8 * at(4, 5.0) + at(5, 1.0)
        };
        for (sides, mix, mean) in [
            (Sides::Biased(0.7), 0.0, expected(0.7)),
            (Sides::Iid, 0.0, expected(0.5)),
            (Sides::OneSided, 0.0, 1.0),
            (Sides::Iid, 0.5, 0.5 + 0.5 * expected(0.5)),
        ] {
            let got = share(sides, mix);
            assert!((got - mean).abs() < 0.01, "{sides:?} {mix}: {got}, by hand {mean}");
        }
    }

    #[test]
    fn an_episode_with_fewer_cues_shows_an_odd_number_in_random_periods() {
        let task = CueAssociation { fewer: 0.5, ..CueAssociation::default() };
        let (mut by_number, mut by_period) = ([0; 6], [0i32; 5]);
        for number in 0..2000 {
            let draws = Draws::new(4, Part::Training, number);
            let n = task.shown(&draws);
            for trial in 0..3 {
                let sides = task.sides(&draws, trial, 1, n);
                assert_eq!(sides.iter().flatten().count(), n as usize);
                assert!(2 * sides.iter().flatten().filter(|s| **s == 1).count() > n as usize);
                if n == 1 {
                    let at = sides.iter().position(Option::is_some).expect("one is shown");
                    by_period[at] += 1;
                }
            }
            by_number[n as usize] += 1;
        }
        assert_eq!(by_number[0] + by_number[2] + by_number[4], 0);
        assert!((930..1070).contains(&by_number[5]), "{by_number:?}");
        assert!((440..560).contains(&by_number[1]), "{by_number:?}");
        let expected = 3 * by_number[1] / 5;
        assert!(by_period.iter().all(|n| (n - expected).abs() < 80), "{by_period:?}");
    }

    #[test]
    fn classes_are_balanced_and_neighbouring_episodes_differ() {
        let task = CueAssociation { cues: 1, ..CueAssociation::default() };
        let mut ones = 0;
        let mut last = Vec::new();
        for number in 0..1000 {
            let mut spikes = Vec::new();
            ones += task.episode(5, Part::Training, number, &mut |s, p, l| spikes.push((s, p, l)));
            assert_ne!(spikes, last);
            last = spikes;
        }
        assert!((430..570).contains(&ones), "{ones}");
    }

    #[test]
    fn impossible_numbers_are_refused_with_their_key() {
        let even = CueAssociation { cues: 4, ..CueAssociation::default() };
        assert!(even.check().is_err_and(|m| m.contains("cues is 4")));
        let p = CueAssociation { active: 1.5, ..CueAssociation::default() };
        assert!(p.check().is_err_and(|m| m.contains("active is 1.5")));
        let nan = CueAssociation { background: f64::NAN, ..CueAssociation::default() };
        assert!(nan.check().is_err());
    }
}
