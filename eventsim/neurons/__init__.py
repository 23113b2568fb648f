"""Neuron models: their parameters, and one small file of closed forms for every regime."""
