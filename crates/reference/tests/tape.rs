//! Gradients through time: against central differences.

mod support;

use support::cue::{Sizes, Stimulus, cue};
use support::cue_fused::CueFused;
use support::cue_tape::CueTapes;

#[test]
fn gradients_through_plasticity_agree_with_central_differences() {
    let sizes = Sizes { inputs: 8, hidden: 6, modulatory: 5, smooth: true, seed: 5 };
    let net = cue(sizes);
    let stimulus = Stimulus::new(8, 310, 40, 3);
    let mut tapes: CueTapes<'_, f64> = CueTapes::new(&net, 8, 8, 7);
    let loss = tapes.forward(&stimulus);
    assert!(loss.is_finite(), "{loss}");
    let gradients = tapes.backward(&stimulus);
    for (state, gradient) in net.trained.iter().zip(&gradients) {
        let name = net.network.full_name(*state);
        let s = &net.network.states[*state];
        let mut values: Vec<f64> = (0..gradient.len()).map(|i| s.init.at(i)).collect();
        let scale = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        assert!(scale > 0.0, "{name} has no gradient");
        for lane in (0..values.len()).step_by(values.len().div_ceil(5)) {
            let value = values[lane];
            let h = 1e-3 * value.abs().max(0.1);
            let mut loss = |x: f64| {
                values[lane] = x;
                tapes.set_state(*state, &values);
                tapes.forward(&stimulus)
            };
            // Five points: the error is of order h^4.
            let mut pair = |h: f64| (loss(value + h) - loss(value - h)) / (2.0 * h);
            let difference = (4.0 * pair(h) - pair(2.0 * h)) / 3.0;
            loss(value);
            let error = (difference - gradient[lane]).abs();
            assert!(
                error <= 1e-6 * scale + 1e-11,
                "{name}[{lane}]: {} by the tape, {difference} by differences",
                gradient[lane]
            );
        }
    }
}

#[test]
fn gradients_agree_with_those_of_the_net_written_by_hand() {
    let sizes = Sizes { inputs: 12, hidden: 16, modulatory: 20, smooth: false, seed: 7 };
    let net = cue(sizes);
    let stimulus = Stimulus::new(12, 200, 230, 3);
    let mut tapes: CueTapes<'_, f64> = CueTapes::new(&net, 16, 8, 16);
    let mut fused: CueFused<'_, f64, 8> = CueFused::new(&net, 16, 16);
    let (loss, by_hand) = (tapes.forward(&stimulus), fused.forward(&stimulus));
    assert!((loss - by_hand).abs() < 1e-12, "{loss} {by_hand}");
    let (gradients, by_hand) = (tapes.backward(&stimulus), fused.backward(&stimulus));
    assert_eq!(gradients.len(), by_hand.len());
    for ((state, gradient), by_hand) in net.trained.iter().zip(&gradients).zip(&by_hand) {
        let name = net.network.full_name(*state);
        let scale = by_hand.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        assert!(scale > 0.0, "{name} has no gradient");
        for (lane, (g, h)) in gradient.iter().zip(by_hand).enumerate() {
            assert!((g - h).abs() <= 1e-10 * scale, "{name}[{lane}]: {g} {h}, scale {scale}");
        }
    }
}
