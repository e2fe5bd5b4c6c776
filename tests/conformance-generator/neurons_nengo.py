"""`cuba_lif/1`, `cuba_network/1` and `pes_learning/1`: nengo-loihi's emulator.

The parts of the emulator are stepped in the order of its own `step`; spikes go straight into the
queues of its synapses, so that no axons and no probes have to be built.
"""

import warnings

import numpy as np
from nengo_loihi.block import Axon, LoihiBlock, Synapse
from nengo_loihi.builder.discretize import discretize_weights, scale_pes_errors
from nengo_loihi.emulator.interface import BlockInfo, CompartmentState, SynapseState

from cases import expected, inputs, projections

BITS = [0, 1, 2, 3, 4, 5, 6, 8]


def why_not(case):
    """Why this peer has no entry."""
    if any(delays.any() for *_, delays in projections(case)):
        return "the emulator has no delays"
    if any(p["num_weight_bits"] not in BITS for p in case["projections"]):
        return "no format of 7 bits"
    return None


def block(n, du, dv, vth, bias, refractory):
    made = LoihiBlock(n)
    c = made.compartment
    whole = lambda x: np.full(n, x, dtype=np.int32)
    c.decay_u, c.decay_v, c.vth = whole(du), whole(dv), whole(vth)
    c.bias = np.array(bias, dtype=np.int32)
    c.refract_delay = whole(refractory)
    c.scale_u = c.scale_v = False
    c.vmin, c.vmax = -(2**23) + 1, 2**23 - 1
    return made


def synapse(weights, bits, exponent, mixed):
    """Synapses of `weights[post][pre]`, and what a spike adds to u."""
    made = Synapse(weights.shape[1])
    made.format(weight_exp=exponent, weight_bits=BITS.index(bits), fanout_type=int(mixed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        acting = discretize_weights(made.synapse_cfg, weights.astype(float), check_result=False)
    made.weights = [row[np.newaxis, :].astype(np.int32) for row in acting.T]
    columns = np.arange(weights.shape[0], dtype=np.int32)[np.newaxis, :]
    made.indices = [columns for _ in made.weights]
    return made, acting


class Emulated:
    """A block with its synapses."""

    def __init__(self, made, synapses, rng):
        made.synapses = synapses
        info = BlockInfo([made])
        self.rng = rng
        self.compartment = CompartmentState(info, strict=False)
        self.synapses = SynapseState(info, pes_error_scale=1.0, strict=False)
        self.t = 0

    def step(self, arriving):
        """One step; `arriving` has the axons of each synapse that a spike reaches now."""
        self.t += 1
        self.compartment.advance_input()
        for synapse, axons in arriving.items():
            self.synapses.spikes_in[synapse] = [Axon.Spike(int(axon)) for axon in axons]
        self.synapses.update_input(self.compartment.input)
        self.synapses.update_traces(self.t, self.rng)
        self.synapses.update_weights(self.t, self.rng)
        self.compartment.update(self.rng)


def run(case):
    p = case["params"]
    bias = [m << e for m, e in zip(p["bias_mant"], p["bias_exp"])]
    made = block(p["n_neurons"], p["du"], p["dv"], p["vth_mant"] * 64, bias, p["refractory"])
    parts, effective = [], []
    for spec, source, pre, weights, _ in projections(case):
        mixed = spec["sign_mode"] == "MIXED"
        one, acting = synapse(weights, spec["num_weight_bits"], spec["weight_exp"], mixed)
        parts.append((one, source, np.array(pre)))
        effective.append(acting.tolist())
    emulated = Emulated(made, [one for one, _, _ in parts], np.random.RandomState(0))
    outside = inputs(case, p["steps"])
    u, v, spikes = [], [], []
    fired = np.zeros(p["n_neurons"], dtype=bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step in range(1, p["steps"] + 1):
            now = {}
            for one, source, pre in parts:
                raster = fired if source == "net" else outside[step - 1]
                now[one] = np.flatnonzero(raster[pre])
            emulated.step(now)
            fired = emulated.compartment.spiked.copy()
            u.append(emulated.compartment.current.tolist())
            v.append(emulated.compartment.voltage.tolist())
            spikes += [(step, i) for i in np.flatnonzero(fired)]
    return expected(case, u, v, spikes, {"effective_weights": effective})


def pes(case, seed=0, given=None):
    """Expected entry and random numbers of a `pes_learning/1` case."""
    p = case["params"]
    made = block(p["n_compartments"], p["decay_u"], 4095, 2**23 - 1, [0] * p["n_compartments"], 1)
    one = Synapse(p["n_axons"])
    bits = 8 + 1 - p["shift_bits"]
    one.format(weight_exp=p["weight_exp"], weight_bits=BITS.index(bits), fanout_type=1)
    one.set_learning(tracing_tau=p["tracing_tau"], tracing_mag=p["tracing_mag"],
                     wgt_exp=p["weight_exp"])
    one.train_epoch, one.learn_epoch = p["train_epoch"], p["learn_epoch"]
    one._lr_int, one._lr_exp = p["lr_mant"], p["lr_exp"]
    shift = 6 + p["weight_exp"] + p["shift_bits"]
    start = np.array(case["initial_weight_mantissas"], dtype=np.int64) << shift
    one.weights = [row[np.newaxis, :].astype(np.int32) for row in start]
    columns = np.arange(p["n_compartments"], dtype=np.int32)[np.newaxis, :]
    one.indices = [columns for _ in one.weights]
    kept = {"trace": [], "weight": []}
    source = np.random.RandomState(seed)

    class Source:
        def randint(self, *args, **kwargs):
            return source.randint(*args, **kwargs)

        def rand(self, *shape):
            if len(shape) == 1:
                row = len(kept["trace"])
                numbers = source.rand(*shape) if given is None else np.array(given["trace"][row])
                kept["trace"].append(numbers.tolist())
                return numbers
            if not kept["weight"] or len(kept["weight"][-1]) == p["n_axons"]:
                kept["weight"].append([])
            at = len(kept["weight"]) - 1, len(kept["weight"][-1])
            numbers = source.rand(*shape)
            if given is not None:
                numbers = np.array(given["weight"][at[0]][at[1]]).reshape(shape)
            kept["weight"][-1].append(numbers.reshape(-1).tolist())
            return numbers

    emulated = Emulated(made, [one], Source())
    fired = np.zeros((p["steps"] + 2, p["n_axons"]), dtype=bool)
    for step, axon in case["input_spikes"]:
        fired[step + 1, axon] = True
    trace, weights, u = [], [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step in range(1, p["steps"] + 1):
            error = np.array(case["pes_error"][step - 1], dtype=float)
            emulated.synapses.pes_errors[one][:] = scale_pes_errors(error, scale=1.0)
            emulated.step({one: np.flatnonzero(fired[step])})
            u.append(emulated.compartment.current.tolist())
            if step % p["train_epoch"] == 0:
                trace.append(emulated.synapses.traces[one].tolist())
            if step % p["learn_epoch"] == 0:
                weights.append([(w[0] >> shift).tolist() for w in one.weights])
    return {"trace": trace, "weights": weights, "u": u}, kept
