"""The `Auth` that is used where none is named: one for each brand, made at first use."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from skykey.descarteslabs.auth import Auth
    from skykey.descarteslabs.brand import Brand


class _Lock:
    """One at a time. In a forked child nobody holds it, whoever did in the parent."""

    def __init__(self) -> None:
        self.clear()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.clear)

    def clear(self) -> None:
        self.lock = threading.RLock()


_one_at_a_time = _Lock()


class Defaults:
    """What `Auth` offers around its default."""

    _brand: ClassVar[Brand]
    _instance: ClassVar[Auth | None] = None

    @classmethod
    def get_default_auth(cls) -> Auth:
        """The one that is used where none is named; made at first use."""
        family = cls._family()
        with _one_at_a_time.lock:
            default = family._instance  # noqa: SLF001 - own family
            if default is None:
                family._instance = default = family()  # noqa: SLF001 - as above
            return default

    @classmethod
    def set_default_auth(cls, auth: Auth | None) -> None:
        """Use this one where none is named; None forgets it, so that the next use makes a new one."""
        with _one_at_a_time.lock:
            cls._family()._instance = auth  # noqa: SLF001 - own family

    @classmethod
    def _family(cls) -> type[Auth]:
        """The class that all of a brand share, subclasses of their users too."""
        return next(base for base in cls.__mro__ if "_brand" in vars(base))
