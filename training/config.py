"""Training described in a TOML file: tables [data], [network], [encoder], [decoder] and [fit].

A key that no table has is refused with a suggestion. `load` returns a `Config` whose `resolved` form
has every default filled in, ready for JSON; `build` makes the model of it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import eventsim
from eventsim.errors import InputError, did_you_mean, expect
from eventsim.type_aliases import PathLike, Precision, Values
from training import architecture, augment, datasets, decode, encode, initialize, optimize, regularize, start, surrogate
from training.delays import Delays
from training.model import Model
from training.tables import read_toml, refuse_unknown, table
from training.type_aliases import Report, Settings

if TYPE_CHECKING:
    from training import discrete


# Annotations are no text here: `training.tables` checks files of settings against the types of the fields.
@dataclass(frozen=True)
class Data:
    """Table [data]: the data set by name, and how many samples at the end of its training set validate.

    ``validation = 0`` means the set's own validation split where it has one (yin-yang), else the usual
    number. ``whole``: train on all training samples, without validation; the last epoch is kept.

    Parameters
    ----------
    name : str
        As in `training.datasets.load`.
    validation : int
        Samples.
    whole : bool
    """

    name: str = "digits"
    validation: int = 0
    whole: bool = False


@dataclass(frozen=True)
class Initial:
    """Table [network.initial]: where the weights start; one value, or a list with one a projection.

    ``rule`` is "moments" (`initialize.moment_rule`: window, kappa, mean, active), "discrete" (ETTFS-init of
    `steps` time steps), "kaiming" (for dense activations), "measured": weights of the moment rule are
    scaled until the part `firing` of each layer fires on 256 training samples (a list has one entry a layer
    that spikes), and a silent readout has potentials of deviation `readout_sd`; or "current"
    (`initialize.current_rule`: alone, spread, active), a bias current for neurons without leak. ``gain`` is a
    factor on the weights that the rule gives. Projections into first-arrival pooling have no learned weights
    and do not count.

    Parameters
    ----------
    rule : {"moments", "discrete", "kaiming", "measured", "current"}
    window, kappa, mean, active : float or list of float
        As in `training.initialize.moment_rule`.
    law : {"uniform", "normal"}
        Distribution of the weights.
    steps, firing : float or list of float
    readout_sd : float
    alone, spread : float or list of float
        As in `training.initialize.current_rule`.
    gain : float or list of float
    """

    rule: str = "moments"
    window: float | list = 1.0
    kappa: float | list = 1.0
    mean: float | list = 0.0
    active: float | list = 1.0
    law: str = "uniform"
    steps: float | list = 8.0
    firing: float | list = 0.5
    readout_sd: float = 1.0
    alone: float | list = 1.0
    spread: float | list = 1.0
    gain: float | list = 1.0


@dataclass(frozen=True)
class NetworkTable:
    """Table [network]: layers of single-spike neurons behind the input.

    ``hidden`` lists them as `training.architecture` describes: 600, "32C5", "64C3s2", "P2", "F2".
    ``readout`` is "first_spike" (outputs spike, the earliest decides) or "potential" (outputs never fire).
    ``trim``: after the training the horizon becomes so many times the latest decision over the validation samples
    (`training.horizon`), or over the first 5,000 training samples where there are none; never longer.
    ``steps``: discrete time of so many steps of 1 ms (`training.discrete`): delta synapses, the horizon is their
    number, and a latency encoder rounds to them unless it is told otherwise.

    Parameters
    ----------
    hidden : list of int or str
    readout : {"first_spike", "potential"}
    tau_mem, tau_syn : float
        Time constants in ms; ``inf`` is allowed.
    v_threshold : float
    delay : float
        Of every synapse, ms.
    t_stop : float
        Horizon in ms.
    seed : int
        Of the weights.
    trim : float, optional
    steps : int, optional
    start : str, optional
        Model file whose weights, delays, thresholds and offsets are trained on (`training.start`), instead of initial
        ones; a path as seen from where the training is started.
    initial : Initial
    """

    hidden: list = field(default_factory=lambda: [100])
    readout: str = "first_spike"
    tau_mem: float = 20.0
    tau_syn: float = 5.0
    v_threshold: float = 1.0
    delay: float = 0.0
    t_stop: float = 40.0
    seed: int = 0
    trim: float | None = None
    steps: int | None = None
    start: str | None = None
    initial: Initial = field(default_factory=Initial)


@dataclass(frozen=True)
class Fit:
    """Table [fit]: the arguments of `training.fit`, in plain values.

    Parameters
    ----------
    epochs, batch, optimizer, schedule, warm_up, seed, augment, learn, normalize, rates, delays, policies, clip
        As in `training.fit`; objects are tables with their `kind` and settings.
    neuron_clip, slope_floor, ema, dropout, select, patience, precision
        As in `training.fit`.
    surrogate : dict, optional
        Of a network in steps (`training.surrogate`).
    threads : int, optional
        As in `training.fit`.
    """

    epochs: int = 20
    batch: int = 64
    optimizer: dict = field(default_factory=lambda: {"kind": "adamw", "lr": 1e-2})
    schedule: str = "constant"
    warm_up: float = 0.0
    seed: int = 0
    augment: dict | list | None = None
    learn: list = field(default_factory=lambda: ["weights"])
    normalize: bool | list = False
    rates: dict = field(default_factory=dict)
    delays: dict | None = None
    policies: list = field(default_factory=list)
    clip: float | None = None
    neuron_clip: float | None = None
    slope_floor: float = 0.0
    ema: float | None = None
    dropout: float | dict = 0.0
    select: str = "accuracy"
    patience: int | None = None
    precision: str = "double"
    surrogate: dict | None = None
    threads: int | None = None


READOUTS = ("first_spike", "potential")

TABLES = {"data": Data, "network": NetworkTable, "encoder": dict, "decoder": dict, "fit": Fit}


@dataclass(frozen=True)
class Config:
    """The five tables of a training.

    Parameters
    ----------
    data : Data
    network : NetworkTable
    encoder : Encoder
    decoder : Decoder
    fit : Fit
    """

    data: Data
    network: NetworkTable
    encoder: encode.Encoder
    decoder: decode.Decoder
    fit: Fit

    def resolved(self) -> Report:
        """Return all settings with their defaults as plain JSON values (infinity as the text "inf")."""
        from eventsim.provenance import plain

        fit = self.fit_arguments()
        fit["optimizer"] = fit["optimizer"].hyper_parameters()
        fit["augment"] = None if fit["augment"] is None else fit["augment"].to_dict()
        fit["policies"] = [policy.to_dict() for policy in fit["policies"]]
        fit["delays"] = None if fit["delays"] is None else asdict(fit["delays"])
        if self.network.steps is not None:
            fit["surrogate"] = surrogate.from_dict(self.fit.surrogate or {}).to_dict()
        return plain(
            {
                "data": asdict(self.data),
                "network": asdict(self.network),
                "encoder": self.encoder.to_dict(),
                "decoder": self.decoder.to_dict(),
                "fit": fit,
            }
        )

    def fit_arguments(self) -> dict[str, Any]:
        """Return the table [fit] as keyword arguments of `training.fit`, descriptions made into objects."""
        values = asdict(self.fit)
        values["optimizer"] = _optimizer(values["optimizer"])
        values["augment"] = None if values["augment"] is None else augment.from_dict(values["augment"])
        values["policies"] = [regularize.from_dict(p) for p in values["policies"]]
        values["delays"] = None if values["delays"] is None else table("fit.delays", Delays, values["delays"])
        del values["surrogate"]
        return values

    def passes(self, model: Model) -> "discrete.DiscretePasses | None":
        """Return what computes forward and backward of `model`; None: the layers engine, as `training.fit` has it."""
        if self.network.steps is None:
            return None
        from training import discrete

        kind, precision = surrogate.from_dict(self.fit.surrogate or {}), cast(Precision, self.fit.precision)
        return discrete.DiscretePasses(model.net, self.network.steps, kind, precision)


def load(path: PathLike) -> Config:
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
    return parse(read_toml(path))


def parse(tables: Settings) -> Config:
    """Return the `Config` of tables given as dictionaries.

    Parameters
    ----------
    tables : dict
        As `tomllib` reads them.

    Raises
    ------
    InputError
        A table, key or value that is not known.
    """
    expect("The configuration", tables, Mapping, "a dict of tables")
    for name in tables:
        refuse_unknown("table", name, TABLES, "")
        if not isinstance(tables[name], dict):
            raise InputError(f'"{name}" must be a table, [{name}]; got {tables[name]!r}.')
    data = table("data", Data, tables.get("data", {}))
    if data.name not in datasets.NAMES:
        raise InputError(
            f'[data] name = "{data.name}" is not known; allowed: {", ".join(datasets.NAMES)}.'
            f"{did_you_mean(data.name, datasets.NAMES)}"
        )
    if data.whole and data.validation:
        raise InputError(
            f"[data] whole = true leaves no validation samples, validation = {data.validation} asks for some; "
            "drop one of the two."
        )
    network = dict(tables.get("network", {}))
    initial = network.pop("initial", {})
    if not isinstance(initial, dict):
        raise InputError(f"[network] initial must be a table, [network.initial]; got {initial!r}.")
    network = table(
        "network", NetworkTable, network | {"initial": table("network.initial", Initial, initial)}
    )
    if network.readout not in READOUTS:
        raise InputError(
            f'[network] readout = "{network.readout}" is not known; allowed: {", ".join(READOUTS)}.'
            f"{did_you_mean(network.readout, READOUTS)}"
        )
    if network.start is not None and initial:
        raise InputError("[network] start takes the weights from a model, [network.initial] draws them; drop one of "
                         "the two.")
    if not network.hidden:
        raise InputError("[network] hidden = [] has no layer; give a list of layer sizes, such as [100].")
    if network.trim is not None and not 1.0 <= network.trim < math.inf:
        raise InputError(f"[network] trim = {network.trim!r} cannot be used; give a factor of at least 1, or drop it.")
    for layer in network.hidden:
        architecture.parse(layer)
    if network.initial.rule not in initialize.RULES:
        refuse_unknown("rule", network.initial.rule, initialize.RULES, "network.initial")
    encoder = _suited_encoder(data.name, tables.get("encoder", {}))
    fit = table("fit", Fit, tables.get("fit", {}))
    network = _in_steps(network, tables.get("network", {}), fit)
    if encoder["kind"] == "latency":
        encoder = {"scale": float(datasets.LARGEST[data.name])} | encoder
        if network.steps is not None:
            encoder = {"t_max": max(network.steps - 1.0, 1.0), "step": 1.0} | encoder
    decoder = {"decoder": network.readout} | tables.get("decoder", {})
    config = Config(
        data,
        network,
        encode.from_dict(encoder),
        decode.from_dict(decoder),
        fit,
    )
    config.fit_arguments()  # refuses what is wrong in the inner tables
    surrogate.from_dict(fit.surrogate or {})
    return config


def _suited_encoder(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the table [encoder] with its kind filled in; refuse one for other samples than the data set has."""
    kind = "events" if name in datasets.RECORDINGS else "coordinates" if name == "yin-yang" else "latency"
    if (given.get("kind", kind) == "events") != (kind == "events"):
        raise InputError(f'[encoder] kind = "{given["kind"]}" does not suit the samples of "{name}"; give "{kind}".')
    return {"kind": kind} | given


def _in_steps(network: NetworkTable, given: dict[str, Any], fit: Fit) -> NetworkTable:
    """Return the table [network] with what its steps imply; refuse what contradicts them."""
    if network.steps is None:
        if fit.surrogate is not None:
            raise InputError("[fit] surrogate is for discrete time; give [network] steps, or drop it.")
        return network
    if network.steps < 1:
        raise InputError(f"[network] steps = {network.steps} cannot be used; give a whole number of at least 1.")
    implied: dict[str, Any] = {"tau_syn": 0.0, "t_stop": float(network.steps), "delay": 0.0}
    for key, value in implied.items():
        if given.get(key, value) != value:
            raise InputError(
                f"[network] steps = {network.steps} implies {key} = {value:g}, not {given[key]:g}; drop it."
            )
    return replace(network, **implied, tau_mem=given.get("tau_mem", math.inf))


def read_data(
    config: Config, folder: PathLike | None = None
) -> tuple[datasets.Dataset, datasets.Dataset | None, datasets.Dataset]:
    """Return the training, validation and test sets (`datasets.Dataset`) of a configuration.

    The validation set is None where all training samples are trained on.

    Parameters
    ----------
    config : Config
    folder : path-like, optional
        Where the data sets are, before ``$EVENTSIM_DATA`` and ``./data``.
    """
    expect("config", config, Config, "what config.load returns")
    name, n = config.data.name, config.data.validation
    train, test = datasets.load(name, "train", folder), datasets.load(name, "test", folder)
    if config.data.whole:
        return train, None, test
    n = n or datasets.VALIDATION.get(name, 0)
    if n == 0:
        return train, datasets.load(name, "validation", folder), test
    return *datasets.split_validation(train, n), test


def build(config: Config, sample_shape: Sequence[int], classes: Sequence[str], images: "Values | None" = None) -> Model:
    """Return the untrained model of a configuration.

    Parameters
    ----------
    config : Config
    sample_shape : tuple of int
        Of the values that the encoder takes (`training.encode.sample_shape`).
    classes : sequence of str
        Class names.
    images : ndarray (samples, ...) or Recordings, optional
        Training samples, needed by the rule "measured" of the initial weights.

    Returns
    -------
    Model
    """
    expect("config", config, Config, "what config.load returns")
    expect("sample_shape", sample_shape, Sequence, "a shape such as (28, 28)")
    if not isinstance(classes, str):  # of one letter each
        expect("classes", classes, Sequence, "a list of names")
    network = config.network
    net = eventsim.Network(seed=network.seed)
    neuron = eventsim.LIF(
        tau_mem=network.tau_mem,
        tau_syn=network.tau_syn,
        v_threshold=network.v_threshold,
        t_refractory=eventsim.NEVER,
    )
    silent = network.readout == "potential"
    output = neuron.replace(v_threshold=eventsim.NEVER) if silent else neuron
    shape = config.encoder.shape(sample_shape)
    architecture.build(net, shape, network.hidden, neuron, output, len(classes), network.delay)
    model = Model(net, config.encoder, config.decoder, "output", network.t_stop, classes)
    if network.start is None:
        initialize.by_rule(model, images=images, threads=config.fit.threads, **asdict(network.initial))
    else:
        start.take_over(net, network.start)
    return model


def _optimizer(settings: dict[str, Any]) -> optimize.Optimizer:
    settings = dict(settings)
    kind = settings.pop("kind", "adamw")
    refuse_unknown("optimizer", kind, optimize.KINDS, "fit")
    maker = optimize.KINDS[kind]
    allowed = [k for k in maker().hyper_parameters() if k != "kind"]
    for key in settings:
        refuse_unknown("key", key, allowed, "fit.optimizer")
    return maker(**settings)
