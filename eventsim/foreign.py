"""Parameter names of other simulators, and what they are called here.

PyNN, NEST, Brian2, NIR, Norse and BindsNET name the same quantities differently, sometimes in other
units. A name from there is refused with the name, and where it matters the unit, that is used here.
"""

from eventsim.errors import InputError, did_you_mean

_RECEPTORS = 'tau_syn={"excitatory": ..., "inhibitory": ...} (ms), and receptor= in Network.connect'
_CONDUCTANCE = "not available: synapses are current-based, without a reversal potential"
_CAPACITY = (
    "not needed: currents are in the unit of V, so divide them by the leak conductance "
    "(current * tau_mem / capacitance)"
)
_CURRENT = "i_offset, in the unit of V (current in pA * tau_mem in ms / capacitance in pF = mV)"

LIF = {
    "tau_m": "tau_mem (ms)",
    "taum": "tau_mem (ms)",
    "tau": "tau_mem (ms)",
    "tau_membrane": "tau_mem (ms)",
    "tc_decay": "tau_mem (ms)",
    "tau_mem_inv": "tau_mem (ms; its inverse)",
    "beta": "tau_mem (ms; tau_mem = -dt / log(beta))",
    "tau_s": "tau_syn (ms)",
    "taus": "tau_syn (ms)",
    "tau_synapse": "tau_syn (ms)",
    "tau_syn_inv": "tau_syn (ms; its inverse)",
    "alpha": "tau_syn (ms; tau_syn = -dt / log(alpha))",
    "tau_syn_E": _RECEPTORS,
    "tau_syn_I": _RECEPTORS,
    "tau_syn_ex": _RECEPTORS,
    "tau_syn_in": _RECEPTORS,
    "taue": _RECEPTORS,
    "taui": _RECEPTORS,
    "e_rev_E": _CONDUCTANCE,
    "e_rev_I": _CONDUCTANCE,
    "E_ex": _CONDUCTANCE,
    "E_in": _CONDUCTANCE,
    "cm": _CAPACITY,
    "C_m": _CAPACITY,
    "g_L": _CAPACITY,
    "r": _CAPACITY,
    "i_e": _CURRENT,
    "I_e": _CURRENT,
    "I_ext": _CURRENT,
    "bias": "i_offset, in the unit of V",
    "E_L": "v_rest",
    "El": "v_rest",
    "v_leak": "v_rest",
    "rest": "v_rest",
    "V_rest": "v_rest",
    "v_th": "v_threshold",
    "v_thresh": "v_threshold",
    "V_th": "v_threshold",
    "Vt": "v_threshold",
    "vth": "v_threshold",
    "thresh": "v_threshold",
    "threshold": "v_threshold",
    "V_reset": "v_reset",
    "Vr": "v_reset",
    "v_r": "v_reset",
    "reset": "v_reset",
    "V_m": "v_init (the potential at t = 0)",
    "v": "v_init (the potential at t = 0)",
    "t_ref": "t_refractory (ms)",
    "tau_refrac": "t_refractory (ms)",
    "tau_ref": "t_refractory (ms)",
    "refrac": "t_refractory (ms)",
    "refractory": "t_refractory (ms)",
}
"""Neuron parameters of other simulators -> what to write for `eventsim.LIF`."""

CONNECT = {
    "weight": "the connection's own argument, for example Dense(weight)",
    "weights": "the connection's own argument, for example Dense(weight)",
    "syn_spec": "weight in the connection and delay= in connect",
    "conn_spec": "connection, for example FixedInDegree(10, weight)",
    "connector": "connection, for example FixedProbability(0.1, weight)",
    "synapse": "weight in the connection and delay= in connect",
    "synapse_type": "weight in the connection and delay= in connect",
    "receptor_type": "receptor, by its name in tau_syn of the target",
    "delays": "delay (ms)",
    "label": "name",
    "space": "not needed: positions are not used",
}
"""Arguments of other simulators' connect calls -> ours."""

CONNECTION = {
    "weights": "weight",
    "w": "weight",
    "delay": "delay= in Network.connect",
    "delays": "delay= in Network.connect",
    "receptor": "receptor= in Network.connect",
    "receptor_type": "receptor= in Network.connect",
    "p_connect": "p",
    "probability": "p",
    "n": "k",
    "indegree": "k",
    "outdegree": "k",
    "allow_self_connections": "allow_self",
    "allow_autapses": "allow_self",
    "rng": "seed (an integer)",
    "pre": "source",
    "post": "target",
    "i": "source",
    "j": "target",
    "strides": "stride",
    "kernel_size": "kernel",
    "kernel_shape": "kernel",
    "pooling": "pool",
}
"""Arguments of other simulators' connectors -> ours."""


def refuse(where, unknown, allowed, foreign):
    """Raise for the first name in `unknown`, if there is one.

    Parameters
    ----------
    where : str
        What was called, for the message.
    unknown : mapping or sequence of str
        The names that were given and do not exist.
    allowed : sequence of str
        The names that exist.
    foreign : dict
        Names used elsewhere -> what to write here.

    Raises
    ------
    InputError
        If `unknown` is not empty.
    """
    for name in unknown:
        if name in foreign:
            raise InputError(f'{where} has no parameter "{name}"; here it is {foreign[name]}.')
        listed = ", ".join(allowed)
        raise InputError(
            f'{where} has no parameter "{name}"; allowed: {listed}.{did_you_mean(name, allowed)}'
        )
