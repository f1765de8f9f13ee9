"""The optional packages that tables are made of, loaded when a table is made."""

from __future__ import annotations

from typing import Any

from skykey.values.errors import MissingExtra


def arrow() -> Any:
    """``pyarrow``, or an error that names the extra."""
    try:
        import pyarrow as pa
    except ImportError as missing:
        raise MissingExtra.of("rubin", "a table") from missing
    return pa


def pandas() -> Any:
    """``pandas``, or an error that names the extra."""
    try:
        import pandas as pd
    except ImportError as missing:
        raise MissingExtra.of("rubin", "a DataFrame") from missing
    return pd
