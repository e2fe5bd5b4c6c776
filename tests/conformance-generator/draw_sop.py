"""Random cases of `sop_learning/1`, its statistics, and rule strings."""

SIGNS = ("EXCITATORY", "INHIBITORY", "MIXED")
PRE, POST = ("x1", "x2"), ("y1", "y2", "y3")


def _scale(rng, most):
    mantissa = rng.choice([1, 1, 1, 2, 3, 5, 7])
    exponent = rng.randint(-7, most)
    text = {0: f"{mantissa}"}.get(exponent, f"{mantissa}*2^{exponent}")
    return f"2^{exponent}" if mantissa == 1 and exponent else text


def _factor(rng, variables):
    name = rng.choice(variables)
    const = rng.choice([1, 2, 3, 5, 10, 16, 40, 100, 127, 255])
    sign = rng.choice("+-")
    form = rng.random()
    if name in "wdt" and form < 0.2:
        return f"sgn({name})" if form < 0.1 else f"sgn({name}{sign}{const})"
    if form < 0.75:
        return name
    if form < 0.95:
        return f"({name}{sign}{const})"
    return f"({const}-{name})"


def _product(rng, k, variables, most_factors):
    dependency = rng.choice(["x0", "y0", f"u{k}"])
    n = rng.choice([0, 1, 1, 1, 2, 2, 3])
    factors = [_factor(rng, variables) for _ in range(min(n, most_factors))]
    if dependency == "x0" and rng.random() < 0.1:
        factors.append("y0")
    # A product loses a right shift by its widths, so that long ones need large scales.
    parts = [_scale(rng, [-1, 2, 5, 7][min(len(factors), 3)]), dependency, *factors]
    if rng.random() < 0.3:
        parts.reverse()
    return "*".join(parts)


def rule(rng, k, variables, most_products=4, most_factors=3):
    """A string of the peer's grammar."""
    products = [
        _product(rng, k, variables, most_factors) for _ in range(rng.randint(1, most_products))
    ]
    text = rng.choice(["", "", "-"]) + products[0]
    for product in products[1:]:
        text += rng.choice([" + ", " - "]) + product
    return text


def spikes(rng, steps, n, rate, first=1):
    """Events of independent sources."""
    return [[t, i] for t in range(first, first + steps) for i in range(n) if rng.random() < rate]


def _trace(rng):
    impulse = rng.choice([0, 1, 3, 10, 16, 16, 20, 30, 60, 100, 127, 10.25, 7.5, 3.3, 0.5, 0.996])
    tau = rng.choice([0, 1, 2, 3, 5, 8, 10, 14, 20, 40, 100, 1000, 1_000_000_000, 4.5])
    return impulse, tau


def case(rng, number):
    """Everything of a file but what the peer computes."""
    mode = rng.choice(["2F", "2F", "2F", "3F", "closed", "closed_3F"])
    sign, k = rng.choice(SIGNS), rng.choice([0, 0, 1, 2, 3])
    epoch = rng.choice([1, 1, 1, 2, 3, 4, 5, 7, 8, 16, 32, 63])
    steps = max(60, min(192, 12 * epoch))
    n_pre, n_post = rng.randint(1, 5), rng.randint(1, 3)
    targets = rng.choice([("dw",), ("dw",), ("dw", "dt"), ("dw", "dd"), ("dw", "dd", "dt"), ("dt",)])
    variables = list(PRE + POST + ("w",)) + [t[1] for t in targets if t != "dw"]
    strings = {t: rule(rng, k, variables) if t in targets else None for t in ("dw", "dd", "dt")}
    text = {**strings, "t_epoch": epoch}
    for name in PRE + (() if mode.endswith("3F") else POST):
        text[f"{name}_impulse"], text[f"{name}_tau"] = _trace(rng)
    low, high = {"EXCITATORY": (0, 255), "INHIBITORY": (-255, 0), "MIXED": (-256, 255)}[sign]

    def matrix(low, high):
        return [[rng.randint(low, high) for _ in range(n_pre)] for _ in range(n_post)]

    zero = matrix(0, 0)
    made = {
        "schema": "sop_learning/1", "id": f"gen{number:04}", "group": f"random_{mode}",
        "time_base": 1, "mode": mode, "deterministic": False,
        "params": {
            "steps": steps, "n_pre": n_pre, "n_post": n_post, "sign_mode": sign,
            "num_weight_bits": rng.choice([8, 8, 8, 7, 6, 5, 4, 3, 2, 1]),
            "weight_exp": rng.choice([0, 0, 1, 2, -1, -3]),
        },
        "rule": text,
        "initial": {
            "weights": matrix(low, high),
            "tag_1": matrix(-256, 254) if strings["dt"] and rng.random() < 0.5 else zero,
            "tag_2": matrix(0, 62) if strings["dd"] and rng.random() < 0.7 else zero,
        },
        "pre_spikes": spikes(rng, steps, n_pre, rng.choice([0.02, 0.1, 0.2, 0.5, 0.9])),
        "rng_seed": 100_000 + 10 * number,
    }
    rate = rng.choice([0.02, 0.1, 0.2, 0.5])
    if not mode.startswith("closed"):
        made["post_spikes"] = spikes(rng, steps, n_post, rate)
    else:
        made["lif"] = {
            "du": rng.choice([0, 400, 1000, 4095]), "dv": rng.choice([0, 200, 1000, 4095]),
            "vth": rng.choice([100, 900, 4000]),
            "bias_mant": [rng.choice([0, 0, 50, -20]) for _ in range(n_post)],
            "bias_exp": [rng.choice([0, 6]) for _ in range(n_post)],
        }
        made["teacher_spikes"] = spikes(rng, steps, n_post, rate / 2)
        made["teacher"] = {"weight": 250, "weight_exp": 3, "sign_mode": "EXCITATORY",
                           "num_weight_bits": 8}
    if mode == "3F":
        most = rng.choice([5, 40, 127])
        made["y_in"] = [
            [[rng.choice([0, rng.randint(0, most)]) for _ in range(n_post)] for _ in range(steps)]
            for _ in POST
        ]
    if mode == "closed_3F":
        made["post_trace"] = {"tau": rng.choice([2, 5, 10, 20]), "impulse": rng.choice([4, 8, 16])}
        made["reward"] = [[rng.choice([0, 0, 0, 5, 20, 100]) for _ in range(n_post)]
                          for _ in range(steps)]
    return made


def statistics_case(rng, number):
    """A case of one synapse, to be run with many seeds."""
    made = case(rng, number)
    while made["mode"].startswith("closed"):
        made = case(rng, number)
    p = made["params"]
    p["steps"] = min(p["steps"], 64 if made["rule"]["t_epoch"] < 8 else 128)
    p["n_pre"] = p["n_post"] = 1
    for spike_list in ("pre_spikes", "post_spikes"):
        made[spike_list] = [e for e in made[spike_list] if e[0] <= p["steps"] and e[1] == 0]
    if "y_in" in made:
        made["y_in"] = [[row[:1] for row in y[:p["steps"]]] for y in made["y_in"]]
    made["initial"] = {k: [m[0][:1]] for k, m in made["initial"].items() if k != "tag_2"}
    made.update(schema="sop_learning_statistics/1", id=f"genstat{number:04}", n_seeds=1000)
    del made["deterministic"], made["rng_seed"]
    made["rule"]["dd"] = None
    if made["rule"]["dw"] is None or "d" in made["rule"]["dw"] + (made["rule"]["dt"] or ""):
        return statistics_case(rng, number)
    return made


def string(rng):
    """A rule string, right or wrong."""
    variables = list(PRE + POST) + ["w", "d", "t"]
    text = rule(rng, rng.randint(0, 9), variables, 3, 4)
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        at = rng.randrange(len(text) + 1)
        cut = at + rng.choice([0, 0, 1, 1, 2])
        new = rng.choice(["", "", " ", "*", "+", "-", "(", ")", "^", "2", "9", "0", "17", ".5", "x0",
                          "y0", "u1", "u", "r1", "r0", "y4", "sgn(w)", "2^-3", "2^9", "/2", "-8", "w",
                          "x1*", "*x1", "*(w-3)", "**"])
        text = text[:at] + new + text[cut:]
    return text
