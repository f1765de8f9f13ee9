"""Values that get lost on the way easily: the sandbox's and, with ``--backend=influxdb``, the real server's.

Everything is written through ``/write`` and read back by ours and by both official clients. These ask in JSON and let
pandas guess the types, so with them integers beside nulls become floats, and -0.0 becomes 0. rubin-nights gives the
first of several series, and takes a question that was killed for one without rows.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from astropy.time import Time

from skykey.rubin.connections import get_clients
from skykey.rubin.influx_query import InfluxQueryClient
from skykey.sandbox import Box, running
from skykey.sandbox.influxdb.line_protocol import Point, line
from skykey.values.errors import Interrupted, QueryError
from tests.rubin import guests
from tests.rubin.guests import plain
from tests.rubin.test_influx_faults import Hasty

HARD, WHOLE, SERIES, LONG = "skykey.hard", "skykey.whole", "skykey.series", "skykey.long"
ARRAY, PLACES = "skykey.array", 12  # place 10 comes after 9, and not after 1
BEGIN, STEP = 1_774_000_000_000_000_001, 10**9 + 1  # no round number of anything but nanoseconds
ROWS: list[dict[str, Any]] = [
    {"f": -0.0, "i": 2**53 + 1, "s": "", "b": True},
    {"f": 1e300, "i": 2**63 - 1, "s": 'say "hi"', "b": False},
    {"f": -5e-324, "i": -(2**63), "s": "two\nlines,\r\n\tone of them with a tab\n"},
    {"f": 1.7976931348623157e308, "s": "a \\ and a \\n, <&> = ü\U0001f52d\u2028'", "b": True},
    {"i": -(2**53) - 1, "s": "null"},
    {"f": 0.1 + 0.2},
    {"f": 1.2345678901234568e20, "i": 0, "s": " ", "b": False},
    {"f": 0.0, "i": -1, "s": "NaN"},
    {"b": True},
]
WHOLES = [2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 0, -1]
# Stamps of the arrays, in seconds TAI, and their samples' distance: all of them exact in a float. The third is late.
STAMPS, DISTANCE = [1_774_000_037.25, 1_774_000_037.625, 1_774_000_047.5], 0.375 / PLACES
BANDS = ["r", "a b", 'c,"d"', "e=f", "ü\U0001f52d", "1"]


def when(number: int) -> int:
    return BEGIN + number * STEP


def everything() -> str:
    written = [Point(HARD, {}, row, when(n)) for n, row in enumerate(ROWS)]
    written += [Point(WHOLE, {}, {"i": value}, when(n)) for n, value in enumerate(WHOLES)]
    # The second tag is missing in half of the series.
    written += [
        Point(SERIES, {"band": band} | ({"visit": "7"} if n % 2 else {}), {"i": n * 10 + row}, when(n + 100 * row))
        for n, band in enumerate(BANDS)
        for row in range(3)
    ]
    written += [
        Point(ARRAY, {}, {"stamp": stamp, **samples("a", row, 0.5), **samples("n", row, 1)}, when(row))
        for row, stamp in enumerate(STAMPS)
    ]
    written += [Point(LONG, {}, {"a": 1.5}, 1), Point(LONG, {}, {"a": 2.5}, 99_999_999_999)]
    return "\n".join(map(line, written))


def samples(name: str, row: int, factor: float) -> dict[str, Any]:
    """One row's places; the very first sample of the floats is missing."""
    numbered = {f"{name}{place}": (row * PLACES + place) * factor for place in range(PLACES)}
    return {key: value for key, value in numbered.items() if (key, row) != ("a0", 0)}


@pytest.fixture(scope="module")
def box(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    real = () if backend == "sandbox" else (backend,)
    with running(tmp_path_factory.mktemp("sandbox"), real=real) as box:
        guests.write(box, "efd", everything())
        yield box


@pytest.fixture(scope="module")
def efd(box: Box) -> Iterator[InfluxQueryClient]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in box.environment().items():
            patch.setenv(name, value)
        yield get_clients()["efd"]


def cells(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): plain(cell) for name, cell in row.items()} for row in frame.astype(object).to_dict("records")]


def times(frame: pd.DataFrame) -> list[int]:
    return pd.DatetimeIndex(frame.index).asi8.tolist()


def instant(count: int) -> str:
    return pd.Timestamp(count, tz="UTC").isoformat()


def streamed(client: InfluxQueryClient, statement: str) -> pd.DataFrame:
    with client.stream(statement) as batches:
        return pd.concat([batch.to_pandas(types_mapper=pd.ArrowDtype) for batch in batches]).set_index("time")


READ: dict[str, Callable[[InfluxQueryClient], pd.DataFrame]] = {
    "query": lambda efd: efd.query(f'SELECT * FROM "{HARD}"'),
    "async_query": lambda efd: asyncio.run(efd.async_query(f'SELECT * FROM "{HARD}"')),
    "stream": lambda efd: streamed(efd, f'SELECT * FROM "{HARD}"'),
    "select_time_series": lambda efd: efd.select_time_series(HARD, "*", instant(BEGIN), instant(when(len(ROWS) - 1))),
    "select_top_n": lambda efd: efd.select_top_n(HARD, "*", 100)[::-1],
}


@pytest.mark.parametrize("way", READ)
def test_every_value_comes_back_as_it_was_written(efd: InfluxQueryClient, way: str) -> None:
    frame = READ[way](efd)
    assert times(frame) == [when(n) for n in range(len(ROWS))]
    # As text, because -0.0 equals 0.0, and True equals 1.
    expected = [{name: repr(row.get(name)) for name in "bfis"} for row in ROWS]
    assert [{name: repr(cell) for name, cell in row.items()} for row in cells(frame)] == expected


def test_nulls_change_no_type(efd: InfluxQueryClient) -> None:
    frame = efd.query(f'SELECT * FROM "{HARD}"')
    assert dict(frame.dtypes.astype(str)) == {"b": "boolean", "f": "float64", "i": "Int64", "s": "str"}
    assert frame.isna().sum().to_dict() == {
        name: sum(name not in row for row in ROWS) for name in "bfis"
    }  # an empty string, "null" and "NaN" are none of them


def test_each_value_is_found_by_its_time(efd: InfluxQueryClient) -> None:
    for number, row in enumerate(ROWS):
        (found,) = cells(efd.select_time_series(HARD, "*", instant(when(number)), instant(when(number))))
        assert {name: repr(found[name]) for name in row} == {name: repr(value) for name, value in row.items()}


def test_whole_numbers_beyond_a_float_stay_whole(efd: InfluxQueryClient) -> None:
    assert efd.query(f'SELECT "i" FROM "{WHOLE}"')["i"].tolist() == WHOLES
    assert efd.select_top_n(WHOLE, ["i"], len(WHOLES))["i"].tolist() == WHOLES[::-1]


def test_all_series_come_with_their_tags(efd: InfluxQueryClient) -> None:
    plain_rows = efd.query(f'SELECT * FROM "{SERIES}"')
    grouped = efd.select_top_n(SERIES, "*", 2)
    assert sorted(set(plain_rows["band"])) == sorted(set(grouped["band"])) == sorted(BANDS)
    assert len(plain_rows) == 3 * len(BANDS)
    assert plain_rows.groupby("band")["i"].apply(list).to_dict() == {
        band: [n * 10, n * 10 + 1, n * 10 + 2] for n, band in enumerate(BANDS)
    }
    assert grouped.groupby("band")["i"].apply(list).to_dict() == {
        band: [n * 10 + 2, n * 10 + 1] for n, band in enumerate(BANDS)
    }
    for n, band in enumerate(BANDS):
        assert {plain(visit) or "" for visit in plain_rows.loc[plain_rows["band"] == band, "visit"]} == {
            "7" if n % 2 else ""
        }


# -- through the official clients


DAYS = [{"t": "2026-03-20T00:00:00"}, {"t": "2026-03-21T23:00:00"}]
EFD_CLIENT: dict[str, list[Any]] = {
    HARD: ["efd", "select_time_series", [HARD, "*", *DAYS], {}],
    WHOLE: ["efd", "select_time_series", [WHOLE, ["i"], *DAYS], {}],
    SERIES: ["efd", "select_top_n", [SERIES, "*", 2], {}],
}
RUBIN_NIGHTS: dict[str, list[Any]] = {
    HARD: ["efd", "query", f'SELECT * FROM "{HARD}" LIMIT 99'],
    WHOLE: ["efd", "query", f'SELECT "i" FROM "{WHOLE}" LIMIT 99'],
    SERIES: ["efd", "query", f'SELECT * FROM "{SERIES}" GROUP BY * ORDER BY time DESC LIMIT 2'],
}
GUESTS = {"lsst-efd-client": (guests.efd_client, EFD_CLIENT), "rubin-nights": (guests.rubin_nights, RUBIN_NIGHTS)}
# Its own pin of numpy ends there.
PINNED = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="lsst-efd-client pins a numpy that ends with Python 3.11"
)


@pytest.fixture(scope="module", params=[pytest.param("lsst-efd-client", marks=PINNED), "rubin-nights"])
def guest(request: pytest.FixtureRequest, box: Box, tmp_path_factory: pytest.TempPathFactory) -> Any:
    ask, questions = GUESTS[request.param]
    return request.param, ask(box, tmp_path_factory.mktemp("guest"), questions)


def close(mine: Any, other: Any) -> bool:
    """Whether a guest has the same, as far as a float and JSON can hold it."""
    mine, other = plain(mine), plain(other)
    if mine is None or other is None or isinstance(mine, (str, bool)):
        return mine is other or (type(mine) is type(other) and bool(mine == other))
    return float(mine) == float(other)


@pytest.mark.interop
def test_the_official_clients_get_the_same_values(efd: InfluxQueryClient, guest: Any) -> None:
    mine, other = efd.query(f'SELECT * FROM "{HARD}"'), guest[1][HARD]
    assert times(mine) == other["index"]
    assert list(mine.columns) == list(other["columns"])
    for name, column in other["columns"].items():
        found = mine[name].astype(object).tolist()
        assert len(found) == len(column)
        assert [pair for pair in zip(found, column, strict=True) if not close(*pair)] == [], name


@pytest.mark.interop
def test_the_official_clients_get_the_same_whole_numbers(efd: InfluxQueryClient, guest: Any) -> None:
    assert guest[1][WHOLE]["columns"]["i"] == WHOLES == efd.query(f'SELECT "i" FROM "{WHOLE}"')["i"].tolist()


@pytest.mark.interop
def test_the_official_clients_get_the_same_series(efd: InfluxQueryClient, guest: Any) -> None:
    name, answers = guest
    mine = efd.select_top_n(SERIES, "*", 2)
    frames = list(answers[SERIES].get("series", {"": answers[SERIES]}).values())
    assert len(frames) == (len(BANDS) if name == "lsst-efd-client" else 1)
    if name == "rubin-nights":
        mine = mine.head(2)
    assert times(mine) == [time for frame in frames for time in frame["index"]]
    for column in ("band", "visit", "i"):
        found = [cell for frame in frames for cell in frame["columns"][column]]
        assert [plain(cell) or "" for cell in mine[column].astype(object)] == [plain(cell) or "" for cell in found]


@pytest.mark.interop
@PINNED
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_samples_of_arrays_are_the_same_to_the_nanosecond(
    efd: InfluxQueryClient, box: Box, tmp_path: Path, rows: int
) -> None:
    since, until = Time(when(0) // 10**9 - 1, format="unix"), Time(when(rows - 1) // 10**9 + 0.5, format="unix")
    named = {"ref_timestamp_col": "stamp"}
    bounds = [{"t": bound.utc.isot} for bound in (since, until)]
    question = ["efd", "select_packed_time_series", [ARRAY, ["a", "n"], *bounds], named]
    other = guests.efd_client(box, tmp_path, {"array": question})["array"]
    mine = efd.select_packed_time_series(ARRAY, ["a", "n"], since, until, **named)
    step = DISTANCE if rows > 1 else 0  # one row does not say how far apart its samples are
    stamps = [STAMPS[n // PLACES] + n % PLACES * step for n in range(rows * PLACES)]
    assert times(mine) == other["index"] == [int((Fraction(stamp) - 37) * 10**9) for stamp in stamps]
    assert mine["times"].tolist() == other["columns"]["times"] == stamps
    assert mine["n"].tolist() == other["columns"]["n"] == list(range(rows * PLACES))
    expected = [None if n == 0 else n / 2 for n in range(rows * PLACES)]
    assert [plain(cell) for cell in mine["a"].astype(object)] == expected
    assert [plain(cell) for cell in other["columns"]["a"]] == expected


# -- killed

# 1e8 rows, which take minutes.
ENDLESS = f'SELECT mean("a") FROM "{LONG}" WHERE time >= 0 AND time <= 100s GROUP BY time(1u) fill(0)'


@pytest.fixture
def killer(box: Box, backend: str) -> Iterator[None]:
    """Kills the long question as soon as it runs; the sandbox, which has no such questions, breaks off an answer."""
    if backend == "sandbox":
        box.controls.fault("truncate", after=30, path="/influxdb/query", times=50)
        yield
        box.controls.reset()
        return
    done = threading.Event()

    def kill() -> int:
        killed = 0
        while not done.wait(0.05):
            (series,) = guests.administer(box, "SHOW QUERIES")["results"][0]["series"]
            for row in series["values"]:
                question = dict(zip(series["columns"], row, strict=True))
                if "SHOW QUERIES" not in question["query"] and question["status"] == "running":
                    guests.administer(box, f"KILL QUERY {question['qid']}")
                    killed += 1
        return killed

    with ThreadPoolExecutor() as pool:
        killing = pool.submit(kill)
        try:
            yield
        finally:
            done.set()
        assert killing.result() > 0


@pytest.fixture
def long_question(backend: str) -> str:
    return ENDLESS if backend == "influxdb" else f'SELECT * FROM "{HARD}" LIMIT 99'


def test_a_killed_question_raises(
    killer: None, efd: InfluxQueryClient, backend: str, long_question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error, words = (QueryError, "killed|interrupted") if backend == "influxdb" else (Interrupted, "before it was whole")
    monkeypatch.setattr(efd, "_clock", Hasty())
    with pytest.raises(error, match=words):
        efd.query(long_question)
    with pytest.raises(error, match=words):
        asyncio.run(efd.async_query(long_question))
    with pytest.raises(error, match=words), efd.stream(long_question) as batches:
        list(batches)


@pytest.mark.interop
@PINNED
def test_a_killed_question_raises_in_lsst_efd_client(
    killer: None, box: Box, tmp_path: Path, backend: str, long_question: str
) -> None:
    begin = time.monotonic()
    answer = guests.efd_client(box, tmp_path, {"killed": ["efd", "_do_query", [long_question], {}]})["killed"]
    assert time.monotonic() - begin < 60
    assert answer["raised"] == ("InfluxDBError" if backend == "influxdb" else "ClientPayloadError"), answer


@pytest.mark.interop
def test_a_killed_question_has_no_rows_in_rubin_nights(
    killer: None, box: Box, tmp_path: Path, backend: str, long_question: str
) -> None:
    if backend == "influxdb":
        answer = guests.rubin_nights(box, tmp_path, {"killed": ["efd", "query", long_question]})["killed"]
        assert answer["columns"] == {}
    else:
        with pytest.raises(guests.SaidError, match=r"peer closed connection"):  # a warning
            guests.rubin_nights(box, tmp_path, {"killed": ["efd", "query", long_question]})
