"""Answers as the ingress in front of every service words them: HTML, whatever the service had said."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_OWN_WORDS = {401: "Authorization Required"}  # NGINX's phrase where it is not the registered one


def page(status: int, headers: dict[str, str] | None = None) -> Response:
    """Return NGINX's built-in page for ``status``."""
    title = f"{status} {_OWN_WORDS.get(status) or HTTPStatus(status).phrase}"
    return HTMLResponse(
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
        status,
        headers,
    )


def not_found(_request: Request, _error: Exception) -> Response:
    """Answer for a path behind which no service is deployed."""
    return page(404)
