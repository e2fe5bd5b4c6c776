//! Prototype (a): the net of the cue task, forward and backward through 1,050 steps of 64
//! episodes, executed from its kernels beside the same net as a fused loop by hand. The claim is
//! the ratio: where there is native code, the kernels are no slower than the loop.
//! Recorded in docs/prototypes.md.
#![allow(missing_docs)]

#[path = "../tests/support/mod.rs"]
mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use support::cue::{Sizes, Stimulus, cue};
use support::{cue_fused::CueFused, cue_tape::CueTapes};

const EPISODES: usize = 64;
const STEPS: u64 = 1050;
const WIDTH: usize = 16;
const SEGMENT: usize = 32;

fn gradient(c: &mut Criterion) {
    let net = cue(Sizes::FULL);
    let stimulus = Stimulus::new(20, 0, STEPS, 3);
    let mut kernels: CueTapes<'_, f32> = CueTapes::new(&net, EPISODES, WIDTH, SEGMENT);
    let mut fused: CueFused<'_, f32, WIDTH> = CueFused::new(&net, EPISODES, SEGMENT);
    let mut group = c.benchmark_group("cue net, gradient of 64 episodes x 1,050 steps");
    group.sample_size(10);
    group.bench_function("from kernels", |b| {
        b.iter(|| {
            kernels.forward(&stimulus);
            kernels.backward(&stimulus)
        });
    });
    group.bench_function("fused by hand", |b| {
        b.iter(|| {
            fused.forward(&stimulus);
            fused.backward(&stimulus)
        });
    });
    group.finish();
}

criterion_group!(benches, gradient);
criterion_main!(benches);
