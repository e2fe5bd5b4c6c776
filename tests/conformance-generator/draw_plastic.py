"""Random cases of `brian2_plasticity/1`, its statistics and `pes_learning/1`."""

from draw_sop import SIGNS, spikes

TRACES = ("x1", "x2", "y1", "y2", "y3")


def _product(rng, k, traces):
    scale = rng.choice(["", "", "2*", "3*", "2^-1*", "2^-2*", "2^-3*", "2^-4*", "5*2^-3*"])
    gate = rng.choice(["x0", "y0", "x0", "y0", f"u{k}"])
    factors = [rng.choice(traces) for _ in range(rng.choice([0, 1, 1, 1, 2]))] if traces else []
    extra = rng.random()
    if extra < 0.12:
        factors.append("sign(w)")
    elif extra < 0.22:
        scale, factors = "2^-6*" + scale, [*factors, rng.choice(["w", "(w-255)", "(w+40)"])]
    parts = [gate, *factors]
    rng.shuffle(parts)
    return scale + "*".join(parts)


def case(rng, number):
    """A case with a decision per step and synapse."""
    traces = rng.choice([("x1", "y1"), ("x1", "y1"), ("x1", "y1", "y2"), ("x1", "x2", "y1", "y2"),
                         TRACES, ("x1",), ("y1",), ("x2", "y3")])
    k = rng.choice([0, 0, 1, 2, 3, 5])
    dw = rng.choice(["", "", "-"]) + _product(rng, k, traces)
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        dw += rng.choice([" + ", " - "]) + _product(rng, k, traces)
    sign, closed = rng.choice(SIGNS), rng.random() < 0.3
    bits = rng.choice([8, 8, 8, 7, 6, 5, 4, 3])
    steps, n_pre, n_post = 120, rng.randint(1, 5), rng.randint(1, 3)
    constants = {}
    for x in traces:
        constants[f"imp_{x}"] = rng.choice([1, 5, 9, 16, 20, 32, 64, 100, 127])
        constants[f"tau_{x}"] = rng.choice([1, 2, 3, 4, 8, 10, 14, 20, 40, 100, 1000])
    low, high = {"EXCITATORY": (0, 255), "INHIBITORY": (-256, 0), "MIXED": (-256, 254)}[sign]
    step = 1 << (8 - bits + (sign == "MIXED")) if rng.random() < 0.6 else 1
    return {
        "schema": "brian2_plasticity/1", "id": f"genb{number:04}",
        "group": "random_closed" if closed else "random", "time_base": 0,
        "params": {
            "steps": steps, "n_pre": n_pre, "n_post": n_post, "sign_mode": sign,
            "num_weight_bits": bits, "w_exp": rng.choice([0, 1, 2, -1, -3]) if closed else -8,
            "dw": dw, **constants,
        },
        "post_neuron": {"du": 1000, "dv": 200, "vth": 900, "refractory": rng.choice([1, 1, 3])}
        if closed else {"du": 4095, "dv": 4096, "vth": 250, "refractory": 1},
        "closed_loop": closed,
        "initial_weights": [
            [rng.randint(-(-low // step), high // step) * step for _ in range(n_pre)]
            for _ in range(n_post)
        ],
        "pre_spikes": spikes(rng, steps, n_pre, rng.choice([0.05, 0.15, 0.4]), first=0),
        "teacher_spikes": spikes(rng, steps, n_post, rng.choice([0.05, 0.15, 0.3]), first=0),
        "teacher": {"weight": 254, "w_exp": 3 if closed else 0},
    }


def statistics_case(rng, number):
    """A case of many synapses with the same spikes."""
    one = case(rng, number)
    p = one["params"]
    steps = 64
    low, high = {"EXCITATORY": (60, 180), "INHIBITORY": (-180, -60), "MIXED": (-90, 90)}[p["sign_mode"]]
    return {
        "schema": "brian2_plasticity_statistics/1", "id": f"genbstat{number:04}",
        "group": "random", "time_base": 0, "n_samples": 1000,
        "params": {
            "steps": steps, "dw": p["dw"],
            "traces": {k: v for k, v in p.items() if k[:4] in ("imp_", "tau_")},
            "num_weight_bits": p["num_weight_bits"], "sign_mode": p["sign_mode"], "w_exp": -8,
            "w0": rng.randint(low // 8, high // 8) * 8,
        },
        "pre_spikes": [t for t, _ in spikes(rng, steps, 1, 0.15, first=0)],
        "post_spikes": [t for t, _ in spikes(rng, steps, 1, 0.15, first=0)],
    }


def pes(rng, number):
    """A case of the rule that trains decoders."""
    n_axons, half, steps = rng.randint(1, 6), rng.randint(1, 3), 120
    shift = rng.choice([1, 1, 1, 3, 4, 5])
    top = (1 << (8 - shift)) - 1
    most = rng.choice([5, 60, 127, 300])
    return {
        "schema": "pes_learning/1", "id": f"genpes{number:04}", "group": "pes", "time_base": 1,
        "params": {
            "n_axons": n_axons, "n_compartments": 2 * half, "steps": steps,
            "tracing_tau": rng.choice([1, 2, 5, 8, 10, 25, 100]),
            "tracing_mag": rng.choice([0.5, 1.0, 5.5, 20.25, 64.0, 100.125, 127.0]),
            "lr_mant": rng.choice([1, 1, 2, 3, 5, 7]), "lr_exp": rng.choice([-7, -6, -5, -3, -1, 0]),
            "weight_exp": rng.randint(-2, 6), "shift_bits": shift,
            "decay_u": rng.choice([0, 500, 2000, 4095]),
            "train_epoch": 2, "learn_epoch": rng.choice([4, 4, 4, 2, 8]),
        },
        "initial_weight_mantissas": [
            [rng.randint(-top, top) for _ in range(2 * half)] for _ in range(n_axons)
        ],
        "input_spikes": spikes(rng, steps, n_axons, rng.choice([0.05, 0.15, 0.5])),
        "pes_error": [[rng.randint(-most, most) for _ in range(half)] for _ in range(steps)],
    }
