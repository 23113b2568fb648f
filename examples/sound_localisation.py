"""Where does a sound come from? Delay lines and coincidence detectors that tell microseconds apart.

Jeffress' model (J. Comp. Physiol. Psychol. 41, 1948): fibres from both ears fire once a period of a tone, with jitter;
axons of graded length delay them, from one end for the left ear and from the other for the right. The detector at which
the two delays make up for the difference between the ears fires most. All times are exact, so that differences far
below any time step count; the same model with times and delays on a grid of 0.1 ms shows what a step would do.
Run it with ``python examples/sound_localisation.py [sound_localisation.png]``; it writes the figure there.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es
from viz import style

FIBRES, PERIODS, PERIOD, JITTER = 20, 40, 2.0, 0.06  # a tone of 500 Hz; jitter of each spike, ms
HEAD = 0.0875 / 343.0 * 1000.0  # ms that sound takes for the radius of a head
OFFSETS = np.arange(-0.8, 0.81, 0.05)  # ms: the difference between the ears that each detector prefers
ANGLES = np.arange(-90.0, 90.1, 5.0)  # degrees, one sample each
STEP = 0.1  # ms, for comparison


def difference(angle):
    """Return how much later a sound reaches the left ear (ms), by Woodworth's formula (1938) for a sphere."""
    radians = np.deg2rad(angle)
    return HEAD * (radians + np.sin(radians))


def network(step=None):
    """Return ears and detectors, and what each detector prefers; delays are multiples of `step` where it is given."""
    net = es.Network(seed=1)
    detectors = net.population("detectors", len(OFFSETS), es.LIF(tau_mem=0.15, tau_syn=0.0, t_refractory=1.0))
    lines = 1.0 + OFFSETS / 2.0 * np.array([[-1.0], [1.0]])
    lines = lines if step is None else np.rint(lines / step) * step
    for ear, line in zip(("left", "right"), lines, strict=True):
        net.connect(net.input(ear, FIBRES), detectors, es.Dense(0.05), delay=np.tile(line, (FIBRES, 1)))
    return net, lines[1] - lines[0]


def heard(draw, step=None):
    """Return the spikes of both ears for all angles."""
    stimulus = {}
    for ear, sign in (("left", 0.5), ("right", -0.5)):
        shape = (len(ANGLES), FIBRES, PERIODS)
        time = 2.0 + PERIOD * np.arange(PERIODS) + draw.normal(0.0, JITTER, shape)
        time += sign * difference(ANGLES)[:, np.newaxis, np.newaxis]
        time = time if step is None else np.rint(time / step) * step
        sample, fibre, _ = np.indices(shape)
        stimulus[ear] = es.Spikes(time.ravel(), fibre.ravel(), sample.ravel())
    return stimulus


def estimate(counts, preferred):
    """Return the difference between the ears (ms): the mean of what the detectors prefer, by squared spike counts."""
    weight = counts.astype(float) ** 2
    return weight @ preferred / weight.sum(axis=1)


def main(figure):
    """Listen to a tone from all directions; draw what fires, what is concluded, and how far it is off."""
    true, found = difference(ANGLES), {}
    for name, step in (("exact times", None), (f"times in steps of {1000 * STEP:g} µs", STEP)):
        net, preferred = network(step)
        trace = es.simulate(net, heard(np.random.default_rng(1), step), t_stop=4.0 + PERIODS * PERIOD)
        found[name] = estimate(trace.counts("detectors"), preferred)
        error = 1000.0 * (found[name] - true)
        print(f"{name}: error {np.sqrt(np.mean(error**2)):.1f} µs (root mean square)")
        if step is None:
            exact = trace
    sheet = plt.figure(figsize=(12.0, 3.8), layout="constrained")
    arrivals, fired, errors = sheet.subplots(1, 3)
    shown = int(np.flatnonzero(ANGLES == 30.0)[0])
    spikes = exact.spikes("detectors")
    mine = (spikes.sample == shown) & (spikes.time < 14.0)
    arrivals.plot(spikes.time[mine], 1000.0 * OFFSETS[spikes.neuron[mine]], "|", color=style.colour(0), markersize=6)
    arrivals.axhline(1000.0 * true[shown], color=style.colour(1), linewidth=1.0)
    arrivals.set(ylabel="preferred difference (µs)", ylim=(-850.0, 850.0))
    arrivals.set_title(f"sound from {ANGLES[shown]:g}° (line: {1000.0 * true[shown]:.0f} µs)", fontsize="medium")
    style.time_axis(arrivals)
    style.tidy(arrivals)
    image = fired.pcolormesh(ANGLES, 1000.0 * OFFSETS, exact.counts("detectors").T, cmap=style.TIME_MAP)
    fired.plot(ANGLES, 1000.0 * true, color="white", linewidth=1.0, linestyle="--")
    fired.set(xlabel="direction (degrees)", ylabel="preferred difference (µs)")
    fired.set_title("spikes of each detector (dashed: the sound)", fontsize="medium")
    sheet.colorbar(image, ax=fired, label="spikes in 80 ms")
    for place, (name, value) in enumerate(found.items()):
        errors.plot(ANGLES, 1000.0 * (value - true), ".-", color=style.colour(place), label=name, linewidth=1.0)
    errors.axhline(0.0, color=style.RULE, zorder=0)
    errors.set(xlabel="direction (degrees)", ylabel="error of the difference (µs)")
    style.tidy(errors)
    style.legend_above(errors)
    sheet.savefig(figure, dpi=110)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sound_localisation.png")
