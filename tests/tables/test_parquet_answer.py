"""Parquet from TAP services: the columns of a VOTable, or an error; never a file without its end."""

import contextlib
import datetime as dt
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skykey.tables import parquet_answer
from skykey.tables.end import End
from skykey.tables.parquet_answer import ParquetReader, ParquetRows
from skykey.values.errors import Interrupted, QueryError, SkykeyError, Unreadable
from skykey.values.url import Url
from skykey.wire.request import Head

HEAD = Head(200, {"content-type": "application/vnd.apache.parquet"}, Url("https://a.example/tap/sync?q=secret"))
INT = '<FIELD name="x" datatype="int" unit="m" ucd="phys.size"><DESCRIPTION>how long</DESCRIPTION></FIELD>'


def described(fields: str, infos: str = "") -> dict[bytes, bytes]:
    document = (
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
        f"{infos}<TABLE>{fields}</TABLE></RESOURCE></VOTABLE>"
    )
    return {b"IVOA.VOTable-Parquet.version": b"1.0", b"IVOA.VOTable-Parquet.content": document.encode()}


def status(value: str, text: str = "") -> str:
    return f'<INFO name="QUERY_STATUS" value="{value}">{text}</INFO>'


def file_of(table: pa.Table, metadata: dict[bytes, bytes] | None = None, **more: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), sink, **more)
    return sink.getvalue()


def rows_of(data: bytes, sizes: list[int] | None = None, **more: Any) -> ParquetRows:
    reader = ParquetReader(**more)
    reader.head(HEAD)
    at = 0
    for size in sizes or ():
        assert reader.feed(data[at : at + size]) == ()
        at += size
    reader.feed(data[at:])
    return reader.finish()


def read(data: bytes, **more: Any) -> pa.Table:
    return together(rows_of(data, **more))


def together(rows: ParquetRows) -> pa.Table:
    return pa.concat_tables(list(rows))


NUMBERS = pa.table({"x": pa.array([1, None, 3], pa.int32())})


@given(st.lists(st.integers(0, 300)), st.lists(st.integers(-(2**31), 2**31 - 1) | st.none()))
def test_it_comes_in_pieces_and_is_read_whole(sizes: list[int], values: list[int | None]) -> None:
    table = pa.table({"x": pa.array(values, pa.int32())})
    found = rows_of(file_of(table), sizes)
    assert together(found).column("x").to_pylist() == values
    assert found.end == End(complete=True, rows=len(values))


def test_what_is_said_of_a_column_is_there() -> None:
    found = rows_of(file_of(NUMBERS, described(INT)), time_scale="tai")
    field = together(found).schema.field("x")
    assert field.metadata == {b"unit": b"m", b"ucd": b"phys.size", b"description": b"how long"}
    assert together(found).schema.metadata == {b"time_scale": b"tai"}


def test_without_a_description_it_is_what_the_file_says_and_nothing_about_how_it_was_stored() -> None:
    found = rows_of(file_of(NUMBERS, {b"pandas": b"{}"}))
    assert together(found).schema.field("x").metadata is None
    assert together(found).schema.metadata is None
    assert not found.says_all


@pytest.mark.parametrize(
    ("infos", "end", "says_all"),
    [
        ("", End(complete=True, rows=3), False),
        (status("OK"), End(complete=True, rows=3), True),
        (status("OK") + status("OVERFLOW"), End(complete=False, rows=3, cut_by="the service's row limit"), True),
    ],
)
def test_an_overflow_is_no_end(infos: str, end: End, says_all: bool) -> None:
    found = rows_of(file_of(NUMBERS, described(INT, infos)))
    assert (found.end, found.says_all) == (end, says_all)


def test_an_error_in_the_metadata_is_no_result() -> None:
    with pytest.raises(QueryError) as caught:
        rows_of(file_of(NUMBERS, described(INT, status("OK") + status("ERROR", "disk\x20full"))))
    assert caught.value.words == "disk full"


@given(st.integers(0, 10_000))
def test_a_file_without_its_end_is_cut(at: int) -> None:
    data = file_of(NUMBERS)
    with pytest.raises((Interrupted, Unreadable)):
        rows_of(data[: at % len(data)])


@pytest.mark.parametrize("tail", [b"", b"the database went away", b"PAR"])
def test_a_service_that_fails_in_the_middle_is_noticed(tail: bytes) -> None:
    with pytest.raises(Interrupted):
        rows_of(file_of(NUMBERS)[:-30] + tail)


@pytest.mark.parametrize(
    "data", [b"", b"<VOTABLE/>", b"a,b\n", b"PAR1PAR1PAR1", b"PAR1\xff\xff\xff\xffPAR1", b"PAR1" * 9]
)
def test_what_is_no_file_is_an_error(data: bytes) -> None:
    with pytest.raises((Unreadable, Interrupted)):
        rows_of(data)


@given(st.binary(min_size=1, max_size=40), st.integers(0, 10_000))
@example(b"\x80", 111)  # in a column's name
def test_damage_is_an_error_or_nothing(noise: bytes, at: int) -> None:
    data = bytearray(
        file_of(pa.table({"x": ["some", "words"] * 20}), described('<FIELD name="x" datatype="char" arraysize="*"/>'))
    )
    at %= len(data)
    data[at : at + len(noise)] = noise
    with contextlib.suppress(SkykeyError):
        list(rows_of(bytes(data)))


def test_a_damaged_row_group_is_an_error_where_it_is_read() -> None:
    data = file_of(pa.table({"x": list(range(10_000))}), compression="zstd")
    found = rows_of(data[:4] + b"\xff" * 60 + data[64:])
    with pytest.raises(Unreadable):
        list(found)


@pytest.mark.parametrize("content", [b"no XML", b"<VOTABLE>", b'<!DOCTYPE a [<!ENTITY b "c">]><VOTABLE>&b;</VOTABLE>'])
def test_a_description_that_is_none_is_an_error(content: bytes) -> None:
    with pytest.raises(Unreadable):
        rows_of(file_of(NUMBERS, {b"IVOA.VOTable-Parquet.content": content}))


def test_a_description_of_other_columns_is_an_error() -> None:
    with pytest.raises(Unreadable, match="1 columns, of which 2"):
        rows_of(file_of(NUMBERS, described(INT + INT)))


TIME = 'datatype="char" arraysize="*" xtype="timestamp"'
T = dt.datetime(2026, 3, 20, 12, 0, 0, 500000)  # noqa: DTZ001 - as the service


@pytest.mark.parametrize(
    ("stored", "field", "kind", "values"),
    [
        (pa.array([1, None], pa.int64()), 'datatype="short"', pa.int16(), [1, None]),
        (pa.array([0.5], pa.float64()), 'datatype="float"', pa.float32(), [0.5]),
        (pa.array([b"abc"], pa.binary()), 'datatype="char" arraysize="*"', pa.string(), ["abc"]),
        (pa.array(["abc"], pa.large_string()), 'datatype="char" arraysize="*"', pa.string(), ["abc"]),
        (pa.array(["a", "a"]).dictionary_encode(), 'datatype="char" arraysize="*"', pa.string(), ["a", "a"]),
        (pa.array(["2026-03-20T12:00:00.5", None]), TIME, pa.timestamp("us"), [T, None]),
        (pa.array([T], pa.timestamp("ms", "UTC")), TIME, pa.timestamp("us"), [T]),
        (pa.array([T], pa.timestamp("ns")), TIME, pa.timestamp("us"), [T]),
        (pa.array([[1, 2]], pa.list_(pa.int32())), 'datatype="int" arraysize="*"', pa.list_(pa.int32()), [[1, 2]]),
    ],
)  # fmt: skip
def test_columns_are_those_of_the_same_votable(stored: Any, field: str, kind: Any, values: list[Any]) -> None:
    found = read(file_of(pa.table({"x": stored}), described(f'<FIELD name="x" {field}/>'))).column("x")
    assert (found.type, found.to_pylist()) == (kind, values)


@pytest.mark.parametrize(
    ("stored", "field"),
    [
        (pa.array([2**40]), 'datatype="int"'),
        (pa.array([1], pa.timestamp("ns")), TIME),
        (pa.array(["noon"]), TIME),
    ],
)
def test_a_value_that_would_have_to_change_is_an_error(stored: Any, field: str) -> None:
    with pytest.raises(Unreadable):
        read(file_of(pa.table({"x": stored}), described(f'<FIELD name="x" {field}/>')))


def test_columns_of_one_name_are_told_apart_by_their_description() -> None:
    fields = '<FIELD name="x" datatype="int"/><FIELD name="x" datatype="int"/>'
    found = rows_of(
        file_of(pa.table({"x": pa.array([1], pa.int32()), "x:1": pa.array([2], pa.int32())}), described(fields))
    )
    assert found.repeated == {"x": ["x", "x_1"]}
    assert together(found).to_pydict() == {"x": [1], "x_1": [2]}


def fields_of(*names: str) -> str:
    return "".join(f'<FIELD name="{name}" datatype="int" unit="{name[:1]}"/>' for name in names)


def test_a_description_in_another_order_goes_by_names() -> None:
    stored = pa.table({"a": pa.array([1], pa.int32()), "b": pa.array([2], pa.int32())})
    found = rows_of(file_of(stored, described(fields_of("b", "a"))))
    assert together(found).to_pydict() == {"a": [1], "b": [2]}
    assert [field.metadata for field in together(found).schema] == [{b"unit": b"a"}, {b"unit": b"b"}]


@pytest.mark.parametrize(
    ("stored", "fields"),
    [
        (["a", "b"], ["a", "c"]),
        (["a", "b"], ["c", "d"]),
        (["a", "b"], ["b", "b"]),
        (["a", "a_1"], ["b", "a"]),
        (["a", "b", "b_1"], ["b", "b", "a"]),
        (["a_1", "b"], ["a", "b"]),
        (["a", "ab"], ["a", "a"]),
        (["a", "b", "b"], ["b", "b", "a"]),
    ],
)
def test_columns_never_get_the_names_of_others(stored: list[str], fields: list[str]) -> None:
    table = pa.Table.from_arrays([pa.array([1], pa.int32())] * len(stored), names=stored)
    with pytest.raises(Unreadable, match="other columns"):
        rows_of(file_of(table, described(fields_of(*fields))))


@pytest.mark.parametrize("second", ["a", "a_1", "a1", "a:2", "a__12"])
def test_a_file_may_number_the_second_column_of_a_name_in_its_way(second: str) -> None:
    data = pa.Table.from_arrays([pa.array([1], pa.int32()), pa.array([2], pa.int32())], names=["A", second])
    found = read(file_of(data, described(fields_of("a", "a"))))
    assert found.to_pydict() == {"a": [1], "a_1": [2]}


def test_no_rows_have_their_columns() -> None:
    found = read(file_of(NUMBERS.slice(0, 0), described(INT)))
    assert (found.num_rows, found.schema.field("x").type) == (0, pa.int32())
    sink = io.BytesIO()
    pq.ParquetWriter(sink, NUMBERS.schema).close()  # not even a row group
    assert read(sink.getvalue()).schema.names == ["x"]


def test_row_groups_are_read_one_by_one() -> None:
    found = rows_of(file_of(pa.table({"x": list(range(10))}), row_group_size=4))
    assert [batch.num_rows for batch in found] == [4, 4, 2]


def test_a_login_page_is_no_file() -> None:
    with pytest.raises(Unreadable, match="login"):
        ParquetReader().head(Head(200, {"content-type": "text/html"}, HEAD.url))


def test_large_files_wait_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_answer, "_IN_MEMORY", 100)
    table = pa.table({"x": [str(n) * 9 for n in range(1000)]})
    found = rows_of(file_of(table))
    assert found._spool.file._rolled
    assert together(found).to_pydict() == table.to_pydict()
