"""What a table's columns are called and hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Column:
    """One column, as the service describes it.

    Parameters
    ----------
    name
        As on the wire.
    type
        The Arrow type. It never depends on the values of one answer.
    is_tag
        Whether it names the series that a row belongs to, rather than a measured value.
    unit
        As the service writes it; None if it does not say, which is not the same as "without unit".
    description
        A sentence for people.
    ucd
        What kind of quantity it is, in the Virtual Observatory's words (Unified Content Descriptor).
    """

    name: str
    type: pa.DataType
    is_tag: bool = False
    unit: str | None = None
    description: str | None = None
    ucd: str | None = None
