"""Tests that are proven to be able to fail: they run against the real store, and a naive one must fail them."""

import functools
from collections.abc import Callable
from typing import Any

import pytest


def proven(real: Any, *by: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test whose parameter `make` makes a store: with the real one, and with those that must not pass."""

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(check)
        def test(make: Any, **fixtures: Any) -> None:
            if make is real:
                check(make, **fixtures)
                return
            with pytest.raises((AssertionError, pytest.fail.Exception)) as caught:
                check(make, **fixtures)
            print(f"{make.__name__} fails: {str(caught.value).splitlines()[0]}")

        return pytest.mark.parametrize("make", [real, *by], ids=lambda kind: kind.__name__)(test)

    return decorate
