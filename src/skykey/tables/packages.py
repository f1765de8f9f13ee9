"""The optional packages that tables are made of, loaded when a table is made."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from skykey.values.errors import MissingExtra


def arrow() -> Any:
    """``pyarrow``.

    Raises
    ------
    MissingExtra
        If it is not installed; it names the extra. The others here do the same.
    """
    return _package("pyarrow", "a table")


def pandas() -> Any:
    """``pandas``."""
    return _package("pandas", "a DataFrame")


def parquet() -> Any:
    """``pyarrow.parquet``."""
    return _package("pyarrow.parquet", "a Parquet file")


def csv() -> Any:
    """``pyarrow.csv``."""
    return _package("pyarrow.csv", "a CSV file")


def ipc() -> Any:
    """``pyarrow.ipc``."""
    return _package("pyarrow.ipc", "an Arrow file")


def polars() -> Any:
    """``polars``."""
    return _package("polars", "a polars DataFrame", extra="polars")


def _package(name: str, needed_for: str, extra: str = "tables") -> Any:
    try:
        return import_module(name)
    except ImportError as missing:
        raise MissingExtra.of(extra, needed_for) from missing
