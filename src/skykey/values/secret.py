"""A value that does not print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, final

if TYPE_CHECKING:
    from collections.abc import Callable


@final
class Secret:
    """A string that shows itself nowhere, and opens with one call.

    The value lives in a closure, not in an attribute: ``repr``, ``str``, f-strings, ``vars``, ``dataclasses.asdict``,
    logging and tracebacks with locals all show the same placeholder; JSON and pickle refuse. Copies are the same
    object, so that a copied credential makes no second secret.

    Parameters
    ----------
    value
        What to hide.

    Raises
    ------
    TypeError
        If the value is not a ``str`` (bytes would come out as ``b'…'`` in a header). The message names the type only.

    Examples
    --------
    >>> token = Secret("gt-abc")
    >>> f"{token} {token!r} {token:>40}"
    '<secret> <secret> <secret>'
    >>> token.reveal()
    'gt-abc'
    """

    __slots__ = ("__weakref__", "_open")

    def __init__(self, value: str) -> None:
        kind: type[object] = type(value)
        if not issubclass(kind, str):
            del value  # tracebacks show local variables
            raise TypeError(f"a secret is text, not {kind.__name__}")
        # An exact str: a subclass could print itself when it is taken apart.
        plain = str.__str__(value)

        def opened() -> str:
            return plain

        self._open: Callable[[], str] = opened

    def reveal(self) -> str:
        """Open the secret. A test lists the modules that may do so."""
        return self._open()

    def mapped(self, make: Callable[[str], str]) -> Secret:
        """Make another secret of it, without showing either: quoted, encoded, trimmed."""
        return Secret(make(self._open()))

    def digest(self, algorithm: str, context: str = "") -> str:
        """Make a name of it that says nothing: for files that belong to a secret.

        Parameters
        ----------
        algorithm
            As `hashlib` calls it. Secrets are long and random, so that nobody can try them all.
        context
            What else tells two names apart.
        """
        import hashlib

        text = f"{context}\0{self._open()}" if context else self._open()
        return hashlib.new(algorithm, text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()

    def hint(self) -> str:
        """Say enough to tell two secrets apart in a log, and too little to use either.

        Returns
        -------
        str
            The length and the first 16 bits of a SHA-256, such as ``48 characters, #1f3a``.
        """
        import hashlib

        value = self._open()
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{len(value)} characters, #{digest[:4]}"

    def __bool__(self) -> bool:
        return bool(self._open())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac

        ours, theirs = (s._open().encode("utf-8", "surrogatepass") for s in (self, other))  # noqa: SLF001 - own class
        return hmac.compare_digest(ours, theirs)

    def __hash__(self) -> int:
        return hash(("skykey.Secret", self._open()))

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        # The spec is ignored: a precision such as .3 must not cut the placeholder into something that looks real.
        return "<secret>"

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret does not pickle: let the receiver find its own credential")
