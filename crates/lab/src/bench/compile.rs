//! How long a model takes to become an image, by its size.

use super::clock::{Peak, Stopwatch};
use super::workload::unpack;
use crate::error::LabError;
use crate::prepare::{find_chip, identity, planned};
use std::time::Duration;
use trifactor_compile::compile;
use trifactor_image::elf;
use trifactor_model::load;

/// Post lanes of the layer that is compiled: 10^4 to 10^7 synapses in expectation.
pub const POST_LANES: [u32; 7] = [5, 50, 500, 1000, 2000, 3500, 5000];

/// One size.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Compiling {
    /// Plastic synapses.
    pub synapses: u64,
    /// From the text to a network: lists of synapses, initial weights.
    pub load: Duration,
    /// Formats and binary points.
    pub plan: Duration,
    /// From the network to the memories of cores.
    pub compile: Duration,
    /// From memories to the file.
    pub write: Duration,
    /// Time of the processor from the text to the file, where the system says so.
    pub cpu: Option<Duration>,
    /// Cores in use.
    pub cores: usize,
    /// Bytes of the file.
    pub bytes: u64,
    /// Most memory of the process while it did this, in bytes, where the system says so.
    pub peak_memory: Option<u64>,
}

impl Compiling {
    /// From the text to the file.
    pub fn total(&self) -> Duration {
        self.load + self.plan + self.compile + self.write
    }
}

/// Compiles a layer of every size, the smallest first. `visit` sees each when it is done.
pub fn compiling(
    post_lanes: &[u32],
    mut visit: impl FnMut(&Compiling),
) -> Result<Vec<Compiling>, LabError> {
    let mut done = Vec::new();
    for n in post_lanes {
        let one = compile_one(*n)?;
        visit(&one);
        done.push(one);
    }
    Ok(done)
}

fn compile_one(post_lanes: u32) -> Result<Compiling, LabError> {
    let folder = unpack(&model(post_lanes), &[])?;
    let file = folder.path().join("layer.elf");
    let peak = Peak::start();
    let watch = Stopwatch::start();
    let model = load(folder.path())?;
    let loaded = watch.stop().wall;
    let chip = find_chip(&model.chip)?;
    let (network, plan, _) = planned(&model, &chip)?;
    let planned = watch.stop().wall;
    let compiled = compile(&network, &plan, &chip, &identity(&model))?;
    let linked = watch.stop().wall;
    elf::write_file(&compiled.image, &file)?;
    let all = watch.stop();
    let written = all.wall;
    let peak_memory = peak.stop();
    let bytes = std::fs::metadata(&file)
        .map_err(|source| LabError::Write { path: file.display().to_string(), source })?
        .len();
    let synapses = compiled.image.map.projections.iter().map(|p| u64::from(p.n_synapses)).sum();
    Ok(Compiling {
        synapses,
        load: loaded,
        plan: planned - loaded,
        compile: linked - planned,
        write: written - linked,
        cpu: all.cpu,
        cores: compiled.image.cores.len(),
        bytes,
        peak_memory,
    })
}

/// A layer with 4,000 inputs, half of which reach each neuron, and pair STDP.
fn model(post_lanes: u32) -> String {
    format!(
        r#"#![enable(implicit_some)]
(
    name: "layer", chip: "large", seed: 1,
    inputs: {{ "pre": (n: 4000) }},
    populations: {{ "post": (n: {post_lanes}, tau_u: 5.0, tau_v: 20.0, threshold: 100.0) }},
    projections: {{
        "ff": (pre: "pre", post: "post", connect: Probability(p: 0.5, seed: 3),
               weights: Uniform(0.0, 0.5, 4), range: (0.0, 1.0), sign: Excitatory, rule: "stdp"),
    }},
    rules: {{
        "stdp": (
            kernel: Sop(dw: "2^-6*x1*y0 - 2^-6*y1*x0"),
            traces: {{
                "x1": Pre(tau: 20.0, impulse: 0.1),
                "y1": Post(tau: 20.0, impulse: 0.1),
            }},
        ),
    }},
)
"#
    )
}
