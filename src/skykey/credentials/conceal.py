"""Taking secrets out of what a server says: some repeat the request, its headers too, in their error pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from skykey.values.errors import ServiceError, SkykeyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from skykey.credentials.held import Held
    from skykey.values.secret import Secret
    from skykey.wire.request import Head

_SHOWN: Final = "<secret>"
# Shorter ones are words of the language: taking them out would say what they are.
_SHORTEST: Final = 6


def concealed(text: str, secrets: Iterable[Secret]) -> str:
    """A text without secrets, in whatever spelling they stand there: plain, quoted, as JSON, in base64.

    Parameters
    ----------
    text
        What a server said. Whole: of a secret that was cut, the rest would stay.
    secrets
        Those that were sent: a token, a form's field, or the value of an ``Authorization`` header.
    """
    # Of all together the longest first: one secret may be a part of another, whose rest would stay.
    spelled = set().union(*(_spellings(secret.reveal()) for secret in secrets))
    for spelling in sorted(spelled, key=len, reverse=True):
        text = text.replace(spelling, _SHOWN)
    return text


def concealed_head(head: Head, helds: Iterable[Held[Any]]) -> Head:
    """A refusal's head without what was sent to get it: a challenge is cut short before anybody looks for secrets."""
    secrets = [value for held in helds for _, value in held.credential.parts()]
    return replace(head, headers={name: concealed(value, secrets) for name, value in head.headers.items()})


def concealed_body(body: bytes, helds: Iterable[Held[Any]]) -> bytes:
    """An error's body without what was sent to get it."""
    secrets = [value for held in helds for _, value in held.credential.parts()]
    return concealed(body.decode("utf-8", "surrogateescape"), secrets).encode("utf-8", "surrogateescape")


def conceal_in(problem: SkykeyError, helds: Iterable[Held[Any]]) -> None:
    """Take out of an error what was sent: its words may come from an answer that called itself a success."""
    if not isinstance(problem, ServiceError):
        return
    secrets = [value for held in helds for _, value in held.credential.parts()]
    problem.message = concealed(problem.message, secrets)
    problem.words = None if problem.words is None else concealed(problem.words, secrets)
    problem.args = tuple(concealed(part, secrets) if isinstance(part, str) else part for part in problem.args)


def _spellings(plain: str) -> set[str]:
    import base64
    import contextlib
    import json
    import re
    from urllib.parse import quote, quote_plus

    scheme, _, rest = plain.partition(" ")
    readings = {plain, rest if scheme in {"Basic", "Bearer"} else plain}
    if scheme == "Basic":
        with contextlib.suppress(ValueError):  # not every secret that begins with the word is a header's value
            pair = base64.b64decode(rest + "==").decode("utf-8", "replace")
            readings |= {pair, pair.partition(":")[2]}
    found: set[str] = set()
    for reading in readings:
        raw = reading.encode("utf-8", "surrogatepass")
        quoted = {quote(raw, safe=""), quote_plus(raw), quote(raw), quote(raw, safe="!'()*")}  # the last: JavaScript's
        as_json = {json.dumps(reading, ensure_ascii=plainly)[1:-1] for plainly in (True, False)}
        found |= {reading, *as_json, *(spelling.replace("/", r"\/") for spelling in as_json), *quoted}
        found |= {re.sub("%..", lambda escape: escape[0].lower(), spelling) for spelling in quoted}
        found |= set(_encoded(raw, base64.b64encode)) | set(_encoded(raw, base64.urlsafe_b64encode))
    return {spelling for spelling in found if len(spelling) >= _SHORTEST}


def _encoded(raw: bytes, encode: Any) -> Iterator[str]:
    """What of a base64 text belongs to the secret alone, wherever in it the secret begins."""
    for offset in range(3):
        text = encode(b"\0" * offset + raw).decode().rstrip("=")
        # The first characters hold what stands before it, the last one what follows.
        yield text[(0, 2, 3)[offset] :][: -1 or None] if len(raw) + offset > _SHORTEST else text
