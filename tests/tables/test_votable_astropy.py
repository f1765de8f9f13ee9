"""A second reading of the same format: what astropy writes comes back, in each serialization, nulls included."""

import io
import math
import warnings
from typing import Any

import numpy as np
import pytest
from astropy.io.votable import parse_single_table
from astropy.io.votable.tree import Field, Resource, TableElement, VOTableFile
from hypothesis import given, settings
from hypothesis import strategies as st

from skykey.tables.table import Table
from skykey.tables.votable import VOTableBatches
from skykey.values.errors import Interrupted, SkykeyError, Unreadable
from tests.tables.collecting import collected

NULL = -99
FORMATS = ["tabledata", "binary", "binary2"]
# Whatever XML can hold; a text that is empty or ends in blanks is told apart by BINARY2 alone.
TEXT = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=6)
UNICODE = st.text(st.characters(exclude_categories=["Cc", "Cs"], max_codepoint=0xFFFD), min_size=1, max_size=6)
FLOAT32 = st.floats(width=32, allow_nan=False)
KINDS: dict[tuple[str, str | None], Any] = {
    ("short", None): st.integers(-98, 2**15 - 1),
    ("int", None): st.integers(-98, 2**31 - 1),
    ("long", None): st.integers(-98, 2**63 - 1),
    ("unsignedByte", None): st.integers(0, 254),
    ("float", None): FLOAT32,
    ("double", None): st.floats(allow_nan=False),
    ("boolean", None): st.booleans(),
    ("char", "*"): TEXT,
    ("char", "6"): TEXT,
    ("unicodeChar", "*"): UNICODE,
    ("unicodeChar", "6"): UNICODE,
    ("double", "3"): st.lists(st.floats(allow_nan=False), min_size=3, max_size=3),
    ("int", "*"): st.lists(st.integers(-98, 2**31 - 1), min_size=1, max_size=4),
}
NULLS = {"short": NULL, "int": NULL, "long": NULL, "unsignedByte": 255}


def listed(value: list[Any], datatype: str) -> Any:
    """An array of exactly the field's type: astropy writes as many bytes as it is given."""
    return np.ma.array(value, "i4" if datatype == "int" else "f8", mask=[False] * len(value))


def written(kinds: list[tuple[str, str | None]], rows: list[list[Any]], serialization: str) -> bytes:
    document = VOTableFile()
    resource = Resource(type="results")
    document.resources.append(resource)
    table = TableElement(document)
    resource.tables.append(table)
    for number, (datatype, size) in enumerate(kinds):
        field = Field(document, name=f"c{number}", datatype=datatype, arraysize=size)
        if datatype in NULLS and size is None:
            field.values.null = NULLS[datatype]
        table.fields.append(field)
    table.create_arrays(len(rows))
    for at, row in enumerate(rows):
        for number, value in enumerate(row):
            datatype, size = kinds[number]
            if value is None:
                table.array.mask[f"c{number}"][at] = True
                if datatype in NULLS and size is None:
                    table.array.data[f"c{number}"][at] = NULLS[datatype]
                elif datatype in {"char", "unicodeChar"}:
                    table.array.data[f"c{number}"][at] = ""
            else:
                table.array.data[f"c{number}"][at] = listed(value, datatype) if isinstance(value, list) else value
    table.format = serialization
    sink = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        document.to_xml(sink)
    return sink.getvalue()


def read(data: bytes, sizes: list[int] | None = None) -> Table:
    return collected(VOTableBatches(), data, sizes or ())


@st.composite
def tables(draw: Any) -> tuple[list[tuple[str, str | None]], list[list[Any]]]:
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=9))
    # astropy writes no null for lists, in any serialization.
    cells = [KINDS[kind] if kind[1] and kind[0] in {"double", "int"} else st.none() | KINDS[kind] for kind in kinds]
    return kinds, draw(st.lists(st.tuples(*cells).map(list), max_size=5))


def meant(kinds: list[tuple[str, str | None]], rows: list[list[Any]], serialization: str) -> list[list[Any]]:
    """What can come back: astropy writes a null float as NaN, except in BINARY2."""
    exact = {("float", None), ("double", None)}
    nan = serialization == "tabledata"
    return [
        [math.nan if value is None and kind in exact and nan else value for kind, value in zip(kinds, row, strict=True)]
        for row in rows
    ]


@pytest.mark.parametrize("serialization", FORMATS)
@given(tables(), st.lists(st.integers(1, 400), max_size=30))
@settings(deadline=None, max_examples=80)
def test_what_astropy_writes_comes_back(serialization: str, table: Any, sizes: list[int]) -> None:
    kinds, rows = table
    data = written(kinds, rows, serialization)
    found = read(data, sizes)
    got = [list(row.values()) for row in found.arrow.to_pylist()]
    assert repr(got) == repr(rows) or repr(got) == repr(meant(kinds, rows, serialization))
    assert found.arrow.equals(read(data).arrow) or "nan" in repr(got)
    assert found.end.rows == len(rows)
    assert found.end.complete


@pytest.mark.parametrize("serialization", FORMATS)
@given(tables())
@settings(deadline=None, max_examples=40)
def test_both_read_the_same(serialization: str, table: Any) -> None:
    data = written(*table, serialization)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = parse_single_table(io.BytesIO(data)).array
    ours = read(data).arrow
    for number, (datatype, size) in enumerate(table[0]):
        if size is None:
            values, column = theirs[f"c{number}"], ours.column(number).to_pylist()
            for at, value in enumerate(column):
                if value is None or value != value:  # noqa: PLR0124 - NaN
                    assert values.mask[at] or values.data[at] != values.data[at]
                else:
                    assert (values.data[at], bool(values.mask[at])) == (value, False), datatype


@pytest.mark.parametrize("serialization", FORMATS)
def test_every_truncation_point_is_an_error(serialization: str) -> None:
    """Never a shorter table."""
    kinds = [("long", None), ("char", "*"), ("double", None)]
    rows = [[1, "a<é&>"[:2], 1.5], [None, None, None], [3, "]]&", -0.0], [4, "x", 1e300]]
    data = written(kinds, rows, serialization)
    end = data.index(b"</VOTABLE>") + len(b"</VOTABLE>")
    for step in (None, [1] * 5000):
        for cut in range(0, end, 1 if step is None else 37):
            with pytest.raises(SkykeyError) as caught:
                read(data[:cut], step and step[:cut])
            assert isinstance(caught.value, Interrupted | Unreadable)
    assert len(read(data[:end])) == 4


@pytest.mark.parametrize("serialization", FORMATS)
def test_thousands_of_rows_in_pieces_are_all_there(serialization: str) -> None:
    kinds = [("int", None), ("unicodeChar", "*"), ("double", None)]
    rows = [[number, f"näme {number}", number / 7] for number in range(5_000)]
    data = written(kinds, rows, serialization)
    for size in (1 << 30, 65_536, 1_000, 77):
        found = read(data, [size] * (len(data) // size))
        assert [list(row.values()) for row in found.arrow.to_pylist()] == rows
