"""The training: curves by epoch, what the layers did, looks at the test set."""

from types import SimpleNamespace

from viz.reporting import page, words
from viz.reporting.drawing import drawn

_PANELS = {
    "loss": ("Loss", "Loss on the training samples, and on the validation samples where there are some, by epoch."),
    "accuracy": ("Accuracy", "Share of right decisions by epoch; ringed: the epoch that was kept."),
    "silent": ("Silence", "Share of neurons that stay silent, by layer and epoch. A layer near 100 % learns nothing."),
    "gradient_norms": ("Gradient norms", "Mean norm of the gradient of each projection, by epoch."),
    "latency_ms": ("Decision latency", "Mean time of the decision on the validation samples, by epoch."),
}
_LOOKS = [("time", "text"), ("looked at for", "text"), ("epoch", "number"), ("accuracy", "number"),
          ("samples", "number")]
_KEYS = ("time", "for", "epoch")


def section(contents):
    """Return curves of the log and looks at the test set.

    Parameters
    ----------
    contents : Contents

    Returns
    -------
    str
        HTML; empty where there is no log.
    """
    parts = []
    if contents.records:
        count = len(contents.records)
        parts.append(page.paragraph(f"{count:,} epoch{'' if count == 1 else 's'} in the log."))
        parts.append(page.figures([*_curves(contents), _spike_times(contents.records)]))
    if contents.looks:
        parts.append(page.table("Looks at the test set", _LOOKS, [_look(look) for look in contents.looks]))
    return "\n".join(parts)


def _curves(contents):
    import viz
    from viz.learning import curves_of

    best = None if contents.result is None else contents.result.get("best_epoch")
    history = SimpleNamespace(records=contents.records, best_epoch=best if isinstance(best, int) else None)
    recorded = curves_of(contents.records)[0]
    for quantity, (title, caption) in _PANELS.items():
        if quantity in recorded:
            alt = f"Curves by epoch: {title.lower()}."
            picture = drawn(lambda axes, name=quantity: viz.learning(history, name, axes=axes), alt, 2.9)
            yield page.figure(title, picture, caption)


def _spike_times(records):
    """Return histograms of the spike times of all layers in the last epoch that has them."""
    from viz.layer_activity import draw_histograms

    last = next((record for record in reversed(records) if isinstance(record.get("spike_times"), dict)), None)
    if last is None:
        return ""
    colours = _colours(records)
    height = 1.1 + 0.42 * len(last["spike_times"]["layers"])
    picture = drawn(lambda axes: draw_histograms(axes, last["spike_times"], colours),
                    "Histograms of spike times, one row a layer.", height)
    return page.figure("Spike times by layer", picture,
                       f"When the neurons of each layer fire, in epoch {last.get('epoch')}; the line is the median.")


def _colours(records):
    """Return the colours in which `viz.learning` draws the layers."""
    from viz import style

    names = list(dict.fromkeys(name for record in records for name in _names(record.get("silent"))))
    return {name: style.colour(place) for place, name in enumerate(names)}


def _names(silent):
    return silent if isinstance(silent, dict) else ()


def _look(look):
    accuracy, samples = look.get("accuracy"), look.get("samples")
    time, purpose, epoch = (words.NOTHING if look.get(key) is None else str(look[key]) for key in _KEYS)
    return (time, purpose, epoch, f"{100.0 * accuracy:.2f} %" if isinstance(accuracy, int | float) else words.NOTHING,
            f"{samples:,}" if isinstance(samples, int) else words.NOTHING)
