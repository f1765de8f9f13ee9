"""One answer in every shape, in both faces; and methods that still look like methods."""

import asyncio
import functools
import inspect
import pydoc
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skykey.calls.faces import Async, Sync, method
from skykey.calls.flow import Flow
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient
from skykey.tables.end import End
from skykey.tables.frames import AsyncFrames, Frames, frame, frame_twin
from skykey.tables.table import Table
from skykey.values.errors import UsageError

DATA = pa.table({"time": pa.array([1, 2], pa.timestamp("ns", "UTC")), "x": [1.5, None]})


class NumbersFlows:
    """Answers without asking anybody."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    @frame
    def numbers(self, topic: str, count: int = 2, *, units: bool = False) -> Flow[Table]:
        """Some numbers.

        Parameters
        ----------
        topic
            Of what.
        """
        yield from ()
        self.asked.append((topic, count, units))
        if count < 0:
            raise UsageError("less than none")
        data = DATA.slice(0, count)
        return Table(data, End(complete=True, rows=data.num_rows), facts={"name": topic})

    @method
    def total(self, topic: str) -> Flow[float]:
        """Inside a flow the method is a flow, which gives a Table."""
        table = yield from self.numbers(topic, 2)
        return float(sum(filter(None, table.arrow.column("x").to_pylist())))


class Numbers(NumbersFlows, Sync):
    async_numbers = frame_twin(NumbersFlows.numbers)


class AsyncNumbers(NumbersFlows, Async):
    pass


class DoubledFlows(NumbersFlows):
    @frame
    def numbers(self, topic: str, count: int = 2, *, units: bool = False) -> Flow[Table]:
        """The same, twice."""
        table = yield from super().numbers(topic, count, units=units)
        return table.holding(pa.concat_tables([table.arrow, table.arrow]))


class Doubled(DoubledFlows, Numbers):
    pass


class AsyncDoubled(DoubledFlows, AsyncNumbers):
    pass


SHAPES: dict[str, type] = {"": pd.DataFrame, "table": Table, "arrow": pa.Table, "polars": pl.DataFrame}


def asked(bound: Any, shape: str, *args: Any, **named: Any) -> Any:
    """Any shape of a method of either face."""
    found = (getattr(bound, shape) if shape else bound)(*args, **named)
    return asyncio.run(found) if inspect.isawaitable(found) else found


@pytest.fixture(params=["sync", "async", "twin"])
def bound(request: pytest.FixtureRequest) -> Any:
    return {"sync": Numbers().numbers, "async": AsyncNumbers().numbers, "twin": Numbers().async_numbers}[request.param]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_holds_the_same_rows(bound: Any, shape: str) -> None:
    found = asked(bound, shape, "t", 2)
    assert type(found) is SHAPES[shape]
    assert len(found) == 2
    if isinstance(found, pd.DataFrame):
        assert found["x"].tolist()[0] == 1.5
        assert (found.attrs["name"], found.index.name, found.attrs["complete"]) == ("t", "time", True)
    else:
        data = found.arrow if isinstance(found, Table) else pa.table(found)
        assert data.column("x").to_pylist() == [1.5, None]
        assert data.schema.field("time").type == pa.timestamp("ns", "UTC")


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_raises_what_the_flow_raises(bound: Any, shape: str) -> None:
    with pytest.raises(UsageError, match="less than none"):
        asked(bound, shape, "t", count=-1)


@pytest.mark.parametrize("shape", SHAPES)
def test_arguments_arrive_as_they_were_given(shape: str) -> None:
    for client in (Numbers(), AsyncNumbers()):
        asked(client.numbers, shape, "t", units=True)
        asked(client.numbers, shape, topic="u", count=1)
        assert client.asked == [("t", 2, True), ("u", 1, False)]
        with pytest.raises(TypeError):
            asked(client.numbers, shape, "t", no_such=1)


def test_flows_inside_flows_give_tables() -> None:
    assert Numbers().total("t") == 1.5
    assert asyncio.run(AsyncNumbers().total("t")) == 1.5


@pytest.mark.parametrize("shape", SHAPES)
def test_a_subclass_overrides_the_flow_and_every_shape_follows(shape: str) -> None:
    for bound in (Doubled().numbers, AsyncDoubled().numbers):
        assert len(asked(bound, shape, "t")) == 4
    assert Doubled().total("t") == 3.0


def test_a_table_that_was_made_of_another_counts_its_own_rows() -> None:
    assert Doubled().numbers.table("t").end == End(complete=True, rows=4)


# -- a method like any other


def test_signature_and_documentation_are_those_of_the_method(bound: Any) -> None:
    signature = inspect.signature(bound)
    assert list(signature.parameters) == ["topic", "count", "units"]
    assert signature.parameters["units"].kind is inspect.Parameter.KEYWORD_ONLY
    assert signature.parameters["count"].default == 2
    assert inspect.getdoc(bound).startswith("Some numbers.")  # type: ignore[union-attr]
    assert bound.__name__ == "numbers"
    assert callable(bound)
    shown = pydoc.plain(pydoc.render_doc(bound))
    assert "Some numbers." in shown
    assert "Of what." in shown


def test_the_class_shows_the_methods_and_their_twins_documented() -> None:
    assert inspect.getdoc(Numbers.numbers).startswith("Some numbers.")  # type: ignore[union-attr]
    assert inspect.getdoc(Numbers.async_numbers).startswith("Some numbers.")  # type: ignore[union-attr]
    shown = pydoc.plain(pydoc.render_doc(InfluxQueryClient))
    for name in ("select_time_series", "async_select_time_series", "get_schema"):
        assert name in shown
    assert "Read a topic between two points in time." in shown
    for each in (InfluxQueryClient("usdf"), AsyncInfluxQueryClient("usdf")):
        assert list(inspect.signature(each.select_top_n).parameters) == [
            "topic_name", "fields", "num", "time_cut", "index", "units",
        ]  # fmt: skip


def test_a_method_may_be_handed_around(bound: Any) -> None:
    assert len(asked(functools.partial(bound, "t", count=1), "")) == 1
    if not isinstance(bound, AsyncFrames):
        assert [len(found) for found in map(bound, ["t", "u"])] == [2, 2]


def test_a_method_that_is_kept_still_knows_its_client() -> None:
    client = Numbers()
    numbers, arrow = client.numbers, client.numbers.arrow
    numbers("a")
    arrow("b")
    assert [topic for topic, *_ in client.asked] == ["a", "b"]
    assert isinstance(numbers, Frames)
    assert "numbers" in repr(numbers)


def test_looking_at_a_method_changes_nothing_of_the_client() -> None:
    client = Numbers()
    before = dict(vars(client))
    _ = client.numbers, client.async_numbers, client.numbers.arrow
    assert vars(client) == before
    client.numbers = lambda topic: topic  # type: ignore[method-assign, assignment]  # as tests of users do
    assert client.numbers("instead") == "instead"


def test_a_client_shows_no_password_where_its_method_is_shown() -> None:
    client = InfluxQueryClient("usdf", auth=("user", "gt-canary"))
    assert "canary" not in repr(client.query) + repr(client.async_query) + pydoc.render_doc(client.query)
