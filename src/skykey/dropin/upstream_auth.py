"""What programs import or patch in the upstream ``auth`` modules, and `Auth` itself has no use for."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from skykey.descarteslabs import auth

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.descarteslabs.brand import Brand

T = TypeVar("T")


class ThreadLocalWrapper(Generic[T]):
    """One object a thread and process, made when it is first asked for.

    Parameters
    ----------
    factory
        Makes one.
    """

    def __init__(self, factory: Callable[[], T]) -> None:
        self._factory = factory
        self._local = threading.local()

    def get(self) -> T:
        """The one of this thread; a forked child gets another one than its parent."""
        here = os.getpid()
        if getattr(self._local, "process", None) != here:
            self._local.wrapped, self._local.process = self._factory(), here
        wrapped: T = self._local.wrapped
        return wrapped


class Retry:
    """How often to ask again, in urllib3's words, for ``Auth(retries=…)``.

    Parameters
    ----------
    total
        Most repeats.
    **options
        Any of urllib3's, kept as attributes; ``status_forcelist``, ``backoff_factor``, ``backoff_max``,
        ``retry_after_status_codes`` and ``respect_retry_after_header`` count.
    """

    def __init__(self, total: int | None = 10, **options: Any) -> None:
        self.total = total
        vars(self).update(options)


def makedirs_if_not_exists(path: str) -> None:
    """Make a folder if it is missing, for this user alone.

    Raises
    ------
    OSError
        If that is not possible.
    """
    if not os.path.exists(path):
        os.makedirs(path, mode=0o700, exist_ok=True)
        os.chmod(path, 0o700)


def follow(module: str, brand: Brand) -> None:
    """Let ``DEFAULT_TOKEN_INFO_PATH`` have effect, if a program sets it in a module that is served.

    Parameters
    ----------
    module
        Its name.
    brand
        Whose default it is.
    """
    before = auth.default_token_info_path

    def default_token_info_path(asked: Brand = brand) -> str:
        there = sys.modules.get(module)
        patched = None if there is None or asked is not brand else vars(there).get("DEFAULT_TOKEN_INFO_PATH")
        is_named = os.environ.get(asked.token_info_path_variable) is not None
        return before(asked) if patched is None or is_named else os.fspath(patched)

    setattr(auth, "default_token_info_path", default_token_info_path)  # noqa: B010 - a function of ours, not its own


def folder_of(brand: Brand) -> str:
    """Where a brand's files lie."""
    return os.path.join(os.path.expanduser("~"), brand.folder)
