"""Documents for when Repertoire does not answer: a file, or a copy that is served elsewhere.

A fallback says where things are. It never says where a token may go: that is what the user named as base URL, whoever
the document comes from.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from skykey.repertoire.exceptions import RepertoireValidationError
from skykey.values.errors import BadUrl
from skykey.values.url import Url

if TYPE_CHECKING:
    from skykey.repertoire.models import Discovery
    from skykey.values.origin import Origin

NOTEBOOK_FILE: Final = "/etc/nublado/discovery/v1.json"
"""Written by Nublado into each notebook container: the same document, reduced."""
_PLATFORM_VARIABLES: Final = ("REPERTOIRE_BASE_URL", "EXTERNAL_INSTANCE_URL")


def sources(argument: str | os.PathLike[str] | None, base: Url | None) -> tuple[str | Url, ...]:
    """What is to be tried, in order: paths and URLs.

    Parameters
    ----------
    argument
        What the user named.
    base
        Whose document is missing. The notebook's file describes the platform that it lies on, and stands in for no
        other site.
    """
    named: list[str | Url] = [] if argument is None else [_url_or_path(os.fspath(argument))]
    if base is None or base.origin in _platform():
        named.append(NOTEBOOK_FILE)
    return tuple(named)


def read_file(path: str, *, most: int, strict: bool, base: Url | None) -> Discovery:
    """Read a document that lies in a file.

    Parameters
    ----------
    path
        ``~`` is expanded.
    most
        Bytes.
    strict, base
        As for `read_discovery`.

    Raises
    ------
    OSError
        If it cannot be read.
    RepertoireValidationError
        If it is no discovery document.
    """
    import json

    from skykey.repertoire.reading import read_discovery

    with open(os.path.expanduser(path), "rb") as file:
        body = file.read(most + 1)
    if len(body) > most:
        raise RepertoireValidationError(f"{path} is larger than a discovery document ({most:,} bytes)")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise RepertoireValidationError(f"{path} is not JSON") from None
    return read_discovery(document, strict=strict, base=base)


def notebook_file() -> str | None:
    """The file that Nublado wrote, if there is one."""
    return NOTEBOOK_FILE if os.path.isfile(NOTEBOOK_FILE) else None


def _platform() -> set[Origin]:
    """The origins of the platform that this process runs on, as far as it says so."""
    origins: set[Origin] = set()
    for name in _PLATFORM_VARIABLES:
        try:
            origins.add(Url(os.environ.get(name, "").strip()).origin)
        except BadUrl:
            continue
    return origins


def _url_or_path(text: str) -> str | Url:
    return Url(text) if text.lower().startswith(("http://", "https://")) else text
