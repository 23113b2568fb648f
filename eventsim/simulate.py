"""The two ways to run a network: `simulate` makes one run and returns its trace, a `Simulation` can be continued.

Both walk the samples in threads, in pieces, so that progress shows and Ctrl-C returns what there is; see
`eventsim.run`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from eventsim.errors import InputError
from eventsim.run import Run
from eventsim.stops import checked_end, positive

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.network import Network
    from eventsim.trace import Trace
    from eventsim.type_aliases import Engine, Meter, PathLike, Precision, Recorded, Stimulus, Stop


def simulate(
    net: Network,
    stimulus: Stimulus | None = None,
    t_stop: float | None = None,
    engine: Engine = "auto",
    precision: Precision = "double",
    threads: int | None = None,
    stop: Stop | None = None,
    seed: int | None = None,
    record: Recorded | None = None,
    progress: Meter | None = None,
    labels: ArrayLike | None = None,
    output: str | None = None,
    stop_every: float | None = None,
    out: PathLike | None = None,
) -> Trace:
    """Simulate a network over [0, t_stop) for every sample of the stimulus.

    Parameters
    ----------
    net : Network
    stimulus : dict of str to Spikes, or Spikes
        Spikes of each input; a bare `Spikes` goes to the only input. Left-out inputs are silent. Samples are
        independent and each starts at t = 0.
    t_stop : float
        End of the run in ms, finite, > 0.
    engine : {"auto", "heap", "window", "layers", "reference"}
        "auto" takes `layers` where the network is feed-forward and single-spike, else `window` where spikes take a
        while to other neurons, else `heap`. The result is the same bits; the trace says which engine ran and why.
    precision : {"double", "single"}
        "single" (layers only) keeps accumulators and weights in float32: faster, not exact.
    threads : int, optional
        Default: $EVENTSIM_THREADS, else all processors. The result does not depend on it.
    stop : int, "decision" or callable, optional
        End a sample after so many spikes, at the first spike of the output population, or where a function
        returns true. The function is called with a `eventsim.stops.Standing` (`sample`, `time` reached, `n_spikes`
        and `counts` by population so far, and `fresh(name)`, the spikes since the last call), one sample at a
        time but in any order of samples. It ends the sample at the time reached.
    seed : int, optional
        Seed of the Poisson inputs; drawn and kept in the trace where left out.
    record : list of str, dict, "counts" or False, optional
        Populations whose spikes are kept; default: all neuron populations. Name a Poisson input to keep it too.
        A dict gives for each population True, neuron ids, "counts" (of spikes, no spike is kept) or an
        `eventsim.Record` (neurons, a span of time, counts). "counts" alone: counts of all neuron populations,
        which is constant memory however long the run. False: nothing.
    progress : bool, "text" or callable, optional
        A text meter on standard error with rate and time left, or ``f(fraction, elapsed_s)``.
    labels : array of int, optional
        True class of every sample, carried in the trace.
    output : str, optional
        The population that decides; default: the only one that feeds no other.
    stop_every : float, optional
        How often a function given as `stop` is called: at multiples of so many ms of each sample, whatever the
        engine and the machine, so that the result can be repeated. Default: 10.
    out : str or path-like, optional
        Trace file to write. Where the run is long, spikes go to finished segments in the folder ``out.segments``
        while it lasts, so that memory stays constant; at the end they are merged into the file. What a killed
        run finished is read with ``Trace.load("out.segments")``.

    Returns
    -------
    Trace
        `interrupted` is set where Ctrl-C ended the run early; `ended` then says how far each sample came. After a
        long run to a file, the spikes of a population are read from the file when they are first asked for.

    Raises
    ------
    InputError
        For arguments that do not fit the network, an engine that cannot run it, or a file that cannot be written
        (what was finished of it is kept).

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network()
    >>> source = net.input("source", 1)
    >>> cell = net.population("cell", 1, es.LIF(tau_mem=20.0, tau_syn=5.0))
    >>> _ = net.connect(source, cell, es.Dense([[10.0]]))
    >>> trace = es.simulate(net, {"source": es.Spikes(time=[1.0], neuron=[0])}, t_stop=10.0)
    >>> trace.spikes("cell").time.round(6)
    array([3.826252])
    """
    run = Run(net, stimulus, engine, precision, threads, seed, record, stop, stop_every, labels, output)
    return run.go(t_stop, progress, out)


class Simulation:
    """A run that can be continued: ``run(a); run(b)`` equals ``run(a + b)`` bit for bit.

    Parameters
    ----------
    net, stimulus, engine, threads, seed, record, output
        As in `simulate`; the engine is not "layers", which "auto" does not take here.

    Attributes
    ----------
    now : float
        Time reached, ms.
    trace : Trace
        What was recorded so far.
    """

    def __init__(
        self,
        net: Network,
        stimulus: Stimulus | None = None,
        engine: Literal["auto", "heap", "window", "reference"] = "auto",
        threads: int | None = None,
        seed: int | None = None,
        record: Recorded | None = None,
        output: str | None = None,
    ) -> None:
        self._run = Run(net, stimulus, engine, "double", threads, seed, record, output=output, piecewise=True)
        self.now = 0.0

    def run(self, duration: float, progress: Meter | None = None) -> None:
        """Advance every sample by `duration` ms.

        Parameters
        ----------
        duration : float
            Of this piece, in ms.
        progress : None, "text" or callable, optional
            As in `simulate`.

        Raises
        ------
        InputError
            For a duration that is not finite and > 0, or a network that was changed since the simulation began.
        """
        duration = positive("duration", duration)
        self._run.check_network()
        checked_end(self._run.net, self.now + duration)
        self._run.advance(self.now + duration, progress, start=self.now)
        self.now += duration

    def save(self, path: PathLike) -> None:
        """Write everything needed to go on to one HDF5 file: spikes under way, random state, what was recorded.

        Parameters
        ----------
        path : path-like

        Raises
        ------
        InputError
            The file cannot be written, the engine is "reference", or the network was changed since the simulation
            began.
        """
        from eventsim.io import state_file

        self._run.check_network()
        state_file.write(path, self._run, self.now)

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Return a simulation that goes on where the saved one stood, bit for bit.

        Parameters
        ----------
        path : path-like

        Raises
        ------
        InputError
            Missing, damaged or foreign file.
        """
        from eventsim.io import state_file

        simulation = object.__new__(cls)
        simulation._run, simulation.now = state_file.read(path)
        return simulation

    @property
    def trace(self) -> Trace:
        """The trace of [0, now)."""
        if self.now == 0.0:
            raise InputError("nothing was run yet; call run(duration) first")
        self._run.check_network()
        return self._run.trace(self.now)
