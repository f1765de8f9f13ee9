"""The bundled data: complete, small, true to its README, and the same when it goes out and in again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skykey.sandbox.influxdb import bundled, databases, line_protocol
from skykey.sandbox.influxdb.errors import HttpError
from skykey.sandbox.influxdb.line_protocol import Point, line, points
from skykey.sandbox.influxdb.store import Kind, Store

WEEK = 7 * 86_400 * 10**9
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\\n\r"), min_size=1).filter(
    lambda text: text[0] not in "#\t\0" and text != "time"  # a comment, a blank, nothing that 1.6.7 keeps
)
values = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            Point,
            texts,
            st.dictionaries(texts, texts),
            st.dictionaries(texts, values, min_size=1),
            st.integers(-(2**63) + 2, 2**63 - 2),
        )
    )
)
def test_line_protocol_comes_back(written: list[Point]) -> None:
    read = list(points("\n".join(map(line, written))))

    assert read == written
    assert [[type(value) for value in point.fields.values()] for point in read] == [
        [type(value) for value in point.fields.values()] for point in written
    ]


@pytest.mark.parametrize("text", ["m a=1", "m 5", "m,t=1 5", "a=1 5 m", 'm a="x 5', "m a=1 5 6"])
def test_what_is_not_line_protocol_is_an_error(text: str) -> None:
    with pytest.raises(HttpError, match="unable to parse"):
        list(points(text))


@pytest.fixture(scope="module")
def exported() -> dict[str, list[Point]]:
    return {name: [each for batch in line_protocol(name) for each in points(batch)] for name in databases()}


def test_both_sources_are_there() -> None:
    assert databases() == ["efd", "lsst.obsenv", "lsst.prompt", "lsst.scimma"]
    efd = bundled.shared().databases["efd"]
    assert list(efd) == [
        "lsst.sal.ESS.airFlow",
        "lsst.sal.ESS.temperature",
        "lsst.sal.MTMount.azimuth",
        "lsst.sal.MTMount.elevation",
        "lsst.sal.barSubSys.test",
        "lsst.sal.fooSubSys.test",
    ]
    assert {name: column.kind for name, column in efd["lsst.sal.ESS.temperature"].columns.items()} == {
        "numChannels": Kind.INTEGER,
        "salIndex": Kind.INTEGER,
        "sensorName": Kind.STRING,
        **{f"temperatureItem{n}": Kind.FLOAT for n in range(4)},
    }


def test_the_recorded_sample_is_unchanged(exported: dict[str, list[Point]]) -> None:
    recorded = list(points((bundled.DATA / "efd_sample.lp").read_text()))
    stored = [point for point in exported["efd"] if "SubSys" in point.measurement]

    assert len(stored) == 1200
    assert sorted(map(line, stored)) == sorted(
        line(Point(point.measurement, point.tags, dict(sorted(point.fields.items())), point.time)) for point in recorded
    )


def test_the_night_is_small() -> None:
    assert (bundled.DATA / "night.parquet").stat().st_size <= 1_000_000


def test_every_topic_lies_in_one_shard(exported: dict[str, list[Point]]) -> None:
    # 1.6.7 knows fields by the week: while a topic keeps to one, its columns do not depend on the time range.
    weeks = {(name, point.measurement, point.time // WEEK) for name, found in exported.items() for point in found}

    assert len(weeks) == len({week[:2] for week in weeks}) == 9


def test_no_two_points_of_a_topic_share_a_time(exported: dict[str, list[Point]]) -> None:
    # 1.6.7 leaves their order to chance where no tag is asked for, so there would be no right answer.
    for found in exported.values():
        assert len({(point.measurement, point.time) for point in found}) == len(found)


def test_a_night_that_an_observer_would_know(exported: dict[str, list[Point]]) -> None:
    night = exported["efd"]
    elevation = [point for point in night if point.measurement == "lsst.sal.MTMount.elevation"]
    positions = [point.fields["actualPosition"] for point in elevation]

    assert len(elevation) > 42_000
    assert all(isinstance(each, float) and 20 < each < 90 for each in positions)
    # Tracking is slow, slewing quick, and most of the night is tracking.
    speeds = [abs(float(point.fields["demandVelocity"])) for point in elevation]
    assert sum(speed < 0.005 for speed in speeds) > 0.7 * len(speeds)
    assert 1 < max(speeds) < 6
    # Some sensor values are missing.
    temperatures = [point for point in night if point.measurement == "lsst.sal.ESS.temperature"]
    assert any("temperatureItem0" not in point.fields for point in temperatures)


def test_nothing_outside_is_within_reach_of_the_database() -> None:
    cursor = bundled.shared().cursor()
    for statement in (
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/skykey-must-not-exist'",
        "ATTACH '/tmp/skykey-must-not-exist.db'",
        "SET enable_external_access = true",
    ):
        with pytest.raises(Exception, match=r"(?i)permission|disabled|locked|configuration"):
            cursor.execute(statement)
    cursor.close()


def test_names_that_differ_in_case_stay_apart() -> None:
    store = Store()
    store.load_points("d", "M a=1,A=2i 1\nm a=true 1")

    assert list(store.line_protocol("d")) == ["M A=2i,a=1.0 1", "m a=true 1"]
