"""One token for everybody who uses the same login: one request, however many ask."""

import asyncio
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from skykey.descarteslabs.auth import Auth
from skykey.descarteslabs.earthone.auth import Auth as EarthOneAuth
from skykey.descarteslabs.exceptions import AuthError
from skykey.descarteslabs.session import AsyncSession, Session
from tests.descarteslabs.logins import Home, holds, jwt, put


def given_of(login: dict[str, Any]) -> dict[str, Any]:
    return {name: login[name] for name in ("client_id", "client_secret")}


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What the work gives on so many threads that start together."""
    gate, found = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        gate.wait(10)
        try:
            found[number] = work(number)
        except Exception as problem:  # noqa: BLE001 - the test is to see it
            found[number] = problem  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return found


LOGINS = pytest.mark.parametrize("way", ["file", "cache", "memory"])


def arguments(home: Home, way: str) -> dict[str, Any]:
    if way == "file":
        home.logged_in()
        return {}
    return given_of(home.login()) | ({"token_info_path": None} if way == "memory" else {})


@LOGINS
def test_sixty_four_threads_make_one_request(home: Home, way: str) -> None:
    auth = Auth(**arguments(home, way))
    tokens = at_once(64, lambda _: auth.token)
    assert len(set(tokens)) == 1
    assert isinstance(tokens[0], str)
    assert home.posts == 1


@pytest.mark.parametrize("way", ["file", "cache"])
def test_sixteen_of_one_login_make_one_request(home: Home, way: str) -> None:
    given = arguments(home, way)
    made = [Auth(**given) for _ in range(16)]
    assert len(set(at_once(16, lambda number: made[number].token))) == 1
    assert home.posts == 1


def test_twenty_tasks_make_one_request(home: Home) -> None:
    home.logged_in()

    async def ask() -> list[Any]:
        async with AsyncSession(home.box.platform_url, auth=Auth()) as session:
            answers = await asyncio.gather(*(session.get("/echo") for _ in range(20)))
        return [answer.json() for answer in answers]

    answers = asyncio.run(ask())
    assert {answer["claims"]["name"] for answer in answers} == {"Ada"}
    assert len({answer["fingerprint"] for answer in answers}) == 1
    assert home.posts == 1


def test_threads_and_tasks_of_one_auth_share_its_request(home: Home) -> None:
    home.logged_in()
    auth = Auth()
    home.box.controls.latency(0.1, service="iam")

    async def ask() -> str:
        async with AsyncSession(home.box.platform_url, auth=auth) as session:
            return str((await session.get("/echo")).json()["claims"]["name"])

    found = at_once(6, lambda number: asyncio.run(ask()) if number % 2 else auth.payload["name"])
    assert found == ["Ada"] * 6
    assert home.posts == 1


RUN = """
    import json, os, sys, time
    from skykey.descarteslabs.auth import Auth
    auth = Auth(**json.loads(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    print(auth.token)
"""


@pytest.mark.parametrize("way", ["file", "cache"])
def test_four_processes_make_one_request(home: Home, way: str) -> None:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(RUN), json.dumps(arguments(home, way))]
    home.box.controls.iam(rotation=way == "file")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, env=os.environ, **pipes) for _ in range(4)]  # type: ignore[call-overload]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    tokens = {process.communicate("go\n", timeout=20)[0] for process in processes}
    assert len(tokens) == 1
    assert home.posts == 1
    assert home.box.controls.iam_stats().get("reuses", 0) == 0


def test_within_the_leeway_one_waits_and_the_others_go_on(home: Home) -> None:
    login = home.login()
    soon = jwt(300, aud=login["client_id"])
    auth = Auth(**given_of(login), jwt_token=soon, token_info_path=None)
    home.box.controls.latency(0.3, service="iam")
    first: list[str] = []
    waiting = threading.Thread(target=lambda: first.append(auth.token))
    waiting.start()
    while home.posts == 0:
        assert waiting.is_alive()
        time.sleep(0.01)
    begin = time.monotonic()
    assert auth.token == soon
    assert time.monotonic() - begin < 0.2
    waiting.join(10)
    assert first == [auth.token]
    assert first != [soon]
    assert home.posts == 1


def test_a_refused_token_is_renewed_for_all_of_them(home: Home) -> None:
    home.logged_in()
    auth = Auth()
    old = auth.token
    home.box.controls.expire(old)
    with Session(home.box.platform_url, auth=auth) as session:
        answers = at_once(8, lambda _: session.get("/echo").json()["claims"]["name"])
    assert answers == ["Ada"] * 8
    assert auth.token != old
    assert holds(home.file)["jwt_token"] == auth.token
    assert home.posts == 2


# -- the default


@pytest.mark.parametrize("kind", [Auth, EarthOneAuth])
def test_sixteen_threads_get_one_default(home: Home, kind: type[Auth]) -> None:
    for name in (".descarteslabs", ".earthone"):
        put(home.folder / name / "token_info.json", home.login())
    made = at_once(16, lambda _: kind.get_default_auth())
    assert len(set(map(id, made))) == 1
    assert type(made[0]) is kind


def test_the_default_can_be_set_and_forgotten(home: Home) -> None:
    home.logged_in()
    first = Auth.get_default_auth()
    assert Auth.get_default_auth() is first
    mine = Auth(jwt_token=jwt())
    Auth.set_default_auth(mine)
    assert Auth.get_default_auth() is mine
    Auth.set_default_auth(None)
    assert Auth.get_default_auth() not in {first, mine}


def test_each_brand_has_its_own_default_which_subclasses_share(home: Home) -> None:
    class Mine(Auth):
        pass

    class MineToo(EarthOneAuth):
        pass

    ours, theirs = Mine(jwt_token=jwt()), MineToo(jwt_token=jwt())
    Mine.set_default_auth(ours)
    MineToo.set_default_auth(theirs)
    assert Auth.get_default_auth() is Mine.get_default_auth() is ours
    assert EarthOneAuth.get_default_auth() is MineToo.get_default_auth() is theirs
    Mine.set_default_auth(None)
    home.logged_in()
    assert type(Mine.get_default_auth()) is Auth
    assert EarthOneAuth.get_default_auth() is theirs


def test_a_forked_child_can_get_a_default_of_its_own(home: Home) -> None:
    """Whoever made one in the parent at that moment was not copied."""
    import warnings

    from skykey.descarteslabs import defaults

    home.logged_in()
    held, go = threading.Event(), threading.Event()

    def making() -> None:
        with defaults._one_at_a_time.lock:
            held.set()
            go.wait(20)

    thread = threading.Thread(target=making)
    thread.start()
    assert held.wait(10)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads: that is the point
            child = os.fork()
        if child == 0:
            import signal

            signal.alarm(10)
            os._exit(0 if Auth.get_default_auth().client_id else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        go.set()
        thread.join(10)


def test_the_token_for_tasks_is_the_same_and_its_failure_has_the_same_type(home: Home) -> None:
    auth = Auth(**{name: home.login()[name] for name in ("client_id", "client_secret")}, _clock=home.clock)

    async def several() -> set[str]:
        return set(await asyncio.gather(*(auth.async_token() for _ in range(20))))

    assert asyncio.run(several()) == {auth.token}
    assert home.box.controls.iam_stats()["refreshes"] == 1
    with pytest.raises(AuthError, match="no client_id"):
        asyncio.run(Auth(token_info_path=None, _suppress_warning=True).async_token())
