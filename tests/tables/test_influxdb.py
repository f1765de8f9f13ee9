"""The decoder: the same table however the network slices the answer, and an error for whatever is not one."""

import math
from typing import Any

import msgpack
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skykey.tables.end import End
from skykey.tables.influxdb import InfluxBatches, InfluxTable, joined
from skykey.tables.table import Table
from skykey.values.errors import Interrupted, QueryError, SkykeyError, Unreadable
from skykey.values.url import Url
from skykey.wire.request import Head

HEAD = Head(200, {"content-type": "application/x-msgpack"}, Url("https://a.example/query"))
NS = 1_750_000_000_000_000_000


def packed(*documents: Any) -> bytes:
    return b"".join(msgpack.packb(document) for document in documents)


def result(*series: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"results": [{"statement_id": 0, "series": list(series), **more}]}


def series(values: list[list[Any]], *columns: str, tags: dict[str, str] | None = None, name: str = "t") -> Any:
    return {"name": name, "columns": list(columns), "values": values, **({"tags": tags} if tags else {})}


def read(data: bytes, sizes: list[int] | None = None, types: Any = None) -> Table:
    reader = InfluxTable(types)
    reader.head(HEAD)
    at = 0
    for size in sizes or ():
        reader.feed(data[at : at + size])
        at += size
    if at < len(data):
        reader.feed(data[at:])
    return reader.finish()


# -- whole answers

CELLS: dict[str, Any] = {
    "integer": st.none() | st.integers(-(2**63), 2**63 - 1),
    "float": st.none() | st.floats(allow_nan=False),
    "string": st.none() | st.text(),
    "boolean": st.none() | st.booleans(),
}
TYPES = {"integer": pa.int64(), "float": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}


@st.composite
def answers(draw: Any) -> tuple[list[Any], list[list[Any]], list[str]]:
    kinds = draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=4))
    row = st.tuples(st.integers(0, 2**62), *(CELLS[kind] for kind in kinds)).map(list)
    parts = draw(st.lists(st.lists(row, min_size=1, max_size=5), min_size=1, max_size=4))
    columns = ["time", *(f"c{number}" for number in range(len(kinds)))]
    documents = [
        result(series(part, *columns), **({"partial": True} if number < len(parts) - 1 else {}))
        for number, part in enumerate(parts)
    ]
    return documents, [cells for part in parts for cells in part], kinds


@given(answers(), st.lists(st.integers(1, 40), max_size=60))
@settings(deadline=None, max_examples=150)
def test_the_same_table_whatever_the_slicing(answer: Any, sizes: list[int]) -> None:
    documents, rows, kinds = answer
    types = {f"c{number}": TYPES[kind] for number, kind in enumerate(kinds)}
    data = packed(*documents)
    table = read(data, sizes, types)
    assert table.arrow.equals(read(data, None, types).arrow)
    assert table.arrow.schema.types == [pa.timestamp("ns", "UTC"), *types.values()]
    assert table.arrow["time"].cast(pa.int64()).to_pylist() == [row[0] for row in rows]
    for number in range(len(kinds)):
        assert table.arrow[f"c{number}"].to_pylist() == [row[number + 1] for row in rows]
    assert table.end == End(complete=True, rows=len(rows))


@given(answers())
@settings(deadline=None, max_examples=40)
@example(([result(series([[1, 1.5]], "time", "c0"), partial=True), result(series([[2, 2.5]], "time", "c0"))], [], []))
def test_every_truncation_point_is_an_error(answer: Any) -> None:
    """Never a short table."""
    data = packed(*answer[0])
    for cut in range(len(data)):
        with pytest.raises(Interrupted):
            read(data[:cut])


def test_every_truncation_of_a_late_error_is_an_error() -> None:
    """The table in front of it is whole by itself."""
    whole = packed(result(series([[1, 1.5]], "time", "x")))
    data = whole + packed({"error": "timeout"})
    for cut in range(len(whole) + 1, len(data)):
        with pytest.raises(Interrupted):
            read(data[:cut])
    with pytest.raises(QueryError, match="timeout"):
        read(data)


@given(st.binary(max_size=60))
@settings(deadline=None, max_examples=300)
@example(b"\x80")
@example(b"\x81\xa7results\xc0")
@example(b"\x81\xa7results\x91\xc0")
@example(b"\xc1")
@example(packed(result(series([[1]], "time", "x"))))
@example(packed(result(series([[1, 2**64 - 1]], "time", "x"))))
@example(packed(result(series([[2**64 - 1]], "time"))))
@example(packed(result(series([["noon"]], "time"))))
@example(packed(result(series([[1, "a"], [2, 1.5]], "time", "x"))))
@example(packed(result(series([[1, {"a": 1}], [2, "x"]], "time", "x"))))
@example(packed(result(series([[1, msgpack.ExtType(5, b"12345678")]], "time", "x"))))
@example(b"\x91" * 2000)
def test_nonsense_is_an_error_of_ours_or_a_table(data: bytes) -> None:
    try:
        table = read(data)
    except SkykeyError:
        return
    assert len(table) >= 0


def test_integers_keep_every_digit() -> None:
    values = [2**53 + 1, -(2**63), 2**63 - 1, None]
    table = read(packed(result(series([[n, value] for n, value in enumerate(values)], "time", "x"))))
    assert table.arrow["x"].type == pa.int64()
    assert table.arrow["x"].to_pylist() == values


def test_an_integer_piece_among_float_ones_is_float() -> None:
    """1.0 comes as a float; only a server that casts mixes both."""
    parts = [result(series([[1, 1]], "time", "x"), partial=True), result(series([[2, 1.5]], "time", "x"))]
    assert read(packed(*parts)).arrow["x"].to_pylist() == [1.0, 1.5]


def test_floats_keep_what_is_not_a_number() -> None:
    table = read(packed(result(series([[1, float("inf")], [2, float("nan")], [3, None]], "time", "x"))))
    found = table.arrow["x"].to_pylist()
    assert found[0] == math.inf
    assert math.isnan(found[1])
    assert found[2] is None


def test_strings_and_booleans_are_what_they_were() -> None:
    rows = [[1, "", True], [2, "ä\x00b", False], [3, None, None], [4, "1", None]]
    table = read(packed(result(series(rows, "time", "s", "b"))))
    assert table.arrow["s"].to_pylist() == ["", "ä\x00b", None, "1"]
    assert table.arrow["b"].to_pylist() == [True, False, None, None]
    assert (table.arrow["s"].type, table.arrow["b"].type) == (pa.string(), pa.bool_())


def test_a_column_of_nulls_takes_the_type_of_the_schema_or_of_the_other_pieces() -> None:
    nulls, numbers = series([[1, None]], "time", "x"), series([[2, 5]], "time", "x")
    assert read(packed(result(nulls)), types={"x": pa.int64()}).arrow["x"].type == pa.int64()
    together = read(packed(result(nulls, partial=True), result(numbers))).arrow["x"]
    assert (together.type, together.to_pylist()) == (pa.int64(), [None, 5])


def test_every_series_comes_back_with_its_tags_and_rows_in_wire_order() -> None:
    """rubin_nights keeps the first and loses the others."""
    parts = [
        series([[1, 1.0], [2, 2.0]], "time", "x", tags={"salIndex": "1", "band": "g"}),
        series([[1, 3.0]], "time", "x", tags={"salIndex": "2", "band": ""}),
    ]
    for documents in ([result(*parts)], [result(part, partial=part is parts[0]) for part in parts]):
        table = read(packed(*documents)).arrow
        assert table.column_names == ["time", "band", "salIndex", "x"]
        assert table.to_pylist()[2]["salIndex"] == "2"
        assert table["x"].to_pylist() == [1.0, 2.0, 3.0]
        assert table["band"].to_pylist() == ["g", "g", ""]


def test_several_measurements_say_which_row_is_whose() -> None:
    parts = [series([[1, 1.0]], "time", "x", name="a"), series([[1, 2.0]], "time", "y", name="b")]
    table = read(packed(result(*parts))).arrow
    assert table["measurement"].to_pylist() == ["a", "b"]
    assert table["x"].to_pylist() == [1.0, None]
    assert table["y"].to_pylist() == [None, 2.0]


@pytest.mark.parametrize("separate", [False, True])
def test_measurements_with_the_same_columns_are_told_apart(separate: bool) -> None:
    """What differs is in the batches' metadata alone, and pieces are put together by their columns."""
    parts = [series([[1, 1.0]], "time", "x", name="a"), series([[1, 2.0]], "time", "x", name="b")]
    documents = [result(part, partial=part is parts[0]) for part in parts] if separate else [result(*parts)]
    table = read(packed(*documents)).arrow
    assert table.column_names == ["measurement", "time", "x"]
    assert table.to_pydict()["measurement"] == ["a", "b"]


def test_series_of_types_that_do_not_go_together_are_an_error_of_ours() -> None:
    parts = [series([[1, 1.0]], "time", "x", name="a"), series([[1, "b"]], "time", "x", name="b")]
    with pytest.raises(Unreadable, match="do not fit into one table"):
        read(packed(result(*parts)))


def test_the_partial_flag_of_any_result_counts() -> None:
    one = series([[1, 1.0]], "time", "x")
    with pytest.raises(Interrupted, match="after 1 rows"):
        read(packed(result(one, partial=True)))
    assert len(read(packed(result(one, partial=True), result(one, partial=False)))) == 2


def test_an_empty_answer_is_empty_and_says_that_its_columns_are_unknown() -> None:
    table = read(packed({"results": [{"statement_id": 0}]}))
    assert (len(table), table.columns_known, table.end) == (0, False, End(complete=True, rows=0))


@pytest.mark.parametrize(
    "late",
    [
        {"error": "timeout"},
        {"results": [{"statement_id": 0, "error": "timeout"}]},
        {"results": [{"statement_id": 0, "series": [series([[1, 1.0]], "time", "x")], "error": "timeout"}]},
    ],
)
def test_an_error_in_a_later_document_is_an_error(late: Any) -> None:
    with pytest.raises(QueryError, match="timeout"):
        read(packed(result(series([[1, 1.0]], "time", "x"), partial=True), late))


def test_a_second_statement_is_an_error() -> None:
    with pytest.raises(QueryError, match="several statements"):
        read(packed({"results": [{"statement_id": 0}, {"statement_id": 1}]}))


def test_known_types_that_the_values_do_not_have_are_an_error() -> None:
    for value, kind in ((1.5, pa.int64()), ("a", pa.float64()), (2**63, pa.int64()), (1, pa.string())):
        with pytest.raises(Unreadable):
            read(packed(result(series([[1, value]], "time", "x"))), types={"x": kind})


@pytest.mark.parametrize("kind", ["application/json", "text/html", "text/csv", ""])
def test_another_format_is_refused_before_it_is_read(kind: str) -> None:
    with pytest.raises(Unreadable, match="MessagePack was asked for"):
        InfluxTable().head(Head(200, {"content-type": kind}, Url("https://a.example/query?q=secret")))


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("application/x-msgpack", packed({"error": "authorization failed"}), "authorization failed"),
        ("application/x-msgpack", b"\xc1\xff", ""),
        ("application/x-msgpack", packed({"other": 1}), ""),
        ("application/x-msgpack", packed("text"), ""),
        ("application/json", b'{"error":"bad"}', '{"error":"bad"}'),
        ("text/html", b"<html>", ""),
        ("text/plain", b"bad\x1b[31m gateway", "bad [31m gateway"),
    ],
)
def test_the_servers_words_in_the_format_that_was_asked_for(kind: str, body: bytes, words: str) -> None:
    assert InfluxBatches().words(Head(401, {"content-type": kind}, Url("https://a.example")), body) == words


def test_batches_are_passed_on_as_soon_as_they_are_whole() -> None:
    reader = InfluxBatches()
    first, second = packed(result(series([[1, 1.0]], "time", "x"), partial=True)), packed(result())
    assert reader.feed(first[:-1]) == []
    assert len(reader.feed(first[-1:] + second[:3])) == 1
    reader.feed(second[3:])
    assert reader.finish().rows == 1


def test_nothing_joined_is_an_empty_table() -> None:
    assert joined([]).num_rows == 0


def test_columns_of_the_same_name_are_all_there() -> None:
    """The server sends aliases as they were written: ``SELECT f AS a, g AS a, f AS time``."""
    table = read(packed(result(series([[NS, 1.5, 2, 3.5]], "time", "a", "a", "time")))).arrow
    assert table.column_names == ["time", "a", "a_1", "time_1"]
    assert [table.column(name).to_pylist()[0] for name in table.column_names[1:]] == [1.5, 2, 3.5]
    assert table.column("time").cast(pa.int64()).to_pylist() == [NS]


def test_a_tag_called_like_a_field_is_there_beside_it() -> None:
    table = read(packed(result(series([[NS, 1.5]], "time", "x", tags={"x": "a", "t": "b"})))).arrow
    assert table.column_names == ["time", "t", "x_1", "x"]
    assert table.to_pylist()[0] | {"time": 0} == {"time": 0, "t": "b", "x_1": "a", "x": 1.5}


def test_a_tag_that_was_selected_by_name_stands_there_once() -> None:
    table = read(packed(result(series([[NS, "a", 1.5]], "time", "x", "f", tags={"x": "a"})))).arrow
    assert table.column_names == ["time", "x", "f"]


def test_a_field_called_measurement_is_there_beside_the_measurement() -> None:
    answer = result(series([[NS, "a"]], "time", "measurement", name="t"), series([[NS, 1.5]], "time", "f", name="u"))
    table = read(packed(answer)).arrow
    assert table.column_names == ["measurement_1", "time", "measurement", "f"]
    assert table.column("measurement_1").to_pylist() == ["t", "u"]
