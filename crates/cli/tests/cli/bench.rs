//! `trifactor bench`.

use crate::models::{PAIR, Place};

#[test]
fn the_figures_for_machines_have_every_workload_and_key() {
    let place = Place::with_model(PAIR);
    let call = ["bench", "--steps", "50", "--json", "--raster", "w1.csv"];
    let value = place.call(&call).expect_code(0).json();
    let names: Vec<&String> = value.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["W1", "W2_e1", "W2_e4", "W3_e1", "W3_e4"]);
    for (name, figures) in value.as_object().expect("an object") {
        let keys: Vec<&String> = figures.as_object().expect("an object").keys().collect();
        assert_eq!(
            keys,
            ["bytes_per_synapse", "mean_final_weight", "ms_per_step", "spikes_per_step"],
            "{name}"
        );
        let figure = |key: &str| figures[key].as_f64().expect("a number");
        assert!(figure("ms_per_step") > 0.0, "{name}");
        assert!(figure("spikes_per_step") > 0.5, "{name}");
        assert!((1.0..=16.0).contains(&figure("bytes_per_synapse")), "{name}");
    }
    // The weights of W1 do not learn; those of the others start at a mean of 69.513.
    let weight = |name: &str| value[name]["mean_final_weight"].as_f64().expect("a number");
    assert!((weight("W1") - 0.0298).abs() < 1e-4);
    assert!((68.0..69.5).contains(&weight("W2_e1")), "{}", weight("W2_e1"));
    let raster = String::from_utf8(place.read("w1.csv")).expect("it is text");
    assert!(raster.starts_with("step,neuron\n2,"), "a drive of step 1 acts in step 2");
    let spikes = raster.lines().count() - 1;
    assert_eq!(spikes as f64 / 50.0, value["W1"]["spikes_per_step"].as_f64().expect("a number"));
}

#[test]
fn small_sizes_of_the_other_tables_are_measured() {
    let place = Place::with_model(PAIR);
    let value = place.call(&["bench", "--scaling", "--up-to", "10000", "--json"]);
    let points = value.expect_code(0).json();
    let points = points.as_array().expect("a list");
    assert_eq!(points.len(), 5);
    assert_eq!(points[0]["evaluations_per_step"], 0.0, "nothing fires at 0 %");
    assert!(
        points[4]["evaluations_per_step"].as_f64() > points[1]["evaluations_per_step"].as_f64()
    );
    let value = place.call(&["bench", "--compile", "--up-to", "10000", "--json"]);
    let sizes = value.expect_code(0).json();
    let synapses = sizes[0]["synapses"].as_f64().expect("a number");
    assert!((9_000.0..11_000.0).contains(&synapses), "{synapses}");
    let table = place.call(&["bench", "--compile", "--up-to", "10000"]).expect_code(0);
    table.expect_printed(&["synapses", "cores", "peak"]);
}
