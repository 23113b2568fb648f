"""The tables of the page of benchmarks in docs, made from the recorded figures alone.

    python benchmarks/benchmarks_page.py

Reads ``benchmarks/results/`` and writes the tables of ``docs/benchmarks.md`` anew, each between the comments
``<!-- table: NAME -->`` and ``<!-- end of table -->``; the words around them stay. Nothing is measured here.
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "benchmarks.md"
PLACE = re.compile(r"(<!-- table: (\w+) -->\n\n).*?(\n<!-- end of table -->)", re.DOTALL)

SIMULATORS = {"eventsim": "eventsim", "brian2-cpp": "Brian2 `cpp_standalone`", "brian2-cython": "Brian2 `cython`",
              "nest-grid": "NEST grid", "nest-precise": "NEST precise", "neuron": "NEURON"}
LAYERS = {"dense 784-400, ramp": "dense", "convolution 3x3, 64-64, ramp": "convolution"}
MEMORY = {"dense": "`784-400-10`, 128", "convolution": "`32C5s2-64C3s2-10`, 32"}
GRADIENTS = {"784-350-10": "784-350-10, 100 samples",
             "1,000 recurrent": "1,000 recurrent neurons, a delay for every synapse"}


def read(name):
    """Return what a result file holds."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def short(value):
    """Return a ratio with about two digits."""
    return f"{value:.2f}" if value < 0.995 else f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def table(head, rows):
    """Return a Markdown table."""
    return "".join(f"| {' | '.join(map(str, row))} |\n" for row in (head, ["---"] * len(head), *rows))


def peers():
    """Return the table of simulators beside each other."""
    found = read("peers")
    rows = []
    for network, figures in found["networks"].items():
        ours = next(one for one in figures if one["name"] == "eventsim")
        for one in figures:
            if one["name"] not in SIMULATORS:
                continue
            seconds, compiled = one["simulate_cpu_s"], one["compile_s"]
            name = SIMULATORS[one["name"]] + (f", {one['engine']}" if one is ours else "")
            rows.append((f"`{network}`" if one is ours else "", name, f"{seconds:.3f}",
                         "1" if one is ours else short(seconds / ours["simulate_cpu_s"]),
                         short(one["synaptic_events"] / seconds / 1e6), f"{one['spikes']:,}",
                         f"{compiled:.1f} (kept on disk)" if one is ours else f"{compiled:.0f}" if compiled else ""))
    span = found["provenance"]["parameters"]["duration"] / 1000.0
    return table(("network", "simulator", f"processor time of {span:g} s (s)", "times ours", "M events/s", "spikes",
                  "compile (s)"), rows)


def agreement():
    """Return the table of spikes beside those of NEST, and of engines beside each other."""
    found = read("agreement")
    rows = []
    for network, one in found["with_nest"].items():
        engines = found["between_engines"][network]
        equal = ", ".join(f"`{name}`" for name, same in engines["same_bits"].items() if same)
        rows.append((f"`{network}`", f"{one['until_ms']:g}", f"{one['spikes'][0]:,}", f"{one['spikes'][1]:,}",
                     f"{one['largest_difference_ms']:.1e}", f"{equal}, for {engines['until_ms']:g} ms"))
    return table(("network", "compared for (ms)", "our spikes", "NEST's", "furthest apart (ms)", "same bits"), rows)


def layers():
    """Return the table of the layers engine beside bare loops."""
    found = read("layers_speed")["figures"]
    rows = []
    for network, kind in LAYERS.items():
        for one in found[network]:
            if (one["precision"], one["firing"]) == ("double", "half"):
                continue
            fires = "half fires" if one["firing"] == "half" else "none fires"
            rate, ratio = one["median_rate"], one["call_over_bare"]
            rows.append((f"{kind}, {one['precision']}, {fires}",
                         *(f"{rate[part] / 1e9:.1f}" if rate[part] > 1e9 else f"{rate[part] / 1e9:.2f}"
                           for part in ("inner", "bare", "call")),
                         f"{ratio:.2f}" if ratio < 2 else f"{ratio:.1f}", f"{one['us_a_sample']['sort']:.0f}"))
    return table(("ramp neurons", "billion updates a second: inner loop", "bare", "call", "call over bare",
                  "sorting, us a sample"), rows)


def training(group):
    """Return the table of programs that train, of one group of networks."""
    rows, network = [], None
    for one in read("train_speed")["groups"][group]:
        full = f"784-{one['network']}-10" if group == "dense" else f"{one['network']}-10"
        fired = [f"{value:.2f}" for layer, value in (one["firing"] or {}).items() if layer != "input"]
        rows.append((one["name"].split(", T =")[0], "" if full == network else f"`{full}`",
                     f"{one['cpu_s_per_1000']:.3f}", f"{one['epoch_cpu_s']:.1f}",
                     *(f"{one['ratios'][name]:.2f}" for name in ("relu", "snntorch", "spikingjelly")),
                     ", ".join(fired) or "-"))
        network = full
    return table(("program", "network", "s for 1,000", "s an epoch", "x ReLU", "x snnTorch", "x SpikingJelly", "fired"),
                 rows)


def memory():
    """Return the table of the memory of a step."""
    found = read("train_memory")
    rows = []
    for network, columns in found["networks"].items():
        for number, (what, column) in enumerate(columns.items()):
            rows.append(("" if number else MEMORY[network], what.replace(", ", ": "),
                         *(f"{one['step_bytes'] / 2**20:.0f}" for one in column)))
    return table(("network, batch", "what grows", *(f"x {factor}" for factor in found["factors"])), rows)


def gradients():
    """Return the table of what a gradient costs beside the simulation."""
    rows = []
    for network, one in read("gradient_cost")["networks"].items():
        ratio = one["ratio"]
        rows.append((f"{GRADIENTS[network]}, {one['arrivals'] / 1e6:.1f} million arrivals",
                     f"{1000.0 * one['seconds']['simulation']:.0f} ms", f"{short(ratio['gradient'])} x",
                     f"{short(ratio['gradient with time constants'])} x"))
    return table(("network", "simulation", "gradient", "with time constants"), rows)


TABLES = {"peers": peers, "agreement": agreement, "layers": layers, "training_dense": lambda: training("dense"),
          "training_convolution": lambda: training("convolution"), "memory": memory, "gradients": gradients}


def page(text):
    """Return the text of the page with its tables made anew.

    Parameters
    ----------
    text : str
        The page as it is; every table of `TABLES` has its place in it.
    """
    places = [name for _, name, _ in PLACE.findall(text)]
    if sorted(places) != sorted(TABLES):
        raise ValueError(f"{PAGE.name} has places for {places}; allowed and needed: {list(TABLES)}.")
    return PLACE.sub(lambda place: place[1] + TABLES[place[2]]() + place[3], text)


def main():
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(PAGE.relative_to(HERE.parent))
    return 0


if __name__ == "__main__":
    sys.exit(main())
