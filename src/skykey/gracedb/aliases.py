"""The old names of methods, in camel case. Each warns, and calls the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.gracedb.warned import warn

if TYPE_CHECKING:
    from collections.abc import Callable


class Alias:
    """An old name.

    Parameters
    ----------
    new
        The name that took its place.
    """

    def __init__(self, new: str) -> None:
        self._new = new
        self._old = ""
        self.__doc__ = f"The old name of `{new}`."

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._old = name

    def __get__(self, obj: Any, owner: type[Any], /) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            warn(
                f"Method {self._old} has been replaced by {self._new}, and will be deprecated in a future release",
                DeprecationWarning,
            )
            return getattr(owner if obj is None else obj, self._new)(*args, **kwargs)

        call.__name__, call.__doc__ = self._old, self.__doc__
        return call


class Aliases:
    """What the documented client has of them."""

    addEventToSuperevent = Alias("add_event_to_superevent")  # noqa: N815 - as documented, all of them
    addTag = Alias("add_tag")  # noqa: N815
    createEvent = Alias("create_event")  # noqa: N815
    createSuperevent = Alias("create_superevent")  # noqa: N815
    createVOEvent = Alias("create_voevent")  # noqa: N815
    numEvents = Alias("num_events")  # noqa: N815
    removeEventFromSuperevent = Alias("remove_event_from_superevent")  # noqa: N815
    removeLabel = Alias("remove_label")  # noqa: N815
    removeTag = Alias("remove_tag")  # noqa: N815
    replaceEvent = Alias("replace_event")  # noqa: N815
    updateSuperevent = Alias("update_superevent")  # noqa: N815
    writeEMObservation = Alias("write_emobservation")  # noqa: N815
    writeLabel = Alias("write_label")  # noqa: N815
    writeLog = Alias("write_log")  # noqa: N815
