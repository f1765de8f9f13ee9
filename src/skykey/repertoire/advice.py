"""What a refused token is told: why that may be, and where to get another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skykey.repertoire.token_shape import SHAPE
from skykey.values.errors import Forbidden, Unreadable

if TYPE_CHECKING:
    from skykey.values.errors import SkykeyError
    from skykey.values.url import Url


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do when a site refuses a token.

    Parameters
    ----------
    site
        Any URL of it.
    scopes
        What a token needs there, as far as that is known before.
    is_odd
        Whether what was sent does not look like a token.
    """

    site: Url
    scopes: tuple[str, ...] = ()
    is_odd: bool = False

    def remedy(self, scopes: tuple[str, ...] = ()) -> str:
        """The next thing to do, with the scopes that a refusal names, if it does."""
        wanted = scopes or self.scopes
        what = f"a token with the scope{'s' if len(wanted) > 1 else ''} {' '.join(wanted)}" if wanted else "a token"
        if self.is_odd:
            what += f" (what was sent does not look like one: {SHAPE})"
        return f"create {what} at {token_page(self.site)}; what is found on this machine: skykey why rubin"

    def give(self, problem: SkykeyError) -> None:
        """Say it in a refusal that a call's remedy does not fit: what it lacks, or that it shows a login page."""
        if isinstance(problem, Forbidden):
            blocked = "what the token allows: skykey whoami rubin; if that is enough, ask those who run the site"
            problem.next = self.remedy(problem.scopes) if problem.scopes else blocked
        elif isinstance(problem, Unreadable) and problem.status is not None:  # a page: nothing else has a status
            problem.next = f"if it is a login page, the token was not accepted, or did not arrive: {self.remedy()}"


def token_page(site: Url) -> str:
    """Where people create tokens."""
    return f"{site.origin}/auth/tokens"
