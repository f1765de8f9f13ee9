"""What a program without Skykey does: one HTTP client, its headers set once, redirects followed.

Each row of the reliability table is tried on it too, and must fail there: a test that passes here proves nothing.
"""

from __future__ import annotations

import os
from typing import Any

import httpx2

TOKEN = "token-canary"
KEY = "key-canary"
CANARIES = (TOKEN, KEY, "cookie-canary", "login-canary")


def client(**options: Any) -> httpx2.Client:
    import ssl

    headers = {"Authorization": f"Bearer {TOKEN}", "X-API-Key": KEY}
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    return httpx2.Client(headers=headers, follow_redirects=True, verify=context, **options)


def fetch(url: str) -> bytes:
    """Ask, and follow wherever it leads."""
    with client() as session:
        return session.get(url).content


def fetch_below(base: str, url: str) -> bytes:
    """Ask if the URL begins like the one that the token is for."""
    if not url.startswith(base):
        raise PermissionError(url)
    return fetch(url)


def login(base: str, label: str) -> Any:
    """Find a database in a discovery document and buy its login, wherever the document says."""
    with client() as session:
        document = session.get(f"{base}/discovery").json()
        return session.get(document["influxdb_databases"][label]["credentials_url"]).json()


def discovery(base: str) -> Any:
    """Read a discovery document, however large, however slowly."""
    with client(timeout=None) as session:
        return session.get(f"{base}/discovery").json()
