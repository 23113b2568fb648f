"""The window engine's kernel for the common case: populations of equal neurons, delays by projection.

What `window` keeps a limit a neuron for, this does with one number a population (`lean_lines`). Accumulators are
copied to `sums`, one array after the other, so that the lines are held against eight neurons at once. What a spike
passes through is inlined and reads few tables: with ten tables a call costs as much as forty synapses, and a line of
memory that is not in the nearer caches 20 to 80 ns. On entry and on return the state is in the tables of the general
kernel, so that either goes on where the other stopped.
"""

import math

import numba
import numpy as np

from eventsim._jit import inner, kernel, parallel_kernel
from eventsim.engines.cells import (
    ALIKE,
    BASE,
    FOLLOWED,
    HIGH,
    INPUTS,
    JUMPS,
    KIND,
    LEAKY,
    LOW,
    MOVED,
    N_FRESH,
    N_NEARBY,
    N_RESTING,
    PAIR_LEAKY,
    PERIOD,
    TAU_SYN,
    TAU_TWO,
    THETA_ALL,
)
from eventsim.engines.deliveries import FEW, SPANS, spikes_in_order
from eventsim.engines.flights import draw_near, has_room, next_arrival, take_in, taken_inputs
from eventsim.engines.followed import GID, TIME
from eventsim.engines.horizon import next_end, next_length
from eventsim.engines.lean_deliver import deliver
from eventsim.engines.lean_flights import list_arrivals, order_spikes, put_together, send_on
from eventsim.engines.lean_lines import LINES, draw_caps, draw_lines
from eventsim.engines.lean_near import adapt, find_near, open_window
from eventsim.engines.lean_tables import FIRST_RESTING, HELD, Desk, enter, leave, move_origin, shard_of
from eventsim.engines.noise import N_NOISE, NOISE_TAKEN, draw_until, in_place
from eventsim.engines.sample import (
    CHUNK_DONE,
    CLOCK,
    END,
    FINISHED,
    HORIZON,
    INPUT,
    LENGTH,
    NEEDS_ROOM,
    NOW,
    PHASE,
    SPIKES,
    STOPPED,
    WATCHED,
)

CHUNKS = 8
"""How many more horizons than others the kernel does at a time: to take the state over costs about one of them."""

NEAR_COSTS = 8
"""What a look at a near neuron costs, in neurons of the pass over all, which goes through memory in order."""


def suits(prepared):
    """Return whether the lean kernel can run a network whose neurons rest for at least a window after a spike."""
    lowered, pops = prepared.lowered, prepared.cells.pops
    if len(pops) == 0 or np.any(lowered.row_delay < 0.0):
        return False
    for p in range(len(pops)):
        kind = pops[p, KIND]
        if kind == INPUTS:
            continue
        here = slice(lowered.offset[p], lowered.offset[p + 1])
        currents = kind in (LEAKY, PAIR_LEAKY) and np.all(np.isfinite(pops[p, [TAU_SYN, TAU_TWO]]))
        if not (kind == JUMPS or currents) or pops[p, ALIKE] == 0.0:
            return False
        rest, reset = lowered.t_refractory[here], lowered.v_reset[here]
        if pops[p, THETA_ALL] < math.inf and not (rest[0] < math.inf and np.all(rest == rest[0])
                                                  and np.all(reset == reset[0])):
            return False
    return True


def highest_at_first(lowered, pops):
    """Return (P, 2): the currents that the first caps allow, a guess."""
    highest = np.zeros((len(pops), 2))
    for p in range(len(pops)):
        here = slice(lowered.offset[p], lowered.offset[p + 1])
        if lowered.regime[p] >= 0 and pops[p, THETA_ALL] < math.inf:
            highest[p] = np.max(np.abs(lowered.theta[here] - lowered.v_reset[here]), initial=0.0)
    return highest


@inner
def _whole_windows(now, end, length, longest):
    """Return an end of the horizon that cuts no window short where nothing but its length has set it."""
    if end < now + length:
        return end
    last, following = end, now + longest
    while now < following <= end:
        last, now = following, following
        following = now + longest
    return last


def _advance_of(split):
    """Return the kernel, as plain Python: for one shard, or for any number (`split`).

    Two, because a shard that is chosen at run time makes the kernel for one of them 1.4 times as slow.
    """

    def advance(cell, slow, marks, pops, own, lists, fresh, counts, offset, excites, rows, links, targets, weights,
                flights, record, noise, noise_time, noise_gid, in_time, in_source, in_amplitude, counters, clock,
                longest, room, t_stop, max_horizons, stop_after, watch_from, watch_to, ways, highest):
        """Run one sample up to t_stop; return why it returned. Writes everything but the network."""
        n, most, shards = len(cell), len(flights.near), len(counts)
        when, spans, amounts = np.empty(most), np.empty((most, SPANS), np.int64), np.empty((most, 4))
        order, buckets = np.empty(most, np.int64), np.empty(most + 1, np.int64)
        fresh_time, fresh_gid = np.empty(len(fresh)), np.empty(len(fresh), np.int64)
        turn, places = np.empty(len(fresh), np.int64), np.empty(len(fresh) + 1, np.int64)
        caps, crowd = np.zeros((len(pops), 2)), np.zeros((shards, len(pops), 2), np.int64)
        sums, awake, nearby = np.empty(4 * n), np.empty(n, np.uint8), np.empty(n, np.uint8)
        near_ones, near_in, home = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int32)
        releases, held = np.empty(n), np.empty((n, HELD))
        shared, wide, tight = np.zeros((len(pops), 2)), np.zeros((len(pops), LINES)), np.zeros((len(pops), LINES))
        words = np.zeros(n // 8 + shards + 1, np.uint64)
        flags = words.view(np.uint8)
        desk = Desk(0, 0, n, sums, awake, nearby, near_ones, near_in, home, releases, held, shared, wide, tight, slow,
                    pops, lists, fresh, counts)
        for s in range(shards):
            enter(shard_of(desk, s), cell, marks, offset)
        done, size, plain, code, entered, horizon, end = 0, 0, True, -1, True, 0.0, 0.0
        while code < 0:
            now = clock[NOW]
            if counters[PHASE] == 0:
                if counters[SPIKES] >= stop_after or counters[WATCHED] > 0:
                    code = STOPPED
                    break
                if now >= t_stop:
                    code = FINISHED
                    break
                begins = False
                if now >= clock[HORIZON]:
                    if done == max_horizons:
                        code = CHUNK_DONE
                        break
                    done += 1
                    horizon = next_end(pops, now, max(clock[LENGTH], longest), t_stop)
                    horizon = _whole_windows(now, horizon, clock[LENGTH], longest)
                    if not draw_until(noise, noise_time, noise_gid, counters, horizon):
                        code = NEEDS_ROOM
                        break
                    in_place(noise_time, noise_gid, counters[N_NOISE], now, horizon)
                    followed = 0
                    for s in range(shards):
                        followed += counts[s, FOLLOWED]
                        counts[s, FOLLOWED] = 0
                    clock[LENGTH] = next_length(pops, clock[LENGTH], followed, n)
                    for p in range(len(pops)):
                        if pops[p, BASE] + pops[p, PERIOD] <= now:
                            pops[p, MOVED] = 1.0
                            pops[p, BASE] = math.floor(now / pops[p, PERIOD]) * pops[p, PERIOD]
                            if pops[p, KIND] != INPUTS:
                                move_origin(sums, awake, pops, p, offset[p], offset[p + 1], now)
                    clock[HORIZON] = horizon
                    draw_near(flights, counters, horizon)
                    begins = entered = True
                horizon = clock[HORIZON]
                if entered:
                    entered = False
                    draw_caps(pops, caps, highest, now)
                    draw_lines(pops, wide, caps, excites, now, horizon)
                    if split:
                        for s in numba.prange(shards):
                            find_near(
                                Desk(s, counts[s, LOW], counts[s, HIGH], sums, awake, nearby, near_ones, near_in, home,
                                     releases, held, shared, wide, tight, slow, pops, lists, fresh, counts),
                                flags, words, offset, crowd)
                    else:
                        find_near(desk, flags, words, offset, crowd)
                    adapt(pops, highest, offset, crowd)
                end = min(max(now + longest, np.nextafter(now, math.inf)), horizon)
                last_input, last_noise = taken_inputs(counters, in_time, noise_time, end)
                fresh_inputs = last_input - counters[INPUT] + last_noise - counters[NOISE_TAKEN]
                if not has_room(flights, counters, record, fresh_inputs, room):
                    code = NEEDS_ROOM
                    break

                if fresh_inputs > 0:
                    take_in(rows, flights, counters, record, noise.kept, in_time, in_source, in_amplitude, last_input,
                            noise_time, noise_gid, last_noise, horizon)
                size, plain = list_arrivals(pops, ways, targets, weights, flights, counters, now, end, when, spans,
                                            amounts, order, buckets)
                draw_lines(pops, tight, caps, excites, now, end)
                if split:
                    for s in numba.prange(shards):
                        mine = Desk(s, counts[s, LOW], counts[s, HIGH], sums, awake, nearby, near_ones, near_in, home,
                                    releases, held, shared, wide, tight, slow, pops, lists, fresh, counts)
                        if not begins:  # one window a horizon is the least
                            counts[s, FOLLOWED] += NEAR_COSTS * counts[s, N_NEARBY]
                        open_window(mine, now)
                        deliver(mine, True, offset, targets, weights, size, plain, order, when, spans, amounts, now,
                                end)
                else:
                    if not begins:
                        counts[0, FOLLOWED] += NEAR_COSTS * counts[0, N_NEARBY]
                    open_window(desk, now)
                    deliver(desk, False, offset, targets, weights, size, plain, order, when, spans, amounts, now, end)
                for p in range(len(pops)):
                    pops[p, MOVED] = 0.0
                clock[END] = end

            end, total, near = clock[END], 0, 0
            for s in range(shards):
                total += counts[s, N_FRESH]
                near += counts[s, N_NEARBY]
            if not has_room(flights, counters, record, total, room):
                counters[PHASE] = 1
                code = NEEDS_ROOM
                break
            counters[PHASE] = 0
            clock[CLOCK] = np.nextafter(end, 0.0)
            if total > 0:
                put_together(counts, fresh)
                if total <= FEW:
                    order_spikes(fresh, total, turn)
                else:
                    for k in range(total):
                        fresh_time[k], fresh_gid[k] = fresh[k, TIME], np.int64(fresh[k, GID])
                    spikes_in_order(fresh_time, fresh_gid, total, now, end, turn, places)
                send_on(ways, flights, counters, clock, record, fresh, turn, total, clock[HORIZON], stop_after,
                        watch_from, watch_to)
            elif size == 0 and near == 0:
                following = next_arrival(flights, counters, in_time, noise_time, clock[HORIZON])
                for s in range(shards):
                    if counts[s, N_RESTING] > 0 and releases[counts[s, LOW] + counts[s, FIRST_RESTING]] < following:
                        following = end
                end = max(end, following)
            clock[NOW] = end
        for s in range(shards):
            leave(shard_of(desk, s), cell, marks, offset, turn)
        return code

    return advance


advance = kernel(_advance_of(False))
in_turn = kernel(_advance_of(True))
"""Takes one shard after the other."""

in_threads = parallel_kernel(_advance_of(True))
