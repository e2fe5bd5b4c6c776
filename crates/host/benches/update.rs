//! A whole update of the real model: episodes made, run forwards and backwards, Adam. The network
//! and the settings are those of `firmware-models/cue-association`, except for the batch; the task
//! is the last stage's, the whole one. The bar is 0.10 s for 64 episodes on two threads, in less
//! than half a gigabyte. Recorded in docs/prototypes.md.
#![allow(missing_docs, clippy::print_stdout)]

use criterion::{Criterion, criterion_group, criterion_main};
use std::fs;
use std::path::Path;
use std::time::Duration;
use trifactor_host::{Settings, Training};
use trifactor_model::{Params, load_with};

fn update(c: &mut Criterion) {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware-models/cue-association");
    let model = load_with(&folder, &Params::Initial).expect("the model is sound");
    let text = fs::read_to_string(folder.join("train.ron")).expect("settings");
    let mut settings = Settings::parse(&text).expect("legal settings");
    settings.stages.drain(..settings.stages.len() - 1);
    // As many as criterion asks for.
    settings.updates = u64::MAX;
    let mut group = c.benchmark_group("update of cue-association");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    for (batch, threads) in [(64, 1), (64, 2), (256, 1), (256, 2)] {
        settings.batch = batch;
        let mut training =
            Training::new(&model.network, &settings, 1, threads, true).expect("trainable");
        group.bench_function(format!("{batch} episodes, {threads} threads"), |b| {
            b.iter(|| training.update().expect("finite"));
        });
        println!("peak memory of the process so far: {}", peak());
    }
    group.finish();
}

/// The largest resident size, where the system tells.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.map_or("unknown", str::trim).to_owned()
}

criterion_group!(benches, update);
criterion_main!(benches);
