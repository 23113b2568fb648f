"""``eventsim info``: what is in a file, and how it came about."""


from eventsim import cli_text
from eventsim.io import documents, nir_file
from eventsim.io.file_kind import SONATA, kind_of


def run(arguments):
    """Print the kind of the file, what it holds, and its provenance."""
    if nir_file.is_nir(arguments.file):
        print(f"{arguments.file}: {_nir(arguments.file)}")
        return
    kind = kind_of(arguments.file)
    print(f"{arguments.file}: {kind}\n")
    print(_HOW[kind](arguments.file))
    record = _provenance(arguments.file)
    if record is not None:
        print(f"\nprovenance\n{cli_text.record(record, '  ')}")


def _trace(path):
    from eventsim import Trace

    trace = Trace.load(path)
    return f"{trace.summary()}\n\n{trace.network.describe()}"


def _network(path):
    from eventsim import Network

    return str(Network.load(path).describe())


def _simulation(path):
    from eventsim import Simulation

    simulation = Simulation.load(path)
    return f"to be continued at {simulation.now:g} ms\n\n{simulation.trace.summary()}"


def _model(path):
    from training import Model

    model = Model.load(path)
    facts = cli_text.pairs(
        [
            ("readout", f'{model.readout} of "{model.output}"'),
            ("horizon", f"{model.t_stop:g} ms"),
            ("classes", ", ".join(model.classes)),
            ("encoder", model.encoder),
            ("decoder", model.decoder),
        ]
    )
    return f"{facts}\n\n{model.net.describe()}"


def _checkpoint(path):
    from training import checkpoint

    arrays, document = checkpoint.load(path)
    rows = [(name, f"{array.dtype} {array.shape}") for name, array in arrays.items()]
    return f"{cli_text.pairs(rows)}\n\n{cli_text.record(document)}"


def _sonata(path):
    from eventsim.io import sonata

    rows = []
    for name in sonata.population_names(path):
        spikes = sonata.from_sonata(path, name)
        span = f", {spikes.time[0]:g} to {spikes.time[-1]:g} ms, node ids to {spikes.neuron.max()}" if spikes else ""
        rows.append((name, f"{len(spikes):,} spikes{span}"))
    return cli_text.pairs(rows)


def _nir(path):
    return cli_text.nodes(nir_file.read(path))


def _provenance(path):
    """Return the provenance record that a file holds, or None."""
    import h5py

    with h5py.File(path, "r") as file:
        try:
            record = documents.from_json(file["provenance"].asstr()[()]) if "provenance" in file else None
        except (AttributeError, TypeError, ValueError):  # a file of another program
            return None
    return record if isinstance(record, dict) and record else None


_HOW = {
    "trace": _trace,
    "network": _network,
    "simulation": _simulation,
    "model": _model,
    "checkpoint": _checkpoint,
    SONATA: _sonata,
}
