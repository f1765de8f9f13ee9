"""Users of the imagery platform, their logins, and the access tokens made from these."""

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_ADMIN = ("public", "sandbox:observers", "elsewhere:observers", "sandbox:org-admin", "dome:resource-admin")


@dataclass
class User:
    """One account, and the client that its logins belong to if none is named."""

    name: str
    org: str = "sandbox"
    groups: tuple[str, ...] = ("public",)
    client_id: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def claims(self) -> dict[str, Any]:
        """All that a token may say about the user."""
        name, subject = self.name.capitalize(), f"sandbox|{self.name}"
        # Older clients make the user's id from the subject in this way, newer ones read the claim.
        userid = hashlib.sha1(subject.encode(), usedforsecurity=False).hexdigest()
        said = {"sub": subject, "userid": userid, "name": name, "groups": list(self.groups), "org": self.org}
        return said | {"email": f"{name}@example.org", "email_verified": True}


@dataclass(eq=False)
class Login:
    """A family of refresh tokens: the one handed out, which is the client's secret too, and its successors."""

    user: User
    client_id: str
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    revoked: bool = False

    def __post_init__(self) -> None:
        self.current = self.secret


@dataclass
class Access:
    """An access token as its issuer remembers it. ``ends`` is a control's word over that of the token."""

    login: Login
    claims: dict[str, Any]
    ends: float | None = None


class Rejected(Exception):
    """An access token opens nothing; the text says why."""


class Accounts:
    """Everybody and everything that this issuer knows: logins by each of their refresh tokens, access by token."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.users = {"ada": User("ada", groups=_ADMIN), "ben": User("ben")}
        self.clients: set[str] = set()
        self.logins: dict[str, Login] = {}
        self.access: dict[str, Access] = {}
        self.stats: Counter[str] = Counter()

    def login(self, user: User, client_id: str | None = None) -> Login:
        """Hand a login out."""
        login = Login(user, client_id or user.client_id)
        self.clients.add(login.client_id)
        self.logins[login.secret] = login
        return login

    def use(self, login: Login, refresh_token: str, *, rotate: bool) -> bool:
        """Use a refresh token; say whether it was good. One that has a successor ends the whole family."""
        if not login.revoked and refresh_token != login.current:
            self.stats["reuses"] += 1
            self.revoke(login)
        if rotate and not login.revoked:
            login.current = secrets.token_urlsafe(32)
            self.logins[login.current] = login
        self.stats["refreshes"] += not login.revoked
        return not login.revoked

    def revoke(self, login: Login) -> None:
        """End a login, and with it the access tokens that were made from it."""
        self.stats["revocations"] += not login.revoked
        login.revoked = True

    def judge(self, token: str) -> Access:
        """Return an access token that opens doors, or raise why it does not."""
        access = self.access.get(token)
        if access is None:
            raise Rejected("The access token was not made here")
        if access.login.revoked:
            raise Rejected("The access token was revoked")
        ends = access.claims["exp"] if access.ends is None else min(access.ends, access.claims["exp"])
        if ends <= self._now():
            raise Rejected("The access token expired")
        return access

    def set_life(self, token: str | None, seconds: float | None) -> int:
        """Let one access token (or all, for None) end ``seconds`` from now, or when it says itself (None)."""
        chosen = [access for value, access in self.access.items() if token in (None, value)]
        for access in chosen:
            access.ends = None if seconds is None else self._now() + seconds
        return len(chosen)
