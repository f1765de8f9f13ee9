"""A1, A2, A4-A8, A13, A18-A23: when a credential is renewed, for whom, and what is left when that fails."""

import asyncio
import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.credential import Basic
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.stores.file import FileStore
from skykey.sandbox import Box
from skykey.testing.clock import FakeClock
from skykey.values.errors import SkykeyError
from skykey.values.life import Life
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from skykey.wire.request import Request
from tests.reliability import naive_credentials
from tests.reliability.naive_credentials import Blocking, Frozen, InDays, Locked, Monotonic, Parts, Unlocked
from tests.reliability.proof import (
    Documented,
    Kept,
    Login,
    Moving,
    Real,
    Times,
    asked,
    bought,
    claim,
    jwt,
    proven,
    require,
    said,
    settled,
    take,
    together,
    until,
)
from tests.wire.server import Seen, as_json, serving

HOUR = 3600.0
PATIENCE = 1e9  # time moves by minutes here, while a renewal is under way


@pytest.fixture
def login(box: Box, tmp_path: Path) -> Login:
    return Login.at(box, tmp_path)


def at_expiry(kind: Any, box: Box, login: Login, latency: float) -> Any:
    """A subject whose token is just over, and an issuer that takes its time."""
    times = Times(box)
    subject = kind(login, times.clock)
    subject.token()
    times.advance(HOUR + 1)
    box.controls.forget()
    box.controls.latency(latency, service="iam", path="/token")
    return subject


# -- many callers


@proven(Kept, Documented, by=Unlocked)
def test_a1_64_threads_at_expiry_renew_once(kind: Any, box: Box, login: Login) -> None:
    subject = at_expiry(kind, box, login, latency=1.0)
    answers = together(64, subject.token)
    tokens = {answer for answer in answers if isinstance(answer, str)}
    require("A1", refreshes=(asked(box), "==", 1), answers=(len(answers), "==", 64), tokens=(len(tokens), "==", 1))


@pytest.mark.parametrize("loops", [1, 4])
@proven(Kept, Documented, by=Unlocked)
def test_a2_1000_tasks_at_expiry_renew_once_though_the_first_is_cancelled(
    kind: Any, box: Box, login: Login, loops: int
) -> None:
    subject = at_expiry(kind, box, login, latency=0.5)

    async def waiting() -> list[Any]:
        tasks = [asyncio.create_task(subject.atoken()) for _ in range(1000 // loops)]
        await asyncio.sleep(0.1)
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    gathered = [answer for answers in together(loops, lambda: asyncio.run(waiting())) for answer in answers]
    tokens = [answer for answer in gathered if isinstance(answer, str)]
    require(
        f"A2, {loops} loops",
        refreshes=(asked(box), "==", 1),
        answers=(len(tokens), "==", 1000 - loops),
        tokens=(len(set(tokens)), "==", 1),
    )


def stall_beside_threads(subject: Any) -> float:
    """The longest time for which an event loop did nothing while its tasks, and threads, waited for a token."""
    begin = threading.Barrier(9)

    def work() -> None:
        begin.wait(20)
        subject.token()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()

    stalls = []

    async def main() -> None:
        async def watch() -> None:
            while True:
                before = time.perf_counter()
                await asyncio.sleep(0.001)
                stalls.append(time.perf_counter() - before - 0.001)

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0.01)
        begin.wait(20)
        await asyncio.gather(*(subject.atoken() for _ in range(8)))
        await asyncio.sleep(0.005)
        watching.cancel()

    asyncio.run(main())
    for thread in threads:
        thread.join(20)
    return max(stalls)


@proven(Kept, Documented, by=Blocking)
def test_a4_threads_and_a_loop_share_one_renewal_and_the_loop_does_not_stall(
    kind: Any, box: Box, login: Login, ceiling: Callable[[float], float]
) -> None:
    refreshes, stalls = [], []
    for _ in range(3):  # the best of three: this machine does other things too
        box.controls.reset()
        stalls.append(stall_beside_threads(at_expiry(kind, box, login, latency=0.3)))
        refreshes.append(asked(box))
    require("A4", refreshes=(max(refreshes), "==", 1), stall=(min(stalls), "<", ceiling(0.05)))


# -- an issuer that is down, or odd


def lived(subject: Any, clock: FakeClock, seconds: int, count: Callable[[], int]) -> tuple[set[str], int, float]:
    """Ask each second: the tokens that came, how often none came, and the shortest pause between two attempts."""
    tokens, failures, attempts = set(), 0, []
    for second in range(seconds):
        before = count()
        try:
            tokens.add(subject.token())
        except Exception:  # noqa: BLE001 - whatever it is: a valid token was not handed out
            failures += 1
            if failures > 9:
                break
        settled(subject)
        attempts += [second] * (count() - before)
        clock.advance(1)
    pauses = [later - earlier for earlier, later in itertools.pairwise(attempts)]
    return tokens, failures, float(min(pauses, default=seconds))


@proven(Kept, Documented, by=Unlocked)
def test_a5_an_issuer_that_is_down_early_is_asked_once_in_30_s_and_nobody_has_to_know(
    kind: Any, box: Box, login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    # One request an attempt: what is repeated within an attempt is a matter of test_retries.
    times = Times(box)
    subject = kind(login, times.clock)
    valid = subject.token()
    times.advance(HOUR - 300)
    box.controls.fail("refresh", times=100_000)
    tokens, failures, pause = lived(subject, times.clock, 269, lambda: asked(box))
    warnings = said(caplog, "stays in use")
    require(
        "A5",
        failures=(failures, "==", 0),
        others=(len(tokens - {valid}), "==", 0),
        pause=(pause, ">=", 30.0),
        warnings=(len(warnings), "==", 1),
    )


@pytest.mark.parametrize("down", ["silent", "failing", "gone"])
@proven(Kept, Documented, by=Unlocked)
def test_a6_an_issuer_that_is_down_past_expiry_is_named_in_time(
    kind: Any, box: Box, login: Login, down: str, ceiling: Callable[[float], float]
) -> None:
    clock = Moving()
    with serving(lambda _: as_json(json.dumps({"access_token": token, "expires_in": 3600}))) as server:
        token = jwt(sub="ada", aud=login.client_id, iat=clock.wall(), exp=clock.wall() + HOUR)
        if down == "gone":
            login = replace(login, iam=server.url)
        subject = kind(login, clock)
        subject.token()
    clock.ahead += HOUR + 1
    box.controls.clock(clock.ahead)
    if down == "silent":
        box.controls.fault("stall", service="iam", seconds=3.0)
    elif down == "failing":
        box.controls.fail("refresh", times=100)
    if isinstance(subject, Real):
        subject.keeper._patience = 1.0
    begin, problem = time.monotonic(), None
    try:
        subject.token()
    except Exception as raised:  # noqa: BLE001 - looked at below
        problem = raised
    text = str(problem)
    print(text)
    require(
        f"A6, {down}",
        seconds=(time.monotonic() - begin, "<=", ceiling(1.0 + 1.0)),
        typed=(isinstance(problem, SkykeyError), "==", True),
        names_the_source=("the last renewal of the login of " in text, "==", True),
        names_the_last_success=("succeeded 3601 s ago" in text or "succeeded 3602 s ago" in text, "==", True),
        remedies=(text.count("\nNext: "), "==", 1),
    )


@proven(Kept, Documented, by=Unlocked)
def test_a7_a_life_of_60_s_under_a_leeway_of_300_is_renewed_at_most_twice(kind: Any, box: Box, login: Login) -> None:
    times, lives = Times(box), 3
    box.controls.iam(seconds=60)
    subject, left = kind(login, times.clock, leeway=300), []
    for _ in range(lives * 60):
        left.append(claim(subject.token(), "exp") - times.clock.wall())
        settled(subject)
        times.advance(1)
        if asked(box) > 9 * lives:
            break
    require("A7", refreshes_a_life=(asked(box) / lives, "<=", 2.0), shortest_left=(float(min(left)), ">", 0.0))


@proven(Kept, Documented, by=Unlocked)
def test_a8_an_issuer_that_gives_the_same_token_again_is_asked_once_in_30_s(kind: Any, login: Login) -> None:
    clock = FakeClock()
    ends = clock.wall() + HOUR
    token = jwt(sub="ada", aud=login.client_id, iat=clock.wall(), exp=ends)

    def answer(_: Seen) -> bytes:
        return as_json(json.dumps({"access_token": token, "expires_in": round(ends - clock.wall())}))

    with serving(answer) as server:
        subject = kind(replace(login, iam=server.url), clock)
        subject.token()
        clock.advance(HOUR - 300)
        tokens, failures, pause = lived(subject, clock, 299, lambda: len(server.seen))
        requests = len(server.seen) - 1
    require(
        "A8",
        pause=(pause, ">=", 30.0),
        requests=(requests, "<=", 10),
        failures=(failures, "==", 0),
        tokens=(len(tokens), "==", 1),
    )


@proven(Kept, Documented, by=Unlocked)
def test_a13_a_late_failure_does_not_discard_a_newer_token(kind: Any, box: Box, login: Login) -> None:
    times, losses, rounds = Times(box), 0, 10
    for _ in range(rounds):
        subject = kind(login, times.clock)
        subject.token()
        times.advance(HOUR - 200)
        newer = bought(box, login)
        box.controls.forget()
        box.controls.latency(0.05, service="iam", path="/token")
        box.controls.fail("refresh", status=400)
        late = threading.Thread(target=together, args=(1, subject.token))
        late.start()
        until(lambda: box.controls.requests("iam"))
        take(subject, newer)
        late.join(20)
        settled(subject)
        box.controls.latency(0, service="iam", path="/token")
        at_hand = subject.keeper.at_hand if isinstance(subject, Real) else None
        kept = subject.access if at_hand is None and not isinstance(subject, Real) else None
        kept = at_hand.credential.token.reveal() if at_hand is not None else kept
        losses += kept != newer
    require("A13", losses=(losses, "==", 0), rounds=(rounds, "==", 10))


# -- keys of several parts


@dataclass(frozen=True)
class Keys:
    """Three parts that are one credential."""

    access: Secret
    secret: Secret
    session: Secret
    reach: Reach
    life: Life
    identity: str | None = None
    tls: None = None
    hint: str = "keys"

    def parts(self) -> tuple[tuple[str, Secret], ...]:
        return ("X-Access", self.access), ("X-Secret", self.secret), ("X-Session", self.session)


class KeyService:
    """Gives keys of three parts, or a name and a password, for a minute; all parts hold the same number."""

    name = "the key service"

    def __init__(self, url: str, clock: FakeClock, keeping: Keeping) -> None:
        self.url, self.clock, self.keeping = Url(url), clock, keeping

    def fetch(self, ask: Ask) -> dict[str, str]:
        exchange = ask.send(Request("GET", self.url))
        body = b""
        while (piece := exchange.read()) is not None:
            body += piece
        exchange.close()
        return dict(json.loads(body))

    def obtain(self, held: Any, ask: Ask, /) -> Held[Any]:
        given = self.fetch(ask)
        reach = Reach.named(self.url, said_by="a test")
        life = Life(self.clock.wall(), self.clock.wall() + 60)
        if self.keeping is Keeping.STORED:
            return Held(Basic(given["access"], Secret(given["secret"]), reach, life), self.name)
        return Held(Keys(*(Secret(given[name]) for name in ("access", "secret", "session")), reach, life), self.name)

    def changed(self, held: Any, /) -> bool:
        return False


def whole_keys(service: KeyService, folder: Path) -> Callable[[], tuple[str, ...]]:
    keeper: Keeper[Any] = Keeper(service, clock=service.clock, patience=PATIENCE)
    return lambda: tuple(part.reveal() for _, part in keeper.get().credential.parts())


def whole_logins(service: KeyService, folder: Path) -> Callable[[], tuple[str, ...]]:
    service.keeping = Keeping.STORED
    keeper: Keeper[Any] = Keeper(
        service, clock=service.clock, store=FileStore(folder / "store"), key="k", patience=PATIENCE
    )

    def read() -> tuple[str, ...]:
        credential = keeper.get().credential
        return credential.username, credential.password.reveal()

    return read


def separate_parts(service: KeyService, folder: Path) -> Callable[[], tuple[str, ...]]:
    keys = Parts()

    def fetch() -> tuple[dict[str, str], float]:
        return service.fetch(Ask()), service.clock.wall() + 60

    return lambda: tuple(keys.part(name, fetch, service.clock.wall()) for name in ("access", "secret", "session"))


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def mixed(kind: Any, folder: Path, reads: int, rotations: int) -> None:
    """Read on 32 threads; whoever happens to have the turn lets the keys end, in the middle of it."""
    clock, numbers = FakeClock(), itertools.count()
    batch, every = 25, reads // 25 // (rotations * 4 // 3)  # two ends that meet one renewal count once
    turns, bad = iter(range(reads // batch)), []

    def answer(_: Seen) -> bytes:
        return as_json(json.dumps(dict.fromkeys(("access", "secret", "session"), str(next(numbers)))))

    with serving(answer) as server:
        read = kind(KeyService(server.url, clock, Keeping.IN_PROCESS), folder)

        def reading() -> None:
            for turn in turns:
                if turn % every == 0:
                    clock.advance(61)
                bad.append(sum(len(set(read())) != 1 for _ in range(batch)))

        assert together(32, reading, patience=300) == [None] * 32
        rotated = len(server.seen)
    require(
        "A18", mixed=(sum(bad), "==", 0), reads=(len(bad) * batch, "==", reads), rotations=(rotated, ">=", rotations)
    )


@pytest.mark.usefixtures("_hasty_threads")
@proven(whole_keys, whole_logins, by=separate_parts)
def test_a18_32_threads_never_see_parts_of_two_keys(kind: Any, tmp_path: Path) -> None:
    mixed(kind, tmp_path, reads=40_000, rotations=150)


@pytest.mark.long
@pytest.mark.usefixtures("_hasty_threads")
@proven(whole_keys, whole_logins, by=separate_parts)
def test_a18_32_threads_never_see_parts_of_two_keys_in_a_million_reads(kind: Any, tmp_path: Path) -> None:
    mixed(kind, tmp_path, reads=1_000_000, rotations=5_000)


# -- hours, nights, days


def worked(subject: Any, times: Times, seconds: int, step: int) -> tuple[int, int]:
    """Call again and again; how many calls there were, and how many failed."""
    calls = failures = 0
    for _ in range(seconds // step):
        calls += 1
        try:
            subject.call("GET", "/echo")
        except Exception:  # noqa: BLE001 - counted
            failures += 1
        settled(subject)
        times.advance(step)
    return calls, failures


def eight_hours(kind: Any, box: Box, login: Login, step: int) -> None:
    times = Times(box)
    box.controls.iam(seconds=300)
    subject = kind(login, times.clock)
    calls, failures = worked(subject, times, 8 * 3600, step)
    refused = [seen for seen in box.controls.requests("echo") if seen.status != 200]
    require(
        "A19",
        failures=(failures, "==", 0),
        refusals=(len(refused), "==", 0),
        calls=(calls, "==", 8 * 3600 // step),
        refreshes=(asked(box), "<=", 2 * 8 * 12),
    )


@proven(Kept, Documented, by=Frozen)
def test_a19_eight_hours_on_tokens_of_five_minutes_have_no_failed_call(kind: Any, box: Box, login: Login) -> None:
    eight_hours(kind, box, login, step=100)


@pytest.mark.long
@proven(Kept, Documented, by=Frozen)
def test_a19_eight_hours_on_tokens_of_five_minutes_in_small_steps(kind: Any, box: Box, login: Login) -> None:
    eight_hours(kind, box, login, step=5)


@proven(Kept, Documented, by=Monotonic)
def test_a20_the_first_call_after_a_night_of_sleep_succeeds(kind: Any, box: Box, login: Login) -> None:
    times = Times(box)
    subject = kind(login, times.clock)
    subject.call("GET", "/echo")
    times.sleep(8 * HOUR)
    times.advance(1.0)
    box.controls.forget()
    status = subject.call("GET", "/echo").status_code
    require(
        "A20",
        status=(status, "==", 200),
        requests=(len(box.controls.requests("echo")), "==", 1),
        refreshes=(asked(box), "==", 1),
    )


@pytest.mark.parametrize("process", ["the same", "a new one"])
@proven(Kept, Documented, by=InDays)
def test_a21_what_is_25_hours_old_is_old(kind: Any, box: Box, login: Login, process: str) -> None:
    times = Times(box)
    box.controls.iam(seconds=7200)
    subject = kind(login, times.clock)
    old = subject.token()
    if process == "a new one" and isinstance(subject, Real):
        times = Times(box)
        subject = kind(login, times.clock)
    times.advance(25 * HOUR)
    box.controls.forget()
    token = subject.token()
    require("A21", refreshes=(asked(box), "==", 1), renewed=(token != old, "==", True))


# -- what goes wrong inside a renewal


@pytest.fixture
def _own_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naive_credentials, "LOCK", threading.Lock())  # nobody gives the last test's back


@pytest.mark.usefixtures("_own_lock")
@proven(Kept, Documented, by=Locked)
def test_a22_a_renewal_that_is_ended_by_force_leaves_no_lock_and_no_waiter(
    kind: Any, box: Box, login: Login, ceiling: Callable[[float], float]
) -> None:
    times = Times(box)
    subject = kind(login, times.clock)
    for way in (SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError):
        subject.token()
        times.advance(HOUR + 1)
        end = threading.Event()

        def ended(way: type[BaseException] = way, end: threading.Event = end) -> None:
            assert end.wait(20)
            raise way

        subject.hooked = ended
        threading.Timer(0.1, end.set).start()
        begin = time.monotonic()
        answers = together(8, subject.token, patience=ceiling(1.0) + 0.1)
        seconds = time.monotonic() - begin - 0.1
        subject.hooked = dict
        times.clock.advance(2)
        after = together(1, subject.token, patience=ceiling(0.5))
        require(
            f"A22, {way.__name__}",
            waiting=(8 - len(answers), "==", 0),
            seconds=(seconds, "<=", ceiling(1.0)),
            tokens_after=(sum(isinstance(answer, str) for answer in after), "==", 1),
        )


@pytest.mark.usefixtures("_own_lock")
@proven(Kept, Documented, by=Locked)
def test_a23_a_renewal_that_needs_itself_is_told_so(
    kind: Any, box: Box, login: Login, ceiling: Callable[[float], float]
) -> None:
    times = Times(box)
    subject = kind(login, times.clock)
    subject.token()
    times.advance(HOUR + 1)
    subject.hooked = subject.token
    begin = time.monotonic()
    answers = together(4, subject.token, patience=ceiling(1.0))
    told = [answer for answer in answers if isinstance(answer, SkykeyError) and " itself" in str(answer)]
    require(
        "A23",
        waiting=(4 - len(answers), "==", 0),
        told=(len(told), "==", 4),
        seconds=(time.monotonic() - begin, "<=", ceiling(1.0)),
    )
