"""Single pieces of brian2-loihi: neurons, projections and runs."""

import brian2
import numpy as np
from brian2_loihi import (
    LoihiNetwork,
    LoihiNeuronGroup,
    LoihiSpikeGeneratorGroup,
    LoihiSpikeMonitor,
    LoihiStateMonitor,
    LoihiSynapses,
    synapse_sign_mode,
)

brian2.prefs.codegen.target = "numpy"
brian2.prefs.logging.file_log = False


def sign(name):
    return getattr(synapse_sign_mode, name)


def neurons(n, decay_u, decay_v, vth, refractory):
    return LoihiNeuronGroup(n, refractory=refractory, threshold_v_mant=vth, decay_v=decay_v,
                            decay_I=decay_u)


def sources(n, events):
    """Spike sources; a spike of index k acts in index k."""
    times = np.array([t for t, _ in events], dtype=int)
    return LoihiSpikeGeneratorGroup(n, np.array([i for _, i in events], dtype=int), times)


def connect(source, target, pairs, weights, **parameters):
    """A projection of the pairs (pre, post)."""
    made = LoihiSynapses(source, target, **parameters)
    made.connect(i=np.array([i for i, _ in pairs]), j=np.array([j for _, j in pairs]))
    made.w = np.array(weights, dtype=int)
    return made


def watch(source, name):
    return LoihiStateMonitor(source, name)


def rows(monitor, name):
    """`[step][lane]` of a monitor, as whole numbers."""
    return np.array(getattr(monitor, name)).T.astype(np.int64).tolist()


def spikes(group):
    return LoihiSpikeMonitor(group)


def events(monitor):
    times = np.round(np.array(monitor.t_) * 1000).astype(int)
    return sorted((int(t), int(i)) for t, i in zip(times, monitor.i))


def simulate(steps, *objects):
    network = LoihiNetwork(*objects)
    network.run(steps)
    return network
