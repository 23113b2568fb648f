"""A model: a network with its encoder, decoder, horizon and class names, in one file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from eventsim import arrays, notebook, provenance
from eventsim.errors import InputError, choose, expect, expect_network
from eventsim.io import documents, hdf5
from eventsim.io.aside import hdf5_aside
from eventsim.io.plain_file import path_of
from eventsim.stops import checked_end
from training import decode, encode
from training.passes import suited

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.network import Network
    from eventsim.spikes import Spikes
    from eventsim.trace import Trace
    from eventsim.type_aliases import Array, Arrays, Floats, Integers, PathLike, Values
    from training.decoder import Decoder
    from training.encode import Encoder
    from training.type_aliases import AnyActivity, AnyPasses, Report

FORMAT = "eventsim-model"
VERSION = 1
_BATCH = 1000


class Model:
    """A network that classifies: values are encoded, simulated to the horizon, and read out.

    Parameters
    ----------
    net : eventsim.Network
    encoder : training.encode.Encoder
        Where it names no input population, the network's only one is meant.
    decoder : training.decode.Decoder
        `FirstSpike` for an output population that spikes, `Potential` for one that never fires.
    output : str
        Name of the output population.
    t_stop : float
        Horizon in ms.
    classes : sequence of str, optional
        Class names in the order of the outputs.

    Attributes
    ----------
    provenance : dict or None
        How the model came about (`eventsim.provenance.record`), kept in its file; None: nobody said.

    Raises
    ------
    InputError
        Unknown populations, a decoder that does not suit the output, or class names of another number.
    """

    def __init__(
        self,
        net: Network,
        encoder: Encoder,
        decoder: Decoder,
        output: str = "output",
        t_stop: float = 20.0,
        classes: Sequence[object] | None = None,
    ) -> None:
        expect_network(net)
        expect("encoder", encoder, encode.Encoder, "one of training.encode")
        expect("decoder", decoder, decode.Decoder, "one of training.decode")
        inputs = [name for name, p in net.populations.items() if p.kind == "input"]
        if encoder.input is None and len(inputs) != 1:
            raise InputError(
                f"The network has inputs {', '.join(inputs) or 'none'}; name the encoder's with input=."
            )
        self.encoder = encoder.for_input(inputs[0] if inputs else None)
        choose("The encoder's input", self.encoder.input, inputs)
        choose(
            "The output population", output, [n for n, p in net.populations.items() if p.kind == "neurons"]
        )
        t_stop = checked_end(net, t_stop)
        silent = net[output].is_readout
        if silent != (decoder.readout == "potential"):
            raise InputError(
                f'The decoder {type(decoder).__name__} does not suit "{output}", which '
                + ("never fires; use decode.Potential." if silent else "spikes; use decode.FirstSpike.")
            )
        self.net, self.output, self.t_stop = net, output, float(t_stop)
        self.decoder = decoder.with_horizon(self.t_stop)
        self.provenance: Report | None = None
        size = net[output].size
        if classes is not None and not isinstance(classes, str):  # of one letter each
            expect("classes", classes, Iterable, "a list of names")
        self.classes = [str(c) for c in (range(size) if classes is None else classes)]
        if len(self.classes) != size:
            raise InputError(
                f'There are {len(self.classes)} class names for {size} outputs of "{output}"; give one each.'
            )

    @property
    def readout(self) -> str | None:
        """How the model decides: "first_spike" or "potential"."""
        return self.decoder.readout

    def encode(self, values: Values) -> dict[str, Spikes]:
        """Return the stimulus for `values` (samples, ...) or `Recordings`: ``{input name: Spikes}``.

        Raises
        ------
        InputError
            Values that do not fit the input population, or that the encoder refuses.
        """
        values = encode.as_values(values)
        size, shape = self.net[str(self.encoder.input)].size, encode.sample_shape(values)
        if not shape or self.encoder.size(shape) != size:
            raise InputError(
                f'Samples of shape {values.shape} do not fit the input "{self.encoder.input}" of {size} '
                "neurons; give (samples, ...) with as many values a sample."
            )
        return self.encoder(values)

    def simulate(self, values: Values, labels: ArrayLike | None = None, **settings: Any) -> Trace:
        """Return the trace of `eventsim.simulate` for `values`, to the model's horizon.

        Parameters
        ----------
        values : array_like (samples, ...) or Recordings
        labels : array_like of int (samples,), optional
            Kept in the trace.
        **settings
            For `eventsim.simulate` (engine, threads, record, stop, ...); `t_stop` too, instead of the
            model's.
        """
        import eventsim

        settings = {"t_stop": self.t_stop, "labels": labels, "output": self.output} | settings
        return eventsim.simulate(self.net, self.encode(values), **settings)

    def outputs(
        self,
        values: Values,
        passes: AnyPasses | None = None,
        weights: Arrays | None = None,
        thresholds: Arrays | None = None,
        offsets: Arrays | None = None,
        delays: Arrays | None = None,
        batch: int = _BATCH,
        threads: int | None = None,
    ) -> Floats:
        """Return what the decoder reads: output times (inf = silent) or potentials, (samples, outputs).

        Parameters
        ----------
        values : array_like (samples, ...) or Recordings
        passes : Passes, optional
            What computes them (`training.passes.suited`).
        weights, thresholds, offsets, delays : dict of ndarray, optional
            Used instead of the network's: weights and delays by projection, thresholds and i_offset by population.
        batch : int
            Samples at a time; the result does not depend on it.
        threads : int, optional
            All processors by default.
        """
        values = encode.as_values(values)
        given = {"weights": weights, "thresholds": thresholds, "offsets": offsets, "delays": delays}
        for what, chosen in given.items():
            if chosen is not None:
                expect(what, chosen, Mapping, "a dict of arrays by name")
        batch = arrays.integer("batch", batch, 1)
        if passes is not None and not hasattr(passes, "forward"):
            raise InputError(f"passes is of the type {type(passes).__name__}; give training.passes.Passes, or leave it "
                             "out.")
        passes = suited(self, threads=threads) if passes is None else passes
        parts = [np.zeros((0, self.net[self.output].size))]
        for start in range(0, len(values), batch):
            stimulus = self.encode(values[start : start + batch])
            parts.append(self.read(passes.forward(stimulus, weights, thresholds, offsets, delays)))
        return np.concatenate(parts)

    def read(self, activity: AnyActivity) -> Floats:
        """Return the part of an activity that the decoder reads.

        Parameters
        ----------
        activity : Activity
            Of a forward pass (`training.passes`).
        """
        if not hasattr(activity, "time"):
            raise InputError(f"activity is of the type {type(activity).__name__}; give what a forward pass returned.")
        return (activity.potential if self.readout == "potential" else activity.time)[self.output]

    def predict(self, values: Values, **settings: Any) -> Integers:
        """Return the decided class of each sample, -1 = undecided (no output spike by the horizon).

        Parameters
        ----------
        values : array_like (samples, ...) or Recordings
        **settings
            As in `outputs`.
        """
        return self.decoder.decide(self.outputs(values, **settings))

    def evaluate(self, values: Values, labels: ArrayLike, decoder: Decoder | None = None, **settings: Any) -> Report:
        """Return loss, accuracy, part undecided and mean decision latency over a labelled set.

        Parameters
        ----------
        values : array_like (samples, ...) or Recordings
        labels : array_like of int (samples,)
        decoder : Decoder, optional
            Used instead of the model's.
        **settings
            As in `outputs`.

        Returns
        -------
        dict
            loss, accuracy, undecided (0 to 1; an undecided sample counts as wrong), latency_ms (mean over
            decided samples, None where none is; the horizon for a silent readout).

        Raises
        ------
        InputError
            No samples, or labels that do not fit.
        """
        if len(encode.as_values(values)) == 0:
            raise InputError("There are no samples to evaluate; give at least one.")
        return self.score(self.outputs(values, **settings), labels, decoder)

    def score(self, read: Array, labels: ArrayLike, decoder: Decoder | None = None) -> Report:
        """Return what `evaluate` returns, of outputs that are there.

        Parameters
        ----------
        read : ndarray (samples, outputs)
            As `outputs` returns it.
        labels : ndarray of int (samples,)
        decoder : Decoder, optional
            Used instead of the model's.
        """
        decoder = self.decoder if decoder is None else decoder
        expect("decoder", decoder, decode.Decoder, "one of training.decode")
        read = arrays.numbers("read", read)
        loss, _ = decoder(read, labels)
        decided = decoder.decide(read)
        if self.readout == "potential":
            latency = self.t_stop
        else:
            first = read.min(axis=1)
            latency = float(np.mean(first[decided >= 0])) if (decided >= 0).any() else None
        return {
            "loss": loss,
            "accuracy": float(np.mean(decided == np.asarray(labels))),
            "undecided": float(np.mean(decided < 0)),
            "latency_ms": latency,
        }

    def save(self, path: PathLike) -> None:
        """Write the model to one HDF5 file, never half written.

        Parameters
        ----------
        path : path-like
        """
        from eventsim.io import network_file

        with hdf5_aside(path) as file:
            file.attrs["format"] = FORMAT
            file.attrs["version"] = VERSION
            file.attrs["output"] = self.output
            file.attrs["t_stop"] = self.t_stop
            file.attrs["classes"] = json.dumps(self.classes)
            file.attrs["encoder"] = json.dumps(self.encoder.to_dict())
            file.attrs["decoder"] = json.dumps(self.decoder.to_dict())
            if self.provenance is not None:
                file["provenance"] = provenance.to_json(self.provenance)
            network_file.write(file.create_group("network"), self.net)

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Read a model that `save` wrote.

        Parameters
        ----------
        path : path-like

        Raises
        ------
        InputError
            The file is missing, not a model, damaged, or of a later version.
        """
        from eventsim.io import network_file

        path = path_of(path)
        if not path.is_file():
            raise InputError(
                f'There is no model file "{path}"; check the path, or train one (eventsim train).'
            )
        try:
            with hdf5.open_file(path) as file:
                if hdf5.plain(file.attrs, "format") != FORMAT:
                    raise InputError(f'"{path}" is not a model file; give a file that Model.save wrote.')
                version = int(file.attrs["version"])
                if version > VERSION:
                    raise InputError(
                        f'"{path}" has format version {version}; this program reads up to {VERSION}.'
                    )
                model = cls(
                    network_file.read(file["network"]),
                    encode.from_dict(documents.from_json(file.attrs["encoder"])),
                    decode.from_dict(documents.from_json(file.attrs["decoder"])),
                    hdf5.text(file.attrs, "output"),
                    float(file.attrs["t_stop"]),
                    documents.from_json(file.attrs["classes"]),
                )
                if "provenance" in file:
                    model.provenance = documents.from_json(file["provenance"][()])
                return model
        except InputError as error:
            said = str(error) if str(path) in str(error) else f'"{path}" cannot be read as a model: {error}'
            raise InputError(said) from None
        except hdf5.DAMAGE as error:
            raise InputError(f'"{path}" is damaged and cannot be read ({hdf5.one_line(error)}); restore it or train '
                             "again.") from None

    def __repr__(self) -> str:
        return (
            f"<Model {self.net!r}, {type(self.encoder).__name__}, {type(self.decoder).__name__}, "
            f'output "{self.output}", horizon {self.t_stop:g} ms>'
        )

    def _repr_html_(self) -> str:
        return notebook.table(repr(self)[1:-1], ("", ""), (
            ("encoder", self.encoder), ("decoder", self.decoder), ("classes", ", ".join(self.classes)))
        ) + notebook.of_network(self.net)
