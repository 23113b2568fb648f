"""Start a peer in the environment of its own, and make these environments.

    python benchmarks/peers/launch.py [--peers DIR] [brian2 nest neuron torch]

installs with pip what is missing.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import venv
from typing import NamedTuple

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / ".peers"
"""Where the environments lie unless another folder is named."""

REQUIREMENTS = {
    "brian2": ("brian2==2.9.0", "numpy<2", "cython", "setuptools"),
    "nest": ("nest-simulator==3.10.0",),
    "neuron": ("neuron==9.0.2", "setuptools"),
    "torch": ("torch==2.13.0", "numpy", "loguru"),
}
"""What pip installs into each environment."""

WITHOUT_DEPENDENCIES = {"torch": ("snntorch==1.0.0", "spikingjelly==2.0.0")}
"""What pip installs besides, alone: they name libraries of pictures, sound and plots that training does not touch."""


class Peer(NamedTuple):
    """How to run one peer: its environment (None: this very Python), its script, and the script's options."""

    environment: str | None
    script: str
    options: tuple


PEERS = {
    "brian2-cpp": Peer("brian2", "run_brian2.py", ("--model", "cpp_standalone")),
    "brian2-cython": Peer("brian2", "run_brian2.py", ("--model", "cython")),
    "brian2-cpp-fine": Peer("brian2", "run_brian2.py", ("--model", "cpp_standalone", "--dt", "0.01")),
    "nest-grid": Peer("nest", "run_nest.py", ("--model", "grid")),
    "nest-grid-fine": Peer("nest", "run_nest.py", ("--model", "grid", "--dt", "0.01")),
    "nest-precise": Peer("nest", "run_nest.py", ("--model", "precise")),
    "neuron": Peer("neuron", "run_neuron.py", ()),
}
"""Peers by name; those with a step take 0.1 ms, "fine" 0.01 ms."""

TRAINERS = {
    "eventsim": Peer(None, "run_eventsim.py", ()),
    "relu": Peer("torch", "run_torch.py", ("--model", "relu")),
    "snntorch": Peer("torch", "run_torch.py", ("--model", "snntorch")),
    "spikingjelly": Peer("torch", "run_torch.py", ("--model", "spikingjelly")),
}
"""What trains networks, by name."""


class Unavailable(Exception):
    """A peer cannot run here; the message is one line that says why."""


def install(name, folder=FOLDER):
    """Make the environment of a peer and install it with pip; nothing to do where it is there.

    Parameters
    ----------
    name : str
        A key of `REQUIREMENTS`.
    folder : path-like

    Raises
    ------
    Unavailable
        Where pip cannot install it.
    """
    place = pathlib.Path(folder) / name
    if interpreter(name, folder).exists() and (place / "complete").exists():
        return
    venv.create(place, with_pip=True, clear=True)
    for options, wanted in (((), REQUIREMENTS[name]), (("--no-deps",), WITHOUT_DEPENDENCIES.get(name, ()))):
        command = [interpreter(name, folder), "-m", "pip", "install", "--quiet", *options, *wanted]
        if wanted and subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
            raise Unavailable(f"{name}: pip cannot install {' '.join(wanted)}")
    (place / "complete").touch()


def interpreter(name, folder=FOLDER):
    """Return the path of the Python of an environment; None stands for the one that runs this."""
    if name is None:
        return pathlib.Path(sys.executable)
    return pathlib.Path(folder).absolute() / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(peer, network, duration, folder=FOLDER, spikes=None, scratch=None):
    """Run a network in a peer and return its figures.

    Parameters
    ----------
    peer : str
        A key of `PEERS`.
    network : path-like
        As `eventsim.bench_networks.save` writes it.
    duration : float
        In ms.
    folder : path-like, optional
        Of the environments.
    spikes : path-like, optional
        Where to write the spikes.
    scratch : path-like, optional
        For generated code; a second run with the same one need not compile.

    Raises
    ------
    Unavailable
        Where there is no environment, or the script failed; with its last line.
    """
    program, surroundings = _command(peer, PEERS[peer], folder)
    with tempfile.TemporaryDirectory() as own:
        out = pathlib.Path(own) / "figures.json"
        place = pathlib.Path(scratch or own)
        place.mkdir(parents=True, exist_ok=True)
        command = [*program, network, "--duration", duration, "--out", out, "--folder", place,
                   *(("--spikes", spikes) if spikes else ())]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False,
                              env=surroundings)
        if done.returncode:
            raise Unavailable(f"{peer}: {(done.stderr.strip().splitlines() or ['was killed'])[-1]}")
        return {**json.loads(out.read_text(encoding="utf-8")), "peer": peer}


def start(trainer, arguments, folder=FOLDER, stderr=None, **environment):
    """Start a program that trains in turns and return it, with pipes to talk to it line by line.

    Parameters
    ----------
    trainer : str
        A key of `TRAINERS`.
    arguments : sequence
        Further options of its script.
    folder : path-like, optional
        Of the environments.
    stderr : file, optional
        Where its error messages go.
    **environment
        Variables to set.

    Raises
    ------
    Unavailable
        Where there is no environment.
    """
    program, surroundings = _command(trainer, TRAINERS[trainer], folder)
    return subprocess.Popen([str(part) for part in (*program, *arguments)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=stderr, text=True, env={**surroundings, **environment})


def _command(name, peer, folder):
    """Return what starts a peer, and the variables it runs with: one thread, its own packages."""
    python = interpreter(peer.environment, folder)
    if not python.exists():
        raise Unavailable(f"{name}: not installed; python benchmarks/peers/launch.py {peer.environment}")
    # A path of ours would mix our packages into another environment; a safe one would hide the script's neighbours.
    left_out = ("PYTHONSAFEPATH",) if peer.environment is None else ("PYTHONSAFEPATH", "PYTHONPATH")
    kept = {key: value for key, value in os.environ.items() if key not in left_out}
    return [python, HERE / peer.script, *peer.options], {**kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main():
    """Make the environments of the peers."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="PEER", help=f"{', '.join(REQUIREMENTS)} (all)")
    parser.add_argument("--peers", metavar="DIR", default=FOLDER, help="folder of the environments (.peers)")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(REQUIREMENTS))
    if unknown:
        parser.error(f'"{unknown[0]}" is not a peer; allowed: {", ".join(REQUIREMENTS)}')
    for name in arguments.names or REQUIREMENTS:
        try:
            install(name, arguments.peers)
        except Unavailable as reason:
            print(f"skipped {reason}", file=sys.stderr)
        else:
            print(f"{name}: ready")


if __name__ == "__main__":
    main()
