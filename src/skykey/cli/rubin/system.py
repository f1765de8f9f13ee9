"""What Rubin Observatory brings to the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skykey.cli.lazy import Entry, LazyGroup
from skykey.cli.systems import Identity, System, Where

if TYPE_CHECKING:
    from collections.abc import Iterable

GROUP = LazyGroup(
    "rubin",
    {
        "topics": Entry("skykey.cli.rubin.topics:topics", "List the topics of a telemetry database."),
        "fields": Entry("skykey.cli.rubin.fields:fields", "List the fields of a topic, with their types."),
        "query": Entry("skykey.cli.rubin.query:query", "Ask one statement in InfluxQL, and get a table."),
        "plot": Entry("skykey.cli.rubin.plot:plot", "Draw fields of a topic over time, as a PNG."),
    },
    help="Rubin Observatory's telemetry, as tables and pictures.",
)


class SiteAccount:
    """The token of one site.

    Parameters
    ----------
    site, tokenfile
        As given to the command; None if not.
    """

    def __init__(self, site: str | None, tokenfile: str | None) -> None:
        from skykey.credentials.keeper import Keeper
        from skykey.rubin.sites import find_site
        from skykey.rubin.tokens import token_chain

        self._site = find_site(site)
        self.chain = token_chain(self._site, tokenfile=tokenfile)
        self.keeper = Keeper(self.chain)

    @property
    def where(self) -> Where:
        """The site."""
        return Where(self._site.name, self._site.api_base, self._site.said_by)

    def ask(self) -> Identity:
        """Ask the site's token-info: these tokens are opaque."""
        from skykey.rubin.gafaelfawr import Gafaelfawr

        told = Gafaelfawr(self._site, self.keeper).token_info()
        return Identity(told.username, told.token_type, told.token_name, told.scopes, told.created, told.expires)


def _sites() -> Iterable[str]:
    from skykey.rubin.sites import site_names

    return site_names()


RUBIN = System(SiteAccount, _sites, GROUP)
