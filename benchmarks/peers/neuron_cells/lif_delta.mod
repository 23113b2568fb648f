COMMENT
Leaky integrate-and-fire cell with voltage jumps, event by event; a resting potential above the threshold fires
by itself. The jump of an arrival is its weight. V is held at v_reset for t_ref after a spike; arrivals are then lost.
ENDCOMMENT

NEURON {
    ARTIFICIAL_CELL LifDelta
    RANGE tau_mem, v_rest, v_threshold, v_reset, t_ref, v_init
}

PARAMETER {
    tau_mem = 20 (ms)
    v_rest = -49
    v_threshold = -50
    v_reset = -60
    t_ref = 5 (ms)
    v_init = -60
}

ASSIGNED { v0 t0 (ms) refractory }

INITIAL {
    v0 = v_init
    t0 = t
    refractory = 0
    net_send(next(), 1)
}

NET_RECEIVE (w) {
    INITIAL { w = w }
    if (flag == 0) {
        if (refractory == 0) {
            v0 = v_rest + (v0 - v_rest) * exp(-(t - t0) / tau_mem) + w
            t0 = t
            net_move(t + next())
        }
    } else if (flag == 1) {
        net_event(t)
        refractory = 1
        net_send(t_ref, 2)
    } else {
        v0 = v_reset
        t0 = t
        refractory = 0
        net_send(next(), 1)
    }
}

FUNCTION next() {
    if (v0 >= v_threshold) {
        next = 0
    } else if (v_rest > v_threshold) {
        next = tau_mem * log((v0 - v_rest) / (v_threshold - v_rest))
    } else {
        next = 1e9
    }
}
