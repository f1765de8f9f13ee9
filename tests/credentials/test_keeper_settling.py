"""Whatever goes wrong around a renewal, whoever waits wakes, and a secret is not spent twice."""

import asyncio
import logging
import threading
import time

import pytest

from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.testing.clock import FakeClock
from skykey.values.errors import Failed
from tests.credentials.fakes import Fake, text_of


def got(keeper: Keeper) -> str:
    """What a caller gets, or whose error is raised; no test hangs."""
    answers: list[Held | BaseException] = []

    def get() -> None:
        try:
            answers.append(keeper.get())
        except BaseException as problem:  # noqa: BLE001 - raised below
            answers.append(problem)

    threading.Thread(target=get, daemon=True).start()
    until = time.monotonic() + 10
    while not answers and time.monotonic() < until:
        time.sleep(0.005)
    assert answers, "it hangs"
    if isinstance(answers[0], BaseException):
        raise answers[0]
    return text_of(answers[0])


def in_its_last_seconds(fake: Fake, clock: FakeClock) -> Keeper:
    """A keeper whose next renewal fails, and whose credential is still valid."""
    keeper: Keeper = Keeper(fake, clock=clock)
    assert got(keeper) == "token-1"
    clock.advance(3580)
    fake.error = Failed("the issuer is away")
    return keeper


def joined() -> None:
    for thread in threading.enumerate():
        if thread.name == "skykey-renewal":
            thread.join(10)


def test_a_log_that_raises_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: raised.append(arguments.exc_type))

    def broken(_: logging.LogRecord) -> bool:
        raise ValueError("a broken filter")

    clock = FakeClock()
    keeper = in_its_last_seconds(Fake(clock), clock)
    log = logging.getLogger("skykey.credentials")
    log.addFilter(broken)
    try:
        assert got(keeper) == "token-1"
        joined()
    finally:
        log.removeFilter(broken)
    assert raised == [ValueError]


@pytest.mark.parametrize("kind", [asyncio.CancelledError, GeneratorExit, SystemExit, RuntimeError])
def test_a_source_whose_look_ends_oddly_leaves_nobody_waiting(kind: type[BaseException]) -> None:
    clock = FakeClock()
    fake = Fake(clock)
    keeper = in_its_last_seconds(fake, clock)

    def odd(_: Held) -> bool:
        raise kind

    fake.changed = odd  # type: ignore[method-assign]
    with pytest.raises(Failed, match="the issuer is away"):
        got(keeper)
    fake.error = None
    clock.advance(2)
    assert got(keeper) == "token-3"


def test_ctrl_c_while_a_renewal_starts_does_not_lead_to_two(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()
    fake.gate.clear()
    keeper: Keeper = Keeper(fake)
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            keeper.get()
    threading.Timer(0.3, fake.gate.set).start()
    assert got(keeper) == "token-1"
    joined()
    assert fake.asked == 1
