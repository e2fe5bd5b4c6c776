"""What the schemas of neurons and networks share, whatever the peer."""

import numpy as np


def projections(case):
    """The projections of both schemas alike: sources, and matrices of weights and delays."""
    n = case["params"]["n_neurons"]
    for p in case["projections"]:
        if "synapses" not in p:
            yield p, "ext", p["inputs"], np.array(p["weights"]), np.zeros((n, len(p["inputs"])), int)
            continue
        weights = np.zeros((n, len(p["pre"])), dtype=int)
        delays = np.zeros_like(weights)
        for post, column, weight, delay in p["synapses"]:
            weights[post, column], delays[post, column] = weight, delay
        yield p, p["src"], p["pre"], weights, delays


def inputs(case, last):
    """Who fires outside, `[step][source]`."""
    p = case["params"]
    fired = np.zeros((last + 1, p.get("n_inputs", p.get("n_ext"))), dtype=bool)
    for step, source in case.get("input_spikes", case.get("ext_spikes")):
        fired[step, source] = True
    return fired


def expected(case, u, v, spikes, weights):
    """The entry of a peer, from u and v of every step."""
    entry = {"spikes": [[int(t), int(i)] for t, i in spikes]}
    if case["schema"].startswith("cuba_lif"):
        return {"u": u, "v": v, **entry, **weights}
    first = [{"u_first4": u, "v_first4": v}, {"u_final": u, "v_final": v}]
    entry.update({k: [row[:4] for row in rows] for k, rows in first[0].items()})
    entry.update({k: rows[-1] for k, rows in first[1].items()})
    return entry
