"""The command ``eventsim``: its options, its exit status, and one line for every mistake.

This file imports only the standard library, so that ``--help`` and a mistyped option answer at
once; the module of a command is imported when that command runs.

Exit status: 0 done, 1 the input could not be used, 2 wrong usage, 130 stopped by Ctrl-C.
"""

import argparse
import importlib
import logging
import os
import sys

import eventsim
from eventsim.errors import InputError

ENGINES = ("auto", "heap", "window", "layers", "reference")
FIGURES = ("raster", "latency", "first-spikes", "membrane", "anytime")
SPLITS = ("train", "validation", "test")
BENCHMARKS = ("delta", "cuba", "delays", "delays-fine", "indegree", "ttfs")
LEVELS = ("debug", "info", "warning", "error")

EXAMPLES = {
    "demo": ("--out demo-results",),
    "train": ("digits.toml --out digits", "digits.toml --out digits --resume"),
    "sweep": ("sweep.toml --out sweep-results", "sweep.toml --out sweep-results --scheduler tcp://10.0.0.1:8786"),
    "simulate": (
        "demo-results/model.h5 --input digits --samples 0:100 --out trace.h5",
        "network.h5 --t-stop 1000 --seed 1 --out trace.h5",
    ),
    "evaluate": (
        "demo-results/model.h5 --dataset digits",
        "demo-results/model.h5 --dataset digits --jitter-ms 0.05 --weight-bits 4",
    ),
    "measure": ("demo-results/trace.h5", "demo-results/trace.h5 --json"),
    "plot": (
        "raster demo-results/trace.h5 --sample 3 -o raster.png",
        "latency demo-results/trace.h5 --by outcome -o latency.svg",
    ),
    "report": ("demo-results",),
    "info": ("demo-results/model.h5",),
    "convert": (
        "network.nir network.h5",
        "demo-results/model.h5 digits.nir --metadata",
        "demo-results/trace.h5 spikes.csv --populations hidden,output",
    ),
    "bench": ("--network cuba --threads 2", "--network ttfs --samples 100 --json"),
}
"""What every command's help ends with."""


def main(argv=None):
    """Run one command and return the exit status.

    Parameters
    ----------
    argv : list of str, optional
        The arguments after the program's name; default: those of this process.
    """
    arguments = build_parser().parse_args(argv)
    if arguments.log is not None:
        logging.basicConfig(level=arguments.log.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        importlib.import_module(f"eventsim.cli_{arguments.command}").run(arguments)
        sys.stdout.flush()
    except InputError as error:
        return _fail(str(error))
    except BrokenPipeError:  # the reader of our output left (``eventsim info x | head``): nothing to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _fail(_describe(error))
    except MemoryError:
        return _fail("not enough memory; give fewer samples (--samples) or a smaller batch.")
    except KeyboardInterrupt:
        print("\neventsim: interrupted", file=sys.stderr)
        return 130
    return 0


def _fail(message):
    print(f"eventsim: error: {' '.join(message.split())}", file=sys.stderr)
    return 1


def _describe(error):
    if error.filename is not None and error.strerror is not None:
        return f'cannot use "{error.filename}": {error.strerror}.'
    return str(error) or type(error).__name__


def build_parser():
    """Return the argument parser of every command."""
    parser = argparse.ArgumentParser(
        prog="eventsim",
        description="Spiking neural networks, simulated spike by spike and trained in exact time.",
    )
    parser.add_argument("--version", action="version", version=f"eventsim {eventsim.__version__}")
    parser.add_argument("--log", choices=LEVELS, metavar="LEVEL", help=f"what is noted on the way: {', '.join(LEVELS)}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _demo(commands)
    _train(commands)
    _sweep(commands)
    _simulate(commands)
    _evaluate(commands)
    _measure(commands)
    _plot(commands)
    _report(commands)
    _info(commands)
    _convert(commands)
    _bench(commands)
    return parser


def _add(commands, name, summary):
    return commands.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + ".",
        epilog="\n  ".join(["examples:", *(f"eventsim {name} {options}" for options in EXAMPLES[name])]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip


def _demo(commands):
    parser = _add(commands, "demo", "train, simulate, measure and plot on the embedded digits")
    parser.add_argument(
        "--out", metavar="DIR", default="demo-results", help="folder of the results (%(default)s)"
    )


def _train(commands):
    parser = _add(commands, "train", "train the network that a TOML file describes")
    parser.add_argument("config", metavar="CONFIG.toml")
    parser.add_argument("--out", metavar="DIR", required=True, help="folder of the model and its history")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="use the workers of a Dask cluster (extra dask)")
    _add_data(parser)


def _sweep(commands):
    parser = _add(commands, "sweep", "train or simulate again and again, with values of a TOML file varied")
    parser.add_argument("config", metavar="CONFIG.toml", help="settings with a table [sweep]")
    parser.add_argument(
        "--out", metavar="DIR", required=True, help="folder of the points; what is finished in it is not done again"
    )
    parser.add_argument("--workers", metavar="N", type=_positive, help="points at a time (all cores)")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="use the workers of a Dask cluster (extra dask) instead"
    )
    _add_data(parser)
    parser.add_argument("--json", action="store_true", help="print the summary, sweep.json")


def _simulate(commands):
    parser = _add(commands, "simulate", "run a model or a network and keep every spike")
    parser.add_argument("model", metavar="MODEL", help="model file, or network file (HDF5)")
    parser.add_argument(
        "--input",
        metavar="FILE|DATASET",
        help="a data set by name, images (.npy, .npz, IDX), SONATA spikes, or a trace whose stimulus is run again",
    )
    _add_data(parser)
    _add_samples(parser)
    parser.add_argument("--t-stop", metavar="T", type=float, help="end of the run in ms (the model's)")
    parser.add_argument(
        "--stop-at-decision", action="store_true", help="end each sample at its first output spike"
    )
    parser.add_argument("--out", metavar="TRACE.h5", required=True, help="trace file to write")
    _add_engine(parser)
    parser.add_argument("--seed", type=int, help="key of the Poisson draws (the network's)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="use the workers of a Dask cluster (extra dask)")


def _evaluate(commands):
    parser = _add(commands, "evaluate", "measure a model on a labelled data set")
    parser.add_argument("model", metavar="MODEL", help="model file (HDF5)")
    parser.add_argument(
        "--dataset",
        metavar="NAME",
        required=True,
        help="digits, yin-yang, mnist, fashion-mnist, cifar10, nmnist, shd, dvs-gesture, ...",
    )
    _add_data(parser)
    _add_samples(parser)
    _add_engine(parser)
    disturbed = parser.add_argument_group("disturbances", "how far accuracy holds under what hardware does")
    disturbed.add_argument("--jitter-ms", metavar="MS", type=float, default=0.0, help="error of every spike time")
    disturbed.add_argument("--drop", metavar="P", type=float, default=0.0, help="part of the spikes that is lost")
    disturbed.add_argument("--weight-bits", metavar="N", type=int, help="bits of a weight, 2 to 32")
    disturbed.add_argument("--time-bits", metavar="N", type=int, help="bits of a spike time over the horizon")
    disturbed.add_argument(
        "--threshold-cv", metavar="CV", type=float, default=0.0, help="relative spread of the thresholds"
    )
    disturbed.add_argument("--seed", metavar="N", type=int, default=0, help="of what is drawn (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _measure(commands):
    parser = _add(commands, "measure", "measure a recorded trace")
    parser.add_argument("trace", metavar="TRACE.h5")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _plot(commands):
    parser = _add(commands, "plot", "draw a figure of a recorded trace")
    parser.add_argument("figure", choices=FIGURES, metavar="|".join(FIGURES))
    parser.add_argument("trace", metavar="TRACE.h5")
    parser.add_argument(
        "-o", "--out", metavar="FIGURE", required=True, help="file to write; its ending is the format"
    )
    parser.add_argument("--sample", type=int, default=0, help="sample to draw, where one is (%(default)s)")
    parser.add_argument("--population", metavar="NAME", help="population to draw, where one is")
    parser.add_argument(
        "--by",
        choices=("population", "class", "outcome"),
        default="population",
        help="latency: first spikes by population, or decisions by class or by outcome (%(default)s)",
    )
    parser.add_argument(
        "--neurons", metavar="I,J,...", type=_integers, help="neurons to draw (membrane: the first to fire)"
    )


def _report(commands):
    parser = _add(commands, "report", "write one page about a training or a simulation, complete in itself")
    parser.add_argument("source", metavar="DIR", help="folder of a training or of traces; or a trace or model file")
    parser.add_argument("--out", metavar="FILE", help="page to write, ending with .html (DIR/report.html)")


def _info(commands):
    parser = _add(commands, "info", "say what is in a file, and how it came about")
    parser.add_argument(
        "file", metavar="FILE", help="trace, model, network, simulation, checkpoint, SONATA spikes, or file of NIR"
    )


def _convert(commands):
    parser = _add(commands, "convert", "convert a network to or from NIR, or spikes to SONATA or a table in text")
    parser.add_argument("input", metavar="IN", help="file of NIR, model, network; trace, SONATA spikes, table (.csv)")
    parser.add_argument("output", metavar="OUT", help="file of NIR (.nir), network; SONATA spikes (.h5), table (.csv)")
    parser.add_argument("--populations", metavar="NAME,...", type=_names, help="spikes of these (recorded neurons)")
    parser.add_argument("--sample", metavar="N", type=int, help="to SONATA: the sample, where there are several")
    parser.add_argument(
        "--dt", metavar="MS", type=_duration, help="area of a spike: step of the other tool (0.1, or as noted in IN)"
    )
    parser.add_argument(
        "--loop-delay", metavar="MS", type=float, help="from NIR: delay that closes a loop without one (that of --dt)"
    )
    parser.add_argument(
        "--outputs", metavar="NAME,...", type=_names, help="to NIR: populations to be read (those that feed no other)"
    )
    parser.add_argument(
        "--metadata", action="store_true", help="to NIR: keep refractory periods, which other tools will not see"
    )


def _bench(commands):
    parser = _add(commands, "bench", "measure the speed of the engines on the benchmark networks")
    parser.add_argument(
        "--network",
        choices=BENCHMARKS,
        action="append",
        metavar="NAME",
        help=f"{', '.join(BENCHMARKS)}; may be given several times (delta, cuba, delays, ttfs)",
    )
    parser.add_argument("--engine", choices=ENGINES, default="auto", help="%(default)s")
    parser.add_argument(
        "--duration", metavar="MS", type=_duration, default=1000.0, help="biological time (%(default)g)"
    )
    parser.add_argument("--threads", metavar="N", type=_positive, help="threads (1)")
    parser.add_argument("--neurons", metavar="N", type=_positive, help="size of the network (the published one)")
    parser.add_argument("--synapses", metavar="N", type=_positive, help="onto a neuron, indegree only (80)")
    parser.add_argument("--samples", metavar="N", type=_positive, default=1000, help="images of ttfs (%(default)s)")
    parser.add_argument("--precision", choices=("double", "single"), default="double", help="of ttfs (%(default)s)")
    parser.add_argument("--repeat", metavar="N", type=_positive, default=3, help="runs, for a median (%(default)s)")
    parser.add_argument("--cold", action="store_true", help="measure compiling too, which takes a minute a network")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _add_data(parser):
    parser.add_argument("--data", metavar="DIR", help="folder of the data sets ($EVENTSIM_DATA, then ./data)")


def _add_samples(parser):
    parser.add_argument("--split", choices=SPLITS, default="test", help="part of the data set (%(default)s)")
    parser.add_argument(
        "--samples", metavar="A:B", type=_sample_range, default=slice(None), help="samples A to B - 1 (all)"
    )


def _add_engine(parser):
    parser.add_argument("--engine", choices=ENGINES, default="auto", help="%(default)s")
    parser.add_argument("--threads", type=_positive, help="threads over samples (all cores)")


def _sample_range(text):
    start, colon, stop = text.partition(":")
    try:
        start, stop = (int(part) if part else None for part in (start, stop))
    except ValueError:
        start = stop = -1
    if not colon or (start or 0) < 0 or (stop is not None and stop <= (start or 0)):
        raise argparse.ArgumentTypeError(f'"{text}" is not a range of samples like 0:100')
    return slice(start, stop)


def _integers(text):
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is not a list of neurons like 0,3,7') from None


def _names(text):
    return text.split(",")


def _duration(text):
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f'"{text}" is not a duration in ms above 0')
    return value


def _positive(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is not a whole number, 1 or more')
    return int(text)
