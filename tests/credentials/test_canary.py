"""No credential, nor anything that carries one, shows its secret (rows C19, C20, H1, H2)."""

import base64
import copy
import dataclasses
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.chain import Chain
from skykey.credentials.credential import Basic, Bearer, Certificate
from skykey.credentials.explanation import explain
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.place import place
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.sources.argument import Argument
from skykey.credentials.store import MemoryStore
from skykey.credentials.ticket import Ticket
from skykey.repertoire.models import Password
from skykey.values.errors import OutOfReach, UsageError
from skykey.values.secret import Secret
from skykey.values.url import Url
from skykey.wire.request import Request, TlsIdentity
from tests.credentials.fakes import HERE, REACH, Fake
from tests.values.canary import CANARY, leaks

BASIC = base64.b64encode(f"user:{CANARY}".encode()).decode()
PARTS = (CANARY, BASIC, base64.b64encode(CANARY.encode()).decode().rstrip("="))


def bearer() -> Held[Bearer]:
    return Held(Bearer(Secret(CANARY), REACH), source="a test", renewal=Secret(CANARY), mark=Secret(CANARY))


def basic() -> Held[Basic]:
    return Held(Basic("user", Secret(CANARY), REACH), source="a test")


def chain() -> Chain[Bearer]:
    return Chain("a token", (Argument(Secret(CANARY), REACH),), "skykey why")


def warm_keeper() -> Keeper[Bearer]:
    keeper = Keeper(chain())
    keeper.get()
    keeper.get()
    return keeper


def stored() -> MemoryStore:
    store = MemoryStore()
    Keeper(Fake(then=lambda count: CANARY, keeping=Keeping.STORED), store=store, key="k").get()
    return store


def settled_ticket() -> Ticket[Bearer]:
    ticket: Ticket[Bearer] = Ticket()
    ticket.settle(bearer(), None)
    return ticket


CARRIERS = {
    "Bearer": lambda: bearer().credential,
    "Basic": lambda: basic().credential,
    "Held of a bearer": bearer,
    "Held of a login": basic,
    "parts of a bearer": lambda: [*bearer().credential.parts()],
    "parts of a login": lambda: [*basic().credential.parts()],
    "placed bearer": lambda: place(bearer(), Request("GET", HERE)),
    "placed login": lambda: place(basic(), Request("GET", HERE)),
    "Argument": lambda: Argument(Secret(CANARY), REACH),
    "Chain": chain,
    "Keeper": warm_keeper,
    "trace": lambda: warm_keeper().trace().attempts,
    "explanation": lambda: explain(chain()),
    "survey": lambda: chain().survey(),
    "Ask": lambda: Ask(rejected=bearer()),
    "MemoryStore": stored,
    "Ticket": settled_ticket,
    "Password": lambda: Password(Secret(CANARY)),
}


@pytest.mark.parametrize("name", CARRIERS)
def test_c20_what_carries_a_secret_shows_it_in_no_display(name: str) -> None:
    assert leaks(CARRIERS[name](), *PARTS) == []


@pytest.mark.parametrize("name", ["Bearer", "Basic", "placed bearer"])
def test_a_copied_credential_makes_no_second_secret(name: str) -> None:
    original: Any = CARRIERS[name]()
    twin = copy.deepcopy(original)
    assert twin == original
    assert CANARY not in repr(dataclasses.asdict(twin))


def test_the_header_says_what_the_protocol_says() -> None:
    """Or the tests above would pass for credentials that carry nothing."""
    ((name, value),) = bearer().credential.parts()
    assert (name, value.reveal()) == ("Authorization", f"Bearer {CANARY}")
    ((name, value),) = basic().credential.parts()
    assert (name, value.reveal()) == ("Authorization", f"Basic {BASIC}")


@pytest.mark.parametrize("held", [bearer(), basic()], ids=["bearer", "login"])
def test_a_placed_header_is_still_a_secret(held: Held[Any]) -> None:
    request = place(held, Request("GET", HERE / "api", (("Accept", "text/plain"),)))
    assert [name for name, _ in request.headers] == ["Accept", "Authorization"]
    assert isinstance(dict(request.headers)["Authorization"], Secret)


def test_d14_a_credential_is_not_placed_into_a_request_to_another_origin() -> None:
    with pytest.raises(OutOfReach, match=r"a test is bound to https://site\.example \(by the test\)") as caught:
        place(bearer(), Request("GET", Url("https://site.example.evil.test/")))
    assert CANARY not in str(caught.value)
    assert leaks(caught.value, *PARTS) == []


def test_two_credentials_do_not_share_one_header() -> None:
    with pytest.raises(UsageError, match="already has the header authorization"):
        place(basic(), place(bearer(), Request("GET", HERE)))


def test_a_certificate_and_a_bearer_share_one_request() -> None:
    files = TlsIdentity(Path("cert.pem"), Path("key.pem"))
    certificate = Held(Certificate(files, REACH), source="a certificate")
    request = place(bearer(), place(certificate, Request("GET", HERE)))
    assert request.tls is files
    assert [name for name, _ in request.headers] == ["Authorization"]
    with pytest.raises(UsageError, match="one certificate"):
        place(certificate, request)


def test_h1_no_frame_of_a_running_renewal_holds_a_plain_secret() -> None:
    """As a sampling debugger (faulthandler, py-spy, a crash reporter) sees the threads of a program that works."""
    import sys

    seen: set[str] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            for frame in sys._current_frames().values():
                at = frame
                while at is not None:
                    if "skykey/credentials/keeper" in at.f_code.co_filename.replace("\\", "/"):
                        shown = repr({k: v for k, v in at.f_locals.items() if k != "at"})
                        seen.add("leak" if any(part in shown for part in PARTS) else at.f_code.co_name)
                    at = at.f_back

    fake = Fake(then=lambda count: CANARY)
    keeper = Keeper(fake, clock=fake.clock)
    watcher = threading.Thread(target=watch)
    watcher.start()
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        keeper.get()
        fake.clock.advance(3600)
    stop.set()
    watcher.join(10)
    assert "leak" not in seen
    assert seen & {"_renew", "_obtain", "get", "_decide"}
