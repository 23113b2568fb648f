"""Sentinels and number types used everywhere."""

import math

import numpy as np

NEVER = math.inf
"""A time that does not come: no spike, an endless refractory period, a threshold out of reach."""

TIME = np.float64
NEURON = np.int32
