"""`sop_learning/1`, its statistics and `rule_parse/1`: lava-nc."""

import math

import numpy as np
from lava.magma.core.learning.product_series import ProductSeries
from lava.magma.core.learning.symbolic_equation import SymbolicEquation

import lava_models as lava

TRACES = ("x1", "x2", "y1", "y2", "y3")


def products(target, text):
    """The peer's own reading of a rule string, and the k of its u_k."""
    series = ProductSeries(SymbolicEquation(target, text))

    def factor(f):
        const = None if f.const is None else float(f.const)
        if const is not None and const == int(const):
            const = int(const)
        return {"var": f.state_var, "const": const, "sgn": f.is_sgn}

    read = [
        {
            "dependency": p.dependency,
            "k": p.decimate_exponent,
            "s_mant": int(p.s_mantissa),
            "s_exp": int(p.s_exp) - 7,
            "factors": [factor(f) for f in p.factors],
        }
        for p in series.products
    ]
    return read, series.decimate_exponent


def parse(text):
    """An entry of `rule_parse/1`."""
    try:
        # The rule object makes checks of its own before it builds the series.
        lava.learning_rule({"dw": text, "dd": None, "dt": None, "t_epoch": 1}, 1, False)
        read, k = products("dw", text)
    except Exception as error:  # The class of whatever the peer raises is what is recorded.
        return {"dw": text, "ok": False, "error": type(error).__name__}
    return {"dw": text, "ok": True, "decimate_exponent": k, "products": read}


def _raster(events, steps, n):
    fired = np.zeros((steps + 1, n), dtype=bool)
    for step, lane in events:
        fired[step, lane] = True
    return fired


class _Watched:
    """Keeps the numbers that the projection used in place of its random generators."""

    def __init__(self, model):
        self.model = model
        self.numbers = {k: [] for k in
                        ("x_decay", "x_impulse", "y_decay", "y_impulse", "y_impulse_mid", "syn")}

    def post_spikes(self, number):
        self.numbers["y_impulse_mid"].append(int(number))

    def epoch(self):
        x, y, syn = self.model._x_random, self.model._y_random, self.model._conn_var_random
        for side, source in (("x", x), ("y", y)):
            self.numbers[f"{side}_decay"].append(float(source.random_trace_decay))
            self.numbers[f"{side}_impulse"].append(int(source.random_impulse_addition))
        self.numbers["syn"].append(float(syn.random_stochastic_round))


def run(case, seed, syn_seed=None):
    """Expected entry and random numbers of a case; `syn_seed` replaces the peer's fixed one."""
    p, rule, mode = case["params"], case["rule"], case["mode"]
    third, closed = mode in ("3F", "closed_3F"), mode.startswith("closed")
    steps, n_pre, n_post = p["steps"], p["n_pre"], p["n_post"]
    model = lava.learning_dense(lava.learning_rule(rule, seed, third), case["initial"], p)
    if syn_seed is not None:
        model._conn_var_random = type(model._conn_var_random)(syn_seed)
    watched = _Watched(model)
    pre = _raster(case["pre_spikes"], steps, n_pre)
    post = _raster(case.get("post_spikes", []), steps, n_post)
    if closed:
        l, t = case["lif"], case["teacher"]
        neurons = lava.lif(n_post, l["du"], l["dv"], l["vth"], l["bias_mant"], l["bias_exp"])
        teacher = lava.dense(np.eye(n_post, dtype=int) * t["weight"], t["sign_mode"],
                             t["num_weight_bits"], t["weight_exp"])
        told = _raster(case["teacher_spikes"], steps, n_post)
    kept = ["weights"] + (["tag_1"] if rule["dt"] else []) + (["tag_2"] if rule["dd"] else [])
    kept += TRACES
    trail = {name: [] for name in kept + (["u", "v", "post_spikes"] if closed else [])}
    own, fired = np.zeros(n_post, dtype=int), np.zeros(n_post, dtype=bool)
    for step in range(1, steps + 1):
        model.time_step = step
        if mode == "closed_3F":
            trace = case["post_trace"]
            own = np.floor(own * math.exp(-1 / trace["tau"]) + trace["impulse"] * fired).astype(int)
            given = [own, np.array(case["reward"][step - 1]), np.zeros(n_post, dtype=int)]
        elif third:
            given = [np.array(y[step - 1]) for y in case["y_in"]]
        if closed:
            fired = lava.fire(neurons, lava.arriving(model) + lava.arriving(teacher))
            lava.send(teacher, told[step])
            trail["u"].append(neurons.u.tolist())
            trail["v"].append(neurons.v.tolist())
            trail["post_spikes"] += [[step, int(i)] for i in np.flatnonzero(fired)]
        else:
            fired = post[step]
        if third:
            for port, values in zip((model.s_in_y1, model.s_in_y2, model.s_in_y3), given):
                port.value = values
        model.s_in_bap.value = fired.copy()
        inner = model._process_post_spikes

        def process(spikes, inner=inner):
            watched.post_spikes(model._y_random.random_impulse_addition)
            inner(spikes)

        model.__dict__["_process_post_spikes"] = process
        lava.send(model, pre[step])
        del model.__dict__["_process_post_spikes"]
        if model.lrn_guard():
            model.run_lrn()
            watched.epoch()
            for name in kept:
                trail[name].append(np.array(getattr(model, name)).astype(int).tolist())
    return trail, watched.numbers


def statistics(case):
    """Means and variances over seeds of a case of one synapse."""
    runs = {}
    for seed in range(case["n_seeds"]):
        trail, _ = run(case, 10 * seed, syn_seed=500_000 + seed)
        for name in ("weights", "tag_1") + TRACES[:4]:
            if name in trail:
                runs.setdefault(name, []).append(np.array(trail[name], dtype=float).reshape(-1))
    return {
        name: {"mean": np.mean(rows, axis=0).tolist(), "var": np.var(rows, axis=0, ddof=1).tolist()}
        for name, rows in runs.items()
    }
