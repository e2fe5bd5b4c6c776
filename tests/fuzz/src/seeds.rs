//! Good inputs: the files of this repository, and what is made from them.

use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use trifactor_image::elf;
use trifactor_ir::StateRole;
use trifactor_lab::{find_chip, prepare};
use trifactor_model::Params;

/// Longest seed: mutants of long inputs are slow and say little more.
const LONGEST: u64 = 64 << 10;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Files below a folder with an extension, in the order of their paths.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn contents(paths: impl IntoIterator<Item = PathBuf>) -> Vec<Vec<u8>> {
    let short = |p: &PathBuf| p.metadata().is_ok_and(|m| m.len() <= LONGEST);
    let found: Vec<Vec<u8>> = paths
        .into_iter()
        .filter(short)
        .map(|p| std::fs::read(&p).unwrap_or_else(|e| panic!("{}: {e}", p.display())))
        .collect();
    assert!(!found.is_empty(), "no seeds were found");
    found
}

/// Files of the shipped models with an extension.
pub(crate) fn model_files(extension: &str) -> Vec<PathBuf> {
    files(&root().join("firmware-models"), extension)
}

fn named(paths: Vec<PathBuf>, name: &str) -> Vec<PathBuf> {
    paths.into_iter().filter(|p| p.file_name().is_some_and(|f| f == name)).collect()
}

/// `model.ron` of every shipped model.
pub fn models() -> Vec<Vec<u8>> {
    contents(named(model_files("ron"), "model.ron"))
}

/// `train.ron` of every shipped model that has one.
pub fn settings() -> Vec<Vec<u8>> {
    contents(named(model_files("ron"), "train.ron"))
}

/// Kernels of shipped models and golden files.
pub fn kernels() -> Vec<Vec<u8>> {
    let golden = files(&root().join("tests/golden"), "kern");
    let good = golden.into_iter().filter(|p| !p.components().any(|c| c.as_os_str() == "refused"));
    contents(model_files("kern").into_iter().chain(good))
}

/// Networks of the small shipped models in text form.
pub fn networks() -> Vec<Vec<u8>> {
    let texts: Vec<Vec<u8>> = ["pair-stdp", "stdp-triplet", "rstdp", "three-factor", "eligibility"]
        .into_iter()
        .map(|name| {
            let folder = root().join("firmware-models").join(name);
            let model = trifactor_model::load_with(&folder, &Params::Initial)
                .unwrap_or_else(|e| panic!("{name}: {e}"));
            trifactor_ir::text::print_network(model.network.network()).into_bytes()
        })
        .filter(|text| text.len() as u64 <= LONGEST)
        .collect();
    assert!(!texts.is_empty(), "no network is short enough");
    texts
}

/// Rules as sums of products.
pub fn rules() -> Vec<Vec<u8>> {
    [
        "2^-4*x1*y0 - 2^-4*y1*x0",
        "2^-2*y0*x1 - 2^-2*x0*y1 - 2^-4*u0*t",
        "2^-4*u0*t*y2",
        "(w - 3)*(x1 + 2^-3)*y0 - 5*sgn(t)*r1*u2",
        "-2^-6*w*x0*(y1 - 12)*sgn(w + 4)",
    ]
    .map(|rule| rule.as_bytes().to_vec())
    .to_vec()
}

/// The built-in chips.
pub fn chips() -> Vec<Vec<u8>> {
    contents(files(&root().join("isa/chips"), "ron"))
}

/// Images of small shipped models.
pub fn images() -> Vec<Vec<u8>> {
    static IMAGES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let make = || {
        let mut images: Vec<Vec<u8>> = ["pair-stdp", "three-factor", "rstdp", "eligibility"]
            .into_iter()
            .map(|name| {
                let folder = root().join("firmware-models").join(name);
                let model = trifactor_model::load_with(&folder, &Params::Initial)
                    .unwrap_or_else(|e| panic!("{name}: {e}"));
                let chip = find_chip(&model.chip).expect("the chip is built in");
                let prepared = prepare(&model, chip).unwrap_or_else(|e| panic!("{name}: {e}"));
                elf::write(&prepared.compiled.image).expect("an image can be written")
            })
            .collect();
        images.sort_by_key(Vec::len);
        images
    };
    IMAGES.get_or_init(make).clone()
}

/// The model that [`parameters`] belong to.
pub(crate) fn trained_model() -> &'static [u8] {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    MODEL.get_or_init(|| {
        let path = root().join("firmware-models/pair-stdp/model.ron");
        std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    })
}

/// Parameters of the model beside which they are read.
pub fn parameters() -> Vec<Vec<u8>> {
    let folder = root().join("firmware-models/pair-stdp");
    let model = trifactor_model::load_with(&folder, &Params::Initial).expect("the model is good");
    let values: Vec<_> = model
        .network
        .states
        .iter()
        .filter(|(_, state)| state.role == StateRole::Parameter)
        .map(|(id, state)| (id, vec![0.5; model.network.lanes(state.space)]))
        .collect();
    let lists: Vec<_> = values.iter().map(|(id, list)| (*id, list.as_slice())).collect();
    let file = trifactor_model::write_params(&model.network, &model.hash, &lists);
    vec![file.expect("parameters can be written")]
}

/// Recorded outputs of public models.
pub fn vectors() -> Vec<Vec<u8>> {
    let mut all = files(&root().join("tests/conformance"), "json");
    all.retain(|p| p.file_name().is_some_and(|name| name != "index.json"));
    let mut short = contents(all);
    short.sort_by_key(Vec::len);
    short.retain(|text| text.len() < 24 << 10);
    short
}

/// Small IDX arrays, plain and packed.
pub fn idx() -> Vec<Vec<u8>> {
    let mut plain = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4];
    plain.extend(0u8..24);
    let mut words = vec![0, 0, 0x0b, 1, 0, 0, 0, 3];
    words.extend([0, 1, 0, 2, 255, 255]);
    let mut wide = vec![0, 0, 0x0c, 1, 0, 0, 0, 1];
    wide.extend((-70_000i32).to_be_bytes());
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(&plain).expect("memory can be written");
    let packed = packer.finish().expect("memory can be written");
    vec![plain, words, wide, packed]
}

/// The arrays of the shipped models.
pub fn npy() -> Vec<Vec<u8>> {
    contents(model_files("npy"))
}
