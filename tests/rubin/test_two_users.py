"""Two users in one service process: what one may do is no help to the other, however much of it they share."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import httpx2
import pytest

from skykey.repertoire import DiscoveryClient, SyncDiscoveryClient
from skykey.rubin.connections import get_clients
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient
from skykey.sandbox import Box, running
from skykey.sandbox.switchboard import fingerprint
from skykey.values.errors import Forbidden, NoCredential

TOPICS = "SHOW MEASUREMENTS"
LABEL = "usdf_efd"
ROUNDS = 10


class Users(NamedTuple):
    """Ada has the scope for telemetry, Bob has not."""

    ada: str
    bob: str


@pytest.fixture(scope="module")
def shared_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as box, pytest.MonkeyPatch.context() as patch:
        for name, value in box.environment().items():
            patch.setenv(name, value)
        patch.setenv("SKYKEY_RUBIN_SITES", f"box={box.site_url}")
        yield box


@pytest.fixture
def box(shared_box: Box) -> Box:
    shared_box.controls.reset()
    shared_box.controls.forget()
    return shared_box


@pytest.fixture
def users(box: Box) -> Users:
    return Users(
        box.controls.mint(username="ada"), box.controls.mint(["read:image", "read:tap"], username="bob", name="bobs")
    )


def only_theirs(box: Box, users: Users) -> dict[str, int]:
    """Which logins and answers each got; and that no request of one carried the other's token."""
    bought = [seen for seen in box.controls.requests("repertoire") if "/influxdb/" in seen.path]
    statuses = {
        "ada": [seen.status for seen in bought if seen.fingerprint == fingerprint(users.ada)],
        "bob": [seen.status for seen in bought if seen.fingerprint == fingerprint(users.bob)],
    }
    assert set(statuses["ada"]) == {200}
    assert set(statuses["bob"]) == {403}
    assert len(statuses["ada"]) + len(statuses["bob"]) == len(bought)
    return {name: len(found) for name, found in statuses.items()}


def test_a_user_without_the_scope_gets_403_after_anothers_success(box: Box, users: Users) -> None:
    """One discovery client for all users, as a service has it."""
    client = SyncDiscoveryClient()
    for _ in range(3):
        login = client.influxdb_credentials(LABEL, users.ada)
        assert login is not None
        assert login.password is not None
        with pytest.raises(Forbidden) as refused:
            client.influxdb_credentials(LABEL, users.bob)
        assert (refused.value.status, refused.value.scopes) == (403, ("read:sasquatch",))
        with pytest.raises(Forbidden):
            client.list_influxdb_credentials(users.bob)
        assert LABEL in client.list_influxdb_credentials(users.ada)
    only = [seen for seen in box.controls.requests("repertoire") if seen.credential]
    assert {seen.status for seen in only if seen.fingerprint == fingerprint(users.bob)} == {403}


def test_nor_do_tasks_that_share_a_client_and_its_connections(box: Box, users: Users) -> None:
    async def main() -> list[Any]:
        async with httpx2.AsyncClient(limits=httpx2.Limits(max_connections=1)) as guest:
            client = DiscoveryClient(guest)
            await client.discovery()
            asked = [client.influxdb_credentials(LABEL, token) for _ in range(ROUNDS) for token in users]
            return await asyncio.gather(*asked, return_exceptions=True)

    found = asyncio.run(main())
    assert all(isinstance(one, Forbidden) for one in found[1::2])
    assert not any(isinstance(one, Exception) for one in found[::2])
    print(f"two users, one client, one connection: {only_theirs(box, users)} of {ROUNDS} each")


def test_telemetry_of_one_is_not_the_others(box: Box, users: Users) -> None:
    ada, bob = (get_clients(site="box", auth_token=token)["efd"] for token in users)
    assert len(ada.get_topics()) > 0
    queries = len(box.controls.requests("influxdb"))
    for _ in range(3):
        with pytest.raises(NoCredential, match="read:sasquatch") as refused:
            bob.get_topics()
        assert "403" in str(refused.value)
        with pytest.raises(NoCredential):
            asyncio.run(bob.async_query(TOPICS))
    assert len(box.controls.requests("influxdb")) == queries  # Bob has asked the database nothing
    assert len(ada.get_topics()) > 0
    only_theirs(box, users)


def test_nor_where_threads_and_tasks_make_new_clients_all_the_time(box: Box, users: Users) -> None:
    def one(number: int) -> tuple[str, str]:
        name = ("ada", "bob")[number % 2]
        client = InfluxQueryClient("usdf", repertoire_site="box", auth=("user", getattr(users, name)))
        try:
            return name, f"{len(client.get_topics())} topics"
        except NoCredential:
            return name, "403"

    async def other(number: int) -> tuple[str, str]:
        name = ("ada", "bob")[number % 2]
        client = AsyncInfluxQueryClient("usdf", repertoire_site="box", auth=("user", getattr(users, name)))
        try:
            return name, f"{len(await client.get_topics())} topics"
        except NoCredential:
            return name, "403"

    async def tasks() -> list[tuple[str, str]]:
        return await asyncio.gather(*map(other, range(ROUNDS)))

    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(one, range(ROUNDS)), *asyncio.run(tasks())]
    outcomes = {(name, outcome): found.count((name, outcome)) for name, outcome in sorted(set(found))}
    print(f"two users, {2 * ROUNDS} clients: {outcomes}; logins {only_theirs(box, users)}")
    assert {name for name, outcome in outcomes if outcome == "403"} == {"bob"}
    assert len(outcomes) == 2


def test_a_scope_that_comes_later_counts_from_then_on(box: Box, users: Users) -> None:
    """Bob asks for a token with the scope, and nobody has to restart the service."""
    client = SyncDiscoveryClient()
    with pytest.raises(Forbidden):
        client.influxdb_credentials(LABEL, users.bob)
    assert client.influxdb_credentials(LABEL, box.controls.mint(username="bob")) is not None
    with pytest.raises(Forbidden):
        client.influxdb_credentials(LABEL, users.bob)


def test_a_program_that_remembers_by_label_fails(box: Box, users: Users) -> None:
    """The control: the memory that must not be."""
    client, remembered = SyncDiscoveryClient(), dict[str, Any]()

    def login(label: str, token: str) -> Any:
        if label not in remembered:
            remembered[label] = client.influxdb_credentials(label, token)
        return remembered[label]

    login(LABEL, users.ada)
    assert login(LABEL, users.bob).username is not None
    with pytest.raises(AssertionError):
        only_theirs(box, users)
