"""A saved file holds the whole answer, or it is not there and the old one still is."""

import asyncio
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient
from skykey.tables import saving
from skykey.tables.end import End
from skykey.tables.influxdb import InfluxBatches, InfluxTable
from skykey.tables.metadata import fact
from skykey.tables.saving import Saving, fill
from skykey.tables.table import Table
from skykey.values.errors import Interrupted, MissingExtra, QueryError, Unreadable, UsageError
from tests.tables.test_rows import answering, client_at, document, gone
from tests.wire.server import serving

ENDINGS = [".parquet", ".csv", ".arrow", ".feather"]
READ: dict[str, Callable[[Path], Any]] = {
    ".parquet": pyarrow.parquet.read_table,
    ".csv": pyarrow.csv.read_csv,
    ".arrow": pyarrow.feather.read_table,
    ".feather": pyarrow.feather.read_table,
}
Save = Callable[[InfluxQueryClient, Path], End]


def save_sync(client: InfluxQueryClient, path: Path) -> End:
    with client.stream("SELECT x FROM t") as rows:
        return rows.save(path)


def save_async(client: InfluxQueryClient, path: Path) -> End:
    async def main() -> End:
        async with twin(client).stream("SELECT x FROM t") as rows:
            return await rows.save(path)

    return asyncio.run(main())


def twin(client: InfluxQueryClient) -> AsyncInfluxQueryClient:
    other = AsyncInfluxQueryClient.__new__(AsyncInfluxQueryClient)
    other.__dict__.update(client.__dict__)
    return other


@pytest.fixture(params=[save_sync, save_async], ids=["sync", "async"])
def save(request: pytest.FixtureRequest) -> Save:
    chosen: Save = request.param
    return chosen


@pytest.fixture
def groups_of_7(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "GROUP_ROWS", 7)


def names(folder: Path) -> list[str]:
    return sorted(found.name for found in folder.iterdir())


def small(count: int = 2) -> Table:
    kinds = {"time": pa.timestamp("ns", "UTC"), "count": pa.int64(), "name": pa.string(), "value": pa.float64()}
    row = {"time": 1_700_000_000_123_456_789, "count": 2**53 + 1, "name": "", "value": -0.0}
    data = pa.table({name: pa.array([row[name], None][:count], kind) for name, kind in kinds.items()})
    return Table(data, End(complete=True, rows=data.num_rows))


# -- whole answers


@pytest.mark.parametrize("ending", [*ENDINGS, ".CSV"])
def test_a_saved_table_is_the_table(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"night{ending}"
    small().save(str(path))
    back = READ[ending.lower()](path)
    assert back["count"].to_pylist() == [2**53 + 1, None]
    if ending.lower() != ".csv":
        assert back.equals(small().arrow)
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.usefixtures("groups_of_7")
def test_a_saved_stream_holds_all_rows_in_order(save: Save, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"night{ending}"
    path.write_text("the old one")
    pieces = [document(n * 3, 3, partial=n < 9) for n in range(10)]
    with serving(answering(*pieces)) as server:
        assert save(client_at(server.url), path) == End(complete=True, rows=30)
        assert gone(server)
    assert READ[ending](path)["x"].to_pylist() == [float(value % 3) for value in range(30)]
    if ending != ".csv":
        assert fact(READ[ending](path).schema, b"time_scale") == "utc"
    assert names(tmp_path) == [path.name]


@pytest.mark.usefixtures("groups_of_7")
def test_small_batches_become_row_groups_of_the_stated_size(save: Save, tmp_path: Path) -> None:
    pieces = [document(n * 3, 3, partial=n < 9) for n in range(10)]
    with serving(answering(*pieces)) as server:
        save(client_at(server.url), tmp_path / "x.parquet")
        save(client_at(server.url), tmp_path / "x.arrow")
    assert pa.ipc.open_file(tmp_path / "x.arrow").num_record_batches == 5
    made = pyarrow.parquet.ParquetFile(tmp_path / "x.parquet").metadata
    assert [made.row_group(n).num_rows for n in range(made.num_row_groups)] == [7, 7, 7, 7, 2]
    assert made.row_group(0).column(1).compression == "ZSTD"


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_rows_give_a_file_with_its_columns(save: Save, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"none{ending}"
    with serving(answering(bytes(msgpack.packb({"results": [{"statement_id": 0}]})))) as server:
        assert save(client_at(server.url), path).rows == 0
    back = READ[ending](path)
    assert (back.num_rows, back.column_names) == (0, ["time", "x"])
    if ending != ".csv":
        assert back.schema.types == [pa.timestamp("ns", "UTC"), pa.float64()]


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_batches_give_a_file_without_columns(tmp_path: Path, ending: str) -> None:
    fill(Saving(tmp_path / f"none{ending}"), [])
    assert names(tmp_path) == [f"none{ending}"]
    if ending != ".csv":
        assert READ[ending](tmp_path / f"none{ending}").shape == (0, 0)


def test_memory_does_not_grow_with_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "GROUP_ROWS", 1000)
    before = pa.total_allocated_bytes()
    most = 0

    def batches() -> Iterator[pa.Table]:
        nonlocal most
        for n in range(400):
            yield pa.table({"x": pa.array(range(n * 100, n * 100 + 100), pa.int64()), "y": ["a" * 50] * 100})
            most = max(most, pa.total_allocated_bytes() - before)

    fill(Saving(tmp_path / "x.arrow"), batches())
    assert most < 1_000_000  # 400 batches take 2.6 MB
    assert pyarrow.feather.read_table(tmp_path / "x.arrow")["x"].to_pylist() == list(range(40_000))


def test_wide_rows_fill_a_group_by_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "GROUP_BYTES", 8 * 10 * 4)
    fill(Saving(tmp_path / "x.parquet"), (pa.table({"x": pa.array([float(n)] * 10)}) for n in range(10)))
    made = pyarrow.parquet.ParquetFile(tmp_path / "x.parquet").metadata
    assert [made.row_group(n).num_rows for n in range(made.num_row_groups)] == [40, 40, 20]


def test_more_than_a_group_may_be_left_for_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "GROUP_ROWS", 3)
    made = Saving(tmp_path / "x.parquet")
    assert made.add(pa.table({"x": range(7)}))
    made.seal()
    made.place()
    assert pyarrow.parquet.read_table(tmp_path / "x.parquet")["x"].to_pylist() == list(range(7))


# -- answers that are not whole

FAILURES: dict[str, tuple[list[bytes], bool, type[Exception]]] = {
    "promised more": ([document(n, 10, partial=True) for n in range(3)], False, Interrupted),
    "cut transfer": ([document(n, 10, partial=True) for n in range(3)], True, Interrupted),
    "no end": ([document(0, 10, partial=False)], True, Interrupted),
    "killed": (
        [document(0, 20, partial=True), bytes(msgpack.packb({"results": [{"error": "query killed"}]}))],
        False,
        QueryError,
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("ending", [".parquet", ".csv", ".arrow"])
@pytest.mark.usefixtures("groups_of_7")
def test_an_answer_that_is_not_whole_leaves_the_old_file_and_no_other(
    save: Save, tmp_path: Path, ending: str, failure: str
) -> None:
    path = tmp_path / f"night{ending}"
    path.write_text("the old one")
    pieces, cut, problem = FAILURES[failure]
    with serving(answering(*pieces, cut=cut)) as server:
        with pytest.raises(problem):
            save(client_at(server.url), path)
        assert gone(server)
    assert path.read_text() == "the old one"
    assert names(tmp_path) == [path.name]


class Full:
    """A disk that is full when the second group comes."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.left = 1

    def write_table(self, *_: Any) -> None:
        if self.left == 0:
            raise OSError(28, "No space left on device")
        self.left -= 1

    def close(self) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.usefixtures("groups_of_7")
def test_a_full_disk_leaves_the_old_file_and_no_other(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "night.parquet"
    path.write_text("the old one")
    monkeypatch.setattr(pyarrow.parquet, "ParquetWriter", Full)
    pieces = [document(n * 10, 10, partial=n < 2) for n in range(3)]
    with serving(answering(*pieces)) as server:
        with pytest.raises(OSError, match="No space"):
            save(client_at(server.url), path)
        assert gone(server)
    assert path.read_text() == "the old one"
    assert names(tmp_path) == [path.name]
    with pytest.raises(OSError, match="No space"):
        small().save(path)
    assert names(tmp_path) == [path.name]


def test_a_name_that_cannot_be_taken_leaves_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "replace", denied)
    with pytest.raises(PermissionError):
        small().save(tmp_path / "x.parquet")
    assert names(tmp_path) == []


def test_whoever_stops_the_program_leaves_no_file(tmp_path: Path) -> None:
    def batches() -> Iterator[pa.Table]:
        yield small().arrow
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(Saving(tmp_path / "x.parquet"), batches())
    assert names(tmp_path) == []


# -- before anything is asked


@pytest.mark.parametrize("ending", [".txt", "", ".parquet.gz"])
def test_an_ending_that_is_no_format_is_refused_before_anything_is_asked_or_written(
    save: Save, tmp_path: Path, ending: str
) -> None:
    with pytest.raises(UsageError, match=r"\.parquet or \.csv"):
        small().save(tmp_path / f"night{ending}")
    with serving(answering()) as server:
        with pytest.raises(UsageError, match=r"\.parquet or \.csv"):
            save(client_at(server.url), tmp_path / f"night{ending}")
        assert server.seen == []
    assert names(tmp_path) == []


def test_a_folder_that_is_not_there_is_an_error_before_anything_is_asked(save: Save, tmp_path: Path) -> None:
    (tmp_path / "x.csv").mkdir()
    with serving(answering()) as server:
        with pytest.raises(FileNotFoundError):
            save(client_at(server.url), tmp_path / "no" / "x.parquet")
        with pytest.raises(UsageError, match="is a folder"):
            save(client_at(server.url), tmp_path / "x.csv")
        assert server.seen == []


def test_a_missing_writer_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for package, ending in (("parquet", ".parquet"), ("csv", ".csv"), ("ipc", ".arrow")):
        monkeypatch.setitem(sys.modules, f"pyarrow.{package}", None)
        with pytest.raises(MissingExtra, match="skykey\\[tables\\]"):
            small().save(tmp_path / f"x{ending}")
    assert names(tmp_path) == []


def test_rows_that_were_read_in_part_are_no_file(tmp_path: Path) -> None:
    """A file of the rest would look whole."""
    pieces = [document(n * 10, 10, partial=n < 2) for n in range(3)]
    with serving(answering(*pieces)) as server:
        with client_at(server.url).stream("SELECT x FROM t") as rows:
            next(rows)
            with pytest.raises(UsageError, match="read already"):
                rows.save(tmp_path / "x.parquet")
            assert len(list(rows)) == 2
            with pytest.raises(UsageError, match="read once"):
                rows.save(tmp_path / "x.parquet")
        closed = client_at(server.url).stream("SELECT x FROM t")
        closed.close()
        with pytest.raises(UsageError, match="closed"):
            closed.save(tmp_path / "x.parquet")
    assert names(tmp_path) == []


def test_rows_may_be_saved_under_a_better_name_after_a_bad_one(tmp_path: Path) -> None:
    with (
        serving(answering(document(0, 10, partial=False))) as server,
        client_at(server.url).stream("SELECT x FROM t") as rows,
    ):
        with pytest.raises(UsageError):
            rows.save(tmp_path / "x.txt")
        assert rows.save(tmp_path / "x.csv").rows == 10


# -- the other face


class Slow(pyarrow.parquet.ParquetWriter):  # type: ignore[misc]  # pyarrow has no types
    """Writes when it is told to."""

    begun = threading.Event()
    go = threading.Event()

    def write_table(self, *arguments: Any) -> None:
        self.begun.set()
        assert self.go.wait(10)
        super().write_table(*arguments)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> type[Slow]:
    Slow.begun.clear()
    Slow.go.clear()
    monkeypatch.setattr(pyarrow.parquet, "ParquetWriter", Slow)
    return Slow


@pytest.mark.usefixtures("groups_of_7")
def test_the_event_loop_goes_on_while_a_group_is_written(tmp_path: Path, slow: type[Slow]) -> None:
    async def main(url: str) -> int:
        async with twin(client_at(url)).stream("SELECT x FROM t") as rows:
            task = asyncio.create_task(rows.save(tmp_path / "x.parquet"))
            await asyncio.to_thread(slow.begun.wait, 10)
            assert not task.done()
            slow.go.set()  # by the loop, which therefore runs
            return (await task).rows

    with serving(answering(document(0, 10, partial=False))) as server:
        assert asyncio.run(main(server.url)) == 10


@pytest.mark.usefixtures("groups_of_7")
def test_a_cancelled_save_waits_for_its_thread_and_leaves_no_file(tmp_path: Path, slow: type[Slow]) -> None:
    (tmp_path / "x.parquet").write_text("the old one")

    async def main(url: str) -> None:
        async with twin(client_at(url)).stream("SELECT x FROM t") as rows:
            task = asyncio.create_task(rows.save(tmp_path / "x.parquet"))
            await asyncio.to_thread(slow.begun.wait, 10)
            for _ in range(2):  # who is impatient cancels twice
                task.cancel()
                for _ in range(10):
                    await asyncio.sleep(0)
                assert not task.done()
            slow.go.set()
            with pytest.raises(asyncio.CancelledError):
                await task

    with serving(answering(*[document(n, 10, partial=n < 2) for n in range(3)])) as server:
        asyncio.run(main(server.url))
        assert gone(server)
    assert (tmp_path / "x.parquet").read_text() == "the old one"
    assert names(tmp_path) == ["x.parquet"]


def test_a_save_that_is_forgotten_leaves_no_file(tmp_path: Path) -> None:
    """The coroutine is closed where it stands, outside of any loop."""

    class Waiting:
        def __await__(self) -> Iterator[None]:
            yield

    async def batches() -> Any:
        await Waiting()

    from skykey.tables.rows import AsyncRows

    class Performance:
        advance = staticmethod(batches)

        async def close(self) -> None:
            pass

    forgotten = AsyncRows(Performance()).save(tmp_path / "x.parquet")  # type: ignore[arg-type]  # a part of one
    forgotten.send(None)
    assert len(names(tmp_path)) == 1
    forgotten.close()
    assert names(tmp_path) == []


def test_what_is_abandoned_is_not_written_by_a_thread_that_comes_late(tmp_path: Path) -> None:
    late = Saving(tmp_path / "x.parquet")
    late.add(small().arrow)
    late.abandon()
    late.write()
    late.seal()
    late.abandon()
    assert names(tmp_path) == []


# -- batches that differ

CELLS = {
    "null": st.none(),
    "int": st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9),
    "float": st.none() | st.floats(allow_nan=False),
    "text": st.none() | st.text(max_size=3),
}


@st.composite
def series(draw: Any) -> dict[str, Any]:
    """A piece of an answer: some columns, each of one wire type, some rows, maybe a tag."""
    kinds = draw(st.dictionaries(st.sampled_from("abc"), st.sampled_from(list(CELLS)), max_size=3))
    row = st.tuples(st.integers(0, 2**62), *(CELLS[kind] for kind in kinds.values())).map(list)
    tags = draw(st.dictionaries(st.just("tag"), st.sampled_from(["", "g"])))
    values = draw(st.lists(row, min_size=1, max_size=4))
    return {"name": "t", "columns": ["time", *kinds], "values": values, **({"tags": tags} if tags else {})}


def answer(pieces: list[dict[str, Any]]) -> bytes:
    results = [{"series": [piece], "partial": n < len(pieces) - 1} for n, piece in enumerate(pieces)]
    return b"".join(msgpack.packb({"results": [result]}) for result in results)


def one(values: list[Any], *more: str) -> dict[str, Any]:
    return {"name": "t", "columns": ["time", *(more or ["a"] * len(values))], "values": [[1, *values]]}


@given(st.lists(series(), min_size=1, max_size=6), st.integers(1, 9), st.sampled_from([".parquet", ".arrow"]))
@settings(max_examples=150, deadline=None)
@example([one([None]), one([1])], 9, ".parquet")
@example([one([None]), one([1])], 1, ".parquet")
@example([one([1.5]), one([2**53 + 1])], 1, ".parquet")
@example([one([1.5]), one([1]), one([None]), one([])], 1, ".arrow")
@example([one([1]), one([1.0])], 1, ".parquet")
@example([one([1]), one([1, 2], "a", "b")], 1, ".parquet")
def test_a_stream_gives_the_file_of_its_table_or_an_error_and_never_less(
    pieces: list[dict[str, Any]], rows: int, ending: str
) -> None:
    data = answer(pieces)
    batches = InfluxBatches().feed(data)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"x{ending}")
        patch.setattr(saving, "GROUP_ROWS", rows)
        try:
            fill(Saving(path), batches)
        except Unreadable:
            assert names(Path(folder)) == []
            return
        back = READ[ending](path)
    reader = InfluxTable()
    reader.feed(data)
    table = reader.finish().arrow
    assert back.select(table.column_names).equals(table)
    assert back.num_columns == table.num_columns


@given(st.lists(st.lists(CELLS["int"], min_size=1), min_size=1, max_size=5), st.integers(1, 5))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_without_values_are_nothing_to_fit_where_the_types_are_known(
    tmp_path: Path, parts: list[list[int | None]], rows: int
) -> None:
    pieces = [{**one([]), "columns": ["time", "a"], "values": [[1, cell] for cell in part]} for part in parts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saving, "GROUP_ROWS", rows)
        fill(Saving(tmp_path / "x.parquet"), InfluxBatches({"a": pa.int64()}).feed(answer(pieces)))
    back = pyarrow.parquet.read_table(tmp_path / "x.parquet")["a"]
    assert (back.type, back.to_pylist()) == (pa.int64(), [cell for part in parts for cell in part])


LATE: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a first value": (one([None]), one([1]), "after 1 rows came a as int64"),
    "a fraction": (one([1]), one([1.5]), "came a as double"),
    "a float": (one([1]), one([1.0]), "came a as double"),
    "too many digits": (one([1.5]), one([2**53 + 1]), "9007199254740993"),
    "another column": (one([1]), one([1, None], "a", "b"), "came b as null"),
    "text": (one([1]), one(["1"]), "do not fit"),
    "a tag": (one([1]), {**one([1]), "tags": {"t": "g"}}, "came t as string"),
    "another measurement": (one([1]), {**one([1]), "name": "u"}, "rows of t and of u"),
}


@pytest.mark.parametrize("late", LATE)
def test_what_comes_too_late_to_fit_is_an_error_that_says_what(
    tmp_path: Path, late: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "GROUP_ROWS", 1)
    first, second, words = LATE[late]
    with pytest.raises(Unreadable, match=words) as caught:
        fill(Saving(tmp_path / "x.parquet"), InfluxBatches().feed(answer([first, second])))
    assert caught.value.next is not None
    assert names(tmp_path) == []


def test_what_comes_within_the_first_group_gives_the_file_its_columns(tmp_path: Path) -> None:
    pieces = [one([None]), one([1]), one([1.5, "x"], "a", "b"), {**one([None]), "tags": {"t": "g"}}]
    fill(Saving(tmp_path / "x.parquet"), InfluxBatches().feed(answer(pieces)))
    back = pyarrow.parquet.read_table(tmp_path / "x.parquet")
    assert back["a"].to_pylist() == [None, 1.0, 1.5, None]
    assert back["b"].to_pylist() == [None, None, "x", None]
    assert back["t"].to_pylist() == [None, None, None, "g"]


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
def test_batches_with_dictionaries_of_their_own_fit_together(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "GROUP_ROWS", 2)
    batches = [pa.table({"x": pa.array(part).dictionary_encode()}) for part in (["a", "b"], ["c", "a"], ["b"])]
    fill(Saving(tmp_path / f"x{ending}"), batches)
    assert READ[ending](tmp_path / f"x{ending}")["x"].to_pylist() == ["a", "b", "c", "a", "b"]


def test_a_column_that_the_format_cannot_hold_is_an_error_of_ours(tmp_path: Path) -> None:
    made = Table(pa.table({"x": pa.array([[1]], pa.list_(pa.int64()))}), End(complete=True, rows=1))
    with pytest.raises(UsageError, match=r"\.csv cannot hold") as caught:
        made.save(tmp_path / "x.csv")
    assert caught.value.next == "use .arrow"
    assert names(tmp_path) == []
    made.save(tmp_path / "x.arrow")


# -- beside others


def test_several_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    """A temporary name that both share would give a file of both halves, or none."""
    path = tmp_path / "night.parquet"
    problems: list[BaseException] = []

    def write(count: int) -> None:
        data = pa.table({"x": [count] * 20_000})
        try:
            for _ in range(10):
                Table(data, End(complete=True, rows=len(data))).save(path)
        except BaseException as problem:  # noqa: BLE001 - shown by the test
            problems.append(problem)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(set(pyarrow.parquet.read_table(path)["x"].to_pylist())) == 1
    assert names(tmp_path) == [path.name]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_file_has_the_permissions_that_its_user_wants(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        small().save(tmp_path / "x.csv")
    finally:
        os.umask(before)
    assert (tmp_path / "x.csv").stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_replaced_keeps_who_may_read_it_and_a_link_stays_one(tmp_path: Path) -> None:
    secret, link = tmp_path / "data.csv", tmp_path / "link.csv"
    secret.write_text("old")
    secret.chmod(0o600)
    link.symlink_to(secret)
    Table(pa.table({"x": [1]}), End(complete=True, rows=1)).save(link)
    assert link.is_symlink()
    assert secret.read_text().split() == ['"x"', "1"]
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_name_as_long_as_a_folder_takes_is_not_too_long(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 125 + ".csv")
    Table(pa.table({"x": [1]}), End(complete=True, rows=1)).save(path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
