"""Shape test (b): a credential derived from another, bought anew exactly once when it is refused."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.sources.argument import Argument
from skykey.repertoire import SyncDiscoveryClient
from skykey.repertoire.login import RepertoireLogin
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient, telemetry
from skykey.sandbox import Box
from skykey.values.errors import NotAuthenticated
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url

STATEMENT = "SHOW MEASUREMENTS"


def login_of(box: Box, token: str | None = None, label: str = "usdf_efd") -> Keeper[Any]:
    reach = Reach.named(Url(box.site_url), said_by="a test")
    site = Keeper(Argument(Secret(token or box.token), reach))
    discovery = SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire")
    return Keeper(RepertoireLogin(discovery, (label,), site))


def client_of(box: Box, **more: Any) -> InfluxQueryClient:
    return telemetry("usdf", "efd", login_of(box, **more))


def twin_of(client: InfluxQueryClient) -> AsyncInfluxQueryClient:
    made = AsyncInfluxQueryClient.__new__(AsyncInfluxQueryClient)
    made.__dict__.update(client.__dict__)
    return made


def bought(box: Box) -> int:
    """Logins that were handed out."""
    path = "/repertoire/discovery/influxdb/usdf_efd"
    return len([seen for seen in box.controls.requests("repertoire") if seen.path == path])


def fingerprints(box: Box, service: str) -> list[str | None]:
    return [seen.fingerprint for seen in box.controls.requests(service) if seen.credential]


Ask = Callable[[InfluxQueryClient], Any]
FACES: dict[str, Ask] = {
    "sync": lambda client: client.query(STATEMENT),
    "async": lambda client: asyncio.run(twin_of(client).query(STATEMENT)),
    "twin": lambda client: asyncio.run(client.async_query(STATEMENT)),
}


@pytest.mark.parametrize("face", FACES)
def test_a_changed_password_costs_one_new_login(box: Box, face: str) -> None:
    client, ask = client_of(box), FACES[face]
    first = ask(client)
    assert bought(box) == 1
    box.controls.change_password()
    assert ask(client).equals(first)
    assert ask(client).equals(first)
    print(f"logins bought: {bought(box)}")
    assert bought(box) == 2
    assert [seen.status for seen in box.controls.requests("influxdb")] == [200, 401, 200, 200]


def test_a_changed_password_costs_one_new_login_for_twenty_threads(box: Box) -> None:
    client = client_of(box)
    client.query(STATEMENT)
    box.controls.change_password()
    together = threading.Barrier(20)

    def ask(_: int) -> int:
        together.wait(10)
        return len(client.query(STATEMENT))

    with ThreadPoolExecutor(20) as threads:
        answers = set(threads.map(ask, range(20)))
    print(f"20 threads: logins bought: {bought(box)}")
    assert len(answers) == 1
    assert bought(box) == 2


def test_a_changed_password_costs_one_new_login_for_two_hundred_tasks(box: Box) -> None:
    client = client_of(box)
    client.query(STATEMENT)
    box.controls.change_password()

    async def main() -> set[int]:
        other = twin_of(client)
        return {len(frame) for frame in await asyncio.gather(*(other.query(STATEMENT) for _ in range(200)))}

    assert len(asyncio.run(main())) == 1
    assert bought(box) == 2


def test_threads_and_a_loop_share_the_new_login(box: Box) -> None:
    client = client_of(box)
    client.query(STATEMENT)
    box.controls.change_password()

    async def main() -> None:
        other = twin_of(client)
        mixed = [asyncio.to_thread(client.query, STATEMENT), other.query(STATEMENT)] * 1
        await asyncio.gather(*mixed)

    asyncio.run(main())
    assert bought(box) == 2


def test_a_login_that_is_refused_at_once_is_not_bought_again_and_again(box: Box) -> None:
    """Two requests for one question, and no hammering of whoever sells the logins."""
    client = client_of(box)
    client.query(STATEMENT)
    box.controls.fault("status", times=99, service="influxdb", status=401, body="unable to parse")
    before = len(box.controls.requests("influxdb"))
    for _ in range(3):
        with pytest.raises(NotAuthenticated):
            client.query(STATEMENT)
    asked = len(box.controls.requests("influxdb")) - before
    print(f"requests: {asked}, logins bought: {bought(box) - 1}")
    assert bought(box) == 2
    assert asked == 4  # the first question twice, the others once: the new login is as good as it gets


def test_the_token_buys_and_the_login_asks_and_neither_goes_to_the_other(box: Box) -> None:
    client_of(box).query(STATEMENT)
    sold, asked = fingerprints(box, "repertoire"), fingerprints(box, "influxdb")
    assert len(set(sold)) == len(set(asked)) == 1
    assert set(sold).isdisjoint(asked)


def test_a_new_token_buys_a_new_login(box: Box, tmp_path: Any) -> None:
    """One user's login must not serve the next one."""
    from skykey.credentials.sources.function import Function

    tokens = [box.controls.mint(username="ada"), box.controls.mint(username="bob")]
    current = [tokens[0]]
    reach = Reach.named(Url(box.site_url), said_by="a test")
    site = Keeper(Function(lambda: current[0], reach, "a test"))
    discovery = SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire")
    client = telemetry("usdf", "efd", Keeper(RepertoireLogin(discovery, ("usdf_efd",), site)))
    client.query(STATEMENT)
    current[0] = tokens[1]
    time.sleep(1.1)  # how often a live source is looked at
    client.query(STATEMENT)
    assert len(set(fingerprints(box, "repertoire"))) == 2
    assert bought(box) == 2


def test_a_refused_token_is_said_with_the_sites_own_words(box: Box) -> None:
    token = box.controls.mint()
    client = client_of(box, token=token)
    box.controls.expire(token)
    with pytest.raises(Exception, match="Token is not valid") as caught:
        client.query(STATEMENT)
    assert box.controls.requests("influxdb") == []
    assert token not in str(caught.value)
