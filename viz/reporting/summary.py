"""The head of the page: headline numbers, and warnings in plain language."""

from viz.reporting import page, words

_DEAD = 0.99
"""Part of silent neurons above which a layer counts as dead, as in the log of a training."""

_HALF = 0.5


def headline(contents, measured):
    """Return the headline numbers, those of the test set first.

    Parameters
    ----------
    contents : Contents
    measured : dict of str to Measured
        By the name of the trace.

    Returns
    -------
    str
        HTML.
    """
    parts = []
    if contents.result is not None:
        parts.append(_of_training(contents.result))
    for name, trace in contents.traces.items():
        parts.append(page.heading(f"{name}: {samples_of(trace)}"))
        parts.append(page.cards(_of_trace(trace, measured[name])))
    if not contents.traces:
        parts.append(page.paragraph(
            "There is no trace here, so spikes, decisions in time and operations are not known"
            + (f": eventsim simulate {contents.model.name} --input DATASET --out trace.h5 makes one."
               if contents.model is not None else "."), "faint"))
    parts += [page.paragraph(remark, "faint") for remark in contents.remarks]
    return "\n".join(parts)


def warnings(contents, facts, measured):
    """Return what a reader should know before believing the rest.

    Parameters
    ----------
    contents : Contents
    facts : dict of str to dict
        Of ``describe()``, by the title of the network.
    measured : dict of str to Measured
        By the name of the trace.

    Returns
    -------
    list of str
        One plain sentence or two each.
    """
    found = [*_of_log(contents.records)]
    if contents.result is not None and contents.result.get("interrupted"):
        found.append("The training was interrupted: the test set was not looked at; eventsim train --resume goes on.")
    for about in facts.values():
        found += [f"Network: {line}" for line in about["warnings"]]
    for name, trace in contents.traces.items():
        found += [f"{name}: {line}" for line in _of_run(trace, measured[name])]
    return list(dict.fromkeys(found))


def samples_of(trace):
    """Return "1,797 samples of 4 ms"."""
    count = "1 sample" if trace.n_samples == 1 else f"{trace.n_samples:,} samples"
    return f"{count} of {trace.t_stop:g} ms"


def _of_training(result):
    """Return what ``result.json`` says, as far as it does."""
    test, validation, samples = (_part(result, name) for name in ("test", "validation", "samples"))
    rows = []
    if test.get("accuracy") is not None:
        rows.append(("test accuracy", _share(test["accuracy"]), _of(samples, "test")))
    if validation.get("accuracy") is not None:
        epochs = f"epoch {result.get('best_epoch')} of {result.get('epochs')}"
        rows.append(("validation accuracy", _share(validation["accuracy"]), epochs))
    scored = test if test.get("accuracy") is not None else validation
    if scored.get("latency_ms") is not None:
        horizon = f"mean; horizon {_plain(result.get('horizon_ms'))} ms"
        rows.append(("decision latency", f"{_plain(scored['latency_ms'])} ms", horizon))
    if scored.get("undecided") is not None:
        rows.append(("undecided", _share(scored["undecided"]), "no output spike by the horizon"))
    if result.get("training_seconds") is not None:
        rows.append(("training time", _duration(result["training_seconds"]), f"{_plain(result.get('epochs'))} epochs"))
    words_of = [f"Data set {result.get('dataset')}", f"readout {result.get('readout')}"]
    return page.cards(rows) + page.paragraph(f"{', '.join(words_of)}; as the training noted at its end.", "faint")


def _of_trace(trace, found):
    rows, about = [], found.evaluation
    if about is not None:
        if about["accuracy"] is not None:
            rows.append(("accuracy", words.share(about["accuracy"]), f"readout {about['readout']}"))
        for key, label in (("mean", "mean latency"), ("median", "median latency"), ("p95", "95th percentile")):
            rows.append((label, f"{words.number(about['decision_latency_ms'][key])} ms", "of the decision, from onset"))
        rows.append(("undecided", words.share(about["undecided_fraction"]), "counted as wrong"))
    else:
        for one in found.activity:
            if trace.network.populations[one.name].kind == "neurons" and one.rate is not None:
                rows.append((f"rate of {one.name}", f"{words.number(one.rate, 3)} Hz", "mean of its neurons"))
    if found.spikes_per_neuron is not None:
        rows.append(("spikes a neuron", words.number(found.spikes_per_neuron, 3), "a sample, hidden and output"))
        rows.append(("silent neurons", words.share(found.silent), "share that does not fire in a sample"))
    if about is not None:
        for key in ("decision", "horizon"):
            value = about["synaptic_operations_per_sample"][key]
            rows.append((f"operations to {key}", words.number(value), "synaptic, a sample"))
    elif found.operations is not None:
        rows.append(("synaptic operations", words.number(found.operations), "a sample, to the end"))
    return rows


def _of_log(records):
    """Yield the warnings of a log, each with its epoch, and what has become of it."""
    last = next((record["silent"] for record in reversed(records) if isinstance(record.get("silent"), dict)), {})
    for record in records:
        told = record.get("warnings")
        for name, line in told.items() if isinstance(told, dict) else ():
            now = last.get(name)
            after = ""
            if isinstance(now, float) and record is not records[-1]:
                state = "still" if now > _DEAD else "by then"
                after = f" In the last epoch, {state} {words.share(now)} of it were silent."
            yield f"Training, epoch {record.get('epoch')}: {line}{after}"


def _of_run(trace, found):
    if trace.interrupted:
        yield "the run was interrupted; it holds what was finished."
    for one in found.activity:
        population = trace.network.populations[one.name]
        if population.kind == "neurons" and one.silent > _DEAD:
            yield (f'"{one.name}" is dead: {100.0 * one.silent:.1f} % of its neurons are silent in a sample. Stronger '
                   "weights onto it, a lower threshold or more input wake it.")
        elif population.kind == "neurons" and one.never > _HALF * population.size:
            yield (f'{one.never:,} of {population.size:,} neurons of "{one.name}" never fire in any sample; a smaller '
                   "population may do as well.")
    if found.evaluation is not None and found.evaluation["undecided_fraction"] > 0.01:
        yield (f"{words.share(found.evaluation['undecided_fraction'])} of the samples are undecided and count as "
               "wrong: no output neuron fires before the horizon.")
    if trace.n_samples and not trace.interrupted and (trace.ended < trace.t_stop).any():
        yield "samples ended before the horizon, as at their decision; figures to the horizon stop there."


def _part(document, name):
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _of(samples, part):
    return f"{samples[part]:,} samples" if isinstance(samples.get(part), int) else ""


def _share(value):
    return words.share(value) if isinstance(value, int | float) else str(value)


def _plain(value):
    return words.number(value) if isinstance(value, int | float) else str(value)


def _duration(seconds):
    if not isinstance(seconds, int | float):
        return str(seconds)
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"
