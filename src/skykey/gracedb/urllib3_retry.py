"""The documented ``GraceDbRetry``, for programs that mount it on sessions of their own. Needs ``urllib3``."""

from __future__ import annotations

from typing import Any

from skykey.gracedb.options import MAX_RETRY_AFTER_SECONDS
from skykey.values.errors import MissingExtra

try:
    from urllib3.util.retry import Retry
except ImportError:
    raise MissingExtra(
        "GraceDbRetry needs urllib3, which is not installed; the client itself does without", next="pip install urllib3"
    ) from None

_UNAVAILABLE = 503


class GraceDbRetry(Retry):
    """urllib3's ``Retry`` with GraceDB's customs: a 503 counts only with ``Retry-After``, which counts up to 30 s."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Whether to try again after a status."""
        if status_code == _UNAVAILABLE and not has_retry_after:
            return False  # maintenance
        return bool(super().is_retry(method, status_code, has_retry_after))

    def get_retry_after(self, response: Any) -> float | None:
        """Seconds that the server asks to wait."""
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, float(MAX_RETRY_AFTER_SECONDS))
