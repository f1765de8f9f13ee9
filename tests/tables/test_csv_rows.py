"""CSV from TAP services: every cell is where it belongs, whatever is quoted; types are the schema's."""

import csv
import datetime as dt
import io
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.tables import csv_rows
from skykey.tables.csv_rows import CsvBatches, typed
from skykey.values.errors import Interrupted, Unreadable
from skykey.values.url import Url
from skykey.wire.request import Head

HEAD = Head(200, {"content-type": "text/csv"}, Url("https://a.example/tap/sync?q=secret"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


def read(data: bytes, schema: Any = None, sizes: list[int] | None = None, **more: Any) -> pa.Table:
    reader = CsvBatches(schema, **more)
    reader.head(HEAD)
    at, batches = 0, []
    for size in sizes or ():
        batches += reader.feed(data[at : at + size])
        at += size
    batches += reader.feed(data[at:])
    finished = reader.finish()
    batches += finished
    table = pa.concat_tables(batches)
    assert finished.end.rows == table.num_rows
    assert not finished.says_all
    return table


def one(cells: str, kind: Any, **more: Any) -> list[Any]:
    return list(read(f"x\n{cells}\n".encode(), pa.schema([("x", kind)]), **more).column("x").to_pylist())


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str | None]]]:
    names = draw(st.lists(TEXTS, min_size=1, max_size=4))
    row = st.lists(TEXTS | st.none(), min_size=len(names), max_size=len(names))
    return names, draw(st.lists(row, max_size=8))


def quoted(cell: str | None) -> str:
    return "" if cell is None else '"' + cell.replace('"', '""') + '"'


@given(tables(), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.lists(st.integers(0, 9)))
def test_whatever_stands_in_quotes_is_one_cell(
    table: tuple[list[str], list[list[str | None]]], end: str, closed: bool, sizes: list[int]
) -> None:
    names, rows = table
    if len(names) > 1:
        rows = [row for row in rows if any(cell is not None for cell in row)]
    lines = [",".join(map(quoted, line)) for line in [names, *rows]]
    # The last line need not have an end, unless nothing is in it.
    data = (end.join(lines) + (end if closed or (rows and rows[-1] == [None]) else "")).encode()
    found = read(data, sizes=sizes)
    assert [list(row) for row in zip(*(column.to_pylist() for column in found.columns), strict=True)] == rows
    assert found.num_columns == len(names)


@given(st.lists(st.tuples(TEXTS.filter(bool), st.integers()), max_size=6))
def test_it_reads_what_the_standard_library_writes(rows: list[tuple[str, int]]) -> None:
    sink = io.StringIO(newline="")
    writer = csv.writer(sink)
    writer.writerows([("a", "b"), *rows])
    found = read(sink.getvalue().encode())
    assert found.column("a").to_pylist() == [text for text, _ in rows]
    assert found.column("b").to_pylist() == [str(number) for _, number in rows]


def test_null_is_an_empty_cell_and_two_quotes_are_a_text() -> None:
    assert read(b'a,b\n,""\n"",\n').to_pydict() == {"a": [None, ""], "b": ["", None]}
    assert one('1\n""', pa.string()) == ["1", ""]


def test_an_empty_line_of_one_column_is_a_null() -> None:
    assert one("1\n\n2", pa.int64()) == [1, None, 2]


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        ("9007199254740993\n-9223372036854775808\n+5\n 7 ", pa.int64(), [2**53 + 1, -(2**63), 5, 7]),
        ("0.1\nNaN\n-Inf\n1e300", pa.float64(), [0.1, float("nan"), -float("inf"), 1e300]),
        ("true\nF\n1", pa.bool_(), [True, False, True]),
        ("2026-03-20T12:00:00.5\n\n2026-03-20 12:00:00Z", pa.timestamp("us"), ["2026-03-20T12:00:00.500000", None, "2026-03-20T12:00:00"]),  # noqa: E501 - one row of the table
        ("2026-03-20", pa.date32(), [dt.date(2026, 3, 20)]),
        ("1 2\n\n3", pa.list_(pa.int32()), [[1, 2], None, [3]]),
        ("007\nNULL\nNaN\nnull\n\\N", pa.string(), ["007", "NULL", "NaN", "null", "\\N"]),
        ("1.50", pa.decimal128(5, 2), ["1.50"]),
    ],
)  # fmt: skip
def test_cells_are_what_the_schema_says(cells: str, kind: Any, values: list[Any]) -> None:
    def plain(value: Any) -> Any:
        return value.isoformat() if isinstance(value, dt.datetime) else value

    found = one(cells, kind)
    assert [str(plain(each)) for each in found] == [str(each) for each in values]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ("x", pa.int64()),
        ("9223372036854775808", pa.int64()),
        ("1.5", pa.int32()),
        ("maybe", pa.bool_()),
        ("noon", pa.timestamp("us")),
        ("1,2", pa.int64()),
        ("Query failed: disk full", pa.float64()),
    ],
)
def test_a_cell_that_does_not_fit_is_an_error(cells: str, kind: Any) -> None:
    with pytest.raises(Unreadable):
        one(cells, kind)


def test_units_and_scale_come_from_the_schema() -> None:
    schema = pa.schema([pa.field("x", pa.int64(), metadata={b"unit": b"m"})])
    found = read(b"x\n1\n", schema, time_scale="tai")
    assert found.schema.field("x").metadata == {b"unit": b"m"}
    assert found.schema.metadata == {b"time_scale": b"tai"}


def test_columns_of_one_name_are_told_apart() -> None:
    reader = CsvBatches()
    reader.head(HEAD)
    reader.feed(b"x,y,x\n1,2,3\n")
    (batch,) = reader.finish()
    assert batch.to_pydict() == {"x": ["1"], "y": ["2"], "x_1": ["3"]}
    assert reader.repeated == {"x": ["x", "x_1"]}


def test_no_rows_have_their_columns() -> None:
    found = read(b"x,y\n", pa.schema([("x", pa.int64()), ("y", pa.string())]))
    assert (found.num_rows, [str(kind) for kind in found.schema.types]) == (0, ["int64", "string"])


@pytest.mark.parametrize("data", [b"", b'x\n"abc', b'"x', b'x\n1\n"a\nb\n'])
def test_an_answer_that_ends_too_early_is_cut(data: bytes) -> None:
    with pytest.raises(Interrupted):
        read(data)


@pytest.mark.parametrize("data", [b"x,y\n1\n", b"x\n\xff\xfe\n", b"\xff\n1\n"])
def test_what_is_no_table_is_an_error(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read(data)


@pytest.mark.parametrize(
    ("heading", "promised"),
    [
        ("upstream connect error", ["x"]),
        ('{"detail":"Bad gateway"}', ["x"]),
        ("X", ["x"]),
        ("", ["x"]),
        (" x", ["x"]),
        ("x,z", ["x", "y"]),
        ("x", ["x", "y"]),
        ("x,y", ["x"]),
        ("y,x,y", ["x", "y", "y_1"]),
        ("y_1,y,x", ["x", "y", "z"]),
    ],
)
def test_columns_that_were_not_promised_are_an_error_even_without_rows(heading: str, promised: list[str]) -> None:
    schema = pa.schema([(name, pa.string()) for name in promised])
    with pytest.raises(Unreadable, match=r"https://a.example/tap/sync .*(promises|quote)"):
        read(f"{heading}\n".encode(), schema)


def test_columns_in_another_order_go_by_their_names() -> None:
    schema = pa.schema([pa.field("x", pa.int64(), metadata={b"unit": b"m"}), ("y", pa.string())])
    found = read(b"y,x\na,1\n", schema)
    assert found.to_pydict() == {"y": ["a"], "x": [1]}
    assert found.schema.field("x").metadata == {b"unit": b"m"}


@pytest.mark.parametrize(
    ("cells", "kind", "value"),
    [
        ("0xFFFF", pa.int16(), None),
        ("0x7fff", pa.int16(), 32767),
        ("0XFFFFFFFFFFFFFFFF", pa.int64(), None),
        ("1e400", pa.float64(), None),
        ("-1e400", pa.float64(), None),
        ("1e39", pa.float32(), None),
        ("Infinity", pa.float64(), float("inf")),
    ],
)
def test_a_number_is_the_one_that_is_written_or_none(cells: str, kind: Any, value: Any) -> None:
    if value is not None:
        assert one(cells, kind) == [value]
        return
    with pytest.raises(Unreadable, match=r"no (short|long|float|double)"):
        one(cells, kind)


@pytest.mark.parametrize("rows", ['1,5" pipe\n', '1,5" pipe\n2,6" pipe\n', '1,"a"b"c"\n', '1,"a" "b"\n'])
def test_a_quote_inside_of_a_cell_is_no_cut_answer(rows: str) -> None:
    for sizes in ([], [1] * 99):
        with pytest.raises(Unreadable, match="a quote inside of a cell"):
            read(f"x,y\n{rows}".encode(), sizes=sizes)


def test_a_mark_of_the_encoding_may_stand_in_front_of_a_quote() -> None:
    for sizes in ([], [1] * 20):
        assert read(b'\xef\xbb\xbf"x,y"\n1\n', sizes=sizes).to_pydict() == {"x,y": ["1"]}


def test_another_number_of_columns_than_promised_is_an_error() -> None:
    with pytest.raises(Unreadable, match="2 columns where the service promises 1"):
        read(b"x,y\n1,2\n", pa.schema([("x", pa.int64())]))


def test_rows_come_as_they_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "_PIECE", 4)
    reader = CsvBatches()
    reader.head(HEAD)
    assert [batch.to_pydict() for batch in reader.feed(b'x\n1\n"2\n')] == [{"x": ["1"]}]
    assert [batch.to_pydict() for batch in reader.feed(b'3"\n4')] == [{"x": ["2\n3"]}]
    assert [batch.to_pydict() for batch in reader.finish()] == [{"x": ["4"]}]


def test_a_quote_that_nobody_closes_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "_MOST_ROW", 1000)
    reader = CsvBatches()
    reader.feed(b'x\n"')
    for _ in range(19):
        reader.feed(b"\n" * 50)
    with pytest.raises(Unreadable, match="a row of more than"):
        reader.feed(b"\n" * 50)


def test_what_is_typed_already_stays() -> None:
    table = pa.table({"a": pa.array([1], pa.int16()), "b": ["2"]})
    found = typed(table, pa.schema([("a", pa.int64()), ("b", pa.int64())]))
    assert [str(kind) for kind in found.schema.types] == ["int16", "int64"]
