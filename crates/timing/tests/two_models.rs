//! The event-driven model against the stepped one, on random machines and traffic.

use proptest::prelude::*;
use trifactor_timing::event::Engine;
use trifactor_timing::stepped::{Chip, Compartment, CoreJobs, Job, Parcel, Prices};
use trifactor_timing::{Core, CoreWork, Direction, Machine, Mesh, Message, Observer, Rates};

/// A machine and the work of some steps.
#[derive(Clone, Debug)]
struct Case {
    machine: Machine,
    steps: Vec<(Vec<CoreJobs>, Vec<Parcel>)>,
}

fn machine(queue: impl Strategy<Value = usize>) -> impl Strategy<Value = Machine> {
    // A single tile is what small networks use, and has ways of its own through the fast model.
    let sizes = prop_oneof![
        1 => Just((1, 1, 1, 1)),
        2 => (1u32..=4, 1u32..=3, 1u32..=2, 1u32..=2),
    ];
    let mesh = sizes.prop_map(|(columns, rows, across, down)| Mesh {
        columns: columns * across,
        rows: rows * down,
        chip_columns: columns,
        chip_rows: rows,
    });
    let rates = (queue, 1u64..=4, (1u64..=21, 1u64..=9, 1u64..=12, 0u64..=5), 1u64..=20).prop_map(
        |(queue, link, (tile_entry, hop_ew, hop_ns, border), axon_out)| Rates {
            queue,
            link,
            tile_entry,
            hop_ew,
            hop_ns,
            border,
            axon_out,
        },
    );
    (mesh, rates, 1u32..=4).prop_flat_map(|(mesh, rates, places)| {
        let all = mesh.tiles() as u32 * places;
        let ids = prop::sample::subsequence((0..all).collect::<Vec<_>>(), 1..=all.min(9) as usize);
        (ids.prop_shuffle(), 0..mesh.tiles() as u32).prop_map(move |(ids, host)| {
            let core = |id: &u32| Core { tile: id / places, place: id % places };
            let cores = ids.iter().map(core).collect();
            Machine { rates, mesh, cores, places, host }
        })
    })
}

fn parcel(cores: usize, services: u64) -> impl Strategy<Value = Parcel> {
    (0..cores, 0u32..1000, 1..=services, 0u64..50).prop_map(|(to, axon, ticks, fj)| Parcel {
        to,
        axon,
        service: Job { ticks, fj },
    })
}

fn jobs(cores: usize) -> impl Strategy<Value = CoreJobs> {
    let job = |most| (0u64..=most, 0u64..50).prop_map(|(ticks, fj)| Job { ticks, fj });
    // From a few late spikes to storms.
    (1u64..=60, 1usize..=12, 1u64..=30).prop_flat_map(move |(ticks, messages, services)| {
        let messages = prop_oneof![
            2 => Just(Vec::new()),
            1 => prop::collection::vec(parcel(cores, services), 0..=messages),
        ];
        let compartment =
            (job(ticks), messages).prop_map(|(job, messages)| Compartment { job, messages });
        (
            prop::collection::vec(job(20), 0..6),
            prop::collection::vec(compartment, 0..30),
            prop::collection::vec(job(9), 0..6),
        )
            .prop_map(|(synapses, compartments, update)| CoreJobs {
                synapses,
                compartments,
                update,
            })
    })
}

fn case() -> impl Strategy<Value = Case> {
    machine(prop_oneof![1usize..=3, Just(16)]).prop_flat_map(|machine| {
        let n = machine.cores.len();
        let step = (
            prop::collection::vec(prop_oneof![1 => Just(CoreJobs::default()), 2 => jobs(n)], n),
            prop_oneof![
                Just(Vec::new()),
                prop::collection::vec(parcel(n, 9), 0..40),
                prop::collection::vec(parcel(n, 1), 0..40),
            ],
        );
        prop::collection::vec(step, 1..4)
            .prop_map(move |steps| Case { machine: machine.clone(), steps })
    })
}

/// Queues around and beyond what the event-driven model remembers of them, and traffic that fills
/// them: every core sends hundreds of messages to one or two.
fn crowd() -> impl Strategy<Value = Case> {
    let queue = prop::sample::select(vec![1usize, 2, 16, 63, 64, 65, 200]);
    machine(queue).prop_flat_map(|mut machine| {
        machine.cores.truncate(4);
        let n = machine.cores.len();
        let compartment = move |most: u64| {
            let parcels = prop::collection::vec(parcel(n.min(2), most), 1..9);
            let job = (0u64..=20).prop_map(|ticks| Job { ticks, fj: 0 });
            (job, parcels).prop_map(|(job, messages)| Compartment { job, messages })
        };
        let jobs = (1u64..=12).prop_flat_map(move |most| {
            prop::collection::vec(compartment(most), 40..90)
                .prop_map(|compartments| CoreJobs { compartments, ..CoreJobs::default() })
        });
        let step =
            (prop::collection::vec(jobs, n), prop::collection::vec(parcel(n.min(2), 9), 0..200));
        prop::collection::vec(step, 1..3)
            .prop_map(move |steps| Case { machine: machine.clone(), steps })
    })
}

fn message(parcel: &Parcel) -> Message {
    Message { to: parcel.to as u32, axon: parcel.axon, service: parcel.service.ticks as u32 }
}

/// What the event-driven model is told about a core's work.
fn work(jobs: &CoreJobs) -> CoreWork {
    let mut work =
        CoreWork { synapses: jobs.synapses.iter().map(|j| j.ticks).sum(), ..CoreWork::default() };
    for compartment in &jobs.compartments {
        work.compartments += compartment.job.ticks;
        let at = work.compartments;
        work.send(at, compartment.messages.iter().map(message));
    }
    work
}

/// Collects what units and links do, and checks that nothing does two things at once.
#[derive(Default)]
struct Watch {
    /// Who is busy until when, and for how long in all.
    busy: std::collections::BTreeMap<String, (u64, u64)>,
    received: Vec<(usize, u32)>,
}

impl Watch {
    fn add(&mut self, who: String, from: u64, to: u64) {
        let entry = self.busy.entry(who.clone()).or_default();
        assert!(from >= entry.0, "{who} begins at {from} and is busy until {}", entry.0);
        *entry = (to, entry.1 + to - from);
    }
}

impl Observer for Watch {
    fn synapses(&mut self, core: usize, from: u64, to: u64) {
        self.add(format!("synapses {core}"), from, to);
    }
    fn compartments(&mut self, core: usize, from: u64, to: u64) {
        self.add(format!("compartments {core}"), from, to);
    }
    fn stall(&mut self, core: usize, from: u64, to: u64) {
        self.add(format!("stall {core}"), from, to);
    }
    fn axon_out(&mut self, core: usize, from: u64, to: u64, _: Message) {
        self.add(format!("out {core}"), from, to);
    }
    fn entrance(&mut self, _: u32, _: Option<usize>, from: u64, to: u64, _: Message) {
        assert!(to > from);
    }
    fn link(&mut self, _: u32, output: Direction, from: u64, to: u64, _: Message) {
        assert_eq!(to == from, output == Direction::Local);
    }
    fn axon_in(&mut self, core: usize, from: u64, to: u64, message: Message) {
        self.add(format!("in {core}"), from, to);
        assert_eq!(message.to as usize, core);
        self.received.push((core, message.axon));
    }
}

fn check(case: &Case) -> usize {
    let mut chip = Chip::new(case.machine.clone(), Prices::default());
    let mut engine = Engine::new(case.machine.clone());
    let mut watched = Engine::new(case.machine.clone());
    let mut fullest = 0;
    for (jobs, host) in &case.steps {
        let plain = chip.spike_part(jobs, host);
        fullest = fullest.max(plain.fullest);
        assert!(plain.fullest <= case.machine.rates.queue, "a queue overflowed");
        let work: Vec<CoreWork> = jobs.iter().map(work).collect();
        let host: Vec<Message> = host.iter().map(message).collect();
        let end = engine.spike_part(&work, &host, &mut ());
        for (c, times) in plain.cores.iter().enumerate() {
            assert_eq!(engine.times(c), times, "core {c}");
        }
        assert_eq!(end, plain.end);
        // Somebody who listens changes nothing, and hears everything.
        let mut watch = Watch::default();
        assert_eq!(watched.spike_part(&work, &host, &mut watch), end);
        for (c, times) in plain.cores.iter().enumerate() {
            assert_eq!(watched.times(c), times, "core {c}, watched");
            let heard: Vec<u32> = watch
                .received
                .iter()
                .filter(|(core, _)| *core == c)
                .map(|(_, axon)| *axon)
                .collect();
            assert_eq!(heard, plain.received[c]);
            let stalled = watch.busy.get(&format!("stall {c}")).map_or(0, |(_, sum)| *sum);
            assert_eq!(stalled, times.stalled);
        }
        assert_eq!(engine.arbiters(), watched.arbiters());
        // A restored engine goes on in the same way.
        let arbiters = engine.arbiters();
        assert!(engine.set_arbiters(&arbiters));
    }
    fullest
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn both_models_agree_on_every_unit(case in case()) {
        check(&case);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn both_models_agree_on_crowds_and_queues_of_every_size(case in crowd()) {
        check(&case);
    }
}

/// Some of the random cases must reach full queues, or the property above says little.
#[test]
fn random_traffic_fills_queues() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut full = 0;
    for _ in 0..100 {
        let case = case().new_tree(&mut runner).expect("cases can be made").current();
        full += usize::from(check(&case) == case.machine.rates.queue);
    }
    assert!(full >= 30, "{full} of 100 cases filled a queue");
}

/// The crowds must fill queues that the fast ways of the event-driven model do not remember.
#[test]
fn crowds_fill_large_queues() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut full = std::collections::BTreeMap::new();
    for _ in 0..60 {
        let case = crowd().new_tree(&mut runner).expect("cases can be made").current();
        let queue = case.machine.rates.queue;
        *full.entry(queue).or_insert(0) += u32::from(check(&case) == queue);
    }
    assert!(full.len() == 7 && full.values().all(|n| *n >= 2), "{full:?}");
}

/// Sixteen cores send to one, more than any queue holds.
#[test]
fn a_storm_on_one_core_is_the_same_in_both() {
    for queue in [1, 2, 16, 64, 65, 200] {
        storm(queue);
    }
}

fn storm(queue: usize) {
    let rates =
        Rates { queue, link: 3, tile_entry: 21, hop_ew: 41, hop_ns: 65, border: 0, axon_out: 1 };
    let mesh = Mesh { columns: 2, rows: 2, chip_columns: 2, chip_rows: 2 };
    let cores = (0..16).map(|id| Core { tile: id / 4, place: id % 4 }).collect();
    let machine = Machine { rates, mesh, cores, places: 4, host: 0 };
    let to = |k: u32| Parcel { to: 5, axon: k, service: Job { ticks: 60, fj: 0 } };
    let compartment = |k: u32| Compartment {
        job: Job { ticks: 84, fj: 0 },
        messages: (0..4).map(|m| to(4 * k + m)).collect(),
    };
    let jobs = CoreJobs { compartments: (0..20).map(compartment).collect(), ..CoreJobs::default() };
    let host = (0..100).map(to).collect();
    let fullest = check(&Case { machine, steps: vec![(vec![jobs; 16], host)] });
    assert_eq!(fullest, queue);
}
