"""The examples in docstrings run: one that does not is a lie that users copy."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import skykey

MODULES = [
    module.name
    for module in pkgutil.walk_packages(skykey.__path__, "skykey.")
    # The sandbox is a program and not an API; a __main__ would run.
    if ".sandbox" not in module.name and not module.name.endswith("__main__")
]


def _with_examples() -> list[str]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [name for name in MODULES if any(t.examples for t in finder.find(importlib.import_module(name)))]


@pytest.mark.parametrize("name", _with_examples())
def test_the_examples_in_docstrings_run(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name), report=True)
    assert outcome.attempted
    assert outcome.failed == 0


def test_the_documented_names_have_examples() -> None:
    assert {"skykey.rubin.connections", "skykey.rubin.influx_query", "skykey.repertoire.discovery"} <= set(
        _with_examples()
    )
