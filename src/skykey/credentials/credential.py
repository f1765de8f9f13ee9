"""What a service accepts as proof of who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from skykey.values.life import Life
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from skykey.values.reach import Reach
    from skykey.wire.request import TlsIdentity


class Credential(Protocol):
    """A proof, where it may go, how long it lives, and whose it is."""

    @property
    def reach(self) -> Reach:
        """The origins that may see it."""
        ...

    @property
    def life(self) -> Life:
        """When it ends."""
        ...

    @property
    def identity(self) -> str | None:
        """Whose it is, as far as that is known without asking."""
        ...

    @property
    def tls(self) -> TlsIdentity | None:
        """What it shows during the TLS handshake, if anything."""
        ...

    @property
    def hint(self) -> str:
        """Enough to recognise it, too little to use it."""
        ...

    def parts(self) -> tuple[tuple[str, Secret], ...]:
        """The headers that carry it, values still secret."""
        ...


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that is its own proof (RFC 6750)."""

    token: Secret
    reach: Reach
    life: Life = Life()
    identity: str | None = None

    @classmethod
    def found(cls, token: Secret, reach: Reach, *, look_again: float | None = None) -> Self:
        """With what a JSON Web Token says of itself (not verified): when it ends, and whose it is.

        Parameters
        ----------
        token, reach
            As found, and where it may go.
        look_again
            See `Life`.
        """
        from skykey.credentials.claims import claims_of  # first used when a token is found

        claims = claims_of(token)
        if claims is None:
            return cls(token, reach, Life(look_again=look_again))
        return cls(token, reach, Life(claims.begins, claims.ends, look_again), claims.subject)

    @classmethod
    def to_come(cls, reach: Reach) -> Self:
        """Stand for a token that is yet to be bought: over from the start."""
        return cls(Secret(""), reach, Life(ends=0.0))

    @property
    def tls(self) -> TlsIdentity | None:
        """Nothing."""
        return None

    @property
    def hint(self) -> str:
        """The token's hint."""
        return self.token.hint()

    def parts(self) -> tuple[tuple[str, Secret], ...]:
        """``Authorization: Bearer …``."""
        return (("Authorization", Secret(f"Bearer {self.token.reveal()}")),)


@dataclass(frozen=True, slots=True)
class Basic:
    """A user name and a password (RFC 7617)."""

    username: str
    password: Secret
    reach: Reach
    life: Life = Life()

    @property
    def identity(self) -> str | None:
        """The user name."""
        return self.username

    @property
    def tls(self) -> TlsIdentity | None:
        """Nothing."""
        return None

    @property
    def hint(self) -> str:
        """The user name and the password's hint."""
        return f"{self.username}, {self.password.hint()}"

    def parts(self) -> tuple[tuple[str, Secret], ...]:
        """``Authorization: Basic …``."""
        import base64

        pair = base64.b64encode(f"{self.username}:{self.password.reveal()}".encode()).decode()
        return (("Authorization", Secret(f"Basic {pair}")),)


@dataclass(frozen=True, slots=True)
class Certificate:
    """An X.509 certificate with its key (PEM files); a request may carry it together with a bearer."""

    files: TlsIdentity
    reach: Reach
    life: Life = Life()
    identity: str | None = None

    @property
    def tls(self) -> TlsIdentity | None:
        """The files."""
        return self.files

    @property
    def hint(self) -> str:
        """The certificate's file."""
        return str(self.files.certificate)

    def parts(self) -> tuple[tuple[str, Secret], ...]:
        """No header: the handshake carries it."""
        return ()
