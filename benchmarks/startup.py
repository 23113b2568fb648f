"""What a first and a second start cost: the help text, the imports, compiling the kernels of the demo.

    python benchmarks/startup.py [--out FILE]

The first three figures are the wall time of a process, the shortest of five. The others are the processor
time of the steps of one process, which other work on the machine does not lengthen: "cold" has an empty
folder of compiled kernels, "warm" finds there what the cold one left. The work itself is tiny (one batch of
64 digits, one replayed digit), so that the cold figures are the compiler's.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

from eventsim import provenance

STEPS = """
import json, time
seconds, last = {}, time.process_time()
def step(name):
    global last
    now = time.process_time()
    seconds[name], last = now - last, now
import eventsim, training
from training import config, datasets, demo
digits = datasets.load("digits", "test")
settings = config.parse(demo.SETTINGS)
model = config.build(settings, (8, 8, 1), digits.classes)
model.encode(digits.images[:1])
step("imports and model")
arguments = {**settings.fit_arguments(), "epochs": 1, "progress": None}
training.fit(model, digits.images[:64], digits.labels[:64], **arguments)
step("one training step")
trace = model.simulate(digits.images[:1], digits.labels[:1], engine="heap")
step("one replay, event by event")
eventsim.measure.evaluate(trace)
step("measures")
print(json.dumps(seconds))
"""


def wall(*arguments):
    """Return the shortest wall time of five runs of a Python process."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times)


def steps(cache):
    """Return the processor times of the demo's steps with a folder of compiled kernels."""
    environment = {**os.environ, "EVENTSIM_CACHE_DIR": cache}
    done = subprocess.run([sys.executable, "-c", STEPS], check=True, capture_output=True, env=environment)
    return json.loads(done.stdout)


def main():
    """Measure and print; write the figures with their provenance where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", metavar="FILE", help="write the figures as JSON")
    arguments = parser.parse_args()
    seconds = {
        "eventsim --help": wall("-m", "eventsim", "--help"),
        "import eventsim": wall("-c", "import eventsim"),
        "python alone": wall("-c", "pass"),
    }
    with tempfile.TemporaryDirectory() as cache:
        seconds["cold"] = steps(cache)
        seconds["warm"] = steps(cache)
    for name in ("cold", "warm"):
        seconds[name]["together"] = sum(seconds[name].values())
    for name, value in seconds.items():
        if isinstance(value, dict):
            for step, part in value.items():
                print(f"{name}: {step:<28} {part:6.2f} s")
        else:
            print(f"{name:<34} {value:6.3f} s")
    if arguments.out:
        with open(arguments.out, "w", encoding="utf-8") as file:
            json.dump({"seconds": seconds, "provenance": provenance.record("benchmark")}, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
