"""``eventsim evaluate``: measure a model on a labelled data set."""

import json

from eventsim import cli_text
from eventsim.cli_files import dataset


def run(arguments):
    """Simulate the data set and print what `eventsim.measure.evaluate` measures."""
    from eventsim import measure
    from training import Model

    model = Model.load(arguments.model)
    values, labels = dataset(arguments, arguments.dataset)
    trace = model.simulate(values, engine=arguments.engine, threads=arguments.threads)
    result = measure.evaluate(trace.with_output(model.output), labels)
    print(json.dumps(result, indent=2, allow_nan=False) if arguments.json else cli_text.evaluation(result))
