//! Damaged model files are refused or read, never a panic; the same folder gives the same model.

mod common;

use common::{FULL, STDP, folder, load_text, npy};
use proptest::prelude::*;
use trifactor_ir::text::print_network;
use trifactor_model::load;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_model_never_panics(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        truncate in any::<bool>(),
    ) {
        let mut bytes = FULL.as_bytes().to_vec();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if truncate { bytes.truncate(cut.index(bytes.len())); }
        let dir = folder("", &[("stdp.kern", STDP.as_bytes()), ("model.ron", &bytes)]);
        let _ = load(dir.path());
    }

    #[test]
    fn digits_letters_and_brackets_in_the_wrong_place_never_panic(
        at in any::<prop::sample::Index>(),
        insert in "[0-9a-zA-Z(){}\\[\\],:.\"-]{1,3}",
        remove in 0usize..4,
    ) {
        let text = FULL;
        let at = at.index(text.len());
        let end = (at + remove).min(text.len());
        let text = format!("{}{insert}{}", &text[..at], &text[end..]);
        let _ = load_text(&text, &[("stdp.kern", STDP.as_bytes())]);
    }

    #[test]
    fn damaged_kernels_data_and_parameters_never_panic(
        which in 0usize..3,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut files = [STDP.as_bytes().to_vec(), npy(&[6, 4], &[0.5; 24]), Vec::new()];
        let text = FULL.replace("Normal(0.0, 0.5, 1)", "File(\"w.npy\")");
        let plain = folder(&text, &[("stdp.kern", &files[0]), ("w.npy", &files[1])]);
        let model = load(plain.path()).unwrap();
        let network = model.network.network();
        let keep = network.state(network.space("hidden").unwrap(), "keep_v").unwrap();
        files[2] = trifactor_model::write_params(network, &model.hash, &[(keep, &[0.5; 4])]).unwrap();
        for (at, value) in flips {
            let at = at.index(files[which].len());
            files[which][at] ^= value;
        }
        let dir = folder(&text, &[("stdp.kern", &files[0]), ("w.npy", &files[1]), ("params.safetensors", &files[2])]);
        let _ = load(dir.path());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn the_same_folder_gives_the_same_network(seed in any::<u32>(), p in 0.0f64..=1.0) {
        let text = FULL.replace("seed: 4,", &format!("seed: {seed},")).replace("p: 0.5", &format!("p: {p:?}"));
        let dir = folder(&text, &[("stdp.kern", STDP.as_bytes())]);
        let (a, b) = (load(dir.path()).unwrap(), load(dir.path()).unwrap());
        prop_assert_eq!(a.network.network(), b.network.network());
        prop_assert_eq!(print_network(a.network.network()), print_network(b.network.network()));
        prop_assert_eq!(a.hash, b.hash);
    }
}

#[test]
fn deep_nesting_is_refused() {
    for text in
        ["(".repeat(100_000), format!("(name: {}", "[".repeat(100_000)), "{\"a\":".repeat(50_000)]
    {
        assert!(load_text(&text, &[]).is_err());
    }
}
