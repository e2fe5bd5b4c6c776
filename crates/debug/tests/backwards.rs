//! Going back to breakpoints on random images: the same places in the other order.

#[path = "../../emu/tests/common/mod.rs"]
mod emulated;

use emulated::{Rng, inputs, random};
use std::collections::BTreeSet;
use trifactor_debug::{Answer, Position, Session, Stimulus, StimulusStep};
use trifactor_emu::{Emulator, Options};
use trifactor_image::Image;

const STEPS: u32 = 45;
/// Places that are compared in one image.
const MOST: usize = 50;

/// A place at which runs stop, with what is said there.
type Place = (Position, BTreeSet<String>);

fn session(rng: &mut Rng, image: &Image) -> Session {
    let emulator = Emulator::load(image, Options::default()).expect("the image loads");
    let step = |_| {
        let spikes = inputs(rng, &emulator).into_iter().filter(|(_, lanes)| !lanes.is_empty());
        StimulusStep { resets: Vec::new(), spikes: spikes.collect() }
    };
    let steps = (0..STEPS).map(step).collect();
    Session::new(image, emulator, Stimulus::new("random spikes", 7, steps))
}

/// Sets a few breakpoints and watchpoints that are possible in this image.
fn breakpoints(rng: &mut Rng, session: &mut Session, image: &Image) {
    let states = session.execute("info states").expect("there are states").text;
    let states: Vec<&str> = states.lines().collect();
    let (mut set, wanted) = (0, 1 + rng.below(4));
    while set < wanted {
        let core = &image.cores[rng.below(image.cores.len() as u32) as usize];
        let population =
            &image.map.populations[rng.below(image.map.populations.len() as u32) as usize];
        let state = states[rng.below(states.len() as u32) as usize];
        let line = match rng.below(6) {
            0 => format!("break spike {}", population.name),
            1 => "break saturation".to_owned(),
            2 => format!("break at {}:{}", core.id, rng.below(core.ucode.len().max(1) as u32)),
            3 => format!("watch {state}"),
            4 => format!("watch {state} crosses {}", rng.signed(40)),
            _ => format!("break step {}", rng.below(STEPS)),
        };
        set += u32::from(session.execute(&line).is_ok());
    }
}

/// What an answer says about the place that a run ended at; `None` where nothing stopped it.
fn place(session: &Session, answer: &Answer) -> Option<Place> {
    let stopped = answer.value["stopped"].as_array().expect("a list");
    let texts = stopped.iter().map(|s| s["text"].as_str().expect("a text").to_owned());
    (!stopped.is_empty()).then(|| (session.position(), texts.collect()))
}

/// The places that runs stop at from here on; several reasons at one place are one place.
fn forwards(session: &mut Session, mut at_each: impl FnMut(&mut Session)) -> Vec<Place> {
    let mut all: Vec<Place> = Vec::new();
    while all.len() < MOST {
        let answer = session.execute("continue").expect("it runs");
        let Some((position, texts)) = place(session, &answer) else { break };
        match all.last_mut() {
            Some((last, known)) if *last == position => known.extend(texts),
            _ => all.push((position, texts)),
        }
        at_each(session);
    }
    all
}

fn backwards(session: &mut Session) -> Vec<Place> {
    let mut all = Vec::new();
    loop {
        let answer = session.execute("rcontinue").expect("it goes back");
        match place(session, &answer) {
            Some(place) => all.push(place),
            None => return all,
        }
    }
}

/// Writes something, spikes of an input included, if it can be written here.
fn change(rng: &mut Rng, session: &mut Session, image: &Image) -> bool {
    let states = session.execute("info states").expect("there are states").text;
    let states: Vec<&str> = states.lines().collect();
    let line = match rng.below(3) {
        0 => {
            let population = rng.below(image.map.populations.len() as u32) as usize;
            format!("fire {}[0]", image.map.populations[population].name)
        }
        _ => {
            let state = states[rng.below(states.len() as u32) as usize];
            format!("set {state} = {} raw", rng.signed(200))
        }
    };
    session.execute(&line).is_ok()
}

#[test]
fn the_stops_on_the_way_back_are_those_of_the_way_there_in_the_other_order() {
    let (mut places, mut far) = (0, 0);
    for seed in 0..30 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let mut session = session(&mut rng, &image);
        breakpoints(&mut rng, &mut session, &image);
        let there = forwards(&mut session, |_| {});
        let end = session.position();
        // The place at which the way back begins is not before itself.
        let there: Vec<Place> = there.into_iter().filter(|(at, _)| *at < end).collect();
        let mut back = backwards(&mut session);
        assert_eq!(session.position(), Position::after(0), "image {seed}");
        back.reverse();
        assert_eq!(back, there, "image {seed}");
        places += there.len();
        // A checkpoint is kept every 16 steps: a search that crosses at least one finds nothing.
        let last = there.last().map_or(0, |(at, _)| at.step);
        let apart = |w: &[Place]| w[1].0.step > w[0].0.step + 32;
        far += usize::from(there.windows(2).any(apart) || end.step > last + 32);
        // From the beginning of the first there is the same way forwards again.
        let again = forwards(&mut session, |_| {});
        assert_eq!(again.into_iter().filter(|(at, _)| *at < end).collect::<Vec<_>>(), there);
    }
    assert!(places > 200 && far > 2, "{places} places, {far} far apart");
}

#[test]
fn what_is_changed_by_hand_stops_nothing_on_the_way_back_either() {
    let (mut places, mut changes) = (0, 0);
    for seed in 100..118 {
        let mut rng = Rng::new(seed);
        let image = random::image(&mut rng);
        let mut session = session(&mut rng, &image);
        breakpoints(&mut rng, &mut session, &image);
        let there = forwards(&mut session, |session| {
            changes += u32::from(rng.chance(4) && change(&mut rng, session, &image));
        });
        let end = session.position();
        let there: Vec<Place> = there.into_iter().filter(|(at, _)| *at < end).collect();
        let mut back = backwards(&mut session);
        back.reverse();
        assert_eq!(back, there, "image {seed}");
        places += there.len();
    }
    assert!(places > 100 && changes > 20, "{places} places, {changes} changes");
}
