"""The bare scatter-add: what delivering the spikes of a run costs without time, order or thresholds."""

from eventsim._jit import kernel


@kernel
def scatter(pointer, target, weight, senders, state):
    """Add the weights of every sender's row to its targets.

    Parameters
    ----------
    pointer, target, weight : array
        Rows as in `eventsim.bench_networks.Rows`.
    senders : array of int64
        The neurons that fired, in the order of their spikes.
    state : array of float
        One accumulator a target; changed.
    """
    psi = 1.0
    for k in range(len(senders)):
        sender = senders[k]
        for s in range(pointer[sender], pointer[sender + 1]):
            state[target[s]] += weight[s] * psi
        psi *= 1.0000001


@kernel
def add_rows(weight, senders, state):
    """Add whole rows of a dense matrix, as `scatter` does for lists.

    Parameters
    ----------
    weight : array of float, shape (sources, targets)
    senders : array of int64
    state : array of float
        One accumulator a target; changed.
    """
    psi = 1.0
    for k in range(len(senders)):
        row = weight[senders[k]]
        for j in range(len(state)):
            state[j] += row[j] * psi
        psi *= 1.0000001
