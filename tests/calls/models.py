"""Models and their training, and what is asked of them."""

import numpy as np
from nonsense import Call

import training
from calls.objects import (
    IMAGES,
    LABELS,
    STIMULUS,
    classified,
    forward_net,
    method,
    model,
    objective,
    silent_net,
    the_model,
    written,
)
from training import clocked, curvature, decode, discrete, disturb, encode, passes

DISTURBANCE = disturb.Disturbance(0.1, 0.1, 4, 4, 0.1)
TWO = (np.array([[0.0, 1.0], [0.2, 0.1], [0.9, 0.5], [1.0, 0.4]]), np.array([0, 0, 1, 1]))


def _saved(folder):
    model().save(folder / "m.h5")


def _of_model(name, /, **arguments):
    return Call(method(the_model, name), arguments)


def _fit():
    return {"model": model(), "images": IMAGES, "labels": LABELS, "validation": (IMAGES, LABELS), "epochs": 1,
            "optimizer": None, "callbacks": (), "batch": 2, "schedule": None, "warm_up": 0.0, "seed": 0,
            "augment": None, "learn": ("weights",), "normalize": False, "rates": None, "delays": None, "policies": (),
            "clip": None, "neuron_clip": None, "slope_floor": 0.0, "ema": None, "dropout": 0.0, "select": "accuracy",
            "patience": None, "precision": "double", "threads": 1, "checkpoint": None, "resume": False, "log": None,
            "progress": None, "passes": None}


def _classifier():
    return {"hidden": (3,), "epochs": 1, "batch": 2, "learning_rate": 0.01, "weight_decay": 0.1, "t_stop": 4.0,
            "random_state": 1, "threads": 1, "verbose": False}


def _fitted():
    return training.TTFSClassifier(**_classifier()).fit(*TWO)


def _trained_once(**settings):
    return training.TTFSClassifier(**settings).fit(*TWO)


# The networks that `training.discrete` and `training.clocked` run are not replaced: they are checked inside of engines.
CALLS = {
    "training.Model": Call(training.Model, lambda: {
        "net": forward_net(), "encoder": encode.Latency(), "decoder": decode.FirstSpike(), "output": "out",
        "t_stop": 20.0, "classes": ["a", "b"]}),
    "training.Model.encode": _of_model("encode", values=IMAGES),
    "training.Model.simulate": _of_model("simulate", values=IMAGES, labels=LABELS),
    "training.Model.outputs": _of_model(
        "outputs", values=IMAGES, passes=None, weights=None, thresholds=None, offsets=None, delays=None, batch=2,
        threads=1),
    "training.Model.read": Call(method(the_model, "read"), lambda: {
        "activity": passes.suited(the_model()).forward(the_model().encode(IMAGES))}),
    "training.Model.predict": _of_model("predict", values=IMAGES),
    "training.Model.evaluate": _of_model("evaluate", values=IMAGES, labels=LABELS, decoder=None),
    "training.Model.score": _of_model("score", read=np.ones((4, 2)), labels=LABELS, decoder=None),
    "training.Model.save": _of_model("save", path="m.h5"),
    "training.Model.load": Call(training.Model.load, lambda: {"path": written(_saved, "m.h5")}),
    "training.fit": Call(training.fit, _fit, {"epochs": 3}),
    "training.TTFSClassifier": Call(
        _trained_once, _classifier,
        {"epochs": 3, "hidden": 1000, "learning_rate": 1e30, "weight_decay": 1e30, "t_stop": 1e6}),
    "training.TTFSClassifier.set_params": Call(training.TTFSClassifier().set_params, {"epochs": 3}),
    "training.TTFSClassifier.fit": Call(
        method(lambda: training.TTFSClassifier(**_classifier()), "fit"), {"X": TWO[0], "y": TWO[1]}),
    "training.TTFSClassifier.predict": Call(method(_fitted, "predict"), {"X": TWO[0]}),
    "training.TTFSClassifier.predict_proba": Call(method(_fitted, "predict_proba"), {"X": TWO[0]}),
    "training.TTFSClassifier.score": Call(method(_fitted, "score"), {
        "X": TWO[0], "y": TWO[1], "sample_weight": [1.0, 1.0, 1.0, 1.0]}),
    "training.TTFSClassifier.scaled": Call(method(_fitted, "scaled"), {"X": TWO[0]}),
    "training.spike_time_gradient": Call(training.spike_time_gradient, lambda: {
        "net": the_model().net, "trace": classified(), "threads": 1,
        "loss_gradient": {"out": np.ones(len(classified().spikes("out").time))},
        "slope_floor": 0.0, "taus": False, "inputs": True}),
    "training.torch.SpikeTimes": Call(lambda **given: training.torch.SpikeTimes(**given), lambda: {
        "net": forward_net(), "t_stop": 20.0, "output": "out", "learn": ("weights",), "threads": 1,
        "slope_floor": 0.0}, needs="torch"),
    "training.curvature.Objective": Call(curvature.Objective, lambda: {
        "model": the_model(), "values": IMAGES, "labels": LABELS, "parameters": None, "threads": 1}),
    "training.curvature.Objective.gradient": Call(method(objective, "gradient"), {"point": np.ones(20)}),
    "training.curvature.hessian_vector": Call(curvature.hessian_vector, lambda: {
        "objective": objective(), "vector": np.ones(20), "step": 1e-4}),
    "training.curvature.sharpness": Call(curvature.sharpness, lambda: {
        "objective": objective(), "step": 1e-4, "tolerance": 0.5, "seed": 0, "products": 3}, {"products": 10}),
    "training.curvature.block_norms": Call(curvature.block_norms, lambda: {
        "objective": objective(), "probes": 1, "step": 1e-4, "seed": 0}, {"probes": 10}),
    "training.curvature.Sharpness": Call(curvature.Sharpness, lambda: {
        "model": the_model(), "values": IMAGES, "labels": LABELS, "every": 1}),
    "training.disturb.Disturbance": Call(disturb.Disturbance, {
        "jitter_ms": 0.1, "drop": 0.1, "weight_bits": 4, "time_bits": 4, "threshold_cv": 0.1, "seed": 0}),
    "training.disturb.Disturbance.weights": Call(DISTURBANCE.weights, lambda: {"net": the_model().net}),
    "training.disturb.Disturbance.thresholds": Call(DISTURBANCE.thresholds, lambda: {"net": the_model().net}),
    "training.disturb.evaluate": Call(disturb.evaluate, lambda: {
        "model": the_model(), "values": IMAGES, "labels": LABELS, "disturbance": DISTURBANCE, "precision": "double",
        "threads": 1, "batch": 2, "progress": None}),
    "training.discrete.chain": Call(discrete.chain, lambda: {"net": silent_net(), "steps": 6}, fixed=("net",)),
    "training.discrete.DiscretePasses": Call(discrete.DiscretePasses, lambda: {
        "net": silent_net(), "steps": 6, "surrogate": discrete.surrogate.Arctan(), "precision": "double",
        "smooth": False}, fixed=("net",)),
    "training.clocked.run": Call(clocked.run, lambda: {"net": silent_net(), "stimulus": STIMULUS, "steps": 6},
                                 {"steps": 1000}, fixed=("net", "stimulus")),
}
