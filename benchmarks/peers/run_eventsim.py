"""Train a network with eventsim in turns, from a configuration as `training.config` reads it."""

import json

import numpy as np
import turns

import eventsim
import training
from training import config
from training.progress import Callback

FOREVER = 10**6
"""Epochs: whoever sends the turns ends the training."""


class InTurns(Callback):
    """Wait for a turn before each epoch; answer with its record and with the part of each layer that fired."""

    def __init__(self, conversation, sizes, input_spikes):
        self.conversation, self.sizes, self.input_spikes = conversation, sizes, input_spikes
        self.batches = 0

    def on_start(self, epochs, batches, done):
        """Wait for the first turn."""
        self.batches = batches
        self.conversation.wait()

    def on_batch(self, epoch, batch, loss):
        """Stop the clocks after the last step: the statistics that follow are those of a whole epoch of 60,000."""
        if batch == self.batches:
            self.conversation.stop()

    def on_epoch(self, record):
        """Answer; end the training where no further turn comes."""
        firing = {name: 1.0 - silent for name, silent in record["silent"].items()}
        spikes = self.input_spikes + sum(part * self.sizes[name] for name, part in firing.items())
        firing = {"input": self.input_spikes / self.sizes["input"], **firing}
        self.conversation.reply(loss=record["loss"], accuracy=record["accuracy"], firing=firing,
                                spikes_a_sample=spikes)
        return not self.conversation.wait()


parser = turns.arguments(__doc__.splitlines()[0])
parser.add_argument("--config", metavar="JSON", required=True, help="the tables of a configuration file")
options = parser.parse_args()
settings = config.parse(json.loads(options.config))
images, labels = turns.samples(options.data)
model = config.build(settings, images.shape[1:], [str(label) for label in range(10)], images)
populations = model.net.populations
spikes = model.encode(images)["input"]
listener = InTurns(turns.Turns(program="eventsim", version=eventsim.__version__, numpy=np.__version__),
                   {name: population.size for name, population in populations.items()}, len(spikes) / len(images))
training.fit(model, images, labels, callbacks=[listener], progress=None,
             **{**settings.fit_arguments(), "epochs": FOREVER})
