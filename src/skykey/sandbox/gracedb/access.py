"""Who asks: by a SciToken, a client certificate, or a name and password, in this order. Else it is nobody."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from skykey.sandbox.gracedb.constants import CLOSED, PIPELINES
from skykey.sandbox.gracedb.issuer import SCOPE, Issuer


@dataclass(frozen=True)
class Person:
    """Somebody with an account, or nobody."""

    username: str
    first_name: str = ""
    last_name: str = ""
    is_internal: bool = False
    upload_to: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()

    @property
    def is_anonymous(self) -> bool:
        return self.username == ANONYMOUS.username

    @property
    def email(self) -> str:
        return "" if self.is_anonymous else self.username


ANONYMOUS = Person("AnonymousUser", groups=frozenset({"public_users"}))
ALBERT = Person(
    "albert.einstein@ligo.org",
    "Albert",
    "Einstein",
    is_internal=True,
    upload_to=tuple(name for name in PIPELINES if name not in CLOSED),
    groups=frozenset({"internal_users", "superevent_managers", "access_managers", "em_advocates"}),
)
MARIE = Person("marie.curie@ligo.org", "Marie", "Curie", is_internal=True, groups=frozenset({"internal_users"}))
VERA = Person("vera.rubin@example.org", "Vera", "Rubin", groups=frozenset({"lvem_observers", "public_users"}))
#: Everybody with an account, by user name.
PEOPLE = {person.username: person for person in (ALBERT, MARIE, VERA)}
#: Everybody's password.
PASSWORD = "sandbox"  # noqa: S105 - it opens nothing but the sandbox

_USERNAME = re.compile(r"[\w.+-]+@[\w.-]+\w")


class Access:
    """Tells who sent a request. Whoever cannot prove it is nobody: a token that is not good is no error here."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    async def who(self, request: Request) -> Person:
        """Return who asks."""
        scheme, _, proof = request.headers.get("authorization", "").partition(" ")
        found = None
        if scheme.lower() == "bearer":
            claims = await self._issuer.claims(proof.strip())
            found = None if claims is None or not self._is_good(claims, request) else _named(claims.get("sub"))
        found = found or next((PEOPLE[name] for name in _certified(request) if name in PEOPLE), None)
        if found is None and scheme.lower() == "basic":
            found = _with_password(proof.strip())
        return found or ANONYMOUS

    def _is_good(self, claims: Mapping[str, Any], request: Request) -> bool:
        now, audience, scope = self._issuer.now(), claims.get("aud"), claims.get("scope")
        named = [audience] if isinstance(audience, str) else audience
        if named is None:
            is_meant = "ver" not in claims
        else:
            is_meant = isinstance(named, list) and not {"ANY", *_audiences(request)}.isdisjoint(map(str, named))
        begin, end = claims.get("nbf", 0), claims.get("exp")
        if not isinstance(end, int | float) or not isinstance(begin, int | float):
            return False
        return is_meant and begin <= now < end and isinstance(scope, str) and SCOPE in scope.split()


def _audiences(request: Request) -> Iterable[str]:
    """Return the names of this very server, with and without scheme and port."""
    scheme, bare = request.url.scheme, request.url.hostname or ""
    whole = f"{bare}:{request.url.port or (443 if scheme == 'https' else 80)}"
    return (whole, bare, f"{scheme}://{whole}", f"{scheme}://{bare}", f"https://{bare}")


def _named(username: Any) -> Person | None:
    return PEOPLE.get(username.lower()) if isinstance(username, str) else None


def _certified(request: Request) -> Iterable[str]:
    """Return the user names in the subject of the certificate on the connection: a header could be anybody's."""
    transport = request.scope.get("skykey.transport")
    tls = transport.get_extra_info("ssl_object") if transport else None
    certificate = tls.getpeercert() if tls else None
    texts = [value for names in (certificate or {}).get("subject", ()) for _, value in names]
    return [name.lower() for text in texts for name in _USERNAME.findall(text)]


def _with_password(proof: str) -> Person | None:
    try:
        username, _, password = base64.b64decode(proof, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return _named(username) if password == PASSWORD else None
