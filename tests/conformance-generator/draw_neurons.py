"""Random cases of `cuba_lif/1` and `cuba_network/1`."""

from draw_sop import SIGNS, spikes

LIMITS = {"EXCITATORY": (0, 255), "INHIBITORY": (-255, 0), "MIXED": (-256, 254)}


def _decay(rng):
    return rng.choice([0, 1, 7, 128, 409, 1024, 2047, 3000, 4094, 4095, rng.randint(0, 4095)])


def _weight(rng, sign, step):
    low, high = LIMITS[sign]
    return rng.randint(low // step, high // step) * step


def _aligned(sign, bits):
    return 1 << (8 - bits + (sign == "MIXED"))


def lif(rng, number):
    """A few neurons; `group` says what the case is about."""
    group = rng.choice(["random", "random", "bias", "refractory", "negative_exponent", "overflow",
                        "weight_table", "threshold"])
    n, n_inputs = rng.randint(1, 4), rng.randint(2, 8)
    steps, rate = 200, rng.choice([0.05, 0.2, 0.5, 0.9])
    params = {
        "steps": steps, "n_neurons": n, "n_inputs": n_inputs, "du": _decay(rng), "dv": _decay(rng),
        "vth_mant": rng.choice([1, 20, 300, 3000, 60000, 131071]),
        "bias_mant": [0] * n, "bias_exp": [0] * n, "refractory": 1,
    }
    aligned = rng.random() < 0.4
    projections, first = [], 0
    while first < n_inputs:
        last = min(n_inputs, first + rng.randint(2, 8))
        sign, bits = rng.choice(SIGNS), rng.choice([8, 8, 8, 6, 5, 4, 3, 2, 1, 7])
        exponent = rng.randint(-4, 3)
        if group == "negative_exponent":
            exponent = rng.choice([-8, -7, -6, -5, -4, -3, -2])
        if group == "overflow":
            exponent, bits = rng.choice([4, 5, 6, 7]), 8
        step = _aligned(sign, bits) if aligned else 1
        projections.append({
            "inputs": list(range(first, last)), "sign_mode": sign, "num_weight_bits": bits,
            "weight_exp": exponent,
            "weights": [[_weight(rng, sign, step) for _ in range(first, last)] for _ in range(n)],
        })
        first = last
    if group == "bias":
        params["bias_mant"] = [rng.randint(-4096, 4095) for _ in range(n)]
        params["bias_exp"] = [rng.randint(0, 7) for _ in range(n)]
    if group == "refractory":
        params["refractory"] = rng.choice([2, 3, 5, 10, 20, 63])
    if group == "overflow":
        params.update(du=rng.choice([0, 3, 20, 100]), dv=rng.choice([0, 4095]), vth_mant=131071)
    if group == "threshold":
        params.update(du=4095, dv=4095, vth_mant=rng.choice([64, 128, 254]))
    events = spikes(rng, steps, n_inputs, rate)
    if group == "weight_table":
        # No memory and one source per step: u is the table of what each mantissa adds.
        sign, bits = rng.choice(SIGNS), rng.randint(1, 8)
        low, high = LIMITS[sign]
        table = sorted({low, high, 0, *(rng.randint(low, high) for _ in range(50))})
        params.update(du=4095, dv=4095, vth_mant=131071, n_neurons=1, n_inputs=len(table),
                      bias_mant=[0], bias_exp=[0], steps=len(table) + 3)
        projections = [{"inputs": list(range(len(table))), "sign_mode": sign,
                        "num_weight_bits": bits, "weight_exp": rng.randint(-8, 7),
                        "weights": [table]}]
        events = [[i + 1, i] for i in range(len(table))]
    flat = [(w, p) for p in projections for row in p["weights"] for w in row]
    return {
        "schema": "cuba_lif/1", "id": f"genlif{number:04}", "group": group, "time_base": 1,
        "params": params, "projections": projections, "input_spikes": events,
        "weights_aligned": all(w % _aligned(p["sign_mode"], p["num_weight_bits"]) == 0
                               for w, p in flat),
    }


def network(rng, number):
    """100 neurons, recurrent."""
    group = rng.choice(["nodelay", "mixed", "delay", "delay_far", "bias", "refractory", "lowbits",
                        "exponents"])
    n, n_ext, steps = 100, 20, rng.choice([100, 300])
    bias = [0] * n
    if group == "bias":
        bias = [rng.choice([0, rng.randint(-40, 60)]) for _ in range(n)]
    most_delay = {"delay": 3, "delay_far": 62}.get(group, 0)
    bits = rng.choice([2, 3, 4, 6]) if group == "lowbits" else 8

    def projection(source, pre, sign, density, most):
        exponent = rng.choice([-3, -2, -1, 1, 2]) if group == "exponents" else 0
        step = _aligned(sign, bits) if rng.random() < 0.5 else 1
        low, high = LIMITS[sign]
        low, high = max(low, -most), min(high, most)
        synapses = [
            [post, column, rng.randint(-(-low // step), high // step) * step,
             rng.randint(0, most_delay)]
            for post in range(n) for column in range(len(pre)) if rng.random() < density
        ]
        synapses = [s for s in synapses if s[2]]
        return {"src": source, "pre": pre, "sign_mode": sign, "num_weight_bits": bits,
                "weight_exp": exponent, "synapses": synapses}

    if group in ("mixed", "bias"):
        inside = [projection("net", list(range(n)), "MIXED", 0.1, 100)]
    else:
        inside = [projection("net", list(range(80)), "EXCITATORY", 0.1, 80),
                  projection("net", list(range(80, n)), "INHIBITORY", 0.2, 255)]
    inside.append(projection("ext", list(range(n_ext)), "EXCITATORY", 0.3, 255))
    return {
        "schema": "cuba_network/1", "id": f"gennet{number:04}", "group": f"recurrent_{group}",
        "time_base": 1,
        "params": {
            "steps": steps, "n_neurons": n, "n_ext": n_ext, "du": _decay(rng), "dv": _decay(rng),
            "vth_mant": rng.choice([500, 1400, 2400]), "bias_mant": bias,
            "bias_exp": [6 if any(bias) else 0] * n,
            "refractory": rng.choice([2, 4, 10]) if group == "refractory" else 1,
        },
        "projections": inside, "ext_spikes": spikes(rng, steps, n_ext, rng.choice([0.03, 0.1])),
    }
