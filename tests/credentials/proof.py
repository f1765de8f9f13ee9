"""Tests that are proven to be able to fail: they run against the real keeper, and naive ones must fail them."""

import functools
from collections.abc import Callable
from typing import Any

import pytest

from skykey.credentials.keeper import Keeper
from tests.credentials.naive import Naive

Make = Callable[..., Keeper[Any]]


def proven(*by: type[Naive]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test whose parameter `make` makes a keeper: with the real one, and with those that must not pass."""

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(check)
        def test(make: Any, **fixtures: Any) -> None:
            if make is Keeper:
                check(make, **fixtures)
                return
            with pytest.raises((AssertionError, pytest.fail.Exception)):
                check(make, **fixtures)

        return pytest.mark.parametrize("make", [Keeper, *by], ids=lambda kind: kind.__name__)(test)

    return decorate


def settled(keeper: Keeper[Any]) -> None:
    """Wait until a renewal in the background, if there is one, has ended."""
    ticket = getattr(keeper, "_ticket", None)
    if ticket is not None:
        assert ticket.ended(20)
