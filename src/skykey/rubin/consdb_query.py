"""The consolidated database: the documented classes. Their questions come with a later version."""

from __future__ import annotations

from typing import Any, NoReturn

from skykey.rubin.service import SiteService, keeper_for, paired, token_of
from skykey.values.secret import Secret


class ConsDb(SiteService):
    """Base of the documented classes."""

    def query(self, query: str) -> NoReturn:
        """Not built yet; raises `NotBuiltYet`."""
        self._not_yet("query")

    async def async_query(self, query: str) -> NoReturn:
        """Not built yet; raises `NotBuiltYet`."""
        self._not_yet("async_query")

    def get_visits(self, instrument: str, *args: Any, **kwargs: Any) -> NoReturn:
        """Not built yet; raises `NotBuiltYet`."""
        self._not_yet("get_visits")

    def query_ccdvisits(self, instrument: str, *args: Any, **kwargs: Any) -> NoReturn:
        """Not built yet; raises `NotBuiltYet`."""
        self._not_yet("query_ccdvisits")


class ConsDbFastAPI(ConsDb):
    """ConsDB over its HTTP service.

    Parameters
    ----------
    api_base
        The site's root.
    auth
        ``("user", token)``.
    query_timeout
        Seconds for one question.
    """

    _below = "consdb"

    def __init__(self, api_base: str, auth: tuple[str, str], query_timeout: float = 600) -> None:
        token = token_of(auth)
        del auth  # tracebacks show local variables
        super().__init__(api_base, keeper_for(api_base, paired(token)))
        self.query_timeout = query_timeout


class ConsDbTap(ConsDb):
    """ConsDB over TAP.

    Parameters
    ----------
    api_base
        The site's root.
    token
        The site's token.
    query_timeout
        Seconds for one question.
    """

    _below = "api/consdbtap"

    def __init__(self, api_base: str, token: str, query_timeout: float = 600) -> None:
        given = Secret(token)
        del token  # tracebacks show local variables
        super().__init__(api_base, keeper_for(api_base, given))
        self.query_timeout = query_timeout
