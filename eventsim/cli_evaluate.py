"""``eventsim evaluate``: measure a model on a labelled data set."""

import json
import pathlib

from eventsim import cli_text
from eventsim.cli_files import dataset


def run(arguments):
    """Simulate the data set and print what `eventsim.measure.evaluate` measures.

    A look at test samples is noted where the model's folder keeps such notes.
    """
    from eventsim import measure
    from training import Model, looks

    model = Model.load(arguments.model)
    values, labels = dataset(arguments, arguments.dataset)
    trace = model.simulate(values, engine=arguments.engine, threads=arguments.threads)
    result = measure.evaluate(trace.with_output(model.output), labels)
    folder = pathlib.Path(arguments.model).parent
    if arguments.split == "test" and (folder / looks.FILE).is_file():
        looks.note(folder, f"evaluate {arguments.dataset}", result["accuracy"], result["n_samples"])
    print(json.dumps(result, indent=2, allow_nan=False) if arguments.json else cli_text.evaluation(result))
