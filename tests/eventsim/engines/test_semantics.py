"""What a spike, an instant and a refractory period are: named cases, the same on every engine."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from networks import LATER, SPIKE_LIMIT, TINY, bits, examples, layered_cases, recurrent_cases
from scipy.special import lambertw

import eventsim as es

INF = math.inf

all_engines = pytest.mark.parametrize("engine", ["reference", "heap", "window", "layers"])
event_engines = pytest.mark.parametrize("engine", ["reference", "heap", "window"])
engines_without_delay = pytest.mark.parametrize("engine", ["reference", "heap", "layers"])
engines_with_instant_loops = pytest.mark.parametrize("engine", ["reference", "heap"])


def cell(engine, neuron, times=(), weight=1.0, amplitude=1.0, t_stop=50.0, delay=0.0):
    """Return the spikes of one neuron that gets spikes of one source."""
    net = es.Network(seed=1)
    source = net.input("source", 1)
    target = net.population("target", 1, neuron)
    net.connect(source, target, es.Dense([[weight]]), delay=delay)
    stimulus = es.Spikes(times, np.zeros(len(times), int), amplitude=amplitude if len(times) else 1.0)
    return es.simulate(net, stimulus, t_stop, engine=engine).spikes("target")


def once(tau_mem, tau_syn, **parameters):
    return es.LIF(tau_mem, tau_syn, t_refractory=es.NEVER, **parameters)


def mostafa(arrivals, weight, tau):
    """Return ln z of the first spike without leak: z = sum w e^t / (sum w - theta / tau) (Mostafa 2018)."""
    z = weight * sum(math.exp(t / tau) for t in arrivals) / (weight * len(arrivals) - 1.0 / tau)
    return tau * math.log(z)


CLOSED_FORMS = [
    ("ramp", once(INF, INF), [1.0, 2.0], 0.25, (1.0 + 0.25 * 3.0) / 0.5),
    ("no leak", once(INF, 5.0), [1.0, 2.0], 0.2, mostafa([1.0, 2.0], 0.2, 5.0)),
    ("step current", once(10.0, INF), [3.0], 1.5, 3.0 + 10.0 * math.log(3.0)),
    ("tau_mem = 2 tau_syn", once(10.0, 5.0), [3.0], 5.0, 3.0 - 10.0 * math.log((5.0 + math.sqrt(5.0)) / 10.0)),
    ("equal taus", once(10.0, 10.0), [0.0], 4.0, -10.0 * lambertw(-0.25).real),
    ("delta", once(10.0, 0.0), [2.0, 3.0], 0.6, 3.0),
    ("delta without leak", once(INF, 0.0), [2.0, 30.0], 0.5, 30.0),
    ("delta above threshold", once(10.0, 0.0, v_rest=2.0, v_init=0.0), [], 1.0, 10.0 * math.log(2.0)),
    ("delta with drive", once(INF, 0.0, i_offset=0.125), [2.0], 0.5, 4.0),
    ("drive", once(20.0, 5.0, i_offset=2.0), [], 1.0, 20.0 * math.log(2.0)),
]


@all_engines
@pytest.mark.parametrize(("neuron", "times", "weight", "expected"), [case[1:] for case in CLOSED_FORMS],
                         ids=[case[0] for case in CLOSED_FORMS])
def test_the_first_spike_is_the_published_closed_form(engine, neuron, times, weight, expected):
    assert cell(engine, neuron, times, weight).time == pytest.approx([expected], rel=1e-14)


def response(tau_mem, tau_syn, dt):
    """Return V that a current of 1 leaves after dt, by the textbook."""
    if math.isinf(tau_mem):
        return dt if math.isinf(tau_syn) else -tau_syn * math.expm1(-dt / tau_syn)
    if math.isinf(tau_syn):
        return -math.expm1(-dt / tau_mem)
    gap = 1.0 / tau_syn - 1.0 / tau_mem
    return math.exp(-dt / tau_mem) / tau_mem * (dt if gap == 0.0 else -math.expm1(-gap * dt) / gap)


def later(neuron, v, i, goal, dt):
    """Return (V, I) after dt; `goal` is v_rest + i_offset, or i_offset where nothing leaks."""
    tau_mem, tau_syn = neuron.tau_mem, neuron.tau_syn
    i = 0.0 if tau_syn == 0.0 else i
    free = v + goal * dt if math.isinf(tau_mem) else goal + (v - goal) * math.exp(-dt / tau_mem)
    driven = 0.0 if tau_syn == 0.0 else i * response(tau_mem, tau_syn, dt)
    return free + driven, i * math.exp(-dt / tau_syn) if tau_syn > 0.0 else 0.0


def arrivals_by_neuron(trace):
    """Return every arrival of sample 0, as (time, generation, weight), by (population, neuron)."""
    found = {}
    for projection in trace.network.projections.values():
        synapses, table = projection.synapses(), trace.spikes(projection.source.name)
        firing = projection.source.kind == "neurons"
        amplitude = np.ones(len(table.time))
        if projection.source.kind == "input" and len(table.time):
            amplitude = trace.stimulus[projection.source.name].amplitude
        delays = np.broadcast_to(synapses.delay, len(synapses.source))
        for k in range(len(synapses.source)):
            row = found.setdefault((projection.target.name, int(synapses.target[k])), [])
            for spike in np.flatnonzero((table.neuron == synapses.source[k]) & (table.sample == 0)):
                time = table.time[spike] + delays[k]
                generation = int(table.generation[spike]) + 1 if firing and time == table.time[spike] else 0
                row.append((time, generation, synapses.weight[k] * amplitude[spike]))
    return found


def check_neuron(neuron, size, index, arrivals, table, end):
    """Walk one neuron through its arrivals and recorded spikes; assert that each spike is due and none is missing."""
    values = neuron.resolve(size)
    theta, reset, hold = (column[index] for column in (values.v_threshold, values.v_reset, values.t_refractory))
    goal = values.i_offset[index] + (0.0 if math.isinf(neuron.tau_mem) else values.v_rest[index])
    spikes = dict(zip(table.time.tolist(), zip(table.generation.tolist(), table.slope.tolist(), strict=True),
                      strict=True))
    releases = {t + hold for t in spikes if t < t + hold < end}
    instants = sorted({0.0, end} | releases | set(spikes) | {a[0] for a in arrivals if a[0] < end})
    v, i, now, held_until = values.v_init[index], 0.0, 0.0, -INF
    for t in instants:
        slack = 1e-9 * (min(abs(theta), 1e3) + abs(goal) + abs(v) + abs(i))
        if now < t and held_until <= now:
            for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.999):
                assert later(neuron, v, i, goal, share * (t - now))[0] < theta + slack
        v, i = later(neuron, v, i, goal, t - now)
        now = t
        if held_until == t:
            v, held_until = reset, -INF
        if t == end:
            return
        before, current = v, i
        here = sorted(a[1:] for a in arrivals if a[0] == t)
        fires_in, slope = spikes.get(t, (INF, 0.0))
        taken = [w for generation, w in here if generation <= fires_in]
        if neuron.tau_syn > 0.0:
            i += sum(w for _, w in here)
        elif held_until <= t:
            v += sum(taken)
        if t in spikes:
            assert held_until <= t
            assert v >= theta - slack
            if t > 0.0 and slope < INF and slope > 1e-6:
                free = goal - before * (math.isfinite(neuron.tau_mem))
                rate = (free + (current if neuron.tau_syn > 0.0 else 0.0)) / (
                    neuron.tau_mem if math.isfinite(neuron.tau_mem) else 1.0)
                assert slope == pytest.approx(rate, rel=1e-6, abs=1e-6)
            if slope < INF:
                assert before == pytest.approx(theta, abs=slack + 1e-9)
            v = reset
            if t + hold > t:
                held_until = t + hold
        elif held_until <= t:
            assert v < theta + slack


@settings(max_examples=examples(150))
@given(recurrent_cases(most_samples=1, poisson=False))
def test_every_neuron_of_a_network_obeys_its_equations_and_fires_whenever_it_should(case):
    check_network(case, case.run("heap", stop=SPIKE_LIMIT))


@settings(max_examples=examples(100))
@given(recurrent_cases(most_samples=1, poisson=False, delays=LATER))
def test_every_neuron_obeys_its_equations_in_windows_too(case):
    check_network(case, case.run("window", stop=SPIKE_LIMIT))


def check_network(case, trace):
    """Walk every neuron of a trace of one sample."""
    arrivals = arrivals_by_neuron(trace)
    for population in case.populations:
        if population.neuron is None:
            continue
        table = trace.spikes(population.name)
        for index in range(population.shape[0]):
            mine = type(table)(*(column[table.neuron == index] for column in table))
            check_neuron(population.neuron, population.shape[0], index, arrivals.get((population.name, index), []),
                         mine, trace.ended[0])


@all_engines
def test_a_run_covers_its_start_but_not_its_end(engine):
    ramp = once(INF, INF)
    assert len(cell(engine, ramp, [0.0], 0.5, t_stop=2.0).time) == 0
    assert cell(engine, ramp, [0.0], 0.5, t_stop=math.nextafter(2.0, 3.0)).time == [2.0]


@all_engines
@pytest.mark.parametrize("tau_syn", [0.0, 5.0, INF])
@pytest.mark.parametrize("v_init", [1.0, 1.5])
def test_a_neuron_that_starts_at_or_above_its_threshold_fires_at_zero(engine, tau_syn, v_init):
    table = cell(engine, once(20.0, tau_syn, v_init=v_init))
    assert table.time == [0.0]
    assert table.slope == [INF]
    assert table.generation == [0]


@all_engines
@pytest.mark.parametrize("level", [0.1, 0.7, 1.0, 1.3])
@pytest.mark.parametrize("tau_syn", [0.0, 0.3, 20.0])
def test_a_threshold_at_rest_is_touched_at_once_and_never_reached_from_below(engine, level, tau_syn):
    resting = once(20.0, tau_syn, v_rest=level, v_threshold=level)
    assert cell(engine, resting).time == [0.0]
    rising = resting.replace(v_init=level - 0.5)
    assert len(cell(engine, rising, t_stop=5000.0).time) == 0


@all_engines
@pytest.mark.parametrize("tau_mem", [0.37, 3.0, 20.0, INF])
def test_a_jump_that_just_equals_the_way_to_the_threshold_fires(engine, tau_mem):
    for k in range(60):
        assert len(cell(engine, once(tau_mem, 0.0), [0.37 * k], 1.0).time) == 1


@all_engines
def test_an_inhibitory_arrival_at_zero_comes_before_the_test_at_zero(engine):
    assert len(cell(engine, once(20.0, 0.0, v_init=1.5), [0.0], -1.0).time) == 0
    assert cell(engine, once(20.0, 0.0, v_init=2.5), [0.0], -1.0).time == [0.0]


@all_engines
def test_a_crossing_at_the_instant_of_an_arrival_yields_to_it(engine):
    driven = once(INF, 0.0, i_offset=0.25)
    assert cell(engine, driven, [4.0], -0.5).time == [6.0]
    table = cell(engine, driven, [4.0], 0.5)
    assert table.time == [4.0]
    assert table.slope == [0.25]
    assert cell(engine, once(INF, INF), [0.0, 2.0], 0.5).time == [2.0]
    assert cell(engine, once(INF, INF), [0.0, 2.0], 0.5, amplitude=[1.0, -7.0]).time == [2.0]


@all_engines
def test_arrivals_of_one_instant_are_all_added_before_the_test(engine):
    neuron = once(INF, 0.0)
    for weights in ([3.0, -2.5], [-2.5, 3.0]):
        assert len(cell(engine, neuron, [1.0, 1.0], 1.0, amplitude=weights).time) == 0
    table = cell(engine, neuron, [1.0, 1.0, 1.0], 0.4)
    assert table.time == [1.0]
    assert table.slope == [INF]


def chain(engine, delay=0.0):
    """Return the trace of one spike that passes three delta neurons without delay; the last inhibits itself too."""
    net = es.Network(seed=1)
    before = net.input("input", 1)
    for name in ("c", "b", "a"):
        after = net.population(name, 1, once(20.0, 0.0))
        net.connect(before, after, es.Dense([[1.0]]), delay=delay)
        before = after
    net.connect("c", "a", es.Dense([[-0.5]]), delay=delay)
    net.connect("input", "a", es.Dense([[0.5]]), delay=delay)
    return es.simulate(net, es.Spikes([3.0], [0]), 10.0, engine=engine)


@engines_without_delay
@pytest.mark.parametrize("delay", [0.0, TINY])
def test_consequences_without_delay_are_generations_of_one_instant(engine, delay):
    trace = chain(engine, delay)
    assert [trace.spikes(name).time.tolist() for name in "cba"] == [[3.0]] * 3
    assert [trace.spikes(name).generation.tolist() for name in "cba"] == [[0], [1], [2]]


@engines_without_delay
def test_inhibition_of_a_later_generation_does_not_undo_a_spike_of_an_earlier_one(engine):
    net = es.Network(seed=1)
    source = net.input("source", 1)
    early = net.population("early", 1, once(20.0, 0.0))
    late = net.population("late", 1, once(20.0, 0.0))
    net.connect(source, early, es.Dense([[1.0]]))
    net.connect(source, late, es.Dense([[1.0]]))
    net.connect(early, late, es.Dense([[-5.0]]))
    trace = es.simulate(net, es.Spikes([3.0], [0]), 10.0, engine=engine)
    assert trace.spikes("late").time == [3.0]
    assert trace.spikes("late").generation == [0]


@engines_without_delay
def test_a_crossing_due_at_an_instant_fires_before_arrivals_of_a_later_generation(engine):
    net = es.Network(seed=1)
    source = net.input("source", 1)
    early = net.population("early", 1, once(20.0, 0.0))
    driven = net.population("driven", 1, once(INF, 0.0, i_offset=0.25))
    net.connect(source, early, es.Dense([[1.0]]))
    net.connect(early, driven, es.Dense([[-0.5]]))
    table = es.simulate(net, es.Spikes([4.0], [0]), 10.0, engine=engine).spikes("driven")
    assert table.time == [4.0]
    assert table.generation == [0]
    assert table.slope == [0.25]


@engines_with_instant_loops
def test_a_loop_without_delay_ends_because_jumps_after_the_spike_are_lost(engine):
    net = es.Network(seed=1)
    source = net.input("source", 1)
    ring = net.population("ring", 3, es.LIF(20.0, 0.0))
    net.connect(source, ring, es.Sparse([0], [0], [1.0]))
    net.connect(ring, ring, es.Sparse([0, 1, 2], [1, 2, 0], [5.0, 5.0, 5.0]))
    trace = es.simulate(net, es.Spikes([1.0, 2.0], [0, 0]), 10.0, engine=engine)
    table = trace.spikes("ring")
    assert table.time.tolist() == [1.0] * 3 + [2.0] * 3
    assert table.neuron.tolist() == [0, 1, 2] * 2
    assert table.generation.tolist() == [0, 1, 2] * 2
    assert trace.membrane("ring", [0, 1, 2], [1.5]).v == pytest.approx(0.0)


@engines_with_instant_loops
def test_a_current_that_comes_back_without_delay_is_kept(engine):
    net = es.Network(seed=1)
    source = net.input("source", 1)
    loop = net.population("loop", 1, es.LIF(INF, INF, v_reset=0.0))
    net.connect(source, loop, es.Dense([[1.0]]))
    net.connect(loop, loop, es.Dense([[1.0]]))
    trace = es.simulate(net, es.Spikes([0.0], [0]), 1.6, engine=engine)
    assert trace.spikes("loop").time == pytest.approx([1.0, 1.5])


@event_engines
def test_the_membrane_is_held_at_its_reset_while_the_current_goes_on(engine):
    neuron = es.LIF(20.0, 5.0, t_refractory=3.0, v_reset=-0.25)
    net = es.Network(seed=1)
    source = net.input("source", 1)
    target = net.population("target", 1, neuron)
    net.connect(source, target, es.Dense([[20.0]]))
    trace = es.simulate(net, es.Spikes([1.0, 3.0], [0, 0]), 60.0, engine=engine)
    first, second = trace.spikes("target").time[:2]
    assert 1.0 < first < 3.0
    assert second > first + 3.0
    held = trace.membrane("target", [0], [np.nextafter(first, 9), first + 1.5, first + 3.0])
    assert held.v[0] == pytest.approx([-0.25] * 3, rel=1e-13)
    current = 20.0 * (math.exp(-(first + 2.0) / 5.0) + math.exp(-first / 5.0))
    assert held.i[0, 2] == pytest.approx(current, rel=1e-12)
    alone = cell(engine, once(20.0, 5.0, v_init=-0.25), [0.0], current)
    assert second - (first + 3.0) == pytest.approx(alone.time[0], rel=1e-10)


@event_engines
def test_jumps_within_the_refractory_period_are_lost_and_release_precedes_arrivals(engine):
    neuron = es.LIF(INF, 0.0, t_refractory=2.0)
    assert cell(engine, neuron, [1.0, 2.0, 2.5], 1.0).time == [1.0]
    assert cell(engine, neuron, [1.0, 2.0, 3.0], 1.0).time.tolist() == [1.0, 3.0]
    assert cell(engine, neuron, [1.0, math.nextafter(3.0, 0.0)], 1.0).time == [1.0]


@event_engines
def test_the_refractory_period_ends_at_the_rounded_sum(engine):
    neuron = es.LIF(INF, 0.0, t_refractory=0.2)
    assert 0.1 + 0.2 > 0.3
    assert cell(engine, neuron, [0.1, 0.3], 1.0).time == [0.1]
    assert cell(engine, neuron, [0.1, 0.1 + 0.2], 1.0).time.tolist() == [0.1, 0.1 + 0.2]


@event_engines
def test_a_refractory_period_that_time_cannot_resolve_is_none(engine):
    neuron = es.LIF(INF, 0.0, t_refractory=TINY)
    assert cell(engine, neuron, [1.0, 1.0, 2.0], 1.0).time.tolist() == [1.0, 2.0]


@event_engines
def test_a_neuron_that_is_released_above_its_threshold_by_an_arrival_fires_at_the_release(engine):
    neuron = es.LIF(INF, 0.0, t_refractory=2.0, v_reset=0.5)
    table = cell(engine, neuron, [1.0, 3.0], 1.0, amplitude=[1.0, 0.5])
    assert table.time.tolist() == [1.0, 3.0]
    assert table.slope.tolist() == [INF, INF]


@event_engines
@pytest.mark.parametrize("tau_syn", [0.0, {"jump": 0.0, "current": 5.0}])
@pytest.mark.parametrize("tau_mem", [10.0, INF])
@pytest.mark.parametrize("end", [63.0, 64.0, 128.0])
def test_the_slope_of_a_jump_at_the_release_does_not_depend_on_whether_the_origin_moves_there(
        engine, end, tau_mem, tau_syn):
    # Origins of these time constants move at multiples of 64 ms; V rises before the jump, and did so before its reset.
    drive = {"i_offset": 2.0**-7} if tau_mem == INF else {"v_rest": 1.25, "v_init": 0.0}
    net = es.Network(seed=1)
    source = net.input("source", 1)
    target = net.population("target", 1, es.LIF(tau_mem, tau_syn, t_refractory=end - 0.5, **drive))
    net.connect(source, target, es.Dense([[1.0]]), receptor="jump" if isinstance(tau_syn, dict) else None)
    table = es.simulate(net, es.Spikes([0.5, end], [0, 0]), 129.0, engine=engine).spikes("target")
    assert table.time[:2].tolist() == [0.5, end]
    assert table.slope[:2].tolist() == [INF, INF]


@all_engines
def test_a_neuron_without_end_of_its_refractory_period_fires_once_whatever_its_reset(engine):
    assert cell(engine, once(20.0, 0.0, v_reset=5.0), [1.0, 2.0, 3.0], 2.0).time == [1.0]
    assert len(cell(engine, once(20.0, 5.0, v_reset=5.0), [1.0, 2.0], 50.0).time) == 1


@event_engines
def test_regular_firing_keeps_its_interval_however_often_the_origin_moves(engine):
    table = cell(engine, es.LIF(10.0, 1.0, i_offset=2.0, t_refractory=1.0), t_stop=500.0)
    intervals = np.diff(table.time)
    assert len(table.time) == int(500.0 // (10.0 * math.log(2.0) + 1.0))
    assert intervals == pytest.approx(10.0 * math.log(2.0) + 1.0, rel=1e-12)


@pytest.mark.parametrize(("tau_mem", "tau_syn"), [(2.0, 1.0), (1.0, 1.0), (1.0, 1.03), (0.5, 0.25), (3.0, 1.0),
                                                  (9.0, 0.0), (INF, 1.0)])
@event_engines
def test_the_response_to_a_spike_is_the_same_late_in_a_run(engine, tau_mem, tau_syn):
    neuron = es.LIF(tau_mem, tau_syn, t_refractory=35.0)
    weight = 1.0 if tau_syn == 0.0 else 6.0
    times = 37.5 * np.arange(14)
    table = cell(engine, neuron, times, weight, t_stop=500.0)
    assert len(table.time) == 14
    assert table.time - times == pytest.approx(table.time[0], abs=1e-12)


@event_engines
def test_a_neuron_left_alone_for_a_long_time_comes_to_rest(engine):
    table = cell(engine, es.LIF(1.0, 0.5), [0.0, 20000.0], 6.0, t_stop=20010.0)
    assert len(table.time) == 2
    assert table.time[1] - 20000.0 == pytest.approx(table.time[0], abs=1e-10)


@all_engines
def test_inhibition_that_lasts_a_thousand_membrane_time_constants_only_delays_the_spike(engine):
    # V follows i_offset + I closely: it crosses about when 100 e^(-t/1000) has fallen to 1.
    table = cell(engine, once(1.0, 1000.0, i_offset=2.0), [0.0], -100.0, t_stop=6000.0)
    assert table.time == pytest.approx(1000.0 * math.log(100.0 * 1000.0 / 999.0), rel=1e-12)


@all_engines
@pytest.mark.parametrize("times", [[], [INF], [50.0], [70.0], [50.0, INF]])
def test_spikes_that_never_come_or_come_at_the_end_or_later_change_nothing(engine, times):
    assert len(cell(engine, once(20.0, 0.0), times, 5.0, t_stop=50.0).time) == 0


@event_engines
def test_spikes_after_the_end_of_a_piece_are_delivered_in_the_next_one(engine):
    net = es.Network(seed=1)
    source = net.input("source", 1)
    target = net.population("target", 1, es.LIF(20.0, 0.0))
    net.connect(source, target, es.Dense([[1.0]]), delay=1.5)
    simulation = es.Simulation(net, es.Spikes([9.0, 10.0], [0, 0]), engine=engine)
    simulation.run(10.0)
    assert len(simulation.trace.spikes("target").time) == 0
    simulation.run(2.0)
    assert simulation.trace.spikes("target").time.tolist() == [10.5, 11.5]


@all_engines
def test_duplicate_spikes_are_all_delivered_and_order_does_not_matter(engine):
    neuron = once(INF, 0.0, v_threshold=2.5)
    assert len(cell(engine, neuron, [1.0, 1.0], 1.0).time) == 0
    assert cell(engine, neuron, [5.0, 1.0, 1.0], 1.0).time == [5.0]
    assert cell(engine, neuron, [1.0, 5.0, 1.0], 1.0).time == [5.0]


@pytest.mark.parametrize("time", [math.nan, -1.0, -1e-300])
def test_a_nan_or_negative_input_time_is_refused(time):
    with pytest.raises(es.InputError, match="times are >= 0 ms"):
        es.Spikes([1.0, time], [0, 0])


@all_engines
def test_every_sample_starts_anew_at_zero(engine):
    net = es.Network(seed=1)
    source = net.input("source", 1)
    target = net.population("target", 1, once(20.0, 5.0, v_init=0.25))
    net.connect(source, target, es.Dense([[4.0]]))
    stimulus = es.Spikes([2.0, 2.0, 7.0], [0, 0, 0], sample=[0, 2, 3], n_samples=5)
    trace = es.simulate(net, stimulus, 50.0, engine=engine)
    first = trace.first_spikes("target")[:, 0]
    assert first[0] == first[2]
    assert first[3] > 7.0
    assert np.isinf(first[[1, 4]]).all()


def until(spikes, time):
    """Return the spikes at or before a time."""
    keep = spikes.time <= time
    return es.Spikes(spikes.time[keep], spikes.neuron[keep], spikes.sample[keep], spikes.amplitude[keep],
                     n_samples=spikes.n_samples)


def check_causal(case, engine, **options):
    """Assert that leaving out the later half of the input changes nothing before."""
    times = np.sort(np.concatenate([spikes.time for spikes in case.stimulus.values()]))
    cut = times[len(times) // 2] if len(times) else 1.0
    whole = case.run(engine, **options)
    part = case._replace(stimulus={name: until(spikes, cut) for name, spikes in case.stimulus.items()}).run(
        engine, **options)
    for name in whole.recorded:
        expected, found = whole.spikes(name), part.spikes(name)
        for column in expected._fields:
            early, late = expected.time <= cut, found.time <= cut
            assert getattr(expected, column)[early].tobytes() == getattr(found, column)[late].tobytes()


@settings(max_examples=examples(60))
@given(recurrent_cases())
def test_deleting_later_input_changes_no_earlier_spike(case):
    check_causal(case, "heap", stop=SPIKE_LIMIT)


@settings(max_examples=examples(60))
@given(recurrent_cases(delays=LATER))
def test_deleting_later_input_changes_no_earlier_spike_in_windows(case):
    check_causal(case, "window", stop=SPIKE_LIMIT)


@settings(max_examples=examples(40))
@given(layered_cases())
def test_deleting_later_input_changes_no_earlier_spike_of_a_layered_network(case):
    check_causal(case, "layers")


def check_composable(case, engine, pieces):
    """Assert that a run in pieces gives the bits of one run."""
    bounded = case._replace(t_stop=8.0, populations=tuple(
        p._replace(neuron=p.neuron.replace(t_refractory=2.0)) if isinstance(p.neuron, es.LIF) else p
        for p in case.populations))
    simulation = es.Simulation(bounded.build(), bounded.stimulus, engine=engine, seed=3)
    for duration in pieces:
        simulation.run(duration)
    assert bits(simulation.trace) == bits(bounded.run(engine))


@settings(max_examples=examples(60))
@given(recurrent_cases())
def test_a_run_in_pieces_is_the_whole_run(case):
    check_composable(case, "heap", (0.25, 0.25, 3.0, 0.0625, 4.4375))


@settings(max_examples=examples(60))
@given(recurrent_cases(delays=LATER))
def test_a_run_in_pieces_is_the_whole_run_in_windows(case):
    check_composable(case, "window", (0.25, 0.25, 3.0, 0.0625, 4.4375))


@settings(max_examples=examples(15))
@given(recurrent_cases())
def test_a_run_in_pieces_is_the_whole_run_on_the_reference(case):
    check_composable(case, "reference", (1.0, 6.5, 0.5))


@all_engines
def test_an_empty_network_and_one_without_input_run(engine):
    empty = es.simulate(es.Network(seed=1), None, 10.0, engine=engine)
    assert empty.recorded == ()
    net = es.Network(seed=1)
    net.population("alone", 2, once(20.0, 5.0, i_offset=[2.0, 0.0]))
    alone = es.simulate(net, None, 50.0, engine=engine).spikes("alone")
    assert alone.time == pytest.approx([20.0 * math.log(2.0)], rel=1e-14)
    assert alone.neuron == [0]


@all_engines
def test_a_population_may_hold_neurons_that_never_fire_beside_others(engine):
    net = es.Network(seed=1)
    source = net.input("source", 1)
    mixed = net.population("mixed", 2, once(20.0, 0.0, v_threshold=[1.0, es.NEVER]))
    net.connect(source, mixed, es.Dense([[2.0, 2.0]]))
    trace = es.simulate(net, es.Spikes([1.0], [0]), 10.0, engine=engine)
    assert trace.spikes("mixed").neuron == [0]
