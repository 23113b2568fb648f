"""``eventsim evaluate``: measure a model on a labelled data set, as it is or disturbed."""

import json
import pathlib
import sys
from dataclasses import fields

from eventsim import cli_text
from eventsim.cli_files import dataset
from eventsim.errors import InputError


def run(arguments):
    """Simulate the data set and print what `eventsim.measure.evaluate` or `training.disturb.evaluate` measures.

    A look at test samples is noted where the model's folder keeps such notes.
    """
    from training import Model, looks

    model = Model.load(arguments.model)
    disturbance = _disturbance(arguments)
    if disturbance.changes and arguments.engine not in ("auto", "layers"):
        raise InputError(f"--engine {arguments.engine} knows no disturbances; leave it out, they run on layers.")
    values, labels = dataset(arguments, arguments.dataset)
    purpose = f"evaluate {arguments.dataset}"
    if not disturbance.changes:
        from eventsim import measure

        trace = model.simulate(values, engine=arguments.engine, threads=arguments.threads, progress=sys.stderr.isatty())
        result = measure.evaluate(trace.with_output(model.output), labels)
        text = cli_text.evaluation(result)
    else:
        from training import disturb

        result = disturb.evaluate(
            model, values, labels, disturbance, threads=arguments.threads, progress=sys.stderr.isatty())
        text = cli_text.disturbed(result, disturbance.changes | {"seed": disturbance.seed})
        purpose += ", disturbed"
    folder = pathlib.Path(arguments.model).parent
    if arguments.split == "test" and (folder / looks.FILE).is_file():
        looks.note(folder, purpose, result["accuracy"], result["n_samples"])
    print(json.dumps(result, indent=2, allow_nan=False) if arguments.json else text)


def _disturbance(arguments):
    """Return the `Disturbance` that the options describe."""
    from training.disturb import Disturbance

    return Disturbance(**{field.name: getattr(arguments, field.name) for field in fields(Disturbance)})
