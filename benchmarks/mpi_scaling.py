"""What a network costs that several MPI ranks hold together: strong and weak scaling, exchanged bytes, memory.

    python benchmarks/mpi_scaling.py [--neurons 20000] [--synapses 200] [--duration 100] [--ranks 1 2] [--repeat 3]
        [--out benchmarks/results/mpi_scaling.json]

Strong: one network of --neurons on 1 and 2 ranks. Weak: --neurons on every rank. The network is four fifths excitatory
and one fifth inhibitory neurons with delta synapses, the same number of synapses onto each, delays of 1 ms, and a
resting potential above the threshold, so that all work is spikes of the network. "One process" is `eventsim.simulate`
of the same network, without windows. Spikes are compared bit by bit.

Processor times of ranks are added up; where other programs run, only they and their ratios mean something. What a rank
spins while it waits for another counts as exchanging.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def build(net, neurons, synapses):
    """Add the network of this benchmark to an empty one."""
    import eventsim as es
    from eventsim import random

    inhibitory = neurons // 5
    for name, size in (("exc", neurons - inhibitory), ("inh", inhibitory)):
        start = -60.0 + 10.0 * random.uniform(random.stream_key(1, f"start of {name}"), np.arange(size))
        net.population(name, size, es.LIF(tau_mem=20.0, tau_syn=0.0, v_rest=-49.0, v_threshold=-50.0, v_reset=-60.0,
                                          t_refractory=5.0, v_init=start))
    onto = synapses // 5
    weight = 1.62 * 80.0 / synapses
    for source, number, each in (("exc", synapses - onto, weight), ("inh", onto, -9.0 / 1.62 * weight)):
        for target in ("exc", "inh"):
            net.connect(source, target, es.FixedInDegree(number, each), delay=1.0)
    return net


def resident():
    """Return the memory of this process in bytes, now and at most so far."""
    with open("/proc/self/status", encoding="ascii") as file:
        lines = dict(line.split(":", 1) for line in file)
    return tuple(1024 * int(lines[name].split()[0]) for name in ("VmRSS", "VmHWM"))


def one_process(options):
    """Return the figures of one process without MPI."""
    import eventsim as es

    net = build(es.Network(seed=1), options.neurons, options.synapses)
    es.simulate(net, t_stop=1.0, engine="window", threads=1, seed=2)  # compiles
    processor, wall = time.process_time(), time.perf_counter()
    trace = es.simulate(net, t_stop=options.duration, engine="window", threads=1, seed=2)
    found = {"run_processor_s": time.process_time() - processor, "run_s": time.perf_counter() - wall}
    return found, {name: trace.spikes(name) for name in ("exc", "inh")}


def rank(options):
    """Run one rank; rank 0 prints the figures of all as a line of JSON."""
    from eventsim import mpi

    small = build(mpi.Network(seed=1), 200, 20)
    mpi.simulate(small, t_stop=3.0, seed=2)  # compiles
    before, _ = resident()
    began, began_processor = time.perf_counter(), time.process_time()
    net = build(mpi.Network(seed=1), options.neurons, options.synapses)
    drawn_s, drawn_processor_s = time.perf_counter() - began, time.process_time() - began_processor
    share = mpi.simulate(net, t_stop=options.duration, seed=2, rows=False, out=options.spikes)
    now, peak = resident()
    mine = {**share.costs._asdict(), "build_s": drawn_s + share.costs.build_s, "draw_processor_s": drawn_processor_s,
            "memory_before": before, "memory_after": now, "memory_peak": peak,
            "neurons": sum(last - first for first, last in map(net.own, ("exc", "inh")))}
    every = net.together.comm.allgather(mine)
    if net.rank == 0:
        print("figures " + json.dumps(every), flush=True)


def started(options, ranks, neurons, spikes):
    """Return the figures of every rank of a run under mpiexec."""
    beside = os.pathsep.join((str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", "")))
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                   "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe", "NUMBA_NUM_THREADS": "1",
                   "OPENBLAS_NUM_THREADS": "1"}
    command = [shutil.which("mpiexec", path=beside) or "mpiexec", "-n", str(ranks), sys.executable, __file__, "--rank",
               "--neurons", str(neurons), "--synapses", str(options.synapses), "--duration", str(options.duration),
               "--spikes", str(spikes)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("figures ")]
    if done.returncode or not lines:
        raise SystemExit(done.stderr)
    return json.loads(lines[-1].removeprefix("figures "))


def figures(options, ranks, neurons, alone, expected, folder):
    """Return what a network cost on so many ranks, medians over the repeats."""
    from eventsim import mpi

    runs = [started(options, ranks, neurons, folder / f"{ranks}.h5") for _ in range(options.repeat)]
    same = all(one.tobytes() == other.tobytes() for name in expected
               for one, other in zip(mpi.spikes(folder / f"{ranks}.h5", name), expected[name], strict=True))

    def total(field):
        return float(np.median([sum(part[field] for part in run) for run in runs]))

    def most(field):
        return float(np.median([max(part[field] for part in run) for run in runs]))

    first = runs[0][0]
    windows = max(first["windows"], 1)
    return {
        "ranks": ranks, "neurons": neurons, "synapses": sum(part["synapses"] for part in runs[0]), "same_bits": same,
        "windows": first["windows"], "spikes_exchanged": first["received"],
        "received_bytes_a_window_and_rank": first["received_bytes"] / windows,
        "arrivals": sum(part["arrivals"] for part in runs[0]),
        "run_processor_s": total("run_processor_s"), "exchange_processor_s": total("exchange_processor_s"),
        "deliver_processor_s": total("deliver_processor_s"), "draw_processor_s": total("draw_processor_s"),
        "run_s": most("run_s"), "exchange_s": most("exchange_s"), "deliver_s": most("deliver_s"),
        "one_process": alone,
        "run_processor_ratio": total("run_processor_s") / alone["run_processor_s"],
        "row_bytes_a_rank": most("row_bytes"), "synapses_a_rank": most("synapses"), "neurons_a_rank": most("neurons"),
        "memory_grown_a_rank": float(np.median([max(p["memory_after"] - p["memory_before"] for p in run)
                                                for run in runs])),
        "memory_peak_a_rank": most("memory_peak")}


def main():
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neurons", type=int, default=20000)
    parser.add_argument("--synapses", type=int, default=200)
    parser.add_argument("--duration", type=float, default=100.0)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results" / "mpi_scaling.json")
    parser.add_argument("--rank", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--spikes", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rank:
        rank(options)
        return
    from eventsim import provenance

    results = {"strong": [], "weak": []}
    with tempfile.TemporaryDirectory() as scratch:
        for kind in results:
            base = options.neurons
            for ranks in options.ranks:
                options.neurons = base * ranks if kind == "weak" else base
                if kind == "weak" and ranks == 1:
                    results[kind].append(results["strong"][0])
                    continue
                alone, expected = one_process(options)
                row = figures(options, ranks, options.neurons, alone, expected, pathlib.Path(scratch))
                results[kind].append(row)
                print(f"{kind}, {ranks} ranks, {options.neurons:,} neurons x {options.synapses}: same bits "
                      f"{row['same_bits']}; processor time for simulating {row['run_processor_ratio']:.2f} times that "
                      f"of one process, {row['exchange_processor_s'] + row['deliver_processor_s']:.2f} s for "
                      f"exchanging; {row['received_bytes_a_window_and_rank']:,.0f} bytes a window; "
                      f"{row['row_bytes_a_rank'] / 2**20:.1f} MiB of rows a rank", flush=True)
            options.neurons = base
    settings = {name: getattr(options, name) for name in ("neurons", "synapses", "duration", "ranks", "repeat")}
    record = provenance.record("benchmarks/mpi_scaling.py", settings)
    options.out.write_text(json.dumps({**results, "load_average": os.getloadavg(), "provenance": record}, indent=1)
                           + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
