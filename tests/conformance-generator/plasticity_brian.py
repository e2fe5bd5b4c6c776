"""`brian2_plasticity/1` and its statistics: brian2-loihi."""

import itertools

import brian2
import numpy as np

import brian

TRACES = ("x1", "x2", "y1", "y2", "y3")


class _Decisions:
    """The peer's random decisions, by what they are about: kept, or replaced by recorded ones."""

    def __init__(self, synapses, traces, given):
        self.names = {"round_w": "add_or_not", **{f"round_{x}": f"{x}_add_or_not" for x in traces}}
        self.monitors = {
            name: brian2.StateMonitor(synapses, variable, record=True, when="end", order=50)
            for name, variable in self.names.items()
        }
        self.objects = list(self.monitors.values())
        if given is None:
            return
        for updater in synapses.contained_objects:
            if type(updater).__name__ == "SubexpressionUpdater":
                updater.active = False

        indices = itertools.count()

        @brian2.network_operation(when="before_start")
        def replace():
            index = next(indices)
            for name, variable in self.names.items():
                setattr(synapses, variable, np.array(given[name][index], dtype=float))

        self.objects.append(replace)

    def rows(self):
        found = {}
        for name, variable in self.names.items():
            values = np.array(getattr(self.monitors[name], variable)).T
            # The peer's own decision about a weight has the sign of the change.
            found[name] = np.abs(values).astype(int).tolist()
        return found


def _watch(source, name, last):
    """A state after the spikes of a step, or at its end."""
    when = {"when": "end", "order": 50} if last else {"when": "synapses", "order": 50}
    return brian2.StateMonitor(source, name, record=True, **when)


def run(case, seed=0, given=None):
    """Expected entry and decisions of a case; `given` replaces the peer's decisions."""
    p, post = case["params"], case["post_neuron"]
    brian2.seed(seed)
    n_pre, n_post = p["n_pre"], p["n_post"]
    group = brian.neurons(n_post, post["du"] + 1, post["dv"], post["vth"], post["refractory"])
    pre = brian.sources(n_pre, case["pre_spikes"])
    told = brian.sources(n_post, case["teacher_spikes"])
    t = case["teacher"]
    teacher = brian.connect(told, group, [(j, j) for j in range(n_post)], [t["weight"]] * n_post,
                            sign_mode=brian.sign("EXCITATORY"), w_exp=t["w_exp"], num_weight_bits=8)
    constants = {k: v for k, v in p.items() if k[:4] in ("imp_", "tau_")}
    pairs = [(i, j) for i in range(n_pre) for j in range(n_post)]
    synapses = brian.connect(pre, group, pairs, [case["initial_weights"][j][i] for i, j in pairs],
                             dw=p["dw"], w_exp=p["w_exp"], sign_mode=brian.sign(p["sign_mode"]),
                             num_weight_bits=p["num_weight_bits"], **constants)
    traces = [x for x in TRACES if constants.get(f"imp_{x}") and constants.get(f"tau_{x}")]
    decisions = _Decisions(synapses, traces, given)
    monitors = {"w": (_watch(synapses, "w", True), "w")}
    for x in traces:
        monitors[x] = (_watch(synapses, x, True), x)
        monitors[f"{x}_in"] = (_watch(synapses, x, False), x)
    if case["closed_loop"]:
        monitors["w_act"] = (_watch(synapses, "w_act", True), "w_act")
        monitors["u"] = (_watch(group, "I", False), "I")
        monitors["v"] = (_watch(group, "v", True), "v")
    fired = brian.spikes(group)
    watched = [monitor for monitor, _ in monitors.values()]
    brian.simulate(p["steps"], group, pre, told, teacher, synapses, fired, *watched,
                   *decisions.objects)
    entry = {key: brian.rows(monitor, name) for key, (monitor, name) in monitors.items()}
    entry["post_spikes"] = [list(event) for event in brian.events(fired)]
    return entry, decisions.rows()


def statistics(case, seed=0):
    """Means and variances over synapses with the same spikes."""
    p, n = case["params"], case["n_samples"]
    whole = {
        "params": {**{k: p[k] for k in ("steps", "sign_mode", "num_weight_bits", "w_exp", "dw")},
                   **p["traces"], "n_pre": 1, "n_post": n},
        "post_neuron": {"du": 4095, "dv": 4096, "vth": 250, "refractory": 1},
        "closed_loop": False, "initial_weights": [[p["w0"]]] * n,
        "pre_spikes": [[k, 0] for k in case["pre_spikes"]],
        "teacher_spikes": [[k, j] for k in case["post_spikes"] for j in range(n)],
        "teacher": {"weight": 254, "w_exp": 0},
    }
    entry, _ = run(whole, seed)
    return {
        name: {"mean": np.mean(rows, axis=1).tolist(), "var": np.var(rows, axis=1, ddof=1).tolist()}
        for name, rows in entry.items() if name == "w" or name in TRACES
    }
