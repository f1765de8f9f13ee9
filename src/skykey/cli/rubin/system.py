"""What Rubin Observatory brings to the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skykey.cli.lazy import Entry, LazyGroup
from skykey.cli.systems import Identity, System, Where

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skykey.credentials.explanation import Explanation

GROUP = LazyGroup(
    "rubin",
    {
        "topics": Entry("skykey.cli.rubin.topics:topics", "List the topics of a telemetry database."),
        "fields": Entry("skykey.cli.rubin.fields:fields", "List the fields of a topic, with their types."),
        "schema": Entry("skykey.cli.rubin.schema:schema", "Say what the fields of a topic mean, with their units."),
        "query": Entry("skykey.cli.rubin.query:query", "Ask one statement in InfluxQL, and get a table."),
        "plot": Entry("skykey.cli.rubin.plot:plot", "Draw fields of a topic over time, as a PNG."),
        "night": Entry("skykey.cli.rubin.night.command:night", "Show a night on one page: visits, telemetry, log."),
        "visits": Entry("skykey.cli.rubin.visits:visits", "List the visits of a night, with their quality."),
        "logs": Entry("skykey.cli.rubin.logs:logs", "Read what was written in the logs during a night."),
        "report": Entry("skykey.cli.rubin.report:report", "Read the observers' report of a night."),
        "tap": Entry("skykey.cli.rubin.tap.group:tap", "Ask ConsDB in ADQL over TAP, at once or as a job."),
        "efdauth": Entry("skykey.cli.rubin.efdauth:efdauth", "Write the telemetry logins into the file of EFDAUTH."),
    },
    help="Rubin Observatory's telemetry, visits and logs, as tables and pictures.",
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
        self._chain = token_chain(self._site, tokenfile=tokenfile)
        self.keeper = Keeper(self._chain)
        self.early = self.keeper.windows.early

    @property
    def where(self) -> Where:
        """The site."""
        return Where(self._site.name, self._site.api_base, self._site.said_by)

    @property
    def remedy(self) -> str:
        """Where tokens are created, and where to put them."""
        return self._chain.remedy

    def explain(self) -> Explanation:
        """Look at the sources of the site's token."""
        from skykey.credentials.explanation import explain

        return explain(self._chain)

    def find(self) -> None:
        """Search them in order.

        Raises
        ------
        NoCredential
            In one line: the sources are shown anyway.
        Failed
            From the first that has something unusable.
        """
        from skykey.credentials.provider import Ask
        from skykey.values.errors import NoCredential

        try:
            self._chain.obtain(None, Ask())
        except NoCredential as nothing:
            raise type(nothing)(f"{self._chain.name} was not found", next=nothing.next) from None

    def ask(self) -> Identity:
        """Ask the site's token-info: these tokens are opaque."""
        from skykey.rubin.gafaelfawr import Gafaelfawr

        told = Gafaelfawr(self._site, self.keeper).token_info()
        return Identity(told.username, told.token_type, told.token_name, told.scopes, told.created, told.expires)


def _sites() -> Iterable[str]:
    from skykey.rubin.sites import site_names

    return site_names()


RUBIN = System(SiteAccount, _sites, GROUP)
