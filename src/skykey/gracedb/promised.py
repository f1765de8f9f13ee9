"""What no GraceDB says: a success of somebody else, on the way to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from skykey.gracedb.exceptions import as_theirs
from skykey.gracedb.options import READS
from skykey.values.errors import Unreadable

if TYPE_CHECKING:
    from skykey.gracedb.response import Response

_PAGE: Final = re.compile(rb"(\xef\xbb\xbf)?\s{0,100}<(!doctype html|html|head|body)\b", re.IGNORECASE)
_NOTHING: Final = 204


def see_promised(response: Response, method: str) -> None:
    """See that a success is not that of a login page, or of a gateway that has swallowed the request.

    Its type alone tells nothing: some views of the server call plain text a page.

    Parameters
    ----------
    response
        Of a method, none of whose answers is a page.
    method
        What was sent.

    Raises
    ------
    Unreadable
        If it is one. What was asked for was most likely not done.
    """
    where = response.url.without_query()
    lead = f"{where} answered {response.status_code} {response.reason}"
    if _PAGE.match(response.content):
        said = f"{lead} with a web page where GraceDB's answer was promised (a login page?)"
    elif response.status_code == _NOTHING and method.upper() not in READS | {"DELETE"}:
        said = f"{lead} to a {method}, which GraceDB does not say"
    else:
        return
    advice = "look whether it was done, and try again later"
    raise as_theirs(Unreadable(said, status=response.status_code, url=where, next=advice))
