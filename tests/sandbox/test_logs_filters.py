"""Filters, orders and pages of the logs against ones that are written down as one would say them."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from skykey.sandbox.logs import made_up
from skykey.sandbox.logs.table import holds, like
from skykey.sandbox.logs.tables import MESSAGES

ROWS = made_up.rows("narrativelog")
START = datetime(2026, 3, 18, 12)  # noqa: DTZ001 (TAI, which has no zone)
dates = st.integers(0, 4 * 288).map(lambda steps: START + timedelta(minutes=5 * steps))
SENT = st.fixed_dictionaries(
    {},
    optional={
        "min_date_begin": dates,
        "max_date_begin": dates,
        "min_date_end": dates,
        "max_date_added": dates,
        "min_level": st.sampled_from([5, 10, 20, 21]),
        "max_level": st.sampled_from([20, 30, 41]),
        "min_time_lost": st.sampled_from([0, 5.5, 90]),
        "max_time_lost": st.sampled_from([5.5, 90, 1801]),
        "has_date_begin": st.booleans(),
        "has_date_end": st.booleans(),
        "has_parent_id": st.booleans(),
        "has_date_invalidated": st.booleans(),
        "is_human": st.sampled_from(["either", "true", "false"]),
        "is_valid": st.sampled_from(["either", "true", "false"]),
        "site_ids": st.lists(st.sampled_from(["summit", "base", "none"]), min_size=1),
        "user_agents": st.lists(st.sampled_from(["LOVE", "scheduler"]), min_size=1),
        "tags": st.lists(st.sampled_from(["wind", "clouds", "WIND", "other"]), min_size=1),
        "exclude_tags": st.lists(st.sampled_from(["wind", "clouds", "other"]), min_size=1),
        "subsystems": st.lists(st.sampled_from(["Dome", "Mount", "Do"]), min_size=1),
        "exclude_cscs": st.lists(st.sampled_from(["Dome", "Mount", "Do"]), min_size=1),
        "message_text": st.sampled_from(["", "Dome", "dome", "</b>", "0.8″"]),
    },
)
FIELDS = ["id", "date_begin", "date_end", "level", "time_lost", "is_human", "tags", "systems", "category", "site_id"]
orders = st.lists(st.tuples(st.sampled_from(["", "-"]), st.sampled_from(FIELDS)).map("".join), max_size=4)


def fits(row: dict[str, Any], sent: dict[str, Any]) -> bool:
    return lies_within(row, sent) and is_as_said(row, sent) and has_elements(row, sent)


def lies_within(row: dict[str, Any], sent: dict[str, Any]) -> bool:
    for name in ("date_begin", "date_end", "date_added", "level", "time_lost"):
        if f"min_{name}" in sent and (row[name] is None or row[name] < sent[f"min_{name}"]):
            return False
        if f"max_{name}" in sent and (row[name] is None or row[name] >= sent[f"max_{name}"]):
            return False
    return True


def is_as_said(row: dict[str, Any], sent: dict[str, Any]) -> bool:
    for name in ("date_begin", "date_end", "parent_id", "date_invalidated"):
        if f"has_{name}" in sent and sent[f"has_{name}"] != (row[name] is not None):
            return False
    for name, default in (("is_human", "either"), ("is_valid", "true")):
        if sent.get(name, default) != "either" and row[name] != (sent.get(name, default) == "true"):
            return False
    for name in ("site_id", "user_agent"):
        if row[name] not in sent.get(f"{name}s", [row[name]]):
            return False
    return sent.get("message_text", "") in row["message_text"]


def has_elements(row: dict[str, Any], sent: dict[str, Any]) -> bool:
    if "tags" in sent and not any(tag.lower() in row["tags"] for tag in sent["tags"]):
        return False
    if any(tag in row["tags"] for tag in sent.get("exclude_tags", [])):
        return False
    if "subsystems" in sent and not any(part in (row["subsystems"] or []) for part in sent["subsystems"]):
        return False
    return "exclude_cscs" not in sent or (
        row["cscs"] is not None and not any(part in row["cscs"] for part in sent["exclude_cscs"])
    )


def before(one: dict[str, Any], other: dict[str, Any], order: list[str]) -> bool:
    """Say whether ``one`` may stand before ``other``."""
    for item in [*order, "id"]:
        name, turned = item.removeprefix("-"), item.startswith("-")
        if one[name] != other[name]:
            if one[name] is None or other[name] is None:
                return (other[name] is None) is not turned
            return bool(one[name] < other[name]) is not turned
    return False


def query(sent: dict[str, Any], **more: Any) -> QueryParams:
    pairs = [
        (name, str(item).lower() if isinstance(item, bool) else str(item))
        for name, value in (sent | more).items()
        for item in (value if isinstance(value, list) else [value])
    ]
    return QueryParams(pairs)


@given(sent=SENT)
def test_filters_are_what_they_say(sent: dict[str, Any]) -> None:
    found = MESSAGES.find(ROWS, query(sent, limit=10_000))
    assert {row["id"] for row in found} == {row["id"] for row in ROWS if fits(row, sent)}


@given(order=orders, offset=st.integers(0, 200), limit=st.integers(2, 200))
def test_pages_are_parts_of_one_order(order: list[str], offset: int, limit: int) -> None:
    whole = MESSAGES.find(ROWS, query({}, order_by=order, limit=10_000))
    assert all(before(one, other, order) for one, other in pairwise(whole))
    assert MESSAGES.find(ROWS, query({}, order_by=order, offset=offset, limit=limit)) == whole[offset : offset + limit]


@given(start=st.text(), part=st.text(), end=st.text())
def test_a_text_contains_its_parts(start: str, part: str, end: str) -> None:
    escaped = "".join(f"\\{letter}" if letter in "%_\\" else letter for letter in part)
    assert like(start + part + end, escaped)
    assert like(start, escaped) is (part in start)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
)


@given(value=json_values, other=json_values)
def test_json_holds_itself_and_what_is_taken_out_of_it(value: Any, other: Any) -> None:
    assert holds(value, value)
    assert holds({"a": value, "b": other}, {"a": value})
    assert holds([value, other], [other])
    assert not holds({"a": value}, {"b": value})
    assert not holds([1], [True])


def test_the_night_is_the_same_in_every_sandbox() -> None:
    assert made_up.rows("narrativelog") == ROWS
    assert ROWS[0]["id"] == "c1343ab8-887e-42a0-8217-57fd1830809c"
