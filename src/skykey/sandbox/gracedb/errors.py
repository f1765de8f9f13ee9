"""Refusals in the several forms in which the real server words them."""

from typing import Any

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb.store import Thing


class Refused(Exception):
    """A request is answered with this status and JSON content."""

    def __init__(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, content)
        self.status, self.content, self.headers = status, content, headers

    def response(self) -> Response:
        return JSONResponse(self.content, self.status, self.headers)


def invalid(*messages: str) -> Refused:
    """Word a failed validation: one message stands alone, several are a list, and neither names its field."""
    return Refused(400, messages[0] if len(messages) == 1 else list(messages))


def missing(what: str, owner: Thing | None = None) -> Refused:
    """Word what is not there, or not for this caller's eyes. Of events, the text stands alone."""
    said = f"{what} not found."
    return Refused(404, said if owner and owner.is_event else {"detail": said})


def forbidden(*, anonymous: bool) -> Refused:
    """Word what this caller may not do. Those without a name get 403 as well, not 401."""
    said = "Authentication credentials were not provided."
    return Refused(403, {"detail": said if anonymous else "You do not have permission to perform this action."})


def gone() -> Refused:
    return Refused(410, "This functionality has been deprecated and will not be re-implemented.")
