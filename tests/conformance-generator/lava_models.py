"""Runs single process models of lava-nc without its runtime.

A runtime starts one operating-system process per model, which costs seconds per case. A model needs
of it only what its ports deliver and the number of the step, so this file gives it both.
"""

import numpy as np
from lava.magma.core.learning.constants import GradedSpikeCfg
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule, Loihi3FLearningRule
from lava.proc.dense.models import (
    PyDelayDenseModelBitAcc,
    PyDenseModelBitAcc,
    PyLearningDenseModelBitApproximate,
)
from lava.proc.lif.models import PyLifModelBitAcc
from lava.utils.weightutils import SignMode


class Port:
    """What a port delivers next, or what was sent last."""

    def __init__(self):
        self.value = None

    def recv(self):
        return self.value

    def send(self, value):
        self.value = np.array(value, copy=True)


def _dense(kind, weights, sign_mode, bits, exponent, extra):
    params = {
        "sign_mode": SignMode[sign_mode],
        "num_weight_bits": bits,
        "weight_exp": exponent,
        **extra,
    }
    model = kind(params)
    model.proc_params = params
    model.weights = np.array(weights, dtype=np.int32)
    model.num_message_bits = np.array([0])
    model.s_in, model.a_out = Port(), Port()
    model.a_buff = np.zeros(model.weights.shape[0], dtype=np.int32)
    return model


def dense(weights, sign_mode, bits, exponent, delays=None):
    """A static projection, `weights[post][pre]`."""
    if delays is None:
        return _dense(PyDenseModelBitAcc, weights, sign_mode, bits, exponent, {})
    model = _dense(PyDelayDenseModelBitAcc, weights, sign_mode, bits, exponent, {})
    model.delays = np.array(delays, dtype=np.int32)
    model.a_buff = np.zeros((model.weights.shape[0], int(model.delays.max()) + 1), dtype=np.int32)
    return model


def send(model, spikes):
    """One step of a static projection: what it sends, then what it takes in."""
    model.s_in.value = np.array(spikes, dtype=bool)
    model.run_spk()
    return model.a_out.value


def arriving(model):
    """What a projection will send in the step to come."""
    buffer = model.a_buff
    return buffer[:, 0] if buffer.ndim == 2 else buffer


def lif(n, du, dv, vth, bias_mant, bias_exp):
    """Neurons of the bit-accurate model."""
    model = PyLifModelBitAcc({})
    model.a_in, model.s_out = Port(), Port()
    model.u, model.v = np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.int32)
    model.du, model.dv, model.vth = du, dv, np.int32(vth)
    model.bias_mant = np.array(bias_mant, dtype=np.int16)
    model.bias_exp = np.array(bias_exp, dtype=np.int16)
    return model


def fire(model, arrived):
    """One step of neurons; who fires."""
    model.a_in.value = np.array(arrived)
    model.run_spk()
    return model.s_out.value.astype(bool)


def learning_rule(rule, seed, third):
    """The rule object of a file's `rule`."""
    keys = [f"{x}_{what}" for x in ("x1", "x2") for what in ("impulse", "tau")]
    if not third:
        keys += [f"{y}_{what}" for y in ("y1", "y2", "y3") for what in ("impulse", "tau")]
    kind = Loihi3FLearningRule if third else Loihi2FLearningRule
    return kind(
        dw=rule["dw"], dd=rule["dd"], dt=rule["dt"], t_epoch=rule["t_epoch"], rng_seed=seed,
        **{key: rule.get(key, 0) for key in keys},
    )


def learning_dense(rule, initial, params):
    """A plastic projection."""
    shape = (params["n_post"], params["n_pre"])
    model = _dense(
        PyLearningDenseModelBitApproximate,
        initial["weights"], params["sign_mode"], params["num_weight_bits"], params["weight_exp"],
        {"learning_rule": rule, "shape": shape, "graded_spike_cfg": GradedSpikeCfg.USE_REGULAR_IMPULSE},
    )
    for tag in ("tag_1", "tag_2"):
        given = initial.get(tag)
        setattr(model, tag, np.zeros(shape, dtype=int) if given is None else np.array(given))
    for side, n in (("x", shape[1]), ("y", shape[0])):
        for trace in (f"{side}1", f"{side}2", f"{side}3"):
            setattr(model, trace, np.zeros(n, dtype=int))
        setattr(model, f"{side}0", np.zeros(n, dtype=bool))
        setattr(model, f"t{side}", np.zeros(n, dtype=int))
    for port in ("s_in_bap", "s_in_y1", "s_in_y2", "s_in_y3"):
        setattr(model, port, Port())
    return model
