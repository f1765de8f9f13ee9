"""Arrays in numbered columns: every sample once, at its own time, with its own type."""

import time
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy.time import Time
from hypothesis import example, given
from hypothesis import strategies as st

from skykey.rubin.instants import utc_nanoseconds
from skykey.rubin.packed import check_reference, packed_fields, unpack
from skykey.tables.end import End
from skykey.tables.table import Table
from skykey.values.errors import UnknownName, UsageError
from skykey.values.scales import FIRST_TAI, tai_from_utc, utc_from_tai

SECOND = 10**9
TAI_AHEAD = 37
NEW_YEAR = 1_483_228_800  # 2017-01-01T00:00:00Z; on TAI the leap second before it begins 36 s later
STAMP = "cRIO_timestamp"
NOON = 1_750_420_837.0  # 2025-06-20T12:00:00Z, TAI


def _table(stamps: list[float | None], **columns: list[Any]) -> pa.Table:
    arrays = {
        name: pa.array(values, None if any(v is not None for v in values) else pa.float64())
        for name, values in columns.items()
    }
    return pa.table({**arrays, STAMP: pa.array(stamps, pa.float64())})


def _utc(table: pa.Table) -> list[int | None]:
    return table.column("time").cast(pa.int64()).to_pylist()


# -- which fields


def test_places_are_ordered_by_number_and_not_by_text() -> None:
    known = [f"a{place}" for place in sorted(map(str, range(120)))]
    assert packed_fields(known, ["a"]) == {"a": tuple(f"a{place}" for place in range(120))}


def test_a_field_that_only_begins_alike_is_no_place() -> None:
    known = ["foo0", "foo1", "foo1bar", "foo", "foobar2", "foo02", "foo²", "foo٣", "foo-1", "foo 1", "foo1\n", "xfoo2"]
    assert packed_fields(known, ["foo"]) == {"foo": ("foo0", "foo1")}


def test_a_name_that_ends_with_a_digit_is_told_from_its_neighbour() -> None:
    known = ["a10", "a11"]
    assert packed_fields(known, ["a1"]) == {"a1": ("a10", "a11")}
    with pytest.raises(UsageError, match="there is a11, but no a0"):
        packed_fields(known, ["a"])
    with pytest.raises(UsageError, match="there is a11, but no a2"):
        packed_fields(["a0", "a1", *known], ["a"])


def test_one_array_may_be_named_without_a_list() -> None:
    assert packed_fields(["ax0", "a0", "x0"], "ax") == {"ax": ("ax0",)}


def test_an_array_that_is_named_twice_is_there_once() -> None:
    assert packed_fields(["a0"], ["a", "a"]) == {"a": ("a0",)}


def test_an_unknown_array_brings_similar_ones_and_not_other_fields() -> None:
    known = iter(["accelX0", "accelX1", "accelY0", "accelZ", "accelW"])
    with pytest.raises(UnknownName) as refused:
        packed_fields(known, ["accelZZ"])
    assert isinstance(refused.value, KeyError)
    assert isinstance(refused.value, ValueError)
    assert refused.value.next in {"did you mean accelX or accelY?", "did you mean accelY or accelX?"}


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (["ax0", "ay0"], "there are ax, ay$"),
        (["ax0", "ay0", "az0", "bx0", "by0", "bz0"], "there are ax, ay, az, bx, by, …$"),
        (["ax", "7"], "no other"),
        ([], "no other"),
        (["temperature"], "one value"),
    ],
)
def test_an_unknown_array_without_similar_ones_says_what_there_is(known: list[str], said: str) -> None:
    with pytest.raises(UnknownName, match=said):
        packed_fields(known, ["temperature"])


def test_arrays_of_different_lengths_are_not_cut_to_the_shortest() -> None:
    with pytest.raises(ValueError, match="a has 2, b has 3") as refused:
        packed_fields(["a0", "a1", "b0", "b1", "b2"], ["a", "b"])
    assert isinstance(refused.value, UsageError)


@pytest.mark.parametrize(
    ("known", "missing"), [(["a0", "a2"], "a1"), (["a1", "a2"], "a0"), (["a0", "a999999999"], "a1")]
)
def test_a_missing_place_does_not_shift_the_others(known: list[str], missing: str) -> None:
    with pytest.raises(UsageError, match=f"no {missing}"):
        packed_fields(known, ["a"])


def test_no_array_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="no array"):
        packed_fields(["a0"], [])


@given(st.lists(st.from_regex(r"\A[ab1]{0,3}[0-9]{0,2}\Z"), unique=True), st.sampled_from(["a", "b", "a1", "ab", ""]))
def test_what_is_found_is_what_a_slow_search_finds(known: list[str], base: str) -> None:
    expected = []
    while f"{base}{len(expected)}" in known:
        expected.append(f"{base}{len(expected)}")
    beyond = any(f"{base}{place}" in known for place in range(len(expected), 100_000))
    if expected and not beyond:
        assert packed_fields(known, [base]) == {base: tuple(expected)}
    else:
        with pytest.raises(UsageError):
            packed_fields(known, [base])


# -- when


def _slow(stamps: list[float | None], length: int, fmt: str) -> tuple[list[int | None], list[Fraction | None]]:
    """Sample by sample in whole and rational numbers; stamps are after 1972."""

    def tai(stamp: float | None) -> int | None:
        if stamp is None:
            return None
        count = round(Fraction(stamp) * SECOND)
        return tai_from_utc(count) if fmt == "unix" else count

    moments = [tai(stamp) for stamp in stamps]
    step = 0
    for one, other in pairwise(moments):
        if one is not None and other is not None:
            step = abs(other - one)
            break
    utc: list[int | None] = []
    shown: list[Fraction | None] = []
    for moment in moments:
        for place in range(length):
            if moment is None:
                utc.append(None)
                shown.append(None)
                continue
            later = moment + (2 * place * step + length) // (2 * length)
            utc.append(utc_from_tai(later))
            shown.append(Fraction(utc_from_tai(later) if fmt == "unix" else later, SECOND))
    return utc, shown


NEAR_A_LEAP_SECOND = st.floats(NEW_YEAR - 3, NEW_YEAR + 40)


@given(
    st.lists(st.none() | st.floats(FIRST_TAI / SECOND, 4e9) | NEAR_A_LEAP_SECOND, max_size=5),
    st.integers(1, 7),
    st.sampled_from(["unix_tai", "unix"]),
)
@example([NEW_YEAR + 35.0, NEW_YEAR + 38.0], 6, "unix_tai")
@example([NEW_YEAR - 1.0, NEW_YEAR + 1.0], 6, "unix")
def test_times_are_those_of_a_slow_count(stamps: list[float | None], length: int, fmt: str) -> None:
    values = {f"a{place}": [row * length + place for row in range(len(stamps))] for place in range(length)}
    unpacked = unpack(_table(stamps, **values), packed_fields(values, "a"), STAMP, fmt=fmt)
    utc, shown = _slow(stamps, length, fmt)
    assert unpacked.column_names == ["time", "a", "times"]
    assert unpacked.column("a").to_pylist() == list(range(len(stamps) * length))
    assert _utc(unpacked) == utc
    for seconds, exact in zip(unpacked.column("times").to_pylist(), shown, strict=True):
        if exact is None:
            assert seconds is None
        else:
            assert abs(Fraction(seconds) - exact) <= Fraction(np.spacing(seconds)) / 2


@given(
    st.floats(NEW_YEAR + 1000, 1.79e9),
    st.lists(st.floats(0.001, 100), max_size=4),
    st.integers(1, 20),
    st.sampled_from(["tai", "utc"]),
)
def test_times_are_those_of_the_official_arithmetic(first: float, gaps: list[float], length: int, scale: str) -> None:
    stamps = [first]
    for gap in gaps:
        stamps.append(stamps[-1] + gap)
    fields = {f"a{place}": [0.0] * len(stamps) for place in range(length)}
    unpacked = unpack(_table([*stamps], **fields), packed_fields(fields, ["a"]), STAMP, scale=scale)
    distance = (stamps[1] - stamps[0]) / length if gaps else 0
    times = np.array([stamp + place * distance for stamp in stamps for place in range(length)])
    assert unpacked.column("times").to_numpy() == pytest.approx(times, rel=0, abs=2e-6)
    official = Time(times, format="unix_tai", scale=scale, precision=9).utc.isot
    for ours, theirs in zip(_utc(unpacked), official, strict=True):
        assert ours is not None
        # Floats of today's size are a quarter of a microsecond apart, and the official sum has some of them.
        assert abs(ours - utc_nanoseconds(str(theirs))) < 2000


@pytest.mark.parametrize("scale", ["tai", "utc"])
@pytest.mark.parametrize("fmt", ["unix_tai", "unix"])
def test_the_scale_does_not_move_a_stamp_as_it_does_not_in_astropy(fmt: str, scale: str) -> None:
    unpacked = unpack(_table([NOON], a0=[1.0]), {"a": ("a0",)}, STAMP, fmt=fmt, scale=scale)
    expected = Time(NOON, format=fmt, scale=scale).utc
    assert str(pd.Timestamp(_utc(unpacked)[0]).isoformat()) == str(expected.isot).removesuffix(".000")
    assert unpacked.column("times").to_pylist() == [NOON]


def test_a_stamp_keeps_all_that_its_float_has() -> None:
    stamp = NOON + 2.0**-22  # 238.4185… ns
    unpacked = unpack(_table([stamp], a0=[1.0]), {"a": ("a0",)}, STAMP)
    assert _utc(unpacked) == [(1_750_420_800 * SECOND) + 238]
    assert unpacked.column("times").to_pylist() == [stamp]


def test_a_leap_second_is_as_long_as_the_others() -> None:
    before = NEW_YEAR + 35.0  # 23:59:59
    unpacked = unpack(_table([before, before + 4], **{f"a{n}": [n, n + 4] for n in range(4)}), _four(), STAMP)
    new_year = NEW_YEAR * SECOND
    assert _utc(unpacked)[:5] == [new_year - SECOND, new_year, *(new_year + n * SECOND for n in range(3))]
    assert unpacked.column("times").to_pylist() == [before + n for n in range(8)]


def test_stamps_of_unix_go_on_evenly_over_a_leap_second() -> None:
    # Four seconds pass between them, of which Unix counts three.
    unpacked = unpack(
        _table([NEW_YEAR - 1.0, NEW_YEAR + 2.0], **{f"a{n}": [0, 0] for n in range(4)}), _four(), STAMP, fmt="unix"
    )
    assert unpacked.column("times").to_pylist() == [NEW_YEAR + n for n in (-1, 0, 0, 1, 2, 3, 4, 5)]


def _four() -> dict[str, tuple[str, ...]]:
    return {"a": ("a0", "a1", "a2", "a3")}


def test_the_samples_of_one_row_have_one_time() -> None:
    unpacked = unpack(_table([NOON], a0=[1], a1=[2]), {"a": ("a0", "a1")}, STAMP)
    assert unpacked.column("times").to_pylist() == [NOON, NOON]


def test_the_first_two_rows_say_the_distance_for_all() -> None:
    unpacked = unpack(_table([NOON, NOON + 2, NOON + 10], a0=[1, 2, 3], a1=[1, 2, 3]), {"a": ("a0", "a1")}, STAMP)
    assert [seconds - NOON for seconds in unpacked.column("times").to_pylist()] == [0, 1, 2, 3, 10, 11]


def test_samples_go_forward_where_rows_go_backward() -> None:
    unpacked = unpack(_table([NOON + 2, NOON], a0=[3, 1], a1=[4, 2]), {"a": ("a0", "a1")}, STAMP)
    assert [seconds - NOON for seconds in unpacked.column("times").to_pylist()] == [2, 3, 0, 1]
    assert unpacked.column("a").to_pylist() == [3, 4, 1, 2]


@pytest.mark.parametrize("absent", [None, float("nan")])
def test_a_row_without_a_stamp_keeps_its_samples_and_spoils_no_distance(absent: float | None) -> None:
    table = _table([absent, NOON, NOON + 2], a0=[1, 3, 5], a1=[2, 4, 6])
    unpacked = unpack(table, {"a": ("a0", "a1")}, STAMP)
    assert unpacked.column("a").to_pylist() == [1, 2, 3, 4, 5, 6]
    assert unpacked.column("times").to_pylist() == [None, None, NOON, NOON + 1, NOON + 2, NOON + 3]
    assert _utc(unpacked)[:3] == [None, None, 1_750_420_800 * SECOND]


@pytest.mark.parametrize("fmt", ["unix_tai", "unix"])
@pytest.mark.parametrize("unset", [0.0, -5.5, 60846.5])
def test_a_clock_that_is_not_set_spoils_no_distance_and_is_not_lost(unset: float, fmt: str) -> None:
    unpacked = unpack(_table([unset, NOON, NOON + 2], a0=[1, 3, 5], a1=[2, 4, 6]), {"a": ("a0", "a1")}, STAMP, fmt=fmt)
    assert unpacked.column("times").to_pylist() == [unset, unset + 1, NOON, NOON + 1, NOON + 2, NOON + 3]
    assert _utc(unpacked)[:2] == [None, None]
    assert unpacked.column("time").null_count == 2


def test_a_count_begins_with_utc_as_it_is_now() -> None:
    for fmt, first in (("unix_tai", FIRST_TAI), ("unix", utc_from_tai(FIRST_TAI))):
        stamps: list[float | None] = [first / SECOND, first / SECOND - 1]
        unpacked = unpack(_table(stamps, a0=[1, 2]), {"a": ("a0",)}, STAMP, fmt=fmt)
        assert _utc(unpacked) == [utc_from_tai(FIRST_TAI), None]
        assert unpacked.column("times").to_pylist() == stamps


@pytest.mark.parametrize("kind", [pa.int64(), pa.int32(), pa.float32()])
def test_stamps_of_other_numbers_are_seconds_too(kind: pa.DataType) -> None:
    table = pa.table({"a0": [1], STAMP: pa.array([2.0**30]).cast(kind)})
    assert unpack(table, {"a": ("a0",)}, STAMP).column("times").to_pylist() == [2.0**30]


@pytest.mark.parametrize(
    "stamps",
    [
        pa.array([NOON * 1000 * 10**6]),  # nanoseconds
        pa.array([int(NOON) * 10**9]),
        pa.array([float("inf")]),
        pa.array([float("-inf")]),
        pa.array([-1e11]),
        pa.array([2**62], pa.uint64()),
        pa.array([9.223372e9, 63_072_010.0]),  # nothing is wrong but the sum
    ],
    ids=str,
)
def test_stamps_that_nanoseconds_cannot_count_do_not_wrap_around(stamps: pa.Array) -> None:
    table = pa.table({"a0": [1] * len(stamps), "a1": [1] * len(stamps), STAMP: stamps})
    with pytest.raises(UsageError, match="1678 to 2261"):
        unpack(table, {"a": ("a0", "a1")}, STAMP)


@pytest.mark.parametrize(
    "stamps",
    [
        pa.array(["2025-06-20T12:00:00Z"]),
        pa.array([True]),
        pa.array([0], pa.timestamp("ns", "UTC")),
        pa.array([0], pa.duration("s")),
    ],
    ids=str,
)
def test_stamps_that_are_no_seconds_are_not_guessed(stamps: pa.Array) -> None:
    with pytest.raises(UsageError, match=STAMP):
        unpack(pa.table({"a0": [1], STAMP: stamps}), {"a": ("a0",)}, STAMP)


@pytest.mark.parametrize(
    ("fmt", "scale"),
    [
        ("mjd", "tai"),
        ("jd", "utc"),
        ("isot", "utc"),
        ("datetime64", "utc"),
        ("UNIX", "tai"),
        ("", "tai"),
        ("unix_tai", "tt"),
        ("unix", "local"),
        ("unix", ""),
    ],
)
def test_stamps_that_are_not_read_are_refused(fmt: str, scale: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_reference(fmt, scale)
    assert refused.value.next
    with pytest.raises(UsageError):
        unpack(_table([NOON], a0=[1]), {"a": ("a0",)}, STAMP, fmt=fmt, scale=scale)


# -- what


def test_large_integers_beside_a_null_stay_what_they_are() -> None:
    unpacked = unpack(_table([NOON, NOON + 1], a0=[2**53 + 1, None], a1=[None, -(2**63)]), {"a": ("a0", "a1")}, STAMP)
    assert unpacked.column("a").type == pa.int64()
    assert unpacked.column("a").to_pylist() == [2**53 + 1, None, None, -(2**63)]


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (pa.array([1, None]), pa.array([0.5, None]), pa.float64()),
        (pa.array([None, None]), pa.array([1, None]), pa.int64()),
        (pa.array([None, None]), pa.array([None, None]), pa.null()),
        (pa.array(["a", None]), pa.array(["", "b"]), pa.string()),
        (pa.array([True, None]), pa.array([False, None]), pa.bool_()),
    ],
)
def test_fields_of_one_array_get_their_common_type(one: pa.Array, other: pa.Array, kind: pa.DataType) -> None:
    table = pa.table({"a0": one, "a1": other, STAMP: [NOON, NOON + 1]})
    column = unpack(table, {"a": ("a0", "a1")}, STAMP).column("a")
    assert column.type == kind
    rows = zip(one.to_pylist(), other.to_pylist(), strict=True)
    assert column.to_pylist() == [value for row in rows for value in row]


@pytest.mark.parametrize(
    "other", [pa.array(["x"]), pa.array([True]), pa.array([0.5])], ids=["text", "boolean", "too large for a float"]
)
def test_fields_without_a_common_type_are_not_bent_into_one(other: pa.Array) -> None:
    table = pa.table({"a0": [2**53 + 1], "a1": other, STAMP: [NOON]})
    with pytest.raises(UsageError, match=f"a0 int64, a1 {other.type}"):
        unpack(table, {"a": ("a0", "a1")}, STAMP)


@pytest.mark.parametrize("fmt", ["unix_tai", "unix"])
def test_no_rows_have_the_columns_and_types_of_some(fmt: str) -> None:
    some = pa.table({"a0": [1], "b0": ["x"], STAMP: [NOON]})
    packed = packed_fields(some.column_names, ["a", "b"])
    none = unpack(some.schema.empty_table(), packed, STAMP, fmt=fmt)
    assert none.schema == unpack(some, packed, STAMP).schema
    assert none.schema == pa.schema(
        {"time": pa.timestamp("ns", "UTC"), "a": pa.int64(), "b": pa.string(), "times": pa.float64()}
    )
    assert none.num_rows == 0


def test_an_array_that_is_called_like_a_time_hides_neither() -> None:
    table = pa.table({"time0": [1], "times0": [2], STAMP: [NOON]})
    unpacked = unpack(table, packed_fields(table.column_names, ["time", "times"]), STAMP)
    assert unpacked.column_names == ["time", "time_1", "times_1", "times"]
    assert unpacked.drop_columns(["time"]).to_pylist() == [{"time_1": 1, "times_1": 2, "times": NOON}]


def test_pieces_of_an_answer_are_one_table() -> None:
    whole = _table([NOON, NOON + 2, NOON + 4], a0=[1, 3, 5], a1=[2, 4, 6])
    pieces = pa.concat_tables([whole.slice(0, 1), whole.slice(1, 0), whole.slice(1, 2)])
    assert pieces.column(STAMP).num_chunks > 1
    assert unpack(pieces, {"a": ("a0", "a1")}, STAMP).equals(unpack(whole, {"a": ("a0", "a1")}, STAMP))


def test_a_stretch_of_a_table_is_not_the_whole_of_it() -> None:
    part = _table([NOON, NOON + 2, None], a0=[1, 3, None], a1=[2, 4, 6]).slice(1)
    unpacked = unpack(part, {"a": ("a0", "a1")}, STAMP)
    assert unpacked.drop_columns(["time"]).to_pylist() == [
        {"a": 3, "times": NOON + 2},
        {"a": 4, "times": NOON + 2},
        {"a": None, "times": None},
        {"a": 6, "times": None},
    ]


def test_pandas_gets_an_index_and_integers_with_nulls() -> None:
    unpacked = unpack(_table([NOON, None], a0=[1, 3], a1=[None, 4]), {"a": ("a0", "a1")}, STAMP)
    frame = Table(unpacked, End(complete=True, rows=4)).to_pandas()
    assert str(frame.index.dtype) == "datetime64[ns, UTC]"
    assert frame.index[0] == pd.Timestamp("2025-06-20T12:00:00Z")
    assert frame.index.isna().tolist() == [False, False, True, True]
    assert (str(frame["a"].dtype), str(frame["times"].dtype)) == ("Int64", "float64")


@given(st.lists(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3), max_size=6))
def test_every_sample_is_there_once_in_its_row_and_place(rows: list[list[int | None]]) -> None:
    fields = {
        f"{base}{place}": pa.array([row[place] if base == "a" else row[2 - place] for row in rows], pa.int64())
        for base in "ab"
        for place in (2, 0, 1)
    }
    table = pa.table({**fields, STAMP: pa.array([NOON + row for row in range(len(rows))], pa.float64())})
    unpacked = unpack(table, packed_fields(fields, ["b", "a"]), STAMP)
    assert unpacked.column_names == ["time", "b", "a", "times"]
    assert unpacked.column("a").to_pylist() == [value for row in rows for value in row]
    assert unpacked.column("b").to_pylist() == [value for row in rows for value in reversed(row)]


def test_a_million_samples_are_no_loop(ceiling: Any) -> None:
    rows, length = 10_000, 100
    values = np.arange(rows * length, dtype=np.float64).reshape(rows, length)
    columns = {f"a{place}": values[:, place] for place in range(length)}
    table = pa.table({**columns, STAMP: NOON + np.arange(rows)})
    took = []
    for _ in range(3):
        began = time.perf_counter()
        unpacked = unpack(table, packed_fields(columns, ["a"]), STAMP)
        took.append(time.perf_counter() - began)
        assert np.array_equal(unpacked.column("a").to_numpy(), values.ravel())
    assert min(took) <= ceiling(0.5)
