"""Values in ADQL: a value stays one, whatever is in it."""

import contextlib
import datetime as dt
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlglot
from astropy import units as u
from astropy.time import Time, TimeDelta
from hypothesis import given
from hypothesis import strategies as st

from skykey.tap import adql
from skykey.values.errors import UsageError

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(TEXTS)
def test_a_text_is_one_literal(text: str) -> None:
    written = adql.literal(text)
    assert re.fullmatch(r"'(?:[^']|'')*'", written, re.DOTALL)
    assert written[1:-1].replace("''", "'") == text


@given(
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
)
def test_a_number_is_itself(number: Any) -> None:
    written = adql.literal(number)
    assert type(number)(written.strip("()")) == number
    assert not written.startswith("-")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "TRUE"),
        (False, "FALSE"),
        (np.int64(5), "5"),
        (np.bool_(True), "TRUE"),
        (Decimal("1E+2"), "100"),
        (1e-05, "1e-05"),
        (-1, "(-1)"),
        (["a", 1], "('a', 1)"),
        (np.array([1, 2]), "(1, 2)"),
        (dt.date(2026, 3, 20), "'2026-03-20'"),
        (dt.datetime(2026, 3, 20, 13, tzinfo=dt.timezone(dt.timedelta(hours=1))), "'2026-03-20T12:00:00.000000'"),
        (Time("2026-03-20T12:00:37.5", scale="tai"), "'2026-03-20T12:00:00.500000'"),
        (pd.Timestamp("2026-03-20T12:00:00.5Z"), "'2026-03-20T12:00:00.500000'"),
        (Fraction(1, 2), "0.5"),
        ("\U0001f600", "'\U0001f600'"),
    ],
)
def test_values_are_written_as_services_compare_them(value: Any, written: str) -> None:
    assert adql.literal(value) == written


@pytest.mark.parametrize(
    "value",
    [
        *(None, [], [None], float("nan"), float("inf"), Decimal("NaN"), "a\0b", object(), b"a", {"a": 1}, 1j, [[1]]),
        *(
            5 * u.deg,
            [5 * u.deg],
            Time(["2026-03-20", "2026-03-21"]),
            [Time(["2026-03-20"])],
            TimeDelta(1.0, format="sec"),
        ),
        *(pd.NaT, [pd.NaT], pd.NA, Decimal("sNaN"), Fraction(10**400), "a\udc80", ["\ud800"]),
        np.datetime64("2026-03-20"),
        dt.datetime(2026, 3, 20),  # noqa: DTZ001 - without a zone
    ],
)
def test_what_adql_cannot_write_is_refused(value: Any) -> None:
    with pytest.raises(UsageError):
        adql.literal(value)


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(UsageError):
        adql.literal(10**5000)


@pytest.mark.parametrize(
    ("statement", "filled"),
    [
        ("select :a", "select 'x'"),
        ("select ':a', :a", "select ':a', 'x'"),
        ('select ":a", :a', "select \":a\", 'x'"),
        ("select :a -- :a :b\n, :a", "select 'x' -- :a :b\n, 'x'"),
        ("select 'it''s :a', :a", "select 'it''s :a', 'x'"),
        ("select /* :a */ :a", "select /* :a */ 'x'"),
        ("select b::a, :a", "select b::a, 'x'"),
        ("select '10:a', 10:a, :a", "select '10:a', 10:a, 'x'"),
        ("select :a 'unclosed :a", "select 'x' 'unclosed :a"),
    ],
)
def test_values_stand_where_their_names_do(statement: str, filled: str) -> None:
    assert adql.filled(statement, {"a": "x"}) == filled


@given(TEXTS, st.sampled_from(["select {} from t", "select 'a' , {} -- {}", 'select "x\'" = {}']))
def test_a_value_cannot_become_more(text: str, statement: str) -> None:
    whole = adql.filled(statement.replace("{}", ":v", 1), {"v": text})
    assert whole == statement.replace("{}", adql.literal(text), 1)
    if text.isprintable() and "\\" not in text:
        tokens = sqlglot.tokenize(whole.partition("--")[0] if "--" not in text else whole, read="postgres")
        assert text in [token.text for token in tokens]


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("select :a", {"b": 1}),
        ("select :a", {}),
        ("select :a", None),
        ("select 1", {"a": 1}),
        ("select ':a'", {"a": 1}),
    ],
)
def test_names_and_values_have_to_fit(statement: str, values: dict[str, Any] | None) -> None:
    with pytest.raises(UsageError):
        adql.filled(statement, values)


@pytest.mark.parametrize("statement", ["select ':a', \":a\" -- :a", "select a::b, 10:a /* :a */", "select a"])
def test_a_statement_without_places_needs_no_values(statement: str) -> None:
    assert adql.filled(statement) == adql.filled(statement, {}) == statement


@given(st.text("'\"-/*:a \n", max_size=30))
def test_no_statement_does_harm(statement: str) -> None:
    adql.bare(statement)
    adql.is_empty(statement)
    with contextlib.suppress(UsageError):  # a place without a value
        assert adql.filled(statement) == statement


def test_long_statements_are_read_in_time() -> None:
    for part in ("'", '"', "--", "/*", "'a' ", ":a ", "/* */", "''''"):
        adql.bare(part * 100_000)
        adql.top("select top 5 " + part * 100_000)


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("select top 5 * from t", 5),
        (" SELECT DISTINCT TOP 7 a FROM t -- select top 3", 7),
        ("-- top\nselect /* x */ top 5 a from t", 5),
        ("select * from (select top 5 * from t) as a", None),
        ("select 'top 5' from t", None),
        ("select top 5 a from t union select b from u", None),
        ("select a from t", None),
        ("select topping 5", None),
    ],
)
def test_a_statements_own_limit_is_known(statement: str, rows: int | None) -> None:
    assert adql.top(statement) == rows


@pytest.mark.parametrize(
    ("statement", "empty"), [("", True), (" ;\n", True), ("-- a", True), ("/* a", True), ("''", False), ("a", False)]
)
def test_what_asks_nothing_is_known(statement: str, empty: bool) -> None:
    assert adql.is_empty(statement) is empty


def test_names_that_need_no_quotes() -> None:
    assert adql.is_regular("visit1")
    assert not any(adql.is_regular(name) for name in ("1a", "a b", "", "ä", "a.b", 'a"b', "_a"))
