"""Run a benchmark network in NEST, on its grid of time or with its precise spike times."""

import sys

import common
import numpy as np

options = common.arguments(__doc__.splitlines()[0], ("precise", "grid"))
try:
    import nest
except ImportError as error:
    sys.exit(f"NEST cannot be imported: {error}")

circuit = common.load(options.network)
nest.verbosity = nest.VerbosityLevel.ERROR
nest.ResetKernel()
nest.resolution = options.dt
nest.local_num_threads = 1
kind = "exp" if circuit.receptors else "delta"
model = f"iaf_psc_{kind}" + ("_ps" if options.model == "precise" else "")
report = common.Report("NEST", nest.__version__, model, options)

neuron = circuit.neuron
# With C_m equal to tau_m, a current in pA drives V in mV as eventsim's I does.
parameters = {"C_m": neuron["tau_mem"], "tau_m": neuron["tau_mem"], "E_L": neuron["v_rest"],
              "V_th": neuron["v_threshold"], "V_reset": neuron["v_reset"], "t_ref": neuron["t_refractory"]}
if circuit.receptors:
    parameters.update(tau_syn_ex=circuit.receptors["excitatory"], tau_syn_in=circuit.receptors["inhibitory"])


def connect(sources, targets, rows):
    """Connect by arrays of ids, all synapses at once."""
    source, target, weight, delay = rows.part(slice(None))
    if len(source) == 0:
        return
    delay = np.full(len(source), delay) if isinstance(delay, float) else delay
    nest.Connect(source.astype(np.int64) + sources[0].global_id, target.astype(np.int64) + targets[0].global_id,
                 "one_to_one", {"synapse_model": "static_synapse", "weight": weight, "delay": delay})


def arrivals_of_noise(noise):
    """Return the spike trains of the noise, each time moved to the grid where the model has no others."""
    order = np.argsort(circuit.noise_neuron, kind="stable")
    time = circuit.noise_time[order]
    if options.model == "grid":
        time = np.maximum(np.ceil(time / options.dt), 1.0) * options.dt
    return np.split(time, np.cumsum(np.bincount(circuit.noise_neuron, minlength=len(noise)))[:-1])


with report.clock("build"):
    cells = nest.Create(model, circuit.size, params=parameters)
    cells.V_m = circuit.v_init.tolist()
    connect(cells, cells, circuit.rows)
    if circuit.noise is not None:
        count = len(circuit.noise.pointer) - 1
        trains = arrivals_of_noise(range(count))
        precise = {"precise_times": True} if options.model == "precise" else {"allow_offgrid_times": True}
        generators = nest.Create("spike_generator", count,
                                 params=[{"spike_times": train, **precise} for train in trains])
        # A generator reaches its targets without delay of its own: the synapse's delay is the arrival's.
        connect(generators, cells, circuit.noise)
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Prepare()
with report.clock("simulate"):
    nest.Run(options.duration)
nest.Cleanup()
events = recorder.events
times, senders = np.asarray(events["times"]), np.asarray(events["senders"]) - cells[0].global_id
report.write(circuit, times, senders, dt_ms=options.dt)
