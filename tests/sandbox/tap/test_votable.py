"""What is written down, read by a second reader: astropy for VOTables, pyarrow for Parquet, csv for CSV."""

import csv
import io
import math
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io.votable import parse, parse_single_table
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st

from skykey.sandbox.consdb.engine import Engine
from skykey.sandbox.tap.adqlerror import AdqlError
from skykey.sandbox.tap.answers import Answer, answered
from skykey.sandbox.tap.formats import written as in_format
from skykey.sandbox.tap.switches import Switches
from skykey.sandbox.tap.uploads import Upload, read
from skykey.sandbox.tap.votable import Field, written

BEGIN = datetime.fromisoformat("1900-01-01")
ONE = "from cdb_lsstcam.visit1 where visit_id = 2026032000120"
FIELDS = [
    Field("flag", "boolean"),
    Field("small", "short"),
    Field("middle", "int", unit="deg", ucd="meta.id", description='what <it> "is" & was'),
    Field("large", "long"),
    Field("single", "float"),
    Field("double", "double"),
    Field("ascii", "char", "*"),
    Field("free", "unicodeChar", "*"),
    Field("when", "char", "*", "timestamp"),
]
# What XML holds; astropy drops a text's blanks and ends at a NUL.
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"], max_codepoint=0xFFFD), max_size=8)
ROW = st.tuples(
    st.none() | st.booleans(),
    st.none() | st.integers(-(2**15), 2**15 - 1),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(width=32),
    st.none() | st.floats(),
    st.none() | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8),
    st.none() | TEXT,
    st.none() | st.datetimes(BEGIN, BEGIN + timedelta(days=100_000)).map(lambda each: each.replace(fold=0)),
)


def document(rows: list[tuple[Any, ...]], *, binary: bool, pieces: int = 2) -> bytes:
    batches = iter([rows[:pieces], rows[pieces:]]) if rows else iter([])
    return b"".join(written(Answer(FIELDS, "", 100, batches), binary=binary))


def same(cell: Any, value: Any) -> bool:
    """Compare a cell of astropy's with what was written; a null of a number is masked, of a text empty."""
    if value is None:
        return (
            cell is np.ma.masked
            or (isinstance(cell, str) and not cell)
            or (isinstance(cell, float) and math.isnan(cell))
        )
    if isinstance(value, float) and math.isnan(value):
        return cell is np.ma.masked or math.isnan(cell)
    return bool(cell == (value.isoformat() if isinstance(value, datetime) else value))


@pytest.mark.parametrize("binary", [False, True])
@given(rows=st.lists(ROW, max_size=6))
def test_astropy_reads_every_datatype(binary: bool, rows: list[tuple[Any, ...]]) -> None:
    rows = [(*row[:7], row[7] if row[7] is None or row[7].isprintable() else "x", row[8]) for row in rows]
    table = parse_single_table(io.BytesIO(document(rows, binary=binary)))
    assert [(f.name, f.datatype) for f in table.fields] == [(f.name, f.datatype) for f in FIELDS]
    assert len(table.array) == len(rows)
    for number, row in enumerate(rows):
        for field, value in zip(FIELDS, row, strict=True):
            cell = table.array[field.name][number]
            assert same(cell, value), (field, cell, value)


@pytest.mark.parametrize("binary", [False, True])
def test_hard_values_and_what_is_said_of_columns(binary: bool) -> None:
    row = (
        True,
        -(2**15),
        2**31 - 1,
        2**63 - 1,
        math.inf,
        -math.inf,
        'a<b&"c"]]>',
        "95 % — è\n\r\U0001d6fc",
        BEGIN,
    )
    found = parse(io.BytesIO(document([row, (None,) * 9], binary=binary)))
    table = found.get_first_table()
    for field, value in zip(FIELDS, row, strict=True):
        assert table.array[field.name][0] == (value.isoformat() if isinstance(value, datetime) else value)
    assert table.array["large"].dtype == np.int64
    middle = table.fields[2]
    assert (str(middle.unit), middle.ucd, middle.description) == ("deg", "meta.id", 'what <it> "is" & was')
    assert table.fields[8].xtype == "timestamp"
    assert [(info.name, info.value) for info in found.resources[0].infos] == [("QUERY_STATUS", "OK")]


@pytest.mark.parametrize("binary", [False, True])
def test_an_empty_table_keeps_its_columns(binary: bool) -> None:
    table = parse_single_table(io.BytesIO(document([], binary=binary)))
    assert ([field.name for field in table.fields], len(table.array)) == ([field.name for field in FIELDS], 0)


def test_null_and_the_empty_text_differ_where_they_can() -> None:
    rows = [(None,) * 6 + ("", "", None), (None,) * 9]
    assert read("t", document(rows, binary=True)).columns[6:] == [["", None], ["", None], [None, None]]
    assert read("t", document(rows, binary=False)).columns[6:] == [[None, None]] * 3


def test_what_xml_cannot_hold_is_replaced() -> None:
    row = (None,) * 7 + ("a\x00b\x0bc\ufffe", None)
    table = parse_single_table(io.BytesIO(document([row], binary=False)))
    assert table.array["free"][0] == "a\ufffdb\ufffdc\ufffd"


@given(rows=st.lists(ROW, max_size=5))
def test_csv_is_read_back(rows: list[tuple[Any, ...]]) -> None:
    answer = Answer(FIELDS, "", 100, iter([rows]))
    for alias, mark in (("csv", ","), ("tsv", "\t")):
        answer.batches = iter([rows])
        text = b"".join(in_format(answer, alias, None, None, Switches())).decode()  # type: ignore[arg-type]
        found = list(csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True))
        assert found[0] == [field.name for field in FIELDS]
        assert [row[7] for row in found[1:]] == [row[7] or "" for row in rows]
        assert [row[3] for row in found[1:]] == ["" if row[3] is None else str(row[3]) for row in rows]
        assert [row[8] for row in found[1:]] == [row[8].isoformat() if row[8] else "" for row in rows]


def test_csv_tells_null_from_the_empty_text() -> None:
    answer = Answer(FIELDS[6:8], "", 100, iter([[("", None), ('a"b', "c,d")]]))
    text = b"".join(in_format(answer, "csv", None, None, Switches()))  # type: ignore[arg-type]
    assert text == b'ascii,free\n"",\n"a""b","c,d"\n'


def parquet(engine: Engine, query: str, limit: int = 1000) -> pa.Table:
    cursor = engine.open()
    try:
        answer = answered(cursor, query, limit, {}, Switches())
        return pq.read_table(io.BytesIO(b"".join(in_format(answer, "parquet", cursor, engine.folder, Switches()))))
    finally:
        engine.close(cursor)


def test_parquet_has_types_nulls_and_votable_metadata(engine: Engine) -> None:
    query = "select top 300 visit_id, seq_num as n, s_ra, focus_z, emulated, obs_start, scheduler_note, 1.5 as x, "
    query += "count(*) as c from cdb_lsstcam.exposure group by visit_id, seq_num, s_ra, focus_z, emulated, obs_start, "
    query += "scheduler_note order by obs_start"
    table = parquet(engine, query.replace("visit_id", "exposure_id"))
    assert [str(field.type) for field in table.schema] == [
        *("int64", "int32", "double", "double", "bool", "timestamp[us]", "string", "double", "int64")
    ]
    assert table.num_rows == 300
    assert table["s_ra"].null_count
    assert table["scheduler_note"].null_count
    metadata = table.schema.metadata
    assert metadata[b"IVOA.VOTable-Parquet.version"] == b"1.0"
    described = parse(io.BytesIO(metadata[b"IVOA.VOTable-Parquet.content"]))
    fields = described.get_first_table().fields
    assert [field.name for field in fields] == table.schema.names
    assert (str(fields[2].unit), fields[2].ucd, fields[5].xtype) == ("deg", "pos.eq.ra", "timestamp")
    assert [info.value for info in described.resources[0].infos] == ["OK"]
    assert not list(engine.folder.iterdir())


def test_parquet_of_nothing_and_of_one_name_twice(engine: Engine) -> None:
    table = parquet(
        engine, "select a.band, b.band, 'it''s' as q from cdb_latiss.visit1 a, cdb_latiss.visit1 b where 1 = 0"
    )
    assert (table.num_rows, table.num_columns) == (0, 3)
    content = table.schema.metadata[b"IVOA.VOTable-Parquet.content"].decode()
    assert content.count('name="band"') == 2


@pytest.mark.parametrize("serialization", ["tabledata", "binary2"])
@given(rows=st.lists(ROW, min_size=1, max_size=5))
def test_an_upload_comes_back_as_it_went(engine: Engine, serialization: str, rows: list[tuple[Any, ...]]) -> None:
    upload = read("mine", document(rows, binary=serialization == "binary2"))
    assert [(f.name, f.datatype, f.unit, f.ucd) for f in upload.fields] == [
        (f.name, f.datatype, f.unit, f.ucd) for f in FIELDS
    ]
    cursor = engine.open()
    try:
        answer = answered(cursor, "select * from TAP_UPLOAD.mine", 100, {"mine": upload}, Switches())
        found = [row for batch in answer.batches for row in batch]
        kinds = [field.datatype for field in answer.fields]
    finally:
        engine.close(cursor)
    assert kinds == [field.datatype for field in FIELDS]
    if serialization == "tabledata":  # an empty text is a null there
        rows = [(*row[:6], row[6] or None, row[7] or None, row[8]) for row in rows]
        rows = [tuple(None if isinstance(v, float) and math.isnan(v) else v for v in row) for row in rows]
        found = [tuple(None if isinstance(v, float) and math.isnan(v) else v for v in row) for row in found]
    assert repr(found) == repr([tuple(row) for row in rows])


@pytest.mark.parametrize("form", ["tabledata", "binary2"])
def test_an_upload_of_astropys(form: str) -> None:
    table = Table({"id": np.array([1, 2]), "x": np.ma.array([1.5, 0], mask=[False, True]), "s": ["ä", "b"]})
    content = io.BytesIO()
    table.write(content, format="votable", tabledata_format=form)
    upload = read("t", content.getvalue())
    assert [field.name for field in upload.fields] == ["id", "x", "s"]
    assert upload.columns[0] == [1, 2]
    assert upload.columns[1][0] == 1.5
    assert upload.columns[1][1] is None or math.isnan(upload.columns[1][1])
    assert upload.columns[2] == ["ä", "b"]


HEAD, FOOT = b"<VOTABLE><RESOURCE><TABLE>", b"</TABLE></RESOURCE></VOTABLE>"
NUMBER = b'<FIELD name="a" datatype="int"/><DATA>'
LETTERS = b'<FIELD name="a" datatype="char" arraysize="*"/><DATA>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read"),
        (b"<VOTABLE/>", "no table"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><VOTABLE/>', "DTD"),
        (HEAD + b'<FIELD name="a" datatype="bit"/>' + FOOT, "datatype bit"),
        (HEAD + b'<FIELD name="a" datatype="int" arraysize="3"/>' + FOOT, "arrays"),
        (HEAD + b'<FIELD name="a" datatype="int"/><DATA><BINARY><STREAM/></BINARY></DATA>' + FOOT, "neither"),
        (HEAD + NUMBER + b"<TABLEDATA><TR><TD>x</TD></TR></TABLEDATA></DATA>" + FOOT, "cannot be read"),
        (HEAD + NUMBER + b"<TABLEDATA><TR/></TABLEDATA></DATA>" + FOOT, "cannot be read"),
        (HEAD + NUMBER + b"<BINARY2><STREAM>AAAA</STREAM></BINARY2></DATA>" + FOOT, "cannot be read"),
        (HEAD + LETTERS + b"<BINARY2><STREAM>AAAAAAU=</STREAM></BINARY2></DATA>" + FOOT, "too early"),
    ],
)
def test_a_bad_upload_is_an_error_of_the_user(content: bytes, words: str) -> None:
    with pytest.raises(AdqlError, match=words):
        read("mine", content)


def test_an_upload_that_no_table_can_be_made_of(rows: Any) -> None:
    for fields, column in (((Field("a", "int"),) * 2, [1]), ((Field("a", "int"),), [2**40])):
        with pytest.raises(AdqlError):
            rows("select * from TAP_UPLOAD.mine", uploads={"mine": Upload("mine", fields, [column] * len(fields))})


def test_an_upload_is_this_questions_only(engine: Engine, rows: Any) -> None:
    upload = Upload("mine", (Field("a", "int"),), [[1]])
    assert rows("select mine.a, TAP_UPLOAD.mine.a from TAP_UPLOAD.Mine", uploads={"mine": upload}) == [(1, 1)]
    with pytest.raises(AdqlError, match="not found"):
        rows("select a from TAP_UPLOAD.mine")
    assert rows(f"select 1 {ONE}") == [(1,)]
