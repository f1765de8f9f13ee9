"""What is checked on this machine before anything is sent, in the words that programs know, and with what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from skykey.gracedb.asking import Asking
from skykey.gracedb.exceptions import WrongType
from skykey.values.errors import UnknownName, UsageError
from skykey.values.similar import similar

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.gracedb.root import Root


class UnknownLabel(UnknownName, NameError):
    """The server has no such label; also a ``NameError``, which programs catch."""

    code = "unknown-label"

    def __init__(self, message: str, *, next: str | None = None) -> None:  # noqa: A002 - as in all errors
        # The built-in class has an initialiser of its own, and knows nothing of the rest.
        UsageError.__init__(self, message, next=next)


class NotOffered(UsageError, NotImplementedError):
    """There is no such thing for this object, or on this server."""

    code = "not-offered"


class CheckingFlows(Asking):
    """Checks against the lists of the API root. A list that the server does not have checks nothing."""

    def _listed(self, key: str, name: str) -> Flow[list[str] | None]:
        """The names in a list of the API root that does not have this one; None if it does.

        Parameters
        ----------
        key
            Of the list.
        name
            What is looked for. A list without it is asked for anew.
        """

        def find(root: Any) -> Any:
            names = root.get(key)
            return True if not isinstance(names, list | dict) or name in names else None

        if (yield from self._find(find)) is not None:
            return None
        return [str(each) for each in (yield from self._root()).get(key) or ()]

    def _check_listed(self, key: str, name: str, complaint: str) -> Flow[None]:
        """See that a list of the API root has a name.

        Raises
        ------
        UnknownName
            If it does not.
        """
        names = yield from self._listed(key, name)
        if names is not None:
            raise UnknownName(f"{complaint}: {name!r}", next=meant(name, names))

    def _check_label(self, label: str, kind: type[UnknownName] = UnknownName) -> Flow[None]:
        """See that the server has a label.

        Raises
        ------
        UnknownName
            If it does not; of the class `kind`.
        """
        names = yield from self._listed("labels", label)
        if names is not None:
            raise kind(f"Label '{label}' does not exist in the database", next=meant(label, names))

    def _check_labels(self, labels: Any) -> Flow[list[str]]:
        """Labels as a list, all of which the server has.

        Raises
        ------
        WrongType, UnknownName
            If they are something else.
        """
        names = texts("labels", labels)
        for name in names:
            yield from self._check_label(name)
        return names

    def _code(self, key: str, given: Any, argument: str, otherwise: Mapping[str, str] | None = None) -> Flow[str]:
        """The code of something that the API root lists as code and name; either may be given, in any case.

        Parameters
        ----------
        key
            Of that list.
        given
            What the user wrote. A server that has no such list is to judge it itself.
        argument
            What the user wrote it for.
        otherwise
            Codes and names that are understood where the server lists none.

        Raises
        ------
        WrongType, UnknownName
            If it is neither.
        """
        if not isinstance(given, str):
            raise WrongType(f"{argument} arg is {type(given)}, should be a string")

        def find(root: Root) -> str | None:
            listed = root.get(key)
            return code_of(listed, given) if isinstance(listed, Mapping) else code_of(otherwise or {}, given) or given

        found = yield from self._find(find)
        if found is not None:
            return found
        codes = (yield from self._root()).get(key) or {}
        listed = ", ".join(f"{code} ({name})" for code, name in codes.items())
        raise UnknownName(f"{argument} must be one of: {listed}", next=meant(given, [*codes, *codes.values()]))


def code_of(codes: Mapping[str, str], given: str) -> str | None:
    """The code that was meant; None if there is none.

    Parameters
    ----------
    codes
        Code to name.
    given
        A code or a name, in any case.
    """
    for code, name in codes.items():
        if given.lower() in {str(code).lower(), str(name).lower()}:
            return str(code)
    return None


def texts(argument: str, given: Any, kinds: tuple[type, ...] = (list, tuple)) -> list[str]:
    """One text or several as a list.

    Parameters
    ----------
    argument
        What they were given for.
    given
        None and an empty text are an empty list.
    kinds
        Which collections may hold them.

    Raises
    ------
    WrongType
        If it is something else.
    """
    if given is None:
        return []
    if isinstance(given, str):
        return [given] if given else []
    if isinstance(given, kinds) and isinstance(given, Iterable):
        found = list(given)
        if all(isinstance(each, str) for each in found):
            return found
    raise WrongType(f"{argument} arg is {type(given)}, should be str or list")


def whole(argument: str, given: Any) -> int:
    """A whole number.

    Raises
    ------
    WrongType
        If it is something else: a text is none.
    """
    import operator

    try:
        return operator.index(given)
    except TypeError:
        pass
    raise WrongType(f"{argument} should be an int", next=f"give a number in place of {given!r}")


def meant(name: str, names: Iterable[Any]) -> str:
    """What to do about a name that the server does not have."""
    known = [str(each) for each in names]
    exact = [each for each in known if each.lower() == name.lower()]
    return f"did you mean {exact[0]}?" if exact else similar(name, known) or f"use one of {', '.join(known[:30])}"


def refuse_events(complaint: str, advice: str) -> NoReturn:
    """Say that only superevents have this.

    Raises
    ------
    NotOffered
        Always.
    """
    raise NotOffered(complaint, next=advice)
