"""The reference engine: the semantics in plain Python, one object a neuron, one queue entry an arrival.

Slow and readable on purpose: it is what the other engines are tested against, bit for bit. It reads
the network as the user gave it (no flat arrays), treats every event as its own heap entry, touches
every neuron at every move of its origin, and checks itself as it goes.
"""

import heapq
import math

import numpy as np

from eventsim.neurons import membrane, receptors
from eventsim.noise import Noise


class Neuron:
    """One neuron: accumulators, their origin, and what it will do next if nothing arrives."""

    def __init__(self, population, index, values):
        self.name, self.index = population.name, index
        taus = values.tau_mem, values.tau_syn, values.tau_two
        self.regime, self.period = membrane.regime_of(*taus), membrane.period_of(*taus)
        synaptic = [tau for tau in taus[1:] if not math.isnan(tau)]
        self.delta = [tau == 0.0 for tau in synaptic]
        self.membrane = self.regime, values.tau_mem, values.tau_syn, 0.0 if len(synaptic) == 1 else values.tau_two
        leaky = math.isfinite(values.tau_mem)
        self.drive = 0.0 if leaky else float(values.i_offset[index])
        self.v_inf = float(values.v_rest[index]) + float(values.i_offset[index]) if leaky else 0.0
        self.theta = float(values.v_threshold[index]) - self.v_inf
        self.v_reset = float(values.v_reset[index]) - self.v_inf
        self.t_refractory = float(values.t_refractory[index])
        self.v_init = float(values.v_init[index]) - self.v_inf
        o0, o1 = self.own(0.0)
        self.c = (self.v_init * o0, self.v_init * o1, 0.0)
        self.origin = 0
        self.release = -math.inf
        self.last_spike = -1.0
        self.crossing = math.inf

    def __lt__(self, other):
        return (self.name, self.index) < (other.name, other.index)

    def own(self, s):
        """Return what a jump of V by 1 adds to the first two accumulators, s after the origin."""
        return receptors.own(*self.membrane, s)

    def local(self, t):
        """Return V - v_inf and the currents of the two receptors at time t."""
        v, i, i2 = receptors.local(*self.membrane, self.drive, *self.c, t - self.origin * self.period)
        if t == 0.0 and not any(self.delta) and self.last_spike < 0.0:
            v = self.v_init  # no current has acted yet; in the accumulators v_init is rounded, and touching counts
        return v, i, i2

    def slope(self, t):
        """Return V' at time t."""
        return receptors.slope(*self.membrane, self.drive, *self.local(t))

    def next_move(self):
        """Return when the origin moves next."""
        return (self.origin + 1) * self.period

    def bring(self, t):
        """Move the origin to the last one at or before t."""
        while self.next_move() <= t:
            self.c = receptors.advance(*self.membrane, self.period, self.drive, *self.c)
            self.origin += 1

    def restart(self, t):
        """Put V to its reset; the currents go on."""
        self.bring(t)
        jump = self.v_reset - self.local(t)[0]
        o0, o1 = self.own(t - self.origin * self.period)
        c0, c1, c2 = self.c
        self.c = (c0 + jump * o0, c1 + jump * o1, c2)

    def add(self, receptor, weight, amplitude, t):
        """Add one arrival; a refractory membrane loses jumps of V, whatever its other receptor does."""
        delta = self.delta[receptor]
        if self.release == math.inf or (delta and (self.release > t or self.last_spike == t)):
            return
        psi = receptors.psi(*self.membrane, receptor, t - self.origin * self.period)
        self.c = tuple(c + weight * (amplitude * p) for c, p in zip(self.c, psi, strict=True))

    def reaches(self, t):
        """Return whether V >= v_threshold at t, where the neuron may fire."""
        return self.release <= t and self.last_spike != t and self.local(t)[0] >= self.theta

    def predict(self, t, again=True):
        """Find the crossing after a touch at t; `again`: it may not fire at t itself."""
        if self.theta == math.inf:
            self.crossing = math.inf
            return
        v, i, i2 = self.local(t)
        wait = receptors.crossing(*self.membrane, self.drive, self.theta, v, i, i2)
        self.crossing = t + wait
        if self.crossing <= t and (again or v < self.theta):
            self.crossing = math.nextafter(t, math.inf)
        if math.isfinite(self.crossing):
            self._check(wait, v, (i, i2))

    def _check(self, wait, v, currents):
        """Assert that the predicted crossing solves the equation."""
        if wait > 8 * self.period:
            return
        reached = v * receptors.local(*self.membrane, 0.0, *self.own(0.0), 0.0, wait)[0] + self.drive * wait
        scale = abs(self.theta) + abs(v)
        for receptor in range(len(self.delta)):
            psi = receptors.psi(*self.membrane, receptor, 0.0)
            response = receptors.local(*self.membrane, 0.0, *psi, wait)[0]
            reached += currents[receptor] * response
            scale += abs(currents[receptor]) * (1.0 + abs(response))
        if v < self.theta and abs(reached - self.theta) > 1e-7 * scale:
            raise AssertionError(f"{self.name}[{self.index}]: V misses the threshold by {reached - self.theta}")

    def next_own(self):
        """Return the time of its next event of its own."""
        if self.release > self.last_spike:
            return self.release
        return min(self.crossing, self.next_move()) if self.theta < math.inf else math.inf


class Reference:
    """One sample of a network, run event by event.

    Parameters
    ----------
    net : eventsim.Network
    spikes : list of (time, population name, neuron, amplitude)
        The input spikes of the sample.
    """

    def __init__(self, net, spikes):
        self.now = 0.0
        self.queue = []
        self.neurons = {}
        self.synapses = {}
        self.record = []
        self.arrivals = 0
        for population in net.populations.values():
            if population.kind == "neurons":
                values = population.neuron.resolve(population.size)
                for index in range(population.size):
                    self.neurons[population.name, index] = Neuron(population, index, values)
        for projection in net.projections.values():
            rows = projection.synapses()
            for k in range(len(rows.source)):
                delay = float(rows.delay) if rows.delay.ndim == 0 else float(rows.delay[k])
                target = self.neurons[projection.target.name, int(rows.target[k])]
                row = self.synapses.setdefault((projection.source.name, int(rows.source[k])), [])
                row.append((delay, target, projection.name, float(rows.weight[k]), projection.receptor_index))
        for spike in spikes:
            self.give(*spike)
        for neuron in self.neurons.values():
            neuron.predict(0.0, again=False)
            self._schedule(neuron)

    def _schedule(self, neuron):
        time = neuron.next_own()
        if time < math.inf:
            heapq.heappush(self.queue, (time, "neuron", (neuron.name, neuron.index)))

    def _send(self, t, name, index, amplitude):
        """Queue the arrivals of a spike; return those without delay."""
        now = []
        for delay, target, projection, weight, receptor in self.synapses.get((name, index), ()):
            arrival = (target.name, target.index, name, index, projection, weight, amplitude, receptor)
            if t + delay > t:
                heapq.heappush(self.queue, (t + delay, "arrival", arrival))
            else:
                now.append(arrival)
        return now

    def give(self, time, name, index, amplitude):
        """Queue one input spike."""
        heapq.heappush(self.queue, (time, "input", (name, index, amplitude)))

    def run(self, t_stop):
        """Process every event before t_stop."""
        while self.queue and self.queue[0][0] < t_stop:
            self.step()

    def step(self):
        """Process the next instant."""
        t = self.queue[0][0]
        if t < self.now:
            raise AssertionError(f"an event at {t} comes after the clock stood at {self.now}")
        self.now = t
        self._instant(t)

    def _instant(self, t):
        arrivals, due, touched = [], set(), set()
        while self.queue and self.queue[0][0] == t:
            _, kind, content = heapq.heappop(self.queue)
            if kind == "arrival":
                arrivals.append(content)
            elif kind == "input":
                arrivals += self._send(t, *content)
            elif self.neurons[content].next_own() == t:  # otherwise a prediction that was replaced
                neuron = self.neurons[content]
                if neuron.release == t:
                    neuron.restart(t)
                    neuron.release = -math.inf
                    touched.add(neuron)
                elif neuron.crossing == t < neuron.next_move():
                    due.add(neuron)
                else:
                    touched.add(neuron)
        before = {}
        generation = 0
        while arrivals or due or touched:
            for neuron in touched:
                self._open(neuron, t, before)
            for target, index, _, _, _, weight, amplitude, receptor in sorted(arrivals):
                self.arrivals += 1
                neuron = self.neurons[target, index]
                if neuron.release < math.inf:
                    self._open(neuron, t, before)
                    neuron.add(receptor, weight, amplitude, t)
                    touched.add(neuron)
            firing = {neuron for neuron in touched if neuron.reaches(t)} | (due - touched)
            for neuron in touched - firing:
                if neuron.release <= t:
                    neuron.predict(t)
                self._schedule(neuron)
            arrivals, due, touched = [], set(), set()
            for neuron in sorted(firing):
                self._fire(neuron, t, generation, before)
                arrivals += self._send(t, neuron.name, neuron.index, 1.0)
            generation += 1

    def _open(self, neuron, t, before):
        """Bring a neuron to t and keep its state from before the arrivals of this instant."""
        if neuron not in before:
            neuron.bring(t)
            before[neuron] = neuron.c

    def _fire(self, neuron, t, generation, before):
        slope = self._slope_before(neuron, t, before)
        self.record.append((t, neuron.name, neuron.index, slope, generation))
        neuron.last_spike = t
        neuron.crossing = math.inf
        if t + neuron.t_refractory > t:
            neuron.release = t + neuron.t_refractory
        else:
            neuron.restart(t)
            neuron.predict(t)
        self._schedule(neuron)

    def _slope_before(self, neuron, t, before):
        """Return V'(t-), inf where a jump of V, or the start of the run, made the neuron fire."""
        if t == 0.0:
            return math.inf
        after = neuron.c
        seen = neuron in before
        if seen:
            neuron.c = before[neuron]
        jumped = seen and any(neuron.delta) and neuron.local(t)[0] < neuron.theta
        slope = neuron.slope(t)
        neuron.c = after
        return math.inf if jumped or slope <= 0.0 else slope


class Sample:
    """One sample on the reference engine, behind the interface of `eventsim.engines.heap.Sample`."""

    reusable = False

    def __init__(self, net, lowered, seed=0, index=0, recorded=(), shards=1):
        self._reference = Reference(net, ())
        self._noise = Noise(net, lowered, seed, index)
        self._drawn = []
        self._lowered = lowered
        self._taken = 0
        self._watched = False

    @property
    def arrivals(self):
        """Synaptic arrivals delivered."""
        return self._reference.arrivals

    @property
    def clock(self):
        """The last instant processed (ms)."""
        return self._reference.now

    def run(self, inputs, t_stop, limit, cancelled):
        """Advance to t_stop; return whether a stop condition came first (see the heap engine)."""
        reference, lowered = self._reference, self._lowered
        if self._noise:
            inputs, drawn = self._noise.merged(inputs, t_stop)
            self._drawn.append(drawn)
        for time, gid, amplitude in zip(*(column.tolist() for column in inputs), strict=True):
            p = int(lowered.population[gid])
            reference.give(time, lowered.names[p], gid - int(lowered.offset[p]), amplitude)
        spikes, watch_from, watch_to = limit
        looked = 0
        while not cancelled():
            fresh, looked = reference.record[looked:], len(reference.record)
            self._watched |= any(watch_from <= self._gid(name, index) < watch_to for _, name, index, _, _ in fresh)
            if self._watched or self._taken + looked >= spikes:
                return True
            if not reference.queue or reference.queue[0][0] >= t_stop:
                break
            reference.step()
        return False

    def _gid(self, name, index):
        return int(self._lowered.offset[self._lowered.names.index(name)]) + index

    def take(self):
        """Return and forget the recorded spikes: arrays (time, gid, slope, generation)."""
        record, self._reference.record = self._reference.record, []
        self._taken += len(record)
        time, name, index, slope, generation = zip(*record, strict=True) if record else ((),) * 5
        gid = [self._gid(*neuron) for neuron in zip(name, index, strict=True)]
        fired = (np.array(time, np.float64), np.array(gid, np.int32), np.array(slope, np.float64),
                 np.array(generation, np.int32))
        drawn, self._drawn = self._drawn, []
        return tuple(np.concatenate(columns) for columns in zip(fired, *drawn, strict=True))
