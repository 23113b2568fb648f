"""`training.TTFSClassifier`: alone, and as scikit-learn sees it."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from refusals import refusal

import eventsim as es
import training

NEEDED = "needs the extra sklearn: pip install eventsim[sklearn]"


def quick(**settings):
    """Return a classifier that is trained at once."""
    return training.TTFSClassifier(**({"hidden": (20,), "epochs": 10, "random_state": 1} | settings))


def blobs(samples=90, classes=3, features=4, seed=0):
    """Return points around a centre for each class, and the classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % classes
    return 5.0 * rng.normal(size=(classes, features))[labels] + rng.normal(size=(samples, features)), labels


def all_checks():
    """Return scikit-learn's own checks as a decorator; none is expected to fail."""
    try:
        from sklearn.utils.estimator_checks import parametrize_with_checks
    except ImportError:
        skipped = pytest.param(None, None, marks=pytest.mark.skip(reason=NEEDED))
        return pytest.mark.parametrize("estimator, check", [skipped])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Estimator TTFSClassifier does not inherit", UserWarning)
        return parametrize_with_checks([training.TTFSClassifier(hidden=(30,), epochs=20)])


@pytest.mark.compiled
@all_checks()
def test_scikit_learn_finds_nothing_to_complain_of(estimator, check):
    check(estimator)


@pytest.mark.compiled
def test_digits_are_read():
    digits = training.datasets.load("digits", "test")
    order = np.random.default_rng(0).permutation(len(digits.images))
    values, labels = digits.images.reshape(len(order), -1)[order], digits.labels[order]
    found = training.TTFSClassifier(epochs=20, random_state=0).fit(values[:1347], labels[:1347])
    assert found.score(values[1347:], labels[1347:]) >= 0.95


@pytest.mark.parametrize("names", [np.array(["pear", "apple", "fig"]), np.array([7, -2, 30]),
                                   np.array(["pear", "apple", "fig"], dtype=object), np.array([2.0, 0.0, 1.0])])
def test_labels_may_be_text_or_numbers(names):
    values, labels = blobs()
    found = quick(epochs=30).fit(values, names[labels])
    assert found.classes_.tolist() == sorted(names.tolist())
    assert found.predict(values).dtype == found.classes_.dtype
    assert found.score(values, names[labels]) > 0.9


def test_the_same_random_state_gives_the_same_bits():
    values, labels = blobs()

    def bits(**settings):
        found = quick(**settings).fit(values, labels)
        return found.predict_proba(values).tobytes()

    assert bits() == bits() == bits(threads=1) != bits(random_state=2)
    assert bits(random_state=np.random.RandomState(3)) == bits(random_state=np.random.RandomState(3))
    assert bits(random_state=np.random.default_rng(3)) == bits(random_state=np.random.default_rng(3))
    assert bits(random_state=None) != bits(random_state=None)


def test_a_refitted_classifier_remembers_nothing():
    values, labels = blobs()
    once = quick().fit(values, labels)
    twice = quick().fit(-values[:, :2], labels % 2).fit(values, labels)
    assert np.array_equal(once.predict_proba(values), twice.predict_proba(values))


def test_the_first_output_spike_decides():
    values, labels = blobs()
    found = quick().fit(values, labels)
    trace = found.model_.simulate(found.scaled(values), labels, engine="heap")
    assert np.array_equal(found.predict(values), found.classes_[es.measure.decide(trace).label])
    share = found.predict_proba(values)
    assert np.array_equal(share.argmax(axis=1), trace.first_spikes("output").argmin(axis=1))
    assert share.shape == (90, 3) and np.allclose(share.sum(axis=1), 1.0, rtol=1e-14)


def test_a_sample_without_an_output_spike_gets_the_shares_of_the_classes():
    values, labels = blobs()
    labels = np.array(["a", "b", "b"])[labels]
    found = quick(t_stop=1e-6, epochs=1).fit(values, labels)
    assert np.allclose(found.predict_proba(values), [[1 / 3, 2 / 3]])
    assert set(found.predict(values)) == {"b"}


def test_features_are_scaled_by_their_range_in_the_training_set():
    values = np.array([[-3.0, 5.0, 1e308], [1.0, 5.0, -1e308], [-1.0, 5.0, 0.0]])
    found = quick(epochs=1).fit(values, [0, 1, 1])
    assert found.scaled(values).tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.5, 0.0, 0.5]]
    assert found.scaled([[-9.0, 4.0, 0.0], [9.0, 5.5, -1e308]]).tolist() == [[0.0, 0.0, 0.5], [1.0, 0.5, 0.0]]
    tiny = quick(epochs=1).fit([[0.0], [1e-300]], [0, 1])
    assert tiny.scaled([[1e300], [-1e300]]).tolist() == [[1.0], [0.0]]


def test_a_single_class_and_a_single_sample_are_fitted():
    found = quick(epochs=1).fit([[1.0, 2.0]], ["only"])
    assert found.predict([[0.0, 9.0]]).tolist() == ["only"]


def test_layers_and_horizon_are_those_asked_for():
    found = quick(hidden=(7, 5), epochs=3, t_stop=3.0).fit(*blobs())
    sizes = {name: population.size for name, population in found.model_.net.populations.items()}
    assert sizes == {"input": 9, "hidden1": 7, "hidden2": 5, "output": 3}
    assert found.model_.t_stop == 3.0 and len(found.history_) == 3
    assert [*quick(hidden=6, epochs=1).fit(*blobs()).model_.net] == ["input", "hidden1", "output"]
    assert [*quick(hidden=(), epochs=1).fit(*blobs()).model_.net] == ["input", "output"]


def test_small_sets_are_passed_more_often():
    found = quick(epochs=None)
    assert len(found.fit(*blobs(300)).history_) == 40
    assert len(found.fit(*blobs(90)).history_) == 134  # 3 steps each


def test_settings_are_read_changed_and_shown():
    found = quick()
    assert found.get_params()["epochs"] == 10 and found.set_params(epochs=3, batch=8) is found
    assert repr(found) == "TTFSClassifier(hidden=(20,), epochs=3, batch=8, random_state=1)"
    assert 'Invalid parameter \'epoch\'' in (said := refusal(found.set_params, epoch=3)) and 'mean "epochs"' in said


def test_a_pickled_classifier_gives_the_same_answers():
    values, labels = blobs()
    found = quick().fit(values, labels)
    again = pickle.loads(pickle.dumps(found))
    assert np.array_equal(again.predict_proba(values), found.predict_proba(values))


def test_it_tells_of_its_progress_where_asked(capsys):
    quick(epochs=2, verbose=True).fit(*blobs())
    assert "2/2" in "".join(capsys.readouterr())


class Table:
    """The part of a data frame that counts: columns with names, and its values as an array."""

    def __init__(self, values, columns):
        self.values, self.columns = np.asarray(values), columns

    def __array__(self, dtype=None, copy=None):
        return self.values.astype(dtype) if dtype else self.values


def test_columns_with_names_must_be_those_of_the_training_set():
    values, labels = blobs(features=3)
    found = quick(epochs=1).fit(Table(values, ["a", "b", "c"]), labels)
    assert found.feature_names_in_.tolist() == ["a", "b", "c"]
    found.predict(Table(values, ["a", "b", "c"]))
    with pytest.raises(ValueError, match="must be in the same order"):
        found.predict(Table(values, ["b", "a", "c"]))
    with pytest.raises(ValueError, match=r"unseen at fit time:\n- d\n.*now missing:\n- c\n"):
        found.predict(Table(values, ["a", "b", "d"]))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        found.predict(values)
    found.fit(values, labels)
    assert not hasattr(found, "feature_names_in_")
    with pytest.warns(UserWarning, match="X has feature names, but TTFSClassifier was fitted without"):
        found.predict(Table(values, ["a", "b", "c"]))


X, Y = blobs(6)


@pytest.mark.parametrize("values, labels, said", [
    (X[0], Y, "Reshape your data"),
    (X[:0], Y[:0], "0 sample(s) (shape=(0, 4)) while a minimum of 1 is required"),
    (X[:, :0], Y, "0 feature(s)"),
    (np.where(np.arange(4) == 2, np.nan, X), Y, "X[0, 2] is nan; X must hold no NaN or inf"),
    (X + 0j, Y, "Complex data not supported"),
    ([["a", "b"], ["c", "d"]], [0, 1], "X cannot be read as a table of numbers"),
    ([[1.0], [1.0, 2.0]], [0, 1], "X cannot be read as a table of numbers"),
    (X, None, "the target y is None"),
    (X, Y[:-1], "inconsistent numbers of samples: X 6, y 5"),
    (X, np.stack([Y, Y], axis=1), "y has shape (6, 2)"),
    (X, Y + 0.5, "Unknown label type: continuous"),
    (X, Y * np.nan, "y contains NaN or inf"),
    (X, np.array([1, "a", None] * 2, dtype=object), "text mixed with other things"),
    (X, Y + 1j, "Unknown label type: complex128"),
])
def test_data_that_cannot_be_used_are_refused_with_one_line(values, labels, said):
    assert said in refusal(quick().fit, values, labels)


@pytest.mark.parametrize("settings, said", [
    ({"hidden": (10, 0)}, "every number of hidden must be a whole number >= 1; got 0"),
    ({"hidden": ("a",)}, "got 'a'"),
    ({"epochs": 0}, "epochs = 0"),
    ({"batch": 1.5}, "batch must be a whole number >= 1; got 1.5"),
    ({"learning_rate": -1.0}, "lr"),
    ({"t_stop": 0.0}, "t_stop is 0.0"),
    ({"random_state": -1}, "random_state must be a whole number"),
    ({"random_state": "x"}, "random_state must be a whole number"),
])
def test_settings_that_cannot_be_used_are_refused_with_one_line(settings, said):
    assert said in refusal(quick(**settings).fit, X, Y)


def test_what_is_not_fitted_or_does_not_fit_is_refused_with_one_line():
    assert "is not fitted yet; call fit(X, y) first" in refusal(quick().predict, X)
    found = quick(epochs=1).fit(X, Y)
    assert "X has 3 features, but TTFSClassifier is expecting 4" in refusal(found.predict, X[:, :3])
    assert "inconsistent" in refusal(found.score, X, Y[:2])


def test_a_column_of_labels_is_taken_with_a_warning():
    with pytest.warns(UserWarning, match="A column-vector y was passed"):
        found = quick(epochs=1).fit(X, Y[:, None])
    assert np.array_equal(found.predict(X), quick(epochs=1).fit(X, Y).predict(X))


def test_scores_may_be_weighted():
    values, labels = blobs()
    found = quick(epochs=1).fit(values, labels)
    right = found.predict(values) == labels
    assert 0 < right.sum() < len(right)
    assert found.score(values, labels, sample_weight=right) == 1.0


def test_it_works_without_scikit_learn_and_never_imports_it():
    code = ("import sys\nfor name in {names}: sys.modules[name] = None\n"
            "import training\nX = [[0.0], [0.1], [0.9], [1.0]]\n"
            "c = training.TTFSClassifier(random_state=1, epochs=20)\n"
            "try:\n    c.predict(X)\nexcept ValueError as error:\n    print(type(error).__mro__[1].__name__)\n"
            "print(c.fit(X, list('aabb')).predict(X).tolist(), 'sklearn' in sys.modules)")
    for names, loaded in (("['sklearn']", True), ("[]", False)):
        command = [sys.executable, "-c", code.format(names=names)]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        assert run.stdout.split("\n")[:2] == ["InputError", f"['a', 'a', 'b', 'b'] {loaded}"]


def test_searches_and_pipelines_of_scikit_learn_take_it():
    model_selection = pytest.importorskip("sklearn.model_selection", reason=NEEDED)
    from sklearn.exceptions import NotFittedError
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    values, labels = blobs()
    pipeline = make_pipeline(StandardScaler(), quick())
    search = model_selection.GridSearchCV(pipeline, {"ttfsclassifier__hidden": [(2,), (30,)]}, cv=3)
    assert search.fit(values, labels).best_params_ == {"ttfsclassifier__hidden": (30,)}
    scores = model_selection.cross_val_score(quick(epochs=None), values, labels, cv=3, scoring="roc_auc_ovr")
    assert scores.min() > 0.95
    with pytest.raises(NotFittedError):
        quick().predict(values)
