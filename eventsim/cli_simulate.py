"""``eventsim simulate``: run a model or a network, keep every spike."""

import sys

from eventsim.cli_files import check_samples, dataset, images, sonata_stimulus
from eventsim.errors import InputError
from eventsim.io.aside import check_target
from eventsim.io.file_kind import SONATA, kind_of


def run(arguments):
    """Simulate and write the trace."""
    import eventsim

    check_target(arguments.out)
    kind = kind_of(arguments.model)
    if kind == "model":
        from training import Model

        model = Model.load(arguments.model)
        net, t_stop = model.net, model.t_stop
    elif kind == "network":
        model, net, t_stop = None, eventsim.Network.load(arguments.model), None
    else:
        raise InputError(f'"{arguments.model}" is a {kind} file; give a model or a network')
    stimulus, labels, t_stop = _stimulus(arguments, model, net, t_stop)
    if arguments.t_stop is not None:
        t_stop = arguments.t_stop
    if t_stop is None:
        raise InputError("a network has no horizon of its own; give --t-stop in ms")
    run = eventsim.simulate
    written = {"out": arguments.out}
    if arguments.scheduler is not None:
        run, written = eventsim.cluster.simulate, {"scheduler": arguments.scheduler}
    trace = run(
        net,
        stimulus,
        t_stop=t_stop,
        engine=arguments.engine,
        threads=arguments.threads,
        seed=arguments.seed,
        stop="decision" if arguments.stop_at_decision else None,
        progress=sys.stderr.isatty(),
        labels=labels,
        output=None if model is None else model.output,
        **written,
    )
    if arguments.scheduler is not None:
        trace.save(arguments.out)
    print(trace.summary())
    print(f"written: {arguments.out}")
    if trace.interrupted:
        raise KeyboardInterrupt


def _stimulus(arguments, model, net, t_stop):
    """Return the stimulus, the labels or None, and the horizon or None."""
    if arguments.input is None:
        if model is not None:
            raise InputError("a model needs samples; give --input: a data set, images, a trace or SONATA spikes")
        return {}, None, t_stop
    kind = _kind_of_input(arguments.input)
    if kind == SONATA:
        stimulus = sonata_stimulus(arguments.input, net)
        check_samples(arguments, arguments.input, 1)
        return {name: spikes.select(arguments.samples) for name, spikes in stimulus.items()}, None, t_stop
    if kind == "trace":
        from eventsim import Trace

        trace = Trace.load(arguments.input)
        check_samples(arguments, arguments.input, trace.n_samples)
        stimulus = {name: spikes.select(arguments.samples) for name, spikes in trace.stimulus.items()}
        labels = None if trace.labels is None else trace.labels[arguments.samples]
        return stimulus, labels, trace.t_stop if t_stop is None else t_stop
    if model is None:
        raise InputError("a network has no encoder; give a trace or SONATA spikes as --input, or a model in its place")
    from training.datasets import NAMES

    read = dataset if arguments.input in NAMES else images
    values, labels = read(arguments, arguments.input)
    return model.encode(values), labels, t_stop


def _kind_of_input(path):
    return kind_of(path) if path.endswith((".h5", ".hdf5")) else None
