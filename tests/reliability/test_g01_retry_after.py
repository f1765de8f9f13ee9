"""G1: a service that says when to come again, in every form, sensible or not. Honoured, capped or ignored."""

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.calls.call import Patience, Repeat
from skykey.calls.refusals import refusal
from skykey.calls.repeats import Repeats
from skykey.testing import FakeClock
from skykey.testing.faults import Reply
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.deadline import Deadline, within
from skykey.values.errors import Overloaded, RateLimited
from skykey.values.url import Url
from skykey.wire.request import Head
from tests.reliability import databases, gracedb_site, naive_databases
from tests.tables.test_rows import client_at
from tests.wire.askers import Asker, AsyncAsker, get
from tests.wire.server import Answer, Seen, reply, serving

NOW = 1_790_000_000.0
DATE = formatdate(NOW, usegmt=True)
BUDGET = 100.0  # seconds for one question
LONGEST = 60.0


def date(seconds: float) -> str:
    return formatdate(NOW + seconds, usegmt=True)


OWN = "ignored: the client's own waits"
STOP = "too long: given up"
FORMS: dict[str, tuple[str | None, list[float] | str]] = {
    "none": (None, OWN),
    "1": ("1", [1.0] * 3),
    "0": ("0", [0.0] * 3),
    "45": ("45", [45.0] * 2),  # the third would go beyond the budget
    "60": ("60", [60.0]),
    "61": ("61", STOP),
    "9999999999": ("9999999999", STOP),
    "400 digits": ("9" * 400, STOP),
    "in 1 s": (date(1), [1.0] * 3),
    "in 45 s": (date(45), [45.0] * 2),
    "in an hour": (date(3600), STOP),
    "in the year 9999": ("Fri, 31 Dec 9999 23:59:59 GMT", STOP),
    "an hour ago": (date(-3600), [0.0] * 3),
    "-5": ("-5", OWN),
    "1.5": ("1.5", OWN),
    "1e3": ("1e3", OWN),
    "nan": ("nan", OWN),
    "soon": ("soon", OWN),
    "blank": ("", OWN),
    "two": ("1, 2", OWN),
    "other digits": ("\u00b2", OWN),
}


def telemetry(url: str, clock: FakeClock) -> None:
    client = client_at(url)
    client._clock = clock
    client.query("SHOW DATABASES")


def telemetry_async(url: str, clock: FakeClock) -> None:
    client = client_at(url)
    client._clock = clock
    asyncio.run(client.async_query("SHOW DATABASES"))


def core(url: str, clock: FakeClock) -> None:
    from skykey.calls.call import Repeat

    asker = Asker()
    asker._clock = clock
    asker.ask(get(url, repeat=Repeat.SAFE))


def core_async(url: str, clock: FakeClock) -> None:
    from skykey.calls.call import Repeat

    asker = AsyncAsker()
    asker._clock = clock
    asyncio.run(asker.ask(get(url, repeat=Repeat.SAFE)))


CLIENTS: dict[str, Callable[[str, FakeClock], None]] = {
    "core": core,
    "core-async": core_async,
    "influxdb": telemetry,
    "influxdb-async": telemetry_async,
    **databases.QUESTIONS,
}


def whole(seen: Seen) -> Answer:
    if gracedb_site.is_asked(seen):
        return gracedb_site.site(seen)
    if databases.is_asked(seen):
        return databases.site(seen)
    return reply(200, msgpack.packb({"results": [{"statement_id": 0}]}), Content_Type="application/x-msgpack")


def waits(
    client: Callable[[str, FakeClock], None], status: int, form: str | None, times: int | None
) -> tuple[Any, list[float]]:
    """What came out, and how long it waited each time, on a clock that only waiting moves."""
    clock = FakeClock(wall=NOW, steady=-1e6, hasty=True)  # before every other limit
    problem: BaseException | None = None
    with serving(whole) as server, FaultProxy(server.url) as proxy:
        proxy.fault(Reply(status, headers={"Date": DATE}, retry_after=form), times=times)
        try:
            with within(BUDGET, clock):
                client(proxy.url, clock)
        except (RateLimited, Overloaded) as raised:
            problem = raised
        # What was asked before, or comes after, was answered.
        assert sum(seen.fault is not None for seen in proxy.seen) == len(clock.waited) + (problem is not None)
    return problem, [seconds or 0.0 for seconds in clock.waited]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("status", [429, 503])
def test_g1_no_wait_is_longer_than_a_minute_nor_all_of_them_than_the_budget(status: int, client: str) -> None:
    longest = most = 0.0
    for name, (form, expected) in FORMS.items():
        problem, waited = waits(CLIENTS[client], status, form, None)
        shown = ", ".join(f"{seconds:.2f}" for seconds in waited)
        print(f"G1 {status}, {client}, Retry-After {name}: waits [{shown}] s, {type(problem).__name__}")
        assert problem is not None
        longest, most = max([longest, *waited]), max(most, sum(waited))
        if expected == OWN:
            assert [low <= seconds <= 2 * low for low, seconds in zip((0.25, 0.5, 1.0), waited, strict=True)] == [
                True
            ] * 3
        else:
            assert waited == ([] if expected == STOP else expected)
    print(f"G1 {status}, {client}: longest wait {longest:.0f} s, all waits of one question {most:.0f} s")
    assert longest <= LONGEST
    assert most <= BUDGET


@pytest.mark.parametrize("client", CLIENTS)
def test_g1_what_is_over_when_it_said_gives_the_answer(client: str) -> None:
    for form in ("1", date(1)):
        assert waits(CLIENTS[client], 503, form, 1) == (None, [1.0])


GRACEDB_LONGEST = 30.0  # as its documented client has it: what is longer is cut to that
GRACEDB_REPEATS = 5


@pytest.mark.parametrize("client", [*gracedb_site.READS, *gracedb_site.WRITES])
@pytest.mark.parametrize("status", [429, 503])
def test_g1_gracedb_waits_half_a_minute_at_most_and_sends_twice_only_what_was_not_begun(
    status: int, client: str
) -> None:
    """A 503 that does not say when to come back does not say either that nothing was done: who writes stops there."""
    asked = {**gracedb_site.READS, **gracedb_site.WRITES}[client]
    longest = most = 0.0
    for name, (form, expected) in FORMS.items():
        problem, waited = waits(asked, status, form, None)
        print(f"G1 {status}, {client}, Retry-After {name}: waits {[round(each, 2) for each in waited]} s")
        assert problem is not None
        longest, most = max([longest, *waited]), max(most, sum(waited))
        if expected == OWN and status == 503 and client in gracedb_site.WRITES:
            assert waited == []
        elif expected == OWN:
            assert [low <= seconds <= 2 * low for low, seconds in zip((0.05, 0.1, 0.2, 0.4, 0.8), waited, strict=True)]
        elif expected == STOP or max(expected) > GRACEDB_LONGEST:
            assert waited == [GRACEDB_LONGEST] * 3  # the fourth would go beyond the budget
        else:
            assert waited == [expected[0]] * GRACEDB_REPEATS
    print(f"G1 {status}, {client}: longest wait {longest:.0f} s, all waits of one question {most:.0f} s")
    assert longest <= GRACEDB_LONGEST
    assert most <= BUDGET


@pytest.mark.parametrize("client", [*gracedb_site.READS, *gracedb_site.WRITES])
def test_g1_gracedb_what_is_over_when_it_said_gives_the_answer(client: str) -> None:
    asked = {**gracedb_site.READS, **gracedb_site.WRITES}[client]
    for form in ("1", date(1)):
        assert waits(asked, 503, form, 1) == (None, [1.0])


@given(
    st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n\0"), max_size=40), st.sampled_from([429, 503])
)
def test_g1_no_text_leads_to_a_long_wait(text: str, status: int) -> None:
    head = Head(status, {"retry-after": text, "date": DATE}, Url("https://a.example/"))
    waited = Repeats(Deadline(None), Repeat.SAFE, Patience()).wait_after(refusal(head, "", remedy=None), begun=True)
    assert waited is None or 0 <= waited <= LONGEST


@given(st.integers(-(10**30), 10**30))
def test_g1_no_number_leads_to_a_long_wait(number: int) -> None:
    head = Head(429, {"retry-after": str(number), "date": DATE}, Url("https://a.example/"))
    waited = Repeats(Deadline(None), Repeat.SAFE, Patience()).wait_after(refusal(head, "", remedy=None), begun=True)
    expected = float(number) if 0 <= number <= LONGEST else None
    assert waited == expected or (number < 0 and waited is not None and waited <= 0.5)


def naive(form: str | None) -> list[float]:
    """As most programs do it: three times, after what the server says."""
    slept: list[float] = []
    for _ in range(3):
        slept.append(float(form) if form else 0.5)
        if slept[-1] < 0:
            raise ValueError("sleep length must be non-negative")  # as time.sleep says it
    return slept


def test_g1_a_naive_client_fails() -> None:
    harmed = {}
    for name, (form, _) in FORMS.items():
        try:
            slept = naive(form)
        except ValueError as problem:
            harmed[name] = type(problem).__name__
            continue
        if not (max(slept) <= LONGEST and sum(slept) <= BUDGET):
            harmed[name] = f"{max(slept):g} s"
    print(f"G1 naive: {harmed}")
    assert {"9999999999", "-5", "in 1 s", "soon", "nan"} <= set(harmed)


def test_g1_a_naive_client_of_databases_does_not_hear_when_to_come_again() -> None:
    """It has an empty frame at once, or is back at once."""
    found = {}
    with serving(whole) as server, FaultProxy(server.url) as proxy:
        client = naive_databases.Client(proxy.url, databases.AUTH[1])
        for name, ask in {
            "query": lambda: client.query(databases.STATEMENT),
            "log": lambda: client.log("narrativelog/messages", offset=0),
        }.items():
            proxy.forget()
            proxy.fault(Reply(429, retry_after=1))
            found[name] = (len(ask()), len(proxy.seen))
            proxy.reset()
        client.close()
    print(f"G1 naive: rows and requests without any wait: {found}")
    assert found["query"] == (0, 1)
    assert found["log"][1] == 2


def test_g1_the_clock_of_this_machine_does_not_matter() -> None:
    """A date is read against the answer's own Date: the two clocks may differ by more than the wait."""
    for wrong in (-86_400.0, 86_400.0):
        clock_says = formatdate(time.time() + wrong, usegmt=True)
        later = formatdate(time.time() + wrong + 7, usegmt=True)
        head = Head(429, {"retry-after": later, "date": clock_says}, Url("https://a.example/"))
        waited = Repeats(Deadline(None), Repeat.SAFE, Patience()).wait_after(refusal(head, "", remedy=None), begun=True)
        assert waited is not None
        assert 6 <= waited <= 8
