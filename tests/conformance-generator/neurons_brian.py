"""`cuba_lif/1` and `cuba_network/1`: brian2-loihi."""

import numpy as np

import brian
from cases import expected, projections


def why_not(case):
    """Why this peer has no entry."""
    if any(case["params"]["bias_mant"]):
        return "no bias input"
    return None


def run(case):
    p = case["params"]
    group = brian.neurons(p["n_neurons"], p["du"] + 1, p["dv"], p["vth_mant"], p["refractory"])
    n = p.get("n_inputs", p.get("n_ext"))
    outside = brian.sources(n, case.get("input_spikes", case.get("ext_spikes")))
    objects, effective = [group, outside], []
    for spec, source, pre, weights, delays in projections(case):
        of = group if source == "net" else outside
        at = {"sign_mode": brian.sign(spec["sign_mode"]), "w_exp": spec["weight_exp"],
              "num_weight_bits": spec["num_weight_bits"]}
        used = weights != 0 if source == "net" or "synapses" in spec else np.ones_like(weights, bool)
        for delay in np.unique(delays[used]):
            chosen = np.argwhere(used & (delays == delay))
            pairs = [(pre[column], post) for post, column in chosen]
            one = brian.connect(of, group, pairs, [weights[post, column] for post, column in chosen],
                                delay=int(delay), **at)
            objects.append(one)
        # The peer's own conversion of all mantissas; 0 stays 0.
        effective.append(np.array(one.calcActualWeights(weights)).astype(int).tolist())
    u, v, fired = brian.watch(group, "I"), brian.watch(group, "v"), brian.spikes(group)
    # Index k of a source acts in index k, step t of the files in step t + 1: index t is row t.
    brian.simulate(p["steps"], *objects, u, v, fired)
    # A spike of index k is one of step k + 1.
    spikes = [(t + 1, i) for t, i in brian.events(fired)]
    return expected(case, brian.rows(u, "I"), brian.rows(v, "v"), spikes,
                    {"effective_weights": effective})
