"""A classifier in the shape of scikit-learn's: tables of numbers in, labels out, first spikes in between.

It needs no scikit-learn, and takes its place in scikit-learn's pipelines, searches and scores where that is installed
(``pip install eventsim[sklearn]``). What scikit-learn asks for by type (`NotFittedError`, `DataConversionWarning`) is
taken from it where it is loaded; the words of some refusals are those that its users know, and that it checks.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, did_you_mean
from eventsim.random import fresh_seed
from training.decoder import as_labels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.type_aliases import Array, Floats
    from training.history import History
    from training.model import Model

T_MAX = 1.0
"""Time in ms of the spike of a feature at the lower end of its range; at the upper end it is 0."""

_EPOCHS, _STEPS = 40, 400
"""So many epochs, and at least so many steps, where the user does not say: small sets need more passes."""

_TAU, _SMOOTHING = 0.05, 0.1
"""Of the decoder: a score is -t / tau, ms."""


class TTFSClassifier:
    """Classifies by the first spike of a network of single-spike neurons, trained on exact spike times.

    Every feature is scaled to 0..1 by its smallest and largest value in the training set (values beyond are cut off)
    and becomes two spikes, at ``1 - x`` and at ``x`` ms. They go through layers of non-leaky neurons, each of which
    fires at most once; the class whose output neuron fires first is the answer. A sample in which no output fires
    until `t_stop` gets the most frequent class of the training set.

    Parameters
    ----------
    hidden : sequence of int, default (100,)
        Neurons of each hidden layer.
    epochs : int or None, default None
        Passes over the training set. None: 40, or as many as it takes to make 400 steps.
    batch : int, default 32
        Samples a step.
    learning_rate : float, default 0.005
        Of `training.AdamW`; it falls to 0 along a cosine.
    weight_decay : float, default 0.1
    t_stop : float, default 4.0
        Horizon in ms.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None, default None
        Key of the initial weights and of the order of the samples. The same number gives the same bits, on any
        number of threads. None: a new one every time.
    threads : int, optional
        All processors by default.
    verbose : bool, default False
        Print a line an epoch.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
        Labels, sorted.
    class_prior_ : ndarray (n_classes,)
        Share of each class in the training set.
    n_features_in_ : int
    feature_names_in_ : ndarray of object (n_features,)
        Only where fitted with a table whose columns have names.
    feature_min_, feature_max_ : ndarray (n_features,)
        Ends of the ranges.
    model_ : training.Model
        The trained network with its encoder and decoder; it takes what `scaled` returns.
    history_ : training.History
        A record an epoch.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[0.0], [0.1], [0.9], [1.0]]), np.array(["low", "low", "high", "high"])
    >>> TTFSClassifier(random_state=1).fit(X, y).predict([[0.2], [0.7]]).tolist()
    ['low', 'high']
    """

    classes_: Array
    class_prior_: Floats
    n_features_in_: int
    feature_names_in_: Array
    feature_min_: Floats
    feature_max_: Floats
    model_: Model
    history_: History

    def __init__(
        self,
        hidden: int | Sequence[int] = (100,),
        epochs: int | None = None,
        batch: int = 32,
        learning_rate: float = 0.005,
        weight_decay: float = 0.1,
        t_stop: float = 4.0,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        threads: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.t_stop = t_stop
        self.random_state = random_state
        self.threads = threads
        self.verbose = verbose

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name; `deep` changes nothing here."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Change settings and return this object.

        Parameters
        ----------
        **params
            New values by name.

        Returns
        -------
        TTFSClassifier

        Raises
        ------
        InputError
            An unknown name.
        """
        known = tuple(self.get_params())
        for name, value in params.items():
            if name not in known:
                raise InputError(f"Invalid parameter {name!r} for {type(self).__name__}; allowed: {', '.join(known)}."
                                 + did_you_mean(name, known))
            setattr(self, name, value)
        return self

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train on a table of samples and return this object.

        Parameters
        ----------
        X : array_like (n_samples, n_features)
            Finite real numbers.
        y : array_like (n_samples,)
            Labels: text or integers.

        Returns
        -------
        TTFSClassifier

        Raises
        ------
        InputError
            Data or settings that cannot be used, with the reason.
        """
        from training import AdamW
        from training import fit as train
        from training.regularize import SilentLabel

        names, values = _names_of(X), _table(X)
        labels = _labels(y, len(values))
        self.classes_, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
        self.class_prior_ = counts / counts.sum()
        self.n_features_in_ = values.shape[1]
        vars(self).pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = names
        self.feature_min_, self.feature_max_ = values.min(axis=0), values.max(axis=0)
        verbose = arrays.flag("verbose", self.verbose)
        seed, batch = _seed(self.random_state), arrays.integer("batch", self.batch, 1)
        epochs = max(_EPOCHS, -(-_STEPS // -(-len(values) // batch))) if self.epochs is None else self.epochs
        self.model_ = self._model(seed)
        self.history_ = train(
            self.model_, self._cut(values), numbers, epochs=epochs, batch=batch,
            optimizer=AdamW(self.learning_rate, weight_decay=self.weight_decay), schedule="cosine", seed=seed,
            policies=[SilentLabel(1.0)], slope_floor=0.3, threads=self.threads,
            progress="text" if verbose else None)  # fmt: skip
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the label of each sample, (n_samples,).

        Parameters
        ----------
        X : array_like (n_samples, n_features)
        """
        times = self._times(X)
        decided = self.model_.decoder.decide(times)
        return self.classes_[np.where(decided < 0, self.class_prior_.argmax(), decided)]

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the probability of each class, (n_samples, n_classes): the softmax that was trained.

        Where no output fires by the horizon, the shares of the classes in the training set.

        Parameters
        ----------
        X : array_like (n_samples, n_features)
        """
        times = self._times(X)
        decoder: Any = self.model_.decoder  # a FirstSpike
        score, _ = decoder.scores(times)
        share = np.exp(np.maximum(score - score.max(axis=1, keepdims=True), -700.0))
        share /= share.sum(axis=1, keepdims=True)
        return np.where(np.isinf(times).all(axis=1, keepdims=True), self.class_prior_, share)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of the samples that are labelled right, weighted where weights are given.

        Parameters
        ----------
        X : array_like (n_samples, n_features)
        y : array_like (n_samples,)
            The right labels.
        sample_weight : array_like (n_samples,), optional
        """
        predicted = self.predict(X)
        right = predicted == _labels(y, len(predicted))
        if sample_weight is None:
            return float(np.mean(right))
        weights = arrays.numbers("sample_weight", sample_weight)
        if weights.shape != right.shape or not np.isfinite(weights).all() or not weights.sum() > 0.0:
            raise InputError(f"sample_weight has shape {weights.shape}; give {len(right)} finite numbers, one a "
                             "sample, with a sum above 0")
        return float(np.average(right, weights=weights))

    def scaled(self, X: ArrayLike) -> Floats:
        """Return the features as `model_` takes them, 0..1, (n_samples, n_features).

        ``classifier.model_.simulate(classifier.scaled(X))`` is the trace of the spikes behind the answers.

        Parameters
        ----------
        X : array_like (n_samples, n_features)

        Raises
        ------
        InputError
            Not fitted yet, or features other than those of the training set.
        """
        self._check_fitted()
        self._check_names(_names_of(X))
        values = _table(X)
        if values.shape[1] != self.n_features_in_:
            raise InputError(f"X has {values.shape[1]} features, but {type(self).__name__} is expecting "
                             f"{self.n_features_in_} features as input")
        return self._cut(values)

    def _times(self, X):
        """Return the first-spike times of the outputs in ms, (n_samples, n_classes)."""
        values = self.scaled(X)
        return self.model_.outputs(values, threads=self.threads)

    def _cut(self, values):
        """Return values as shares of the ranges, 0..1; a feature that never changed has a range of 1."""
        low, high = 0.5 * self.feature_min_, 0.5 * self.feature_max_  # halves: no range is beyond the largest number
        with np.errstate(over="ignore"):  # a value far beyond a narrow range
            share = (0.5 * values - low) / np.where(high > low, high - low, 0.5)
        return np.clip(share, 0.0, 1.0)

    def _model(self, seed):
        """Return an untrained model."""
        import eventsim
        from training import Model, initialize
        from training.decode import FirstSpike
        from training.encode import Latency

        given: Any = self.hidden
        several = isinstance(given, Sequence) and not isinstance(given, str | bytes)
        hidden = tuple(given) if several or np.ndim(given) else (given,)
        sizes = [arrays.integer("every number of hidden", size, 1) for size in hidden]
        encoder = Latency(t_max=T_MAX, threshold=-1.0, channels="on_off", bias=0.0)
        once = eventsim.LIF(tau_mem=eventsim.NEVER, tau_syn=eventsim.NEVER, t_refractory=eventsim.NEVER)
        net = eventsim.Network(seed=seed)
        before, names = net.input("input", encoder.size((self.n_features_in_,))), []
        for number, size in enumerate(sizes, 1):
            after = net.population(f"hidden{number}", size, once)
            names.append(net.connect(before, after, eventsim.Dense(0.0)).name)
            before = after
        names.append(net.connect(before, net.population("output", len(self.classes_), once), eventsim.Dense(0.0)).name)
        # The first layer gets a spike of every input; of the others, more than half have fired when they matter.
        initialize.by_moments(
            net, window=T_MAX, kappa=2.8, law="normal",
            mean={name: 1.0 if name == names[0] else 2.0 for name in names},
            active={name: 1.0 if name == names[0] else 0.6 for name in names})  # fmt: skip
        decoder = FirstSpike("latency", tau=_TAU, smoothing=_SMOOTHING)
        return Model(net, encoder, decoder, "output", self.t_stop, [str(name) for name in self.classes_])

    def _check_fitted(self):
        if not hasattr(self, "model_"):
            known = _of_sklearn("NotFittedError", InputError)
            bases = (InputError,) if known is InputError else (InputError, known)
            kind = type("NotFittedError", bases, {})
            raise kind(f"This {type(self).__name__} is not fitted yet; call fit(X, y) first")

    def _check_names(self, names):
        """Refuse columns of other names or in another order, in the words of scikit-learn."""
        fitted: Any = getattr(self, "feature_names_in_", None)
        own = type(self).__name__
        if (names is None) != (fitted is None):
            has, fit = ("has", "without") if fitted is None else ("does not have valid", "with")
            warnings.warn(f"X {has} feature names, but {own} was fitted {fit} feature names", UserWarning, stacklevel=4)
            return
        if names is None or np.array_equal(names, fitted):
            return
        said = ["The feature names should match those that were passed during fit."]
        for title, some, others in (("Feature names unseen at fit time:", names, fitted),
                                    ("Feature names seen at fit time, yet now missing:", fitted, names)):
            rest = sorted(set(some) - set(others))
            said += [title, *(f"- {name}" for name in rest[:5]), *(["- ..."] if len(rest) > 5 else [])] if rest else []
        if len(said) == 1:
            said.append("Feature names must be in the same order as they were in fit.")
        # Not an InputError, which has one line: scikit-learn checks for its own message, line by line.
        raise ValueError("\n".join(said) + "\n")

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(estimator_type="classifier", target_tags=TargetTags(required=True), transformer_tags=None,
                    regressor_tags=None, classifier_tags=ClassifierTags(), input_tags=InputTags())

    def __repr__(self) -> str:
        default = inspect.signature(type(self)).parameters
        changed = {name: value for name, value in self.get_params().items() if value is not default[name].default}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"


class _WrongType(InputError, TypeError):
    """What holds no numbers at all."""


def _of_sklearn(name, default):
    """Return a class of `sklearn.exceptions` where scikit-learn is loaded, else `default`."""
    return getattr(sys.modules.get("sklearn.exceptions"), name, default)


def _names_of(X):
    """Return the names of the columns of a table, object (n_features,), or None where not all are text."""
    columns = getattr(X, "columns", None)
    if columns is None or not all(isinstance(name, str) for name in columns) or not len(columns):
        return None
    return np.array(list(columns), dtype=object)


def _table(X):
    """Return samples as float64 (n_samples, n_features), refused where they are no table of finite numbers."""
    if hasattr(X, "tocsr"):
        raise InputError("X is a sparse matrix, and sparse input is not supported; give X.toarray()")
    try:
        values = np.asarray(X)
        if values.dtype.kind == "c":
            raise InputError("X is complex. Complex data not supported; give real numbers")
        values = values.astype(np.float64)
    except InputError:
        raise
    except TypeError as error:
        raise _WrongType(f"X cannot be read as a table of numbers: {error}") from None
    except (OverflowError, ValueError) as error:
        raise InputError(f"X cannot be read as a table of numbers: {error}") from None
    if values.ndim != 2:
        raise InputError(f"X has shape {values.shape}; give (samples, features). Reshape your data: X.reshape(-1, 1), "
                         "one feature; X.reshape(1, -1), one sample")
    if 0 in values.shape:
        what = "sample(s)" if values.shape[0] == 0 else "feature(s)"
        raise InputError(f"X has 0 {what} (shape={values.shape}) while a minimum of 1 is required.")
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise InputError(f"X[{row}, {column}] is {values[row, column]}; X must hold no NaN or inf: fill them in first")
    return values


def _labels(y, n_samples):
    """Return labels as an array (n_samples,), refused where they are no labels."""
    if y is None:
        raise InputError("TTFSClassifier requires y to be passed, but the target y is None")
    labels = as_labels(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        warnings.warn("A column-vector y was passed when a 1d array was expected; it is taken as y.ravel()",
                      _of_sklearn("DataConversionWarning", UserWarning), stacklevel=3)
        labels = labels.ravel()
    if labels.ndim != 1:
        raise InputError(f"y has shape {labels.shape}; give one label a sample, (samples,)")
    if len(labels) != n_samples:
        raise InputError(f"Found input variables with inconsistent numbers of samples: X {n_samples}, y {len(labels)}")
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            raise InputError("y contains NaN or inf; give text or integers as labels")
        if (labels != np.rint(labels)).any():
            raise InputError("Unknown label type: continuous; give text or integers as labels")
    elif labels.dtype.kind == "O" and len({isinstance(label, str) for label in labels}) > 1:
        raise InputError("Unknown label type: text mixed with other things; give text only, or integers only")
    elif labels.dtype.kind not in "biuOUSfT":
        raise InputError(f"Unknown label type: {labels.dtype}; give text or integers as labels")
    return labels


def _seed(random_state):
    """Return the seed that a random state stands for."""
    if random_state is None:
        return fresh_seed()
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    return arrays.integer("random_state", random_state, 0, 2**64 - 1)
