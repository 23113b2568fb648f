"""Do we agree with NEST spike by spike, and our engines with each other bit by bit.

    python benchmarks/peers/agreement.py [--engine auto] [--engines heap window reference] [--network NAME ...]
        [--long 3000] [--peers DIR] [--out benchmarks/results/agreement.json]

Spike by spike: benchmark 2 (cuba) and the network with many delays for 1 s to 1e-9 ms; benchmark 4 (delta), which
is chaotic (an error grows tenfold every 65 ms), for 300 ms to 1e-6 ms, and statistics after that: means of rate, CV
of the intervals and correlation of pairs within four standard errors. Engines: the same bits over 100 ms; the
reference engine is plain Python and takes minutes. Exit status 1 where something does not agree.
"""

import argparse
import json
import pathlib
import sys
import tempfile

import launch
import trains

from eventsim import bench_networks, cli_bench, provenance
from eventsim.errors import InputError

RESULTS = pathlib.Path(__file__).resolve().parents[1] / "results" / "agreement.json"

CHECKS = {"cuba": (1000.0, 1e-9), "delta": (300.0, 1e-6), "delays": (1000.0, 1e-9)}
"""How long (ms) and how closely (ms) spikes must agree with NEST's."""

SAME_BITS = 100.0
"""How long (ms) the engines are compared."""


def ours(network, engine, duration, file):
    """Run a network with one of our engines and return its spikes.

    Raises
    ------
    InputError
        Where the engine does not exist or cannot run it.
    """
    cli_bench.worker(network=network, engine=engine, duration=duration, repeat=1, spikes=str(file))
    return trains.Trains.load(file)


def with_nest(network, engine, long, folder, scratch):
    """Return how ours agrees with NEST's precise model; None where NEST cannot run here."""
    until, tolerance = CHECKS[network]
    duration = max(until, long) if network == "delta" else until
    circuit = bench_networks.draw(network)
    bench_networks.save(circuit, scratch / "network.npz", duration)
    try:
        launch.run("nest-precise", scratch / "network.npz", duration, folder, spikes=scratch / "nest.npz")
    except launch.Unavailable as reason:
        print(f"skipped {reason}", file=sys.stderr)
        return None
    mine, theirs = ours(network, engine, duration, scratch / "ours.npz"), trains.Trains.load(scratch / "nest.npz")
    result = {"tolerance_ms": tolerance, **trains.matched(mine, theirs, until)}
    result["agrees"] = result["same_neurons"] and result["largest_difference_ms"] <= tolerance
    if duration > until:
        size = len(circuit.v_init)
        both = (trains.statistics(run, size, until, duration) for run in (mine, theirs))
        result["beyond"], alike = trains.alike(*both)
        result["agrees"] = result["agrees"] and alike
    return result


def between_engines(network, engines, scratch):
    """Return which engines give the same bits as the first one; None for those that do not run here."""
    first, same = None, {}
    for engine in engines:
        print(f"{network}: engine {engine}, {SAME_BITS:g} ms", file=sys.stderr)
        try:
            run = ours(network, engine, SAME_BITS, scratch / f"{engine}.npz")
        except InputError as reason:
            print(f"skipped {engine}: {reason}", file=sys.stderr)
            same[engine] = None
            continue
        first = run if first is None else first
        same[engine] = trains.identical(first, run)
    return {"until_ms": SAME_BITS, "spikes": 0 if first is None else len(first.time), "same_bits": same,
            "agrees": all(value is not False for value in same.values())}


def main():
    """Check, print, write, and exit with 1 where something does not agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="auto", help="of ours, against NEST (%(default)s)")
    parser.add_argument("--engines", nargs="*", default=["heap", "window", "reference"], metavar="ENGINE",
                        help="to be compared with each other (heap window reference)")
    parser.add_argument("--network", nargs="+", choices=tuple(CHECKS), default=tuple(CHECKS), metavar="NAME",
                        help=f"{', '.join(CHECKS)} (all)")
    parser.add_argument("--long", type=float, default=3000.0, help="ms of delta, for the statistics (%(default)g)")
    parser.add_argument("--peers", metavar="DIR", default=launch.FOLDER, help="folder of the environments (.peers)")
    parser.add_argument("--out", metavar="FILE", default=RESULTS, help="JSON (benchmarks/results/agreement.json)")
    options = parser.parse_args()
    results = {"with_nest": {}, "between_engines": {}}
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for network in options.network:
            results["with_nest"][network] = with_nest(network, options.engine, options.long, options.peers, scratch)
            print(f"{network}, with NEST: {json.dumps(results['with_nest'][network], indent=1)}", flush=True)
        for network in options.network if options.engines else ():
            results["between_engines"][network] = between_engines(network, options.engines, scratch)
            print(f"{network}, engines: {json.dumps(results['between_engines'][network])}", flush=True)
    record = provenance.record("benchmark", {"engine": options.engine, "long": options.long}, bench_networks.SEED)
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump({**results, "provenance": record}, file, indent=1)
        file.write("\n")
    checks = [entry for part in results.values() for entry in part.values() if entry is not None]
    sys.exit(0 if all(entry["agrees"] for entry in checks) else 1)


if __name__ == "__main__":
    main()
