"""Training described in a TOML file: tables [data], [network], [encoder], [decoder] and [fit].

A key that no table has is refused with a suggestion. `load` returns a `Config` whose `resolved` form
has every default filled in, ready for JSON; `build` makes the model of it.
"""

import itertools
import math
import pathlib
import tomllib
from dataclasses import asdict, dataclass, field, fields

import eventsim
from eventsim.errors import InputError, did_you_mean
from training import augment, datasets, decode, encode, initialize, optimize, regularize
from training.model import Model


@dataclass(frozen=True)
class Data:
    """Table [data]: the data set by name, and how many samples at the end of its training set validate.

    ``validation = 0`` means the set's own validation split where it has one (yin-yang), else the usual
    number.
    """

    name: str = "digits"
    validation: int = 0


@dataclass(frozen=True)
class Initial:
    """Table [network.initial]: the moment rule (`initialize.moment_rule`), one value or one a projection."""

    window: float | list = 1.0
    kappa: float | list = 1.0
    mean: float | list = 0.0
    active: float | list = 1.0
    law: str = "uniform"


@dataclass(frozen=True)
class NetworkTable:
    """Table [network]: fully connected layers of single-spike neurons behind the input.

    ``readout`` is "first_spike" (outputs spike, the earliest decides) or "potential" (outputs never fire).
    """

    hidden: list = field(default_factory=lambda: [100])
    readout: str = "first_spike"
    tau_mem: float = 20.0
    tau_syn: float = 5.0
    v_threshold: float = 1.0
    delay: float = 0.0
    t_stop: float = 40.0
    seed: int = 0
    initial: Initial = field(default_factory=Initial)


@dataclass(frozen=True)
class Fit:
    """Table [fit]: the arguments of `training.fit`, in plain values."""

    epochs: int = 20
    batch: int = 64
    optimizer: dict = field(default_factory=lambda: {"kind": "adamw", "lr": 1e-2})
    schedule: str = "constant"
    warm_up: float = 0.0
    seed: int = 0
    augment: dict | None = None
    learn: list = field(default_factory=lambda: ["weights"])
    normalize: bool | list = False
    rates: dict = field(default_factory=dict)
    policies: list = field(default_factory=list)
    clip: float | None = None
    slope_floor: float = 0.0
    select: str = "accuracy"
    patience: int | None = None
    precision: str = "double"
    threads: int | None = None


TABLES = {"data": Data, "network": NetworkTable, "encoder": dict, "decoder": dict, "fit": Fit}


@dataclass(frozen=True)
class Config:
    """The five tables of a training."""

    data: Data
    network: NetworkTable
    encoder: encode.Encoder
    decoder: decode.Decoder
    fit: Fit

    def resolved(self):
        """Return all settings with their defaults as plain JSON values (infinity as the text "inf")."""
        from eventsim.provenance import plain

        fit = self.fit_arguments()
        fit["optimizer"] = fit["optimizer"].hyper_parameters()
        fit["augment"] = None if fit["augment"] is None else fit["augment"].to_dict()
        fit["policies"] = [policy.to_dict() for policy in fit["policies"]]
        return plain(
            {
                "data": asdict(self.data),
                "network": asdict(self.network),
                "encoder": self.encoder.to_dict(),
                "decoder": self.decoder.to_dict(),
                "fit": fit,
            }
        )

    def fit_arguments(self):
        """Return the table [fit] as keyword arguments of `training.fit`, descriptions made into objects."""
        values = asdict(self.fit)
        values["optimizer"] = _optimizer(values["optimizer"])
        values["augment"] = None if values["augment"] is None else augment.from_dict(values["augment"])
        values["policies"] = [regularize.from_dict(p) for p in values["policies"]]
        return values


def load(path):
    """Read a configuration file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    Config

    Raises
    ------
    InputError
        The file is missing or no TOML, or a table, key or value is not known; one line, with the nearest
        name.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(
            f'There is no configuration file "{path}"; check the path, or start from examples/configs.'
        )
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f'"{path}" is not valid TOML: {" ".join(str(error).split())}.') from None
    return parse(tables)


def parse(tables):
    """Return the `Config` of tables given as dictionaries.

    Raises
    ------
    InputError
        A table, key or value that is not known.
    """
    for name in tables:
        _refuse_unknown("table", name, TABLES, "")
        if not isinstance(tables[name], dict):
            raise InputError(f'"{name}" must be a table, [{name}]; got {tables[name]!r}.')
    data = _table("data", Data, tables.get("data", {}))
    if data.name not in datasets.NAMES:
        raise InputError(
            f'[data] name = "{data.name}" is not known; allowed: {", ".join(datasets.NAMES)}.'
            f"{did_you_mean(data.name, datasets.NAMES)}"
        )
    network = dict(tables.get("network", {}))
    initial = network.pop("initial", {})
    if not isinstance(initial, dict):
        raise InputError(f"[network] initial must be a table, [network.initial]; got {initial!r}.")
    network = _table(
        "network", NetworkTable, network | {"initial": _table("network.initial", Initial, initial)}
    )
    if network.readout not in decode.KINDS:
        raise InputError(
            f'[network] readout = "{network.readout}" is not known; allowed: {", ".join(decode.KINDS)}.'
            f"{did_you_mean(network.readout, decode.KINDS)}"
        )
    if not network.hidden or not all(type(n) is int and n > 0 for n in network.hidden):
        raise InputError(
            f"[network] hidden = {network.hidden!r} must be a list of layer sizes, such as [100]."
        )
    kind = {"kind": "coordinates" if data.name == "yin-yang" else "latency"}
    encoder = kind | tables.get("encoder", {})
    if encoder["kind"] == "latency":
        encoder = {"scale": float(datasets.LARGEST[data.name])} | encoder
    decoder = {"decoder": network.readout} | tables.get("decoder", {})
    config = Config(
        data,
        network,
        encode.from_dict(encoder),
        decode.from_dict(decoder),
        _table("fit", Fit, tables.get("fit", {})),
    )
    config.fit_arguments()  # refuses what is wrong in the inner tables
    return config


def read_data(config, folder=None):
    """Return the training, validation and test sets (`datasets.Dataset`) of a configuration.

    Parameters
    ----------
    config : Config
    folder : path-like, optional
        Where the data sets are, before ``$EVENTSIM_DATA`` and ``./data``.
    """
    name, n = config.data.name, config.data.validation
    train, test = datasets.load(name, "train", folder), datasets.load(name, "test", folder)
    n = n or datasets.VALIDATION.get(name, 0)
    if n == 0:
        return train, datasets.load(name, "validation", folder), test
    return *datasets.split_validation(train, n), test


def build(config, sample_shape, classes):
    """Return the untrained model of a configuration.

    Parameters
    ----------
    config : Config
    sample_shape : tuple of int
        Shape of one sample.
    classes : sequence of str
        Class names.

    Returns
    -------
    Model
    """
    table = config.network
    net = eventsim.Network(seed=table.seed)
    size = config.encoder.size(sample_shape)
    whole = size == math.prod(sample_shape)
    layers = [net.input("input", tuple(sample_shape) if whole else size)]
    neuron = eventsim.LIF(
        tau_mem=table.tau_mem,
        tau_syn=table.tau_syn,
        v_threshold=table.v_threshold,
        t_refractory=eventsim.NEVER,
    )
    names = ["hidden"] if len(table.hidden) == 1 else [f"hidden{n}" for n in range(1, len(table.hidden) + 1)]
    for name, n in zip(names, table.hidden, strict=True):
        layers.append(net.population(name, n, neuron))
    silent = table.readout == "potential"
    output = neuron.replace(v_threshold=eventsim.NEVER) if silent else neuron
    layers.append(net.population("output", len(classes), output))
    for source, target in itertools.pairwise(layers):
        net.connect(source, target, eventsim.Dense(0.0), delay=table.delay)
    settings = asdict(table.initial)
    law = settings.pop("law")
    initialize.by_moments(
        net, law=law, **{key: _by_projection(key, value, net.projections) for key, value in settings.items()}
    )
    return Model(net, config.encoder, config.decoder, "output", table.t_stop, classes)


def _by_projection(key, value, projections):
    if not isinstance(value, list):
        return value
    if len(value) != len(projections):
        raise InputError(
            f"[network.initial] {key} has {len(value)} values for {len(projections)} projections; "
            "give one each, or one for all."
        )
    return dict(zip(projections, value, strict=True))


def _optimizer(settings):
    settings = dict(settings)
    kind = settings.pop("kind", "adamw")
    _refuse_unknown("optimizer", kind, optimize.KINDS, "fit")
    maker = optimize.KINDS[kind]
    allowed = [k for k in maker().hyper_parameters() if k != "kind"]
    for key in settings:
        _refuse_unknown("key", key, allowed, "fit.optimizer")
    return maker(**settings)


def _table(name, kind, values):
    """Return the dataclass `kind` of the table `name`, its keys and the types of its values checked."""
    known = {f.name: f for f in fields(kind)}
    for key, value in values.items():
        _refuse_unknown("key", key, known, name)
        if not _fits(value, known[key].type):
            raise InputError(
                f"[{name}] {key} = {value!r} is of the wrong type; it must be {_said(known[key].type)}."
            )
    return kind(**{k: float(v) if known[k].type is float else v for k, v in values.items()})


_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def _choices(kind):
    return [k for k in getattr(kind, "__args__", (kind,)) if k is not type(None)]


def _fits(value, kind):
    for one in _choices(kind):
        if one is float and isinstance(value, int | float) and not isinstance(value, bool):
            return True
        if isinstance(value, one) and (one is bool or not isinstance(value, bool)):
            return True
    return False


def _said(kind):
    return " or ".join(_WORDS.get(k, k.__name__) for k in _choices(kind))


def _refuse_unknown(what, given, allowed, table):
    if given not in allowed:
        where = f"[{table}] " if table else ""
        raise InputError(
            f'{where}{what} "{given}" is not known; allowed: {", ".join(allowed)}.'
            f"{did_you_mean(given, allowed)}"
        )
