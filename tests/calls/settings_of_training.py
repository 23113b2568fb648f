"""What a training is made of: encoders, decoders, optimisers, schedules, policies, augmentation, rules of weights."""

import numpy as np
from nonsense import Call

import training
from calls.objects import IMAGES, LABELS, classified, forward_net, looped, method, model, recordings
from eventsim import LIF, NEVER, Network
from training import (
    architecture,
    augment,
    average,
    count_rules,
    datasets,
    decode,
    dropout,
    encode,
    initialize,
    optimize,
    regularize,
    schedule,
    surrogate,
    warp,
)

TIMES = np.array([[1.0, 2.0], [2.0, np.inf], [3.0, 1.0], [np.inf, np.inf]])
FIRST = decode.FirstSpike("latency", tau=1.0, horizon=5.0)
TARGET = decode.TargetTime(horizon=5.0)
POTENTIAL = decode.Potential()
SMALL = np.array([[0.1, 0.2], [0.3, 0.4]])


def _step():
    return {"parameters": {"a": np.ones(2)}, "gradients": {"a": np.ones(2)}, "factor": 1.0, "scales": {"a": 1.0},
            "decayed": ["a"]}


def _cells():
    return {"tau_mem": 10.0, "tau_syn": 5.0}


def _ramps():
    net = looped()
    net.set_neuron("cells", LIF(NEVER, NEVER))
    return net


CALLS = {
    "training.encode.Latency": Call(encode.Latency, {
        "t_max": 1.0, "t_min": 0.0, "threshold": 0.0, "channels": "on", "scale": 1.0, "bias": None, "input": None,
        "step": None}),
    "training.encode.Coordinates": Call(encode.Coordinates, {"t_min": 0.0, "t_max": 1.0, "bias": None, "input": None}),
    "training.encode.Events": Call(encode.Events, {
        "pool": 1, "time_scale": 1.0, "t_max": None, "polarity": "channels", "input": None}),
    "training.encode.Latency.spikes": Call(encode.Latency().spikes, {"values": IMAGES}),
    "training.encode.Latency.size": Call(encode.Latency().size, {"shape": (3,)}),
    "training.encode.Latency.shape": Call(encode.Latency().shape, {"shape": (3,)}),
    "training.encode.Coordinates.size": Call(encode.Coordinates().size, {"shape": (3,)}),
    "training.encode.Coordinates.shape": Call(encode.Coordinates().shape, {"shape": (3,)}),
    "training.encode.Coordinates.spikes": Call(encode.Coordinates().spikes, {"values": IMAGES}),
    "training.encode.Events.spikes": Call(encode.Events().spikes, lambda: {"values": recordings()}),
    "training.encode.Events.size": Call(encode.Events().size, {"shape": (4, 4)}),
    "training.encode.Events.shape": Call(encode.Events().shape, {"shape": (4, 4)}),
    "training.encode.as_values": Call(encode.as_values, {"values": IMAGES}),
    "training.encode.from_dict": Call(encode.from_dict, lambda: {"settings": encode.Latency().to_dict()}),
    "training.decode.FirstSpike": Call(decode.FirstSpike, {
        "kind": "latency", "scale": 1.0, "tau": 1.0, "horizon": 3.0, "early": 0.0, "early_tau": 1.0, "smoothing": 0.0}),
    "training.decode.TargetTime": Call(decode.TargetTime, {
        "kind": "shift", "right": 0.0, "wrong": 10.0, "gap": 1.0, "tau": 5.0, "horizon": 3.0, "early": 0.0,
        "early_tau": 1.0}),
    "training.decode.Potential": Call(decode.Potential, {"scale": 1.0, "smoothing": 0.0, "over": "end", "tau": None}),
    "training.decode.FirstSpike.decide": Call(FIRST.decide, {"times": TIMES}),
    "training.decode.FirstSpike.with_horizon": Call(decode.FirstSpike().with_horizon, {"t_stop": 5.0}),
    "training.decode.FirstSpike.scaled": Call(FIRST.scaled, {"factor": 2.0}),
    "training.decode.FirstSpike.scores": Call(FIRST.scores, {"times": TIMES}),
    "training.decode.FirstSpike.log_scale_gradient": Call(FIRST.log_scale_gradient, {"read": TIMES, "labels": LABELS}),
    "training.decode.FirstSpike.__call__": Call(FIRST, {"times": TIMES, "labels": LABELS}),
    "training.decode.TargetTime.__call__": Call(TARGET, {"times": TIMES, "labels": LABELS}),
    "training.decode.Potential.__call__": Call(POTENTIAL, {"potentials": SMALL, "labels": LABELS[:2]}),
    "training.decode.Potential.decide": Call(POTENTIAL.decide, {"potentials": SMALL}),
    "training.decode.Potential.scaled": Call(POTENTIAL.scaled, {"factor": 2.0}),
    "training.decode.Potential.log_scale_gradient": Call(POTENTIAL.log_scale_gradient, {
        "read": SMALL, "labels": LABELS[:2]}),
    "training.decode.cross_entropy": Call(decode.cross_entropy, {
        "scores": SMALL, "labels": LABELS[:2], "smoothing": 0.0}),
    "training.decode.from_dict": Call(decode.from_dict, lambda: {"settings": FIRST.to_dict()}),
    "training.surrogate.Arctan": Call(surrogate.Arctan, {"width": 2.0}),
    "training.surrogate.FastSigmoid": Call(surrogate.FastSigmoid, {"width": 2.0}),
    "training.surrogate.from_dict": Call(surrogate.from_dict, {"settings": {"kind": "arctan", "width": 2.0}}),
    "training.SGD": Call(training.SGD, {
        "lr": 0.1, "momentum": 0.5, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False}),
    "training.Adam": Call(training.Adam, {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.0}),
    "training.AdamW": Call(training.AdamW, {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.0}),
    "training.optimize.Optimizer.step": Call(method(training.AdamW, "step"), _step),
    "training.optimize.Optimizer.load_state_dict": Call(method(training.Adam, "load_state_dict"), {
        "arrays": {"exp_avg/a": np.ones(2), "count/a": np.array(3)}}),
    "training.optimize.clip_by_norm": Call(optimize.clip_by_norm, lambda: {
        "gradients": {"a": np.ones((2, 2))}, "limit": 1.0, "overwrite": False}),
    "training.optimize.clip_neurons": Call(optimize.clip_neurons, {"gradients": {"a": np.ones((2, 2))}, "limit": 1.0}),
    "training.optimize.sum_of_squares": Call(optimize.sum_of_squares, {"values": SMALL}),
    "training.schedule.Constant": Call(schedule.Constant, {"warm_up": 1}),
    "training.schedule.Cosine": Call(schedule.Cosine, {"total": 9, "floor": 0.0, "warm_up": 1}),
    "training.schedule.Step": Call(schedule.Step, {"every": 9, "gamma": 0.1, "warm_up": 1}),
    "training.schedule.make": Call(schedule.make, {
        "schedule": "cosine", "epochs": 2, "steps_per_epoch": 3, "warm_up": 1.0}),
    "training.average.Average": Call(average.Average, {"arrays": {"a": np.ones(2)}, "decay": 0.9}),
    "training.regularize.Firing": Call(regularize.Firing, {"minimum": 0.05, "strength": 1.0}),
    "training.regularize.Peak": Call(regularize.Peak, {"minimum": 0.05, "strength": 1.0}),
    "training.regularize.SilentLabel": Call(regularize.SilentLabel, {"strength": 1.0}),
    "training.regularize.SpikeRate": Call(regularize.SpikeRate, {
        "target": 1.0, "strength": 1.0, "lower": None, "populations": None}),
    "training.regularize.WeightBump": Call(regularize.WeightBump, {
        "step": 0.1, "limit": 0.9, "growth": 2.0, "largest": 0.5}),
    "training.regularize.WeightSum": Call(regularize.WeightSum, {"strength": 1.0, "minimum": 1.0}),
    "training.regularize.from_dict": Call(regularize.from_dict, lambda: {
        "settings": regularize.Firing().to_dict()}),
    "training.count_rules.of_counts": Call(count_rules.of_counts, lambda: {
        "trace": classified(), "population": "out", "error": np.ones((4, 2)), "per_ms": 1.0}),
    "training.dropout.Dropout": Call(dropout.Dropout, lambda: {
        "net": forward_net(), "rate": {"hidden": 0.5}, "output": "out"}),
    "training.augment.Shift": Call(augment.Shift, {"pixels": 1, "part": 1.0}),
    "training.augment.Flip": Call(augment.Flip, {"part": 1.0}),
    "training.augment.Erase": Call(augment.Erase, {"area": (0.1, 0.2), "ratio": 3.0, "part": 1.0}),
    "training.augment.Chain": Call(augment.Chain, {"steps": (augment.Shift(),)}),
    "training.augment.from_dict": Call(augment.from_dict, lambda: {"settings": augment.Shift().to_dict()}),
    "training.warp.Affine": Call(warp.Affine, {"degrees": 1.0, "zoom": 0.1, "pixels": 1.0, "part": 1.0}),
    "training.warp.Rotate": Call(warp.Rotate, {"degrees": 1.0, "part": 1.0}),
    "training.warp.Scale": Call(warp.Scale, {"zoom": 0.1, "part": 1.0}),
    "training.warp.Elastic": Call(warp.Elastic, {"alpha": 3.0, "sigma": 1.0, "part": 1.0}),
    "training.ValueAt": Call(training.ValueAt, {"time": [1.0], "gradient": [1.0]}),
    "training.Integral": Call(training.Integral, {"gradient": [1.0], "tau": 5.0}),
    "training.Delays": Call(training.Delays, {
        "sharing": "synaptic", "shortest": 0.0, "longest": 5.0, "projections": None}),
    "training.architecture.parse": Call(architecture.parse, {"description": "8C3s2"}),
    "training.architecture.build": Call(architecture.build, lambda: {
        "net": Network(seed=1), "sample_shape": (4, 4, 1), "hidden": ["2C3", 5], "neuron": LIF(10.0, 5.0),
        "output": LIF(10.0, 5.0), "classes": 3, "delay": 1.0}, {"classes": 1000, "hidden": 1000}),
    "training.initialize.unit_response": Call(initialize.unit_response, _cells() | {"s": [1.0]}),
    "training.initialize.response_moments": Call(initialize.response_moments, _cells() | {
        "window": 5.0, "until": 2.0}),
    "training.initialize.moment_rule": Call(initialize.moment_rule, _cells() | {
        "fan_in": 5, "window": 5.0, "threshold": 1.0, "kappa": 1.2, "mean": 0.0, "active": 1.0, "pool": 1}),
    "training.initialize.discrete_rule": Call(initialize.discrete_rule, {"fan_in": 5, "steps": 8.0, "threshold": 1.0}),
    "training.initialize.kaiming_rule": Call(initialize.kaiming_rule, {"fan_in": 5, "gain": 1.0}),
    "training.initialize.current_rule": Call(initialize.current_rule, {
        "fan_in": 5, "alone": 1.0, "spread": 1.0, "threshold": 1.0, "active": 1.0, "pool": 1}),
    "training.initialize.draw": Call(initialize.draw, {
        "shape": (2, 3), "mean": 0.0, "sd": 1.0, "seed": 1, "name": "a->b", "law": "uniform"}, {"shape": 1000}),
    "training.initialize.fan_in": Call(initialize.fan_in, lambda: {
        "projection": forward_net().projections["in->hidden"]}),
    "training.initialize.by_moments": Call(initialize.by_moments, lambda: {
        "net": forward_net(), "window": 5.0, "seed": 1, "kappa": 1.2, "mean": 0.0, "active": 1.0, "law": "uniform"}),
    "training.initialize.by_current": Call(initialize.by_current, lambda: {
        "net": _ramps(), "alone": 5.0, "spread": 1.0, "active": 1.0, "law": "uniform", "seed": 1}),
    "training.initialize.by_rule": Call(initialize.by_rule, lambda: {
        "model": model(), "rule": "measured", "law": "uniform", "gain": 1.0, "window": 5.0, "kappa": 1.2, "mean": 0.0,
        "active": 1.0, "steps": 8.0, "firing": 0.5, "readout_sd": 1.0, "alone": 1.0, "spread": 1.0, "images": IMAGES,
        "threads": 1}),
    "training.datasets.load": Call(datasets.load, {"name": "yin-yang", "split": "test", "data": None}),
    "training.datasets.split_validation": Call(datasets.split_validation, lambda: {
        "dataset": datasets.load("digits", "test"), "n": 5}),
}
