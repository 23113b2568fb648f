"""Packages that are found when they are first used."""

import importlib
import math

from refusals import refusal

from eventsim import optional


def test_a_package_that_is_there_is_returned():
    assert optional.package("math", "any") is math


def test_a_missing_package_is_answered_with_its_extra(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    assert "pip install eventsim[neo]" in refusal(optional.package, "neo", "neo")
