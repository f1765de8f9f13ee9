"""What a Gafaelfawr token looks like, and what is found in its place: told apart before anything is sent.

A token is ``gt-``, a key of 22 characters, a dot, and a secret of 22: both URL-safe base64. Two grades of certainty:

- What no site takes for a token is refused for every site: a web page, JSON, a URL, a file's path, a token in quotes or
  with something around it, and a token that was cut off behind or in its second half.
- What is a token of another kind (a JSON Web Token, a user name with its password) is refused only where the caller
  knows that Gafaelfawr stands in front of the site. A site of the user's own may take others.

Everything else is sent: sites may issue other tokens one day. If such a one is refused, the error says what it lacks.
Nothing is mended in silence. Whoever wrote quotes around a token, or a word before it, has other programs that read the
same variable or file, and do not take them away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skykey.values.errors import Failed

if TYPE_CHECKING:
    from skykey.values.secret import Secret

_HALF: Final = r"[A-Za-z0-9_-]{22}"
_WHOLE: Final = rf"gt-{_HALF}\.{_HALF}"
_ON: Final = r"[A-Za-z0-9_-]"
# Folders in which people and platforms keep files; other tokens may begin with a slash too.
_ROOTS: Final = "home|Users|etc|opt|sdf|tmp|usr|var|root|mnt|run"
SHAPE: Final = "gt-, 22 characters, a dot, 22 characters"


class NotAToken(Failed, ValueError):
    """A source holds something that clearly is no token of the site; it was not sent, and is not shown."""

    code = "not-a-token"


@dataclass(frozen=True, slots=True)
class Look:
    """What a text may be instead of a token.

    Parameters
    ----------
    pattern
        Of the whole text; each is linear in its length.
    words
        What to call it: "it looks like …".
    remedy
        What to do, if that is more than putting a token in its place.
    everywhere
        Whether no site takes it, or only those do not that Gafaelfawr is known to guard.
    """

    pattern: re.Pattern[str]
    words: str
    remedy: str | None = None
    everywhere: bool = True

    def fits(self, token: Secret) -> bool:
        """Whether a text looks like this."""
        return _fits(token, self.pattern)


def _look(pattern: str, words: str, remedy: str | None = None, *, everywhere: bool = True) -> Look:
    return Look(re.compile(pattern, re.DOTALL | re.ASCII), words, remedy, everywhere)


# The first one that fits names it.
LOOKS: Final = (
    _look(r"[\"'`].*|.*[\"'`]", "a text in quotes", "take the quotes away"),
    _look(r"<.*", "a web page"),
    _look(r"[{\[].*", "JSON", "put only the token there, without what surrounds it"),
    _look(r"[A-Za-z][A-Za-z0-9+.-]*://.*", "a URL"),
    _look(rf"(?:~[\w.-]*|\.\.?)/.*|/(?:{_ROOTS})/.*|[A-Za-z]:\\.*", "the path of a file"),
    _look(rf"(?:{_WHOLE}){{2,}}", "several tokens without anything between them", "leave one of them"),
    _look(
        rf"(?!{_WHOLE}\Z)(?:.*(?!{_ON}).)?{_WHOLE}(?:(?!{_ON}).*)?",
        "a token with something before or behind it",
        "take away what surrounds the token, such as a name, a word or a comma",
    ),
    _look(
        rf"gt-{_HALF}(?:\.{_ON}{{0,21}})?",
        "a token that was cut off",
        "copy it again, whole: a double click often ends at the dot",
    ),
    _look(r"eyJ[\w-]*(?:\.[\w-]*){0,4}=*", "a JSON Web Token", everywhere=False),
    _look(r"/.*", "the path of a file", everywhere=False),
    _look(r"[^:]+:.*", "a user name and a password", everywhere=False),
)
_TOKEN: Final = re.compile(_WHOLE)


def has_shape(token: Secret) -> bool:
    """Whether a text has the shape of a token. The site alone knows whether it is one."""
    return _fits(token, _TOKEN)


def check(token: Secret, source: str, page: str, *, is_known: bool) -> None:
    """Refuse what clearly is no token.

    Parameters
    ----------
    token
        The text, without blanks around it.
    source
        Where it was found, for the error.
    page
        Where tokens are created.
    is_known
        Whether Gafaelfawr is known to stand in front of the site.

    Raises
    ------
    NotAToken
        Says where it was found, what it looks like and what to do; never what it is.
    """
    found = None if has_shape(token) else next((look for look in LOOKS if look.fits(token)), None)
    if found is not None and (found.everywhere or is_known):
        create = f"put one there that was created at {page}: {SHAPE}"
        raise NotAToken(f"{source} holds no token: it looks like {found.words}", next=found.remedy or create)


def _fits(token: Secret, pattern: re.Pattern[str]) -> bool:
    # A secret in, a secret out: tracebacks show local variables, so nothing here may hold the plain text.
    return bool(token.mapped(lambda text: "it fits" if pattern.fullmatch(text) else ""))
