"""`cuba_lif/1` and `cuba_network/1`: lava-nc."""

import numpy as np

import lava_models as lava
from cases import expected, inputs, projections


def why_not(case):
    """Why this peer has no entry."""
    if case["params"]["refractory"] > 1:
        return "fixed-point LIF has no refractory period"
    return None


def run(case):
    p = case["params"]
    parts = []
    for spec, source, pre, weights, delays in projections(case):
        model = lava.dense(weights, spec["sign_mode"], spec["num_weight_bits"], spec["weight_exp"],
                           delays if delays.any() else None)
        parts.append((model, source, pre))
    neurons = lava.lif(p["n_neurons"], p["du"], p["dv"], p["vth_mant"], p["bias_mant"], p["bias_exp"])
    outside = inputs(case, p["steps"])
    u, v, spikes = [], [], []
    for step in range(1, p["steps"] + 1):
        fired = lava.fire(neurons, sum(lava.arriving(model) for model, _, _ in parts))
        for model, source, pre in parts:
            lava.send(model, (fired if source == "net" else outside[step])[pre])
        u.append(neurons.u.tolist())
        v.append(neurons.v.tolist())
        spikes += [(step, i) for i in np.flatnonzero(fired)]
    stored = {"stored_weights": [model.weights.tolist() for model, _, _ in parts]}
    return expected(case, u, v, spikes, stored)
