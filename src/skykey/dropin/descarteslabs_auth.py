"""``descarteslabs.auth.auth``: the release's module, name for name. `Auth` is Skykey's own."""

from __future__ import annotations

import os
import tempfile
import warnings
from typing import Any

from skykey.descarteslabs.auth import (
    DESCARTESLABS_CLIENT_ID,
    DESCARTESLABS_CLIENT_SECRET,
    DESCARTESLABS_CUSTOM_CLAIM_PREFIX,
    DESCARTESLABS_REFRESH_TOKEN,
    DESCARTESLABS_TOKEN,
    DESCARTESLABS_TOKEN_INFO_PATH,
    JWT_TOKEN_PREFIX,
    LEGACY_DELEGATION_CLIENT_IDS,
    Auth,
    base64url_decode,
    get_app_domain,
    get_default_domain,
)
from skykey.descarteslabs.brand import DESCARTESLABS
from skykey.descarteslabs.exceptions import AuthError, OauthError
from skykey.dropin.upstream_auth import Retry, ThreadLocalWrapper, folder_of, follow, makedirs_if_not_exists

__all__ = [
    "DESCARTESLABS_CLIENT_ID",
    "DESCARTESLABS_CLIENT_SECRET",
    "DESCARTESLABS_CUSTOM_CLAIM_PREFIX",
    "DESCARTESLABS_REFRESH_TOKEN",
    "DESCARTESLABS_TOKEN",
    "DESCARTESLABS_TOKEN_INFO_PATH",
    "JWT_TOKEN_PREFIX",
    "LEGACY_DELEGATION_CLIENT_IDS",
    "Auth",
    "AuthError",
    "OauthError",
    "Retry",
    "ThreadLocalWrapper",
    "base64url_decode",
    "get_app_domain",
    "get_default_domain",
    "makedirs_if_not_exists",
    "os",
    "tempfile",
    "warnings",
]

follow(__name__, DESCARTESLABS)


def __getattr__(name: str) -> Any:
    # Computed when asked for: a program that changes HOME means it.
    if name == "DEFAULT_TOKEN_INFO_DIR":
        return folder_of(DESCARTESLABS)
    if name == "DEFAULT_TOKEN_INFO_PATH":
        return os.path.join(folder_of(DESCARTESLABS), "token_info.json")
    if name == "Session":
        from skykey.descarteslabs.session import Session

        return Session
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    print(Auth.get_default_auth().token)  # noqa: T201 - the documented behaviour of python -m
