"""How far a credential may travel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from skykey.values.errors import OutOfReach

if TYPE_CHECKING:
    from skykey.values.origin import Origin
    from skykey.values.url import Url


@dataclass(frozen=True, slots=True)
class Reach:
    """The origins that may see a credential, and who said so.

    Nothing widens a reach: not a redirect, not a discovery document, not a link in an answer. A discovered origin may
    get a *new* credential whose reach is that origin alone (`discovered`).

    Parameters
    ----------
    origins
        Compared for equality.
    said_by
        Who bound it, in words for ``skykey why``: "the site usdf", "the argument base_url".
    """

    origins: frozenset[Origin]
    said_by: str

    @classmethod
    def named(cls, *urls: Url, said_by: str) -> Self:
        """Bind to what the *user* named (argument, environment, configuration) or what is built in.

        Parameters
        ----------
        urls
            Any URL at each origin.
        said_by
            Who named them.

        Raises
        ------
        OutOfReach
            If one is plain http and not a loopback address: everybody on the way could read the credential.
        """
        for url in urls:
            if url.scheme == "http" and not url.origin.is_loopback:
                raise OutOfReach(
                    f"{url.origin} ({said_by}) speaks plain http: a credential sent there could be read on the way",
                    next=f"use https://{url.host} in its place",
                )
        return cls(frozenset(url.origin for url in urls), said_by)

    @classmethod
    def discovered(cls, url: Url, *, within: Reach, said_by: str) -> Self:
        """Bind a newly derived credential to the one origin that a *document* named for it.

        Parameters
        ----------
        url
            What the document says.
        within
            The reach of what the user named: only there may a document name plain http.
        said_by
            Which document.

        Raises
        ------
        OutOfReach
            If it is plain http at any other origin, loopback included (a document that names a port of this machine
            must not get a credential for it).
        """
        if url.scheme == "http" and url.origin not in within.origins:
            raise OutOfReach(f"{said_by} names {url.origin}, plain http at an origin that you did not name")
        return cls(frozenset({url.origin}), said_by)

    def admits(self, url: Url) -> bool:
        """Whether a request to the URL may carry the credential."""
        return url.origin in self.origins

    def admit(self, url: Url, *, what: str) -> None:
        """Raise unless a request to the URL may carry the credential.

        Raises
        ------
        OutOfReach
            With the credential's name, its reach and who bound it.
        """
        if not self.admits(url):
            homes = ", ".join(sorted(map(str, self.origins)))
            raise OutOfReach(f"{what} is bound to {homes} (by {self.said_by}) and does not go to {url.origin}")
