"""``eventsim convert``: networks to and from NIR, spikes between traces, SONATA files and tables in text."""

import pathlib

from eventsim import cli_text
from eventsim.errors import InputError
from eventsim.io import nir_file
from eventsim.io.aside import check_target
from eventsim.io.file_kind import SONATA, kind_of


def run(arguments):
    """Convert one file into another, and say what came of it."""
    source, target = pathlib.Path(arguments.input), pathlib.Path(arguments.output)
    check_target(target)
    if not source.is_file():
        raise InputError(f'there is no file "{source}"; check the path')
    if nir_file.is_nir(source):
        if target.suffix == ".nir":
            raise InputError(f'"{source}" is a file of NIR already; give an output such as network.h5')
        print(_from_nir(source, target, arguments))
    elif target.suffix == ".nir":
        print(_to_nir(source, target, arguments))
    else:
        print(_spikes(source, target, arguments))
    print(f"written: {target}")


def _spikes(source, target, arguments):
    """Convert spikes; return what there was to write."""
    from eventsim import Trace, io
    from eventsim.io import sonata

    if target.suffix not in (".csv", ".h5"):
        raise InputError(f'the ending of "{target}" is not known; give .nir for a network, .csv or .h5 (SONATA) for '
                         "spikes")
    names = arguments.populations
    if source.suffix == ".csv":
        spikes = {name: io.from_csv(source, name) for name in names} if names else io.from_csv(source)
    elif (kind := kind_of(source)) == SONATA:
        spikes = {name: io.from_sonata(source, name) for name in names or sonata.population_names(source)}
    elif kind == "trace":
        spikes = Trace.load(source)
    else:
        raise InputError(f'"{source}" is a {kind} file; its network can become a file of NIR (ending .nir), and spikes '
                         "are in traces, SONATA files and tables (.csv)")
    if target.suffix == ".csv":
        if arguments.sample is not None:
            raise InputError("--sample is for SONATA files; a table holds all samples: leave it out")
        io.to_csv(spikes, target, names)
    else:
        io.to_sonata(spikes, target, names, sample=arguments.sample)
    return f'spikes of {", ".join(names)}' if names else "all recorded spikes"


def _from_nir(source, target, arguments):
    from eventsim.io.nir_read import from_nir

    if arguments.metadata or arguments.outputs:
        raise InputError("--metadata and --outputs are for writing NIR; leave them out")
    net = from_nir(source, dt=arguments.dt, loop_delay=arguments.loop_delay)
    net.save(target)
    return net.describe()


def _to_nir(source, target, arguments):
    from eventsim.io.nir_units import STEP
    from eventsim.io.nir_write import to_nir

    if arguments.loop_delay is not None:
        raise InputError("--loop-delay is for reading NIR; leave it out")
    kind, outputs = kind_of(source), arguments.outputs
    if kind == "model":
        from training import Model

        model = Model.load(source)
        net, outputs = model.net, outputs or [model.output]
    elif kind == "network":
        from eventsim import Network

        net = Network.load(source)
    else:
        raise InputError(f'"{source}" is a {kind} file; give a model or a network')
    dt = STEP if arguments.dt is None else arguments.dt
    return cli_text.nodes(to_nir(net, target, dt=dt, outputs=outputs, metadata=arguments.metadata))
