"""Learning from exact spike times: gradients, decoders, optimisers, models.

Names load on first use: ``import training`` costs next to nothing, numba and h5py are imported by the
first thing that needs them.
"""

from typing import TYPE_CHECKING

from eventsim.lazy import load_on_first_use

if TYPE_CHECKING:  # what the tables below load on first use, for type checkers and editors
    from training import adjoint as adjoint
    from training import architecture as architecture
    from training import augment as augment
    from training import augmentation as augmentation
    from training import average as average
    from training import checkpoint as checkpoint
    from training import clocked as clocked
    from training import config as config
    from training import count_rules as count_rules
    from training import curvature as curvature
    from training import data_parallel as data_parallel
    from training import datasets as datasets
    from training import decode as decode
    from training import decode_potentials as decode_potentials
    from training import decode_times as decode_times
    from training import decoder as decoder
    from training import delays as delays
    from training import demo as demo
    from training import discrete as discrete
    from training import disturb as disturb
    from training import draws as draws
    from training import dropout as dropout
    from training import encode as encode
    from training import experiment as experiment
    from training import first_arrival as first_arrival
    from training import first_arrival_gradient as first_arrival_gradient
    from training import gradient as gradient
    from training import history as history
    from training import horizon as horizon
    from training import initialize as initialize
    from training import layered as layered
    from training import looks as looks
    from training import measured as measured
    from training import model as model
    from training import monitor as monitor
    from training import normalize as normalize
    from training import optimize as optimize
    from training import parameters as parameters
    from training import passes as passes
    from training import peaks as peaks
    from training import policy as policy
    from training import products as products
    from training import progress as progress
    from training import readout_loss as readout_loss
    from training import regularize as regularize
    from training import resample as resample
    from training import schedule as schedule
    from training import seldom as seldom
    from training import session as session
    from training import start as start
    from training import surrogate as surrogate
    from training import sweeps as sweeps
    from training import tables as tables
    from training import time_constants as time_constants
    from training import torch as torch
    from training import torch_run as torch_run
    from training import trace_passes as trace_passes
    from training import warp as warp
    from training.classifier import TTFSClassifier as TTFSClassifier
    from training.delays import Delays as Delays
    from training.experiment import train_from_config as train_from_config
    from training.fit import fit as fit
    from training.gradient import spike_time_gradient as spike_time_gradient
    from training.history import History as History
    from training.model import Model as Model
    from training.optimize import SGD as SGD
    from training.optimize import Adam as Adam
    from training.optimize import AdamW as AdamW
    from training.readout_loss import Integral as Integral
    from training.readout_loss import ValueAt as ValueAt
    from training.sweeps import sweep_from_config as sweep_from_config

_HOME = {
    "spike_time_gradient": "gradient",
    "ValueAt": "readout_loss",
    "Integral": "readout_loss",
    "Delays": "delays",
    "Model": "model",
    "fit": "fit",
    "History": "history",
    "SGD": "optimize",
    "Adam": "optimize",
    "AdamW": "optimize",
    "TTFSClassifier": "classifier",
    "train_from_config": "experiment",
    "sweep_from_config": "sweeps",
}
_MODULES = (
    "adjoint",
    "architecture",
    "augment",
    "augmentation",
    "average",
    "checkpoint",
    "clocked",
    "config",
    "count_rules",
    "curvature",
    "data_parallel",
    "datasets",
    "decode",
    "decode_potentials",
    "decode_times",
    "decoder",
    "delays",
    "demo",
    "discrete",
    "disturb",
    "draws",
    "dropout",
    "encode",
    "experiment",
    "first_arrival",
    "first_arrival_gradient",
    "gradient",
    "history",
    "horizon",
    "initialize",
    "layered",
    "looks",
    "measured",
    "model",
    "monitor",
    "normalize",
    "optimize",
    "parameters",
    "passes",
    "peaks",
    "policy",
    "products",
    "progress",
    "readout_loss",
    "regularize",
    "resample",
    "schedule",
    "seldom",
    "session",
    "start",
    "surrogate",
    "sweeps",
    "tables",
    "time_constants",
    "torch",
    "torch_run",
    "trace_passes",
    "warp",
)

__all__ = sorted([*_HOME, *_MODULES])

load_on_first_use(__name__)
