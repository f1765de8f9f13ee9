"""Who asks: what proves it, and what makes nobody of somebody."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request

from skykey.sandbox.gracedb.access import ALBERT, ANONYMOUS, MARIE, PASSWORD, VERA, Access, Person
from skykey.sandbox.gracedb.issuer import Issuer

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_741_296_154.0
ISSUER = "https://cilogon.org/igwn"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("issuer")


def asked(headers: dict[str, str], host: str = "gracedb.ligo.org", scheme: str = "https", **more: Any) -> Request:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in ({"Host": host} | headers).items()]
    return Request({"type": "http", "method": "GET", "path": "/api/", "headers": raw, "scheme": scheme} | more)


def who(folder: Path, headers: dict[str, str], transport: Any = None) -> Person:
    request = asked(headers, **{"skykey.transport": transport})
    return asyncio.run(Access(Issuer(folder, lambda: NOW, ISSUER)).who(request))


def with_token(folder: Path, place: dict[str, Any] | None = None, **claims: Any) -> Person:
    async def found() -> Person:
        issuer = Issuer(folder, lambda: NOW, ISSUER)
        token = await issuer.mint(**claims)
        return await Access(issuer).who(asked({"Authorization": f"Bearer {token}"}, **(place or {})))

    return asyncio.run(found())


def test_somebody_is_taken_for_somebody_else(folder: Path) -> None:
    assert with_token(folder) == ALBERT
    assert with_token(folder, subject="Marie.Curie@LIGO.ORG") == MARIE
    assert with_token(folder, subject="vera.rubin@example.org") == VERA
    assert with_token(folder, subject="nobody@ligo.org") == ANONYMOUS
    assert with_token(folder, sub=5) == ANONYMOUS
    assert (ALBERT.is_internal, MARIE.is_internal, VERA.is_internal) == (True, True, False)
    assert ("gstlal" in ALBERT.upload_to, MARIE.upload_to) == (True, ())
    assert (ANONYMOUS.is_anonymous, ANONYMOUS.is_internal, ANONYMOUS.email) == (True, False, "")


@pytest.mark.parametrize(
    ("claims", "is_good"),
    [
        ({"aud": "ANY"}, True),
        ({"aud": "gracedb.ligo.org"}, True),
        ({"aud": "https://gracedb.ligo.org"}, True),
        ({"aud": ["https://example.org", "https://gracedb.ligo.org"]}, True),
        ({"aud": "https://gracedb.ligo.org:443"}, True),
        ({"aud": "gracedb.ligo.org:443"}, True),
        ({"aud": "https://gracedb.ligo.org:444"}, False),
        ({"aud": "https://gracedb-test.ligo.org"}, False),
        ({"aud": "https://gracedb.ligo.org/api"}, False),
        ({"aud": []}, False),
        ({"aud": 5}, False),
        ({"aud": {"ANY": 1}}, False),
        ({"aud": None}, False),
        ({"aud": None, "ver": None}, True),
        ({"scope": "read:/staging gracedb.read"}, True),
        ({"scope": "gracedb.read:/x"}, False),
        ({"scope": "read"}, False),
        ({"scope": None}, False),
        ({"scope": ["gracedb.read"]}, False),
        ({"lifetime": 1}, True),
        ({"lifetime": 0}, False),
        ({"lifetime": -1}, False),
        ({"exp": None}, False),
        ({"exp": "later"}, False),
        ({"nbf": NOW + 1}, False),
        ({"nbf": None}, True),
        ({"nbf": "now"}, False),
        ({"iss": "https://example.org"}, False),
    ],
)
def test_a_token_is_judged_wrongly(folder: Path, claims: dict[str, Any], is_good: bool) -> None:
    assert with_token(folder, **claims) == (ALBERT if is_good else ANONYMOUS)


@pytest.mark.parametrize("audience", ["127.0.0.1:81", "http://127.0.0.1:81", "127.0.0.1", "https://127.0.0.1"])
def test_a_port_makes_an_audience_another_one(folder: Path, audience: str) -> None:
    place = {"host": "127.0.0.1:81", "scheme": "http"}
    assert with_token(folder, place, aud=audience) == ALBERT
    assert with_token(folder, place | {"host": "127.0.0.2:82"}, aud=audience) == ANONYMOUS


def basic(username: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "person"),
    [
        ({}, ANONYMOUS),
        (basic("marie.curie@ligo.org", PASSWORD), MARIE),
        (basic("marie.curie@ligo.org", "wrong"), ANONYMOUS),
        (basic("nobody", PASSWORD), ANONYMOUS),
        ({"Authorization": "Basic ###"}, ANONYMOUS),
        ({"Authorization": "Basic /w=="}, ANONYMOUS),
        ({"Authorization": "Bearer"}, ANONYMOUS),
        ({"Authorization": "Bearer x.y.z"}, ANONYMOUS),
        ({"Authorization": "Digest x"}, ANONYMOUS),
    ],
)
def test_another_proof_is_judged_wrongly(folder: Path, headers: dict[str, str], person: Person) -> None:
    assert who(folder, headers) == person


class Tls:
    """What asyncio's transport and ssl say of a connection."""

    def get_extra_info(self, name: str) -> Any:
        return self if name == "ssl_object" else None

    def getpeercert(self) -> Any:
        return {"subject": ((("organizationName", "LIGO"),), (("commonName", "Marie marie.curie@ligo.org"),))}


class Plain(Tls):
    def get_extra_info(self, name: str) -> Any:
        return None


def test_a_certificate_on_the_connection_is_not_seen(folder: Path) -> None:
    assert who(folder, {}, Tls()) == MARIE
    assert who(folder, {}, Plain()) == ANONYMOUS


def test_a_bad_token_hides_a_good_certificate(folder: Path) -> None:
    assert who(folder, {"Authorization": "Bearer x.y.z"}, Tls()) == MARIE
    assert who(folder, basic("albert.einstein@ligo.org", PASSWORD), Tls()) == MARIE


@pytest.mark.parametrize("name", ["X-SSL-Client-S-DN", "X-Forwarded-Tls-Client-Cert-Infos", "X-Remote-User"])
def test_a_header_that_anybody_can_send_makes_somebody_of_nobody(folder: Path, name: str) -> None:
    assert who(folder, {name: "/O=LIGO/CN=Marie Curie marie.curie@ligo.org"}, Plain()) == ANONYMOUS
