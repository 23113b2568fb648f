"""The types of the public names: complete, true for the packages themselves, and of use to who calls them."""

import ast
import importlib
import importlib.resources
import importlib.util
import inspect
import os
import pathlib
import re
import subprocess
import sys

import pytest
from test_docs_site import REFERENCE, described, found, skip_without_torch

ROOT = pathlib.Path(__file__).resolve().parents[1]
LAZY = ("eventsim", "eventsim.io", "eventsim.mpi", "training", "training.torch")
"""Modules whose names load on first use."""

KERNELS = {"kernel", "closed_form", "inner", "inlined", "parallel_kernel"}
"""Decorators of compiled functions, whose arguments numba tells the types of."""

SPECIAL = {"__init__", "__call__", "__len__", "__iter__", "__getitem__", "__contains__"}
"""Methods that users call by other means than their names."""

PROGRAM = """
from typing import assert_type

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

import eventsim as es
import training
import viz

cells = es.LIF(tau_mem=20.0, tau_syn={"excitatory": 5.0, "inhibitory": 10.0}, v_threshold=[1.0, es.NEVER])
es.LIF("a")  # wrong
es.LIF(tau_mem=20.0, tau_syn=5.0, v_treshold=1.0)  # wrong

net = es.Network(seed=1)
source = net.input("source", 3)
cell = net.population("cell", (2, 1), cells)
net.connect(source, "cell", es.Dense(es.Normal(0.5, 0.1)), delay=es.Uniform(0.5, 2.0), receptor="excitatory")
net.connect(source, cell, [[1.0, 2.0]])  # wrong
net.connect("source", "cell", es.FixedProbability("often", 1.0))  # wrong
net.population("other", 2, None)  # wrong
assert_type(net["cell"].size, int)
net.fingerprnt()  # wrong

stimulus = {"source": es.Spikes(time=[1.0, 2.0], neuron=np.array([0, 1]))}
es.Spikes([1.0], [0], n_samples="many")  # wrong
trace = es.simulate(net, stimulus, 3.0, record={"cell": "counts"}, stop="decision", progress=lambda part, seconds: None)
es.simulate(net, 3.0, engine="slow")  # wrong
es.simulate(net, stimulus, 3.0, engine="heap", threads="all")  # wrong
es.simulat(net)  # wrong
assert_type(trace, es.Trace)
assert_type(trace.first_spikes(cell), NDArray[np.float64])
trace.spikes("cell").times  # wrong
trace.labels[0]  # wrong
assert_type(trace.membrane("cell", [0], np.linspace(0.0, 3.0, 9)).v, NDArray[np.float64])
assert_type(es.measure.decide(trace).accuracy([0]), float)
es.measure.decide(trace, rule="last_spike")  # wrong
es.io.to_csv(trace, "run.csv", slope=True)
es.io.to_sonata(trace, "run.h5", sorting="by_name")  # wrong
assert_type(es.Simulation.load("state.h5"), es.Simulation)

model = training.Model(net, training.encode.Latency(bias=0.5), training.decode.FirstSpike("latency", tau=0.1))
training.Model(net, training.encode.Latency(channels="off"), training.decode.FirstSpike())  # wrong
images, labels = np.zeros((4, 3)), np.zeros(4, int)
history = training.fit(model, images, labels, optimizer=training.AdamW(1e-2), schedule=lambda step: 1.0)
training.fit(model, images, labels, optimizer="adamw")  # wrong
training.fit(model, images, labels, epochs=3, learning_rate=0.1)  # wrong
assert_type(history, training.History)
training.spike_time_gradient(net, trace, {"cell": [0.0]}).weights["source->cell"].sum()
training.spike_time_gradient(net, {"cell": [0.0]}, trace)  # wrong
training.nothing  # wrong

assert_type(viz.raster(trace, sample=[0], populations="cell"), Axes)
viz.raster(trace, rates=True)[1].set_ylabel("rate")
viz.latency(trace, by="colour")  # wrong
"""


def parts(name):
    """Yield the functions behind a public name by their own names: itself, or what its class defines."""
    value = found(name)
    if not inspect.isclass(value):
        if inspect.isfunction(value):
            yield name, value
        return
    for part, member in vars(value).items():
        member = getattr(member, "__func__", getattr(member, "fget", member))
        written = inspect.isfunction(member) and member.__code__.co_filename != "<string>"  # not made by a dataclass
        if written and (part in SPECIAL or not part.startswith("_")):
            yield f"{name}.{part}", member


def compiled(function):
    """Return whether a function is one of numba's, also where it is run as plain Python."""
    return any(line.strip().lstrip("@") in KERNELS for line in inspect.getsource(function).split("def ", 1)[0].split())


def lacking(function):
    """Return the parameters of a function that have no annotation, and "return"."""
    signature = inspect.signature(function)
    missing = [one.name for one in signature.parameters.values() if one.annotation is one.empty]
    missing += ["return"] * (signature.return_annotation is signature.empty)
    return [name for name in missing if name not in ("self", "cls")]


@pytest.mark.parametrize("page", REFERENCE, ids=lambda page: page.name)
def test_every_function_and_method_on_a_page_of_the_reference_has_complete_annotations(page):
    skip_without_torch(page)
    every = dict(part for name in described(page) for part in parts(name))
    assert {name: lacking(one) for name, one in every.items() if lacking(one) and not compiled(one)} == {}


@pytest.mark.parametrize("module", LAZY)
def test_type_checkers_are_told_the_very_names_that_load_on_first_use(module):
    specification = importlib.util.find_spec(module)
    tree = ast.parse(pathlib.Path(specification.origin).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    told = {}
    for line in block.body:
        for name in line.names:
            assert name.asname == name.name, "only this form is a public name to type checkers"
            told[name.name] = line.module
    loaded = importlib.import_module(module)
    lazy = {name: f"{module}.{home}" for name, home in getattr(loaded, "_HOME", {}).items()}
    lazy |= dict.fromkeys(getattr(loaded, "_MODULES", ()), module)
    lazy |= dict.fromkeys(getattr(loaded, "_NAMES", ()), "training.torch_module")
    assert told == lazy


@pytest.mark.parametrize("package", ("eventsim", "training", "viz"))
def test_every_package_says_that_it_has_types(package):
    assert importlib.resources.files(package).joinpath("py.typed").is_file()


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """Return a function that runs mypy in the repository, with what it found before kept for the next call."""
    pytest.importorskip("mypy", reason="needs the extra test: pip install eventsim[test]")
    cache = tmp_path_factory.mktemp("mypy")

    def run(*arguments):
        command = [sys.executable, "-m", "mypy", "--cache-dir", str(cache), "--no-color-output", *arguments]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False).stdout

    return run


def test_mypy_finds_nothing_wrong_in_the_packages(mypy):
    assert mypy().startswith("Success"), mypy()


def test_mypy_finds_the_wrong_lines_of_a_users_program_and_no_others(mypy, tmp_path):
    file = tmp_path / "program.py"
    file.write_text(PROGRAM, encoding="utf-8")
    wrong = {number for number, line in enumerate(PROGRAM.splitlines(), 1) if line.endswith("# wrong")}
    said = mypy(str(file))
    assert {int(number) for number in re.findall(r"program\.py:(\d+): error", said)} == wrong, said
