COMMENT
Leaky integrate-and-fire cell with exponential currents of 5 (weights above 0) and 10 ms (below 0), membrane 20 ms,
and a resting potential above the threshold. With x = exp(-s / 20), s after the last event,

    V - v_threshold = c0 + c1 x + c2 x^2 + c4 x^4,   c0 = v_rest - v_threshold > 0,   c2 = -g_i >= 0,   c4 = -g_e / 3 <= 0

and the next spike is at its largest root below 1. The polynomial is concave above sqrt(-c2 / (6 c4)) and convex below:
Newton from the right cannot pass a root of the concave part; where there is none, the convex part has exactly one,
since it is above 0 at x = 0, and Newton from there finds it.
ENDCOMMENT

NEURON {
    ARTIFICIAL_CELL LifExp
    RANGE v_rest, v_threshold, v_reset, t_ref, v_init
}

PARAMETER {
    v_rest = -49
    v_threshold = -50
    v_reset = -60
    t_ref = 5 (ms)
    v_init = -60
}

ASSIGNED { v0 ge gi t0 (ms) refractory }

INITIAL {
    v0 = v_init
    ge = 0
    gi = 0
    t0 = t
    refractory = 0
    net_send(next(), 1)
}

NET_RECEIVE (w) {
    INITIAL { w = w }
    if (flag == 0) {
        advance()
        if (w > 0) {
            ge = ge + w
        } else {
            gi = gi + w
        }
        if (refractory == 0) {
            net_move(t + next())
        }
    } else if (flag == 1) {
        net_event(t)
        advance()
        refractory = 1
        net_send(t_ref, 2)
    } else {
        advance()
        v0 = v_reset
        refractory = 0
        net_send(next(), 1)
    }
}

PROCEDURE advance() {
    LOCAL x
    x = exp(-(t - t0) / 20)
    v0 = v_rest + x * (v0 - v_rest + ge / 3 + gi - x * (gi + x * x * ge / 3))
    gi = gi * x * x
    ge = ge * x * x * x * x
    t0 = t
}

FUNCTION next() {
    LOCAL c0, c1, c2, c4, x, y, f, slope, bend
    c0 = v_rest - v_threshold
    c1 = v0 - v_rest + ge / 3 + gi
    c2 = -gi
    c4 = -ge / 3
    bend = 0
    if (ge > 0) { bend = sqrt(c2 / (-6 * c4)) }
    x = 1
    f = c0 + c1 + c2 + c4
    slope = c1 + 2 * c2 + 4 * c4
    if (f >= 0) {
        next = 0
    } else {
        y = 2
        while (x > bend && slope < 0 && x < y) {
            y = x
            x = x - f / slope
            f = c0 + x * (c1 + x * (c2 + x * x * c4))
            slope = c1 + x * (2 * c2 + 4 * x * x * c4)
            if (f >= -1e-14) { y = x }
        }
        if (x <= bend || slope >= 0) {
            x = 0
            f = c0
            y = -1
            while (f > 1e-14 && x > y) {
                y = x
                slope = c1 + x * (2 * c2 + 4 * x * x * c4)
                x = x - f / slope
                f = c0 + x * (c1 + x * (c2 + x * x * c4))
            }
        }
        next = -20 * log(x)
    }
}
