"""Log records in GraceDB's log: all of them, in order, and the program never waits or fails for them."""

import logging
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from skykey.gracedb.logging import GraceDbLogHandler
from skykey.gracedb.rest import AsyncGraceDb, GraceDb
from tests.gracedb.scripted import Gracedb, answer, form


class Log:
    """Takes what is written, when the test lets it."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str]] = []
        self.opens = threading.Event()
        self.opens.set()
        self.fails = False

    def write_log(self, graceid: str, text: str) -> None:
        self.opens.wait(10)
        if self.fails:
            raise RuntimeError("no log today")
        self.written.append((graceid, text))


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def handler(log: Log) -> Iterator[GraceDbLogHandler]:
    made = GraceDbLogHandler(log, "G1")
    yield made
    log.opens.set()
    made.close()


@pytest.fixture
def logger(handler: GraceDbLogHandler) -> Iterator[logging.Logger]:
    made = logging.getLogger("pipeline.of.a.test")
    made.propagate = False
    made.addHandler(handler)
    yield made
    made.removeHandler(handler)


def test_records_come_out_of_order(log: Log, handler: GraceDbLogHandler, logger: logging.Logger) -> None:
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    for number in range(100):
        logger.warning("number %d", number)
    handler.flush()
    assert log.written == [("G1", f"WARNING number {number}") for number in range(100)]


def test_the_program_waits_for_its_log(log: Log, handler: GraceDbLogHandler, logger: logging.Logger) -> None:
    log.opens.clear()
    logger.warning("one")
    logger.warning("two")
    assert log.written == []
    log.opens.set()
    handler.close()
    assert len(log.written) == 2
    assert not [thread for thread in threading.enumerate() if thread.name == "gracedb-log"]


def test_a_browser_shows_something_else_than_was_written(
    log: Log, handler: GraceDbLogHandler, logger: logging.Logger
) -> None:
    logger.error("a <b> & c\n  d")
    handler.flush()
    shown = "ERROR:pipeline.of.a.test:a &lt;b&gt; &amp; c\n  d"
    assert log.written == [("G1", f'<div style="white-space:pre-wrap">{shown}</div>')]


def test_an_error_stops_the_program_or_the_log(
    log: Log, handler: GraceDbLogHandler, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[str] = []
    monkeypatch.setattr(handler, "handleError", lambda record: met.append(record.msg))
    log.fails = True
    logger.warning("lost")
    handler.flush()
    log.fails = False
    logger.warning("found")
    handler.handle(logging.LogRecord("a", logging.ERROR, "b.py", 1, "%d", ("no number",), None))
    handler.flush()
    assert met == ["lost", "%d"]
    assert ["found" in text for _, text in log.written] == [True]


def test_a_record_about_writing_is_written_for_ever(log: Log, handler: GraceDbLogHandler) -> None:
    class Talking(Log):
        def write_log(self, graceid: str, text: str) -> None:
            super().write_log(graceid, text)
            root.warning("wrote %s", graceid)

    talking = Talking()
    made = GraceDbLogHandler(talking, "G1")
    root = logging.getLogger("another.pipeline.of.a.test")
    root.propagate = False
    root.addHandler(made)
    try:
        root.warning("once")
        made.flush()
    finally:
        root.removeHandler(made)
        made.close()
    assert len(talking.written) == 1


def test_a_closed_handler_hangs(log: Log, handler: GraceDbLogHandler, logger: logging.Logger) -> None:
    handler.close()
    handler.close()
    logger.warning("after the end")
    handler.close()
    assert len(log.written) == 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_waits_for_a_thread_that_it_does_not_have(
    log: Log, handler: GraceDbLogHandler, logger: logging.Logger
) -> None:
    log.opens.clear()
    logger.warning("in the parent")
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            handler.gracedb = child = Log()
            handler.flush()
            logger.warning("in the child")
            handler.flush()
            os.write(writer, str(len(child.written)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    assert os.read(reader, 9) == b"1"
    os.close(reader)
    os.waitpid(pid, 0)


def test_a_client_of_an_event_loop_is_taken() -> None:
    with pytest.raises(TypeError, match="event loop"):
        GraceDbLogHandler(AsyncGraceDb(force_noauth=True), "G1")


def test_the_real_client_is_asked_by_an_old_name() -> None:
    with Gracedb(lambda _: answer({}, 201)) as server:
        made: Any = GraceDbLogHandler(GraceDb(server.url, force_noauth=True), "S1")
        made.emit(logging.LogRecord("a", logging.ERROR, "b.py", 1, "hello", None, None))
        made.close()
    assert server.sent == ["POST superevents/S1/logs/"]
    assert form(server.asked[0])["comment"] == ['<div style="white-space:pre-wrap">ERROR:a:hello</div>']
