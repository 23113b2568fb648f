"""What a run did: spikes, latencies, decisions, operations, energy and spike-train statistics.

Every measure takes a `Trace`; times are in ms from the onset of the stimulus, t = 0 of each sample.
"""

from eventsim.measure.cost import ACCUMULATE_PJ, MULTIPLY_ADD_PJ, Energy, dense_multiply_adds, energy
from eventsim.measure.counts import SpikeCounts, silent_fraction, spike_counts
from eventsim.measure.decision import Decision, decide
from eventsim.measure.evaluation import evaluate
from eventsim.measure.latencies import Latency, latency
from eventsim.measure.operations import operations_by_projection, synaptic_operations
from eventsim.measure.potentials import integrated_potential, peak_potential
from eventsim.measure.progress import Progress, anytime
from eventsim.measure.statistics import Intervals, cv, cv2, fanofactor, isi, mean_firing_rate, rates

__all__ = [
    "ACCUMULATE_PJ",
    "MULTIPLY_ADD_PJ",
    "Decision",
    "Energy",
    "Intervals",
    "Latency",
    "Progress",
    "SpikeCounts",
    "anytime",
    "cv",
    "cv2",
    "decide",
    "dense_multiply_adds",
    "energy",
    "evaluate",
    "fanofactor",
    "integrated_potential",
    "isi",
    "latency",
    "mean_firing_rate",
    "operations_by_projection",
    "peak_potential",
    "rates",
    "silent_fraction",
    "spike_counts",
    "synaptic_operations",
]
