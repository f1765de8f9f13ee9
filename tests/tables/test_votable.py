"""VOTables as services send them: what is said of columns is there, and what is no whole answer is an error."""

import base64
import datetime as dt
import struct
from typing import Any
from xml.sax.saxutils import escape

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skykey.tables import votable
from skykey.tables.end import End
from skykey.tables.table import Table
from skykey.tables.votable import VOTableBatches
from skykey.tables.votable_binary import BinaryRows
from skykey.tables.votable_document import VOTableDocument, plain_rows
from skykey.tables.votable_fields import BadVOTable, VOField
from skykey.values.errors import Interrupted, QueryError, SkykeyError, Unreadable
from skykey.values.url import Url
from skykey.wire.request import Head
from tests.tables.collecting import collected

HEAD = Head(200, {"content-type": "application/x-votable+xml"}, Url("https://a.example/tap/sync?q=secret"))
OK = '<INFO name="QUERY_STATUS" value="OK"/>'
OVERFLOW = '<INFO name="QUERY_STATUS" value="OVERFLOW"/>'
INT = '<FIELD name="x" datatype="int"/>'


def answer(fields: str, data: str, *, before: str = OK, after: str = "", table: str = "") -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results">{before}<TABLE {table}>{fields}<DATA>{data}</DATA></TABLE>{after}'
        "</RESOURCE></VOTABLE>"
    ).encode()


def cells(*rows: list[str]) -> str:
    texts = ("".join(f"<TD>{cell}</TD>" for cell in row) for row in rows)
    return f"<TABLEDATA>{''.join(f'<TR>{text}</TR>' for text in texts)}</TABLEDATA>"


def stream(data: bytes, kind: str = "BINARY2", text: str | None = None) -> str:
    return f'<{kind}><STREAM encoding="base64">{text or base64.b64encode(data).decode()}</STREAM></{kind}>'


def read(data: bytes, sizes: list[int] | None = None, **more: Any) -> Table:
    reader = VOTableBatches(**more)
    reader.head(HEAD)
    return collected(reader, data, sizes or ())


def column(field: str, *texts: str) -> Any:
    return read(answer(f'<FIELD name="x" {field}', cells(*([text] for text in texts)))).arrow["x"]


# -- what columns hold


@pytest.mark.parametrize(
    ("field", "texts", "kind", "values"),
    [
        ('datatype="boolean"/>', ["T", "f", "1", "0", "?", "", "true"], pa.bool_(), [1, 0, 1, 0, None, None, 1]),
        ('datatype="bit"/>', ["1", "0", ""], pa.bool_(), [True, False, None]),
        ('datatype="unsignedByte"/>', ["255", "0xFF", ""], pa.uint8(), [255, 255, None]),
        ('datatype="short"/>', ["-32768", " 7 ", "+5"], pa.int16(), [-32768, 7, 5]),
        ('datatype="int"><VALUES null="-1"/></FIELD>', ["-1", "2", ""], pa.int32(), [None, 2, None]),
        (
            'datatype="long"/>',
            [str(2**63 - 1), str(-(2**63)), str(2**53 + 1)],
            pa.int64(),
            [2**63 - 1, -(2**63), 2**53 + 1],
        ),
        (
            'datatype="float"/>',
            ["0.1", "-Inf", "", "3.4028235e38"],
            pa.float32(),
            [struct.unpack("f", struct.pack("f", 0.1))[0], -float("inf"), None, (2 - 2**-23) * 2.0**127],
        ),
        (
            'datatype="double"/>',
            ["0.1", "1e300", " 2. ", "+Inf", ""],
            pa.float64(),
            [0.1, 1e300, 2.0, float("inf"), None],
        ),
        ('datatype="double"><VALUES null="NaN"/></FIELD>', ["NaN", "1"], pa.float64(), [None, 1.0]),
        ('datatype="double"><VALUES null="-99"/></FIELD>', ["-99.0", "1"], pa.float64(), [None, 1.0]),
        ('datatype="char" arraysize="*"/>', ["a&lt;b", "", " x ", "1"], pa.string(), ["a<b", None, " x ", "1"]),
        ('datatype="unicodeChar" arraysize="8*"/>', ["ä&#x1F600;&#10;"], pa.string(), ["ä😀\n"]),
        ('datatype="char"/>', ["Y", ""], pa.string(), ["Y", None]),
        ('datatype="int" arraysize="*"/>', ["1 2", "", "3"], pa.list_(pa.int32()), [[1, 2], None, [3]]),
        ('datatype="int" arraysize="2"><VALUES null="0"/></FIELD>', ["0 2"], pa.list_(pa.int32()), [[None, 2]]),
        ('datatype="double" arraysize="2x2"/>', ["1 2 3 4"], pa.list_(pa.float64()), [[1, 2, 3, 4]]),
        ('datatype="int" arraysize="1"/>', ["5"], pa.int32(), [5]),
    ],
)
def test_cells_become_what_their_field_says(field: str, texts: list[str], kind: Any, values: list[Any]) -> None:
    found = column(field, *texts)
    assert (found.type, found.to_pylist()) == (kind, values)


def test_nan_in_text_stays_nan() -> None:
    (value,) = column('datatype="double"/>', "NaN").to_pylist()
    assert value != value  # noqa: PLR0124 - NaN


@pytest.mark.parametrize("xtype", ["timestamp", "adql:TIMESTAMP"])
@pytest.mark.parametrize("text", ["2025-06-20T23:00:00.5", "2025-06-20 23:00:00.5", "2025-06-20T23:00:00.500000000Z"])
def test_times_are_times(xtype: str, text: str) -> None:
    found = column(f'datatype="char" arraysize="*" xtype="{xtype}"/>', text, "")
    assert found.type == pa.timestamp("us")
    assert found.to_pylist() == [dt.datetime(2025, 6, 20, 23, 0, 0, 500000), None]  # noqa: DTZ001 - as the service


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ('datatype="int"/>', "2147483648"),
        ('datatype="int"/>', "1.5"),
        ('datatype="int"/>', "1_0"),
        ('datatype="int"/>', "x"),
        ('datatype="unsignedByte"/>', "-1"),
        ('datatype="long"/>', "9223372036854775808"),
        ('datatype="long"/>', "9" * 5000),
        ('datatype="short"/>', "0xFFFF"),
        ('datatype="float"/>', "1e39"),
        ('datatype="float"/>', " -3.4028236e38 "),
        ('datatype="double"/>', "1e400"),
        ('datatype="float" arraysize="*"/>', "1 1e39"),
        ('datatype="float"><VALUES null="1e39"/></FIELD>', "1"),
        ('datatype="double"/>', "one"),
        ('datatype="boolean"/>', "maybe"),
        ('datatype="int" arraysize="2"/>', "1 2 3"),
        ('datatype="char" arraysize="*" xtype="timestamp"/>', "noon"),
        ('datatype="char" arraysize="*" xtype="timestamp"/>', "2025-06-20T23:00:00.1234567"),
        ('datatype="doubleComplex"/>', "1 2"),
        ('datatype="string"/>', "a"),
        ('datatype="bit" arraysize="8"/>', "1"),
        ('datatype="char" arraysize="3x2"/>', "abc"),
        ('datatype="int" arraysize="many"/>', "1"),
        ("/>", "1"),
    ],
)
def test_what_a_field_cannot_hold_is_an_error_that_names_it(field: str, text: str) -> None:
    with pytest.raises(Unreadable, match="column x"):
        column(field, text)


def test_what_is_said_of_columns_is_in_the_schema() -> None:
    fields = (
        '<FIELD name="ra" datatype="double" unit="deg" ucd="pos.eq.ra;meta.main" utype="a:b"><DESCRIPTION> Right\n'
        ' ascension </DESCRIPTION></FIELD><FIELD ID="m" datatype="double" arraysize="2x2"/>'
    )
    table = read(answer(fields, cells(["1.5", "1 2 3 4"])), time_scale="tai")
    first, second = table.arrow.schema
    assert first.metadata == {
        b"unit": b"deg",
        b"description": b"Right ascension",
        b"ucd": b"pos.eq.ra;meta.main",
        b"utype": b"a:b",
    }
    assert (second.name, second.metadata) == ("m", {b"arraysize": b"2x2"})
    assert table.to_pandas().attrs["units"] == {"ra": "deg"}
    assert table.time_scale == "tai"


def test_columns_of_one_name() -> None:
    fields = INT + INT + '<FIELD name="y" datatype="int"/>' * 2
    table = read(answer(fields, cells(["1", "1", "2", "3"])))
    assert table.arrow.column_names == ["x", "y", "y_1"]
    assert table.facts == {"repeated_columns": {"x": ["x"], "y": ["y", "y_1"]}}


# -- binary

EVERY = (
    '<FIELD name="b" datatype="boolean"/><FIELD name="s" datatype="char" arraysize="*"/>'
    '<FIELD name="i" datatype="int"><VALUES null="-1"/></FIELD><FIELD name="v" datatype="short" arraysize="*"/>'
    '<FIELD name="d" datatype="double"/><FIELD name="f" datatype="char" arraysize="4"/>'
    '<FIELD name="u" datatype="unicodeChar" arraysize="2"/><FIELD name="l" datatype="float" arraysize="2"/>'
    '<FIELD name="t" datatype="bit"/>'
)
NAN = float("nan")


def row(
    flags: bytes, *, boolean: bytes = b"T", text: bytes = b"abc", integer: int = 7, values: tuple[int, ...] = (1, 2)
) -> bytes:
    return b"".join(
        (
            flags,
            boolean,
            struct.pack(f">I{len(text)}s", len(text), text),
            struct.pack(">i", integer),
            struct.pack(f">I{len(values)}h", len(values), *values),
            struct.pack(">d", NAN if not text else 1.5),
            b"ab\0c",
            "ä\0".encode("utf-16-be"),
            struct.pack(">2f", 0.5, NAN),
            b"\x08",
        )
    )


def test_binary2_has_its_nulls_in_flags() -> None:
    data = row(b"\0\0") + row(b"\xff\x80") + row(b"\0\0", boolean=b"?", text=b"", integer=-1, values=())
    found = read(answer(EVERY, stream(data))).arrow.to_pylist()
    assert repr(found[0]) == repr(
        {"b": True, "s": "abc", "i": 7, "v": [1, 2], "d": 1.5, "f": "ab", "u": "ä", "l": [0.5, NAN], "t": True}
    )
    assert found[1] == dict.fromkeys("bsivdfult")
    # Empty is not null here, and NaN is a value.
    assert (found[2]["b"], found[2]["s"], found[2]["i"], found[2]["v"], repr(found[2]["d"])) == (
        None,
        "",
        None,
        [],
        "nan",
    )


def test_binary_has_no_other_nulls_than_empty_and_nan() -> None:
    data = row(b"") + row(b"", boolean=b"\0", text=b"", integer=-1, values=())
    found = read(answer(EVERY, stream(data, "BINARY"))).arrow.to_pylist()
    assert found[0]["s"] == "abc"
    assert (found[1]["b"], found[1]["s"], found[1]["i"], found[1]["v"], found[1]["d"]) == (None, None, None, None, None)


def test_base64_in_lines_is_the_same() -> None:
    data = b"".join(row(b"\0\0") for _ in range(50))
    text = base64.encodebytes(data).decode().replace("\n", "\r\n    ")
    plain = read(answer(EVERY, stream(data))).arrow
    for sizes in (None, [7] * 2000):
        assert repr(read(answer(EVERY, stream(b"", text=text)), sizes).arrow.to_pylist()) == repr(plain.to_pylist())


@given(
    st.lists(st.tuples(st.binary(max_size=300), st.integers(0, 300), st.integers(0, 9)), min_size=1, max_size=9),
    st.lists(st.integers(1, 900), max_size=9),
    st.booleans(),
)
@example([(b"a" * 255, 31, 1), (b"b" * 256, 32, 2)], [], True)
@settings(deadline=None, max_examples=100)
def test_lengths_of_every_size_are_found(rows: list[Any], sizes: list[int], flagged: bool) -> None:
    """Short ones are read in a faster way, which must notice the first that is not."""
    fields = [
        VOField("a", "unsignedByte", "*"),
        VOField("i", "int"),
        VOField("h", "long", "*"),
        VOField("t", "char", "*"),
    ]
    data = b"".join(
        struct.pack(
            f">{'B' * flagged}I{len(some)}siI{many}qI{few}s",
            *[0] * flagged, len(some), some, many, many, *range(many), few, b"t" * few,
        )
        for some, many, few in rows
    )  # fmt: skip
    reader, at, got = BinaryRows(fields, flagged=flagged), 0, []
    for size in [*sizes, len(data)]:
        count, columns = reader.feed(data[at : at + size], last=at + size >= len(data))
        at += size
        got += zip(*(column.to_pylist() for column in columns), strict=True) if count else []
    null = (lambda value: value) if flagged else (lambda value: value or None)
    assert got == [(null(list(some)), many, null(list(range(many))), null("t" * few)) for some, many, few in rows]
    assert reader.is_between_rows


def test_a_long_row_is_not_gone_through_again_with_each_piece_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    places = BinaryRows._places
    monkeypatch.setattr(BinaryRows, "_places", lambda self, data: (looked.append(len(data)), places(self, data))[1])
    data = b"\0" + struct.pack(">I", 3_000_000) + b"x" * 3_000_000
    reader = BinaryRows([VOField("s", "char", "*")], flagged=True)
    counts = [
        reader.feed(data[at : at + 10_000], last=at + 10_000 >= len(data))[0] for at in range(0, len(data), 10_000)
    ]
    assert sum(counts) == 1
    assert sum(looked) <= 4 * len(data)


def test_a_row_that_is_longer_than_any_is_refused() -> None:
    for data in (b"\0" + struct.pack(">I", 2**31), b"\0\0\0\0\1x\0\xff\xff\xff\xff"):
        with pytest.raises(BadVOTable, match="a row of more than"):
            BinaryRows([VOField("s", "char", "*")], flagged=True).feed(data)


TWO = '<FIELD name="x" datatype="int"/><FIELD name="s" datatype="char" arraysize="*"/>'
WHOLE = b"\0" + struct.pack(">iI", 5, 2) + b"ab"


@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
def test_binary_rows_that_end_in_the_middle_are_an_error(cut: int) -> None:
    """The XML is whole: whoever wrote it lost something."""
    assert len(read(answer(TWO, stream(WHOLE + WHOLE)))) == 2
    with pytest.raises(Unreadable, match="middle of one"):
        read(answer(TWO, stream(WHOLE + WHOLE[:cut])))
    with pytest.raises(Unreadable, match="middle of one"):
        read(answer(INT, stream(b"\0\0\0\0\5\0\0"[: cut % 4 + 1])))


@pytest.mark.parametrize(
    "data",
    [
        stream(b"", text="AAAA!AAA"),
        stream(b"", text="AAAAB"),
        stream(b"", text="AAA=AAAA"),
        stream(b"", text="AAA=" + "A" * 2**20),
        stream(b"", text="AAAA]]&gt;"),
        stream(b"", text="AAA&#228;"),
        stream(b"", text=base64.b64encode(WHOLE[:10]).decode() + base64.b64encode(WHOLE[10:]).decode()),
        stream(b"", text="äAAA"),
        stream(b"\0" + struct.pack(">iI", 5, 2**31)),
        stream(b"\0" + struct.pack(">iI", 5, 1) + b"\xff"),
        '<BINARY2><STREAM encoding="gzip">AAAA</STREAM></BINARY2>',
        '<BINARY2><STREAM href="https://b.example/rows"/></BINARY2>',
        stream(WHOLE) + stream(WHOLE),
        stream(WHOLE)[: -len("</BINARY2>")] + '<STREAM encoding="base64">AAAA</STREAM></BINARY2>',
        '<FITS><STREAM encoding="base64">AAAA</STREAM></FITS>',
        "<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>",
        "<TABLEDATA><TR><TD>1</TD><TD>a</TD><TD>b</TD></TR></TABLEDATA>",
        "<TABLEDATA><TR><TD>1</TD><TD><b>a</b></TD></TR></TABLEDATA>",
        '<TABLEDATA><TR><TD>1</TD><TD>a</TD><TD ID="b">b</TD></TR></TABLEDATA>',
        "<TABLEDATA><TR><TD>1</TD><TD>a</TD></TR><TR></TABLEDATA>",
        '<TABLEDATA><TR><TD encoding="base64">1</TD><TD>a</TD></TR></TABLEDATA>',
        "<TABLEDATA><TD>1</TD><TD>a</TD></TABLEDATA>",
        "<TABLEDATA><TR><TD>1</TD><TD>&nbsp;</TD></TR></TABLEDATA>",
        "<TABLEDATA><TR><TD>1</TD><TD>&#0;</TD></TR></TABLEDATA>",
        "<TABLEDATA><TR><TD>1</TD><TD>&#x110000;</TD></TR></TABLEDATA>",
        "<TABLEDATA><TR><TD>1</TD><TD>\x01</TD></TR></TABLEDATA>",
        "<TABLEDATA><TR><TD>1</TD><TD>]]></TD></TR></TABLEDATA>",
        "<TABLEDATA/><TABLE/>",
    ],
)
def test_damaged_rows_are_an_error(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = answer(TWO, data)
    with pytest.raises(Unreadable):
        read(whole)
    monkeypatch.setattr(votable, "_TEXT", 4)
    with pytest.raises(Unreadable):
        read(whole, [1] * len(whole))


def test_what_comes_behind_the_end_of_base64_is_not_kept() -> None:
    document = answer(TWO, stream(b"", text="AAA=" + "A" * 2**20))
    reader = VOTableBatches()
    kept = []

    def feed() -> None:
        for at in range(0, len(document), 2**16):
            reader.feed(document[at : at + 2**16])
            kept.append(len(reader._base64))

    with pytest.raises(Unreadable, match="behind its end"):
        feed()
    assert max(kept) <= 4


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text,
        lambda text: f"<![CDATA[{text}]]>",
        lambda text: f"{text[:5]}<![CDATA[{text[5:9]}]]>{text[9:]}<!-- > it's -->",
        lambda text: f"<!-- AAAA -->{text[:6]}&#10;&#x9;{text[6:]}<?x y?>",
        lambda text: "\r\n".join(text[at : at + 7] for at in range(0, len(text), 7)),
    ],
)
def test_base64_is_the_same_however_it_is_written(write: Any) -> None:
    """It passes by the parser of XML, but for what is not base64."""
    whole = answer(TWO, stream(b"", text=write(base64.b64encode(WHOLE * 4).decode())))
    for sizes in (None, [1] * len(whole), [13] * len(whole), *([cut] for cut in range(len(whole)))):
        assert read(whole, sizes).arrow["s"].to_pylist() == ["ab"] * 4


def test_base64_in_cdata_may_be_longer_than_any_tag() -> None:
    whole = answer(TWO, stream(b"", text=f"<![CDATA[{base64.b64encode(WHOLE * 20_000).decode()}]]>"))
    for size in (1_000, 65_536, 100_000):
        assert len(read(whole, [size] * (len(whole) // size))) == 20_000


def test_binary_rows_in_the_smallest_pieces_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"".join(row(b"\0\0", text=b"a" * number, values=(number,) * (number % 3)) for number in range(9))
    whole = answer(EVERY, stream(data))
    expected = repr(read(whole).arrow.to_pylist())
    for piece in (4, 40, 100):
        monkeypatch.setattr(votable, "_TEXT", piece)
        assert repr(read(whole, [1] * len(whole)).arrow.to_pylist()) == expected


def test_an_array_without_end_of_two_dimensions_is_refused_in_binary() -> None:
    with pytest.raises(Unreadable, match="column x"):
        read(answer('<FIELD name="x" datatype="int" arraysize="2x*"/>', stream(b"\0\0\0\0\0")))


# -- how answers end


def test_an_overflow_says_that_there_is_more() -> None:
    data = answer(INT, cells(["1"], ["2"]), after=OVERFLOW)
    assert read(data).end == End(complete=False, rows=2, cut_by="the service's row limit")
    assert read(data, limit=2).end == End(complete=False, rows=2, cut_by="the question's limit of 2 rows")
    assert read(data).truncated
    assert read(answer(INT, cells(["1"]), before=OVERFLOW)).truncated
    assert read(answer(INT, cells(["1"])), limit=1).end == End(complete=True, rows=1)


@pytest.mark.parametrize("serialization", [cells(["1"], ["2"]), stream(b"\0\0\0\0\1"), stream(b"\0\0\0\1", "BINARY")])
def test_an_error_behind_the_rows_is_an_error(serialization: str) -> None:
    late = '<INFO name="QUERY_STATUS" value="ERROR">out of\n memory</INFO>'
    with pytest.raises(QueryError, match="out of memory"):
        read(answer(INT, serialization, after=late))


def test_an_error_instead_of_a_table_is_quoted() -> None:
    info = '<INFO name="QUERY_STATUS" value="ERROR">no table <DESCRIPTION>foo</DESCRIPTION></INFO>'
    data = f'<VOTABLE><RESOURCE type="results">{info}</RESOURCE></VOTABLE>'.encode()
    with pytest.raises(QueryError, match="no table foo") as caught:
        read(data)
    assert caught.value.url == "https://a.example/tap/sync"


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        (
            "application/x-votable+xml",
            b'<VOTABLE><INFO name="QUERY_STATUS" value="ERROR">bad &lt;x&gt;</INFO>',
            "bad <x>",
        ),
        ("text/xml", b"<VOTABLE></VOTABLE>", ""),
        ("text/xml", b"<other/>", ""),
        ("application/json", b'{"detail": [{"msg": "no token"}]}', "no token"),
        ("text/plain", b"away", "away"),
        ("text/html", b"<html>", ""),
        ("text/xml", b'<!DOCTYPE x [<!ENTITY a "a">]><VOTABLE>&a;</VOTABLE>', ""),
    ],
)
def test_the_servers_words(kind: str, body: bytes, words: str) -> None:
    assert VOTableBatches().words(Head(400, {"content-type": kind}, Url("https://a.example")), body) == words


def test_as_many_rows_as_the_table_promises() -> None:
    assert len(read(answer(INT, cells(["1"]), table='nrows="1"'))) == 1
    with pytest.raises(Unreadable, match="should have 2"):
        read(answer(INT, cells(["1"]), table='nrows="2"'))


def test_an_empty_table_has_its_columns() -> None:
    for data in ("<TABLEDATA/>", "<TABLEDATA></TABLEDATA>", stream(b"", text=" "), stream(b"", "BINARY", text=" ")):
        table = read(answer(TWO, data))
        assert table.arrow.schema.types == [pa.int32(), pa.string()]
        assert (len(table), table.end) == (0, End(complete=True, rows=0))


def test_no_table_is_no_empty_table() -> None:
    for inside in ("", '<RESOURCE type="results"/>', f'<RESOURCE type="meta"><TABLE>{INT}</TABLE></RESOURCE>'):
        with pytest.raises(Unreadable, match="without a table"):
            read(f"<VOTABLE>{inside}</VOTABLE>".encode())


@pytest.mark.parametrize("body", [b"", b"  ", b"<VOTABLE", b"<VOTABLE>", b"<?xml version='1.0'?>"])
def test_no_document_is_an_interruption(body: bytes) -> None:
    with pytest.raises(Interrupted):
        read(body)


@pytest.mark.parametrize(
    "body", [b"{}", b"<html></html>", b"<VOTABLE></RESOURCE>", b"<VOTABLE/><VOTABLE/>", b"\xff\xfe\x00"]
)
def test_other_documents_are_refused(body: bytes) -> None:
    with pytest.raises(SkykeyError):
        read(body)
    with pytest.raises(Unreadable, match="login page"):
        VOTableBatches().head(Head(200, {"content-type": "text/html"}, Url("https://a.example")))


# -- which table


def test_results_are_found_among_other_resources() -> None:
    other = '<RESOURCE type="meta"><TABLE><FIELD name="m" datatype="int"/><DATA>{}</DATA></TABLE></RESOURCE>'
    more = f"<TABLE><FIELD name='z' datatype='int'/><DATA>{cells(['9'])}</DATA></TABLE>"
    data = answer(INT, cells(["1"]), after=more).decode()
    before, begin, after = data.partition('<RESOURCE type="results">')
    for whole in (before + other.format(cells(["7"])) + begin + after, data):
        table = read(whole.encode())
        assert table.arrow.to_pydict() == {"x": [1]}


def test_a_table_without_a_kind_is_taken_unless_results_follow() -> None:
    plain = f"<RESOURCE><TABLE>{INT}<DATA>{cells(['7'])}</DATA></TABLE></RESOURCE>"
    assert len(read(f"<VOTABLE>{plain}</VOTABLE>".encode())) == 1
    results = f'<RESOURCE type="results"><TABLE>{INT}<DATA>{cells(["7"])}</DATA></TABLE></RESOURCE>'
    with pytest.raises(Unreadable, match="behind a table of another kind"):
        read(f"<VOTABLE>{plain}{results}</VOTABLE>".encode())


# -- XML

LAUGHS = '<!DOCTYPE VOTABLE [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "doctype", [LAUGHS, '<!DOCTYPE VOTABLE SYSTEM "http://b.example/x.dtd">', "<!DOCTYPE VOTABLE>"]
)
def test_document_types_are_refused(doctype: str) -> None:
    with pytest.raises(Unreadable, match="document type"):
        read(f"{doctype}<VOTABLE><INFO>&b;</INFO></VOTABLE>".encode())


def test_depth_and_length_have_an_end() -> None:
    with pytest.raises(Unreadable, match="in one another"):
        read(b"<VOTABLE>" + b"<GROUP>" * 100)
    with pytest.raises(Unreadable, match="too long"):
        read(b"<VOTABLE><DESCRIPTION>" + b"x" * (2**20 + 1))
    with pytest.raises(Unreadable, match="a row of more than"):
        read(
            answer(INT, "<TABLEDATA><TR><TD>")[: -len("</DATA></TABLE></RESOURCE></VOTABLE>")] + b"x" * (16 * 2**20 + 1)
        )


LAYOUTS = {
    "plain": lambda text: text,
    "indented": lambda text: (
        text.replace("<TR>", "\n  <TR>\r\n").replace("<TD>", "\n   <TD>").replace("</TR>", "\n</TR>\n")
    ),
    "prefixed": lambda text: text.replace("</", "</v:").replace("<T", "<v:T"),
    "commented": lambda text: text.replace("<TR>", "<TR><!-- <TR><TD>7</TD><TD>x</TD></TR></TABLEDATA> -->"),
    "begun in a comment": lambda text: text.replace("<TR>", "<!--<TABLEDATA><TR><TD>7</TD><TD>x</TD></TR>--><TR>", 1),
    "instructed": lambda text: text.replace("<TR>", "<?x <TR>?><TR>"),
    "with attributes": lambda text: text.replace("<TD>", '<TD ID="a">'),
    "blank": lambda text: text.replace("<TABLEDATA>", "<TABLEDATA >").replace("</TR>", "</TR >"),
    "closed at once": lambda text: text.replace("<TD></TD>", "<TD />"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@given(
    st.lists(
        st.tuples(st.integers(-9, 9), st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=5)), max_size=6
    ),
    st.lists(st.integers(1, 90), max_size=30),
)
@example([(1, "/>"), (2, "]]>"), (3, "&lt;"), (4, "<TABLEDATA>"), (5, ""), (6, "</TR>")], [])
@settings(deadline=None, max_examples=60)
def test_the_same_rows_in_every_layout(layout: str, rows: list[tuple[int, str]], sizes: list[int]) -> None:
    """What is taken out by a pattern is what the parser would have said."""
    made = LAYOUTS[layout](cells(*([str(number), escape(text)] for number, text in rows)))
    data = answer(TWO, made).replace(b"<VOTABLE ", b'<VOTABLE xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3" ')
    for pieces in (sizes, None, [1] * len(data)):
        found = read(data, pieces).arrow
        assert found.to_pydict() == {"x": [number for number, _ in rows], "s": [text or None for _, text in rows]}


def test_cdata_is_text() -> None:
    table = read(answer(TWO, cells(["1", "<![CDATA[</TR><TABLEDATA>&amp;]]>"], ["2", "a"])))
    assert table.arrow["s"].to_pylist() == ["</TR><TABLEDATA>&amp;", "a"]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_are_read(encoding: str) -> None:
    # In Latin-1 these are bytes that UTF-8 has as well, for other letters.
    data = answer(TWO, cells(["1", "Ã¤"])).decode().replace("UTF-8", encoding.replace("latin-1", "iso-8859-1"))
    for size in (1, 1000):
        raw = data.encode(encoding)
        assert read(raw, [size] * (len(raw) // size)).arrow["s"].to_pylist() == ["Ã¤"]


def test_encodings_that_nobody_reads_are_refused() -> None:
    for encoding in ("TF-8", "big5", "utf-7", "utf-16", "idna", "undefined"):
        data = answer(TWO, cells(["1", "a"])).replace(b"UTF-8", encoding.encode())
        for sizes in (None, [1] * len(data)):
            with pytest.raises(Unreadable):
                read(data, sizes)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_utf16_with_and_without_its_mark(encoding: str) -> None:
    # In these letters the bytes of tags stand.
    text = "\u3c3c\u3e22 '\U0001f600"
    document = answer(TWO, f"<!-- it's > -->{cells(['1', text])}").decode()
    data = document.replace("UTF-8", "UTF-16").encode(encoding)
    for size in (1, 3, 10_000):
        assert read(data, [size] * (len(data) // size)).arrow["s"].to_pylist() == [text]
    for cut in range(1, len(data) - 1, 7):
        with pytest.raises((Interrupted, Unreadable)):
            read(data[:cut])


def test_line_ends_in_cells_are_those_of_xml() -> None:
    found = read(answer(TWO, cells(["1", "a\r\nb\rc&#13;"], ["2", "<![CDATA[a\r\nb]]>"]))).arrow["s"]
    assert found.to_pylist() == ["a\nb\nc\r", "a\nb"]
    assert read(answer(TWO, cells(["1", "a\r\nb\rc&#13;"]))).arrow["s"].to_pylist() == ["a\nb\nc\r"]


class CountingParser:
    """expat, and how many bytes it reads: what it has only the beginning of, it reads again with each piece."""

    def __init__(self, parser: Any) -> None:
        self.__dict__.update(parser=parser, looked=0, fed=0)

    def Parse(self, data: bytes, last: bool = False) -> Any:  # noqa: N802 - expat's name
        self.__dict__["looked"] += len(data) + self.fed - max(0, self.parser.CurrentByteIndex)
        self.__dict__["fed"] += len(data)
        return self.parser.Parse(data, last)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.parser, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.parser, name, value)


class CountingBuffer(bytearray):
    looked = 0

    def find(self, what: Any, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        stop = len(self) if end is None else end
        found = super().find(what, start, stop)
        self.looked += (stop if found < 0 else found + len(what)) - min(start, stop)
        return found

    def rfind(self, what: Any, start: int = 0) -> int:  # type: ignore[override]
        found = super().rfind(what, start)
        self.looked += len(self) - max(found, start)
        return found


OPENED = "<VOTABLE><RESOURCE><TABLE>"
IN_ROWS = f'{OPENED}<FIELD name="x" datatype="char" arraysize="*"/><DATA><TABLEDATA>'
IN_STREAM = f'{OPENED}<FIELD name="x" datatype="char" arraysize="*"/><DATA><BINARY2><STREAM>'


@pytest.mark.parametrize(
    ("begin", "middle"),
    [
        ("<VOTABLE><!--", "x> - <TABLEDATA> '"),
        ("<VOTABLE><!--", "-"),
        ("<?x", "> ' "),
        ('<VOTABLE><INFO a="', "x>"),
        ("<VOTABLE><", "i"),
        ("<VOTABLE><i ", "b='>' "),
        ("<VOTABLE><i>&", "a"),
        ("<VOTABLE>", "<a/>"),
        ("<VOTABLE>", "<!--<-->"),
        ("<VOTABLE>", " "),
        (IN_ROWS, "<TR><TD>1</TD></TR>"),
        (f"{IN_ROWS}<TR>", " "),
        (f"{IN_ROWS}<TR><TD>", "x"),
        (f"{IN_ROWS}<TR><TD>&", "x"),
        (f"{IN_ROWS}<TR><TD><![CDATA[", "]]"),
        (f"{IN_ROWS}<TR><TD><!--", "</TR>"),
        (IN_STREAM, "AAAA"),
        (f"{IN_STREAM}<![CDATA[", "AAAA"),
        (f"{IN_STREAM}&", "A"),
        (f"{IN_STREAM}<!--", "A>"),
    ],
)
@pytest.mark.parametrize(("size", "length"), [(1, 100_000), (65_536, 5_000_000)])
def test_no_piece_is_read_again_and_again(begin: str, middle: str, size: int, length: int) -> None:
    """Work is counted, and not timed: each byte is looked at a few times, however small the pieces are."""
    data = (begin + middle * (length // len(middle))).encode()
    document = VOTableDocument()
    document._expat = parser = CountingParser(document._expat)  # type: ignore[assignment]
    document._buffer = buffer = CountingBuffer()
    try:
        for at in range(0, len(data), size):
            document.feed(data[at : at + size])
    except BadVOTable:
        pass  # a text, or a tag, that is too long
    assert parser.looked <= 3 * len(data) + 200_000
    assert buffer.looked <= 20 * len(data) + 10_000


def fed(*pieces: bytes) -> VOTableDocument:
    document = VOTableDocument()
    for piece in pieces:
        document.feed(piece)
    return document


def test_what_has_begun_is_refused_before_it_fills_the_memory() -> None:
    for begin in (b"<VOTABLE><!--", b"<VOTABLE><?x", b"<VOTABLE a='", b"<VOTABLE>&"):
        with pytest.raises(BadVOTable, match=r"too long|well-formed"):
            fed(begin, *[b"x" * 65_536] * 400)


def test_each_status_is_looked_at_once() -> None:
    """There may be as many as the document has room for."""
    document = answer(INT, cells(["1"]), before=OK * 100)
    reader = VOTableBatches()
    for at in range(0, len(document), 10):
        reader.feed(document[at : at + 10])
    assert reader._heard == len(reader._document.statuses) == 100


def test_plain_rows_are_taken_the_fast_way() -> None:
    assert plain_rows(b"\n <TR>\n<TD>1</TD><TD/></TR>\n", 2) == [["1", ""]]
    document = VOTableDocument()
    document.feed(answer(INT, cells(["1"], ["2"]))[: -len("</DATA></TABLE></RESOURCE></VOTABLE>")])
    assert document.rows == [["1"], ["2"]]
    calls: list[str] = []
    document = VOTableDocument()
    document.start = lambda tag, attributes: (calls.append(tag), VOTableDocument.start(document, tag, attributes))[1]  # type: ignore[method-assign]
    document._hear(all_of_it=True)
    document.feed(answer(INT, cells(["1"], ["2"])))
    assert "TABLEDATA" in calls
    assert "TD" not in calls


@given(st.binary(max_size=40), st.integers(0, 600), st.integers(0, 40))
@settings(deadline=None, max_examples=300)
def test_damage_anywhere_is_an_error_or_a_table(noise: bytes, at: int, length: int) -> None:
    data = answer(TWO, stream(WHOLE * 5))
    try:
        table = read(data[:at] + noise + data[at + length :])
    except SkykeyError:
        return
    assert table.end.rows == len(table)


def test_batches_go_on_as_soon_as_they_are_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(votable, "_PIECE", 2)
    monkeypatch.setattr(votable, "_TEXT", 14)
    for data in (
        cells(*([str(number)] for number in range(5))),
        stream(b"".join(struct.pack(">Bi", 0, n) for n in range(5))),
    ):
        reader, whole = VOTableBatches(), answer(INT, data)
        batches = [batch for at in range(len(whole)) for batch in reader.feed(whole[at : at + 1])]
        assert len(batches) == 3
        assert pa.concat_tables(batches)["x"].to_pylist() == list(range(5))
        assert reader.finish() == End(complete=True, rows=5)
