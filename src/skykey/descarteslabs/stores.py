"""Where a login's tokens are remembered: in the documented files, so that other programs find them there too."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.lifetime import LONGEST
from skykey.descarteslabs import token_info
from skykey.descarteslabs.payload import claims_in
from skykey.descarteslabs.token_info import EMPTY, MissingError, TokenInfo, UnreadableError
from skykey.values.errors import SkykeyError, TimedOut
from skykey.values.life import Life

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from skykey.credentials.store import Store
    from skykey.values.deadline import Deadline
    from skykey.values.reach import Reach
    from skykey.values.secret import Secret


def bearer_of(token: Secret | None, client_id: str | None, reach: Reach) -> Bearer:
    """A token as a credential; one that is not this client's, or never says when it ends, counts as none."""
    claims = claims_in(token)
    if token is None or claims is None or claims.ends is None:
        return Bearer.to_come(reach)
    if client_id and client_id not in claims.audiences:
        return Bearer.to_come(reach)
    # Where it does not say since when it lives, it is not for us to find its life short.
    born = claims.ends - LONGEST if claims.begins is None else claims.begins
    return Bearer(token, reach, Life(born, claims.ends), claims.subject)


class TokenInfoFile:
    """A `skykey.credentials.store.Store` of one entry: the file of a login, or the one that shares its tokens.

    A file that holds a login is rewritten with what the issuer replaced, before the new token is handed out. What
    somebody else has put there since it was read is not touched: from then on this process remembers for itself.

    Parameters
    ----------
    path
        Of the file. A relative one stays where it was, wherever the process goes.
    reach, source
        What is held from it is bound to, and called.
    read
        What it said when it was read first.
    is_ours
        Whether that was this login; otherwise it is replaced as a whole, as documented.
    client_id, renewal
        The login that this process uses.
    is_given
        Whether the login was given to the process: then it does not end with the file.
    token_only
        Whether only tokens go there: the secret was given, and must not reach a disk.
    shares
        Whether the tokens there are for our scope; otherwise only the login is shared.
    reads
        Whether the file is read; the documented variable switches that off.
    latest
        What the process holds at the start.
    failed
        Is told why a token could not be written; it is handed out all the same.
    """

    def __init__(
        self,
        path: str,
        *,
        reach: Reach,
        source: str,
        read: TokenInfo = EMPTY,
        is_ours: bool = False,
        client_id: str | None,
        renewal: Secret | None,
        is_given: bool = False,
        token_only: bool = False,
        shares: bool = True,
        reads: bool = True,
        latest: Held[Bearer] | None = None,
        failed: Callable[[str], None],
    ) -> None:
        self._shown = path
        self._path = _settled(path)
        self._reach = reach
        self._source = source
        self._first_read = read
        self._client_id = client_id
        # Every secret that was this login's own, oldest first: an issuer may replace it while the process runs.
        self._own = [renewal]
        self._is_given = is_given
        self._token_only = token_only
        self._shares = shares
        self._reads = reads
        self._failed = failed
        self._latest = latest
        # Whose the login is, as soon as a token says so: also one that is over.
        self._subject = bearer_of(read.jwt_token, None, reach).identity if is_ours else None

    @contextlib.contextmanager
    def exclusive(self, key: str, deadline: Deadline) -> Iterator[None]:
        """See `Store.exclusive`: a kernel lock beside the file, which every process that uses it takes."""
        from skykey.credentials.stores.folder import any_folder, make_folders
        from skykey.credentials.stores.lock import PATIENCE, Limit, alone, locked

        real = os.path.realpath(self._path)
        folder, name = os.path.split(real)
        limit = Limit(deadline, PATIENCE)
        with contextlib.ExitStack() as stack:
            stack.enter_context(alone(real, limit))
            try:
                make_folders(folder)
                opened = stack.enter_context(any_folder(folder))
                stack.enter_context(locked(opened, f".{name}", limit, deadline.clock))
            except TimedOut:
                raise
            except OSError:
                pass  # a folder that cannot be written holds no file to be lost either
            yield

    def read(self, key: str) -> Held[Any] | None:
        """See `Store.read`."""
        if not self._reads:
            return self._latest
        try:
            read = token_info.read(self._path)
        except UnreadableError as problem:
            if self._is_given:
                return self._latest
            if isinstance(problem, MissingError):
                self._latest = None  # somebody logged out: a login that lay there only is over
            return None
        if self._token_only:
            return self._held(read.jwt_token, self._own[-1])
        if not self._is_own(read):
            return self._latest
        if read.renewal not in self._own:
            self._own.append(read.renewal)
        # An older secret of ours is back, from a backup, or because the new one could not be saved: it is used up.
        return self._held(read.jwt_token if self._shares else None, self._own[-1])

    def write(self, key: str, held: Held[Any]) -> None:
        """See `Store.write`; a file that cannot be written is told of, and the token lives in memory."""
        info = TokenInfo(jwt_token=held.credential.token) if self._token_only else self._merged(held)
        self._latest = held
        self._subject = held.credential.identity or self._subject
        is_saved = self._saved(info)
        if held.renewal is not None and held.renewal not in self._own:
            self._own.append(held.renewal)
            if not is_saved and not self._token_only:
                self._say_that_it_ends_here()

    def forget(self, key: str) -> None:
        """See `Store.forget`: the file goes away."""
        self._latest = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.realpath(self._path))

    def _merged(self, held: Held[Any]) -> TokenInfo | None:
        """What the file is to say; None if it is no longer ours to write."""
        there = self._there()
        if there is None:
            return None
        token = held.credential.token if self._shares else there.jwt_token
        before = there.renewal or self._own[0]
        return replace(there.renewed(held.renewal, before), client_id=self._client_id, jwt_token=token)

    def _there(self) -> TokenInfo | None:
        """What is to be kept of the file; None if it is no longer ours to write."""
        try:
            there = token_info.read(self._path)
        except UnreadableError:
            return EMPTY if self._is_given else None
        if self._is_own(there):
            return there
        # Conflicting, and as it was at the start: it is replaced as a whole, as documented.
        is_known = there in (self._first_read, EMPTY)
        return EMPTY if self._is_given and (is_known or not self._reads) else None

    def _is_own(self, info: TokenInfo) -> bool:
        """Whether the file holds this process's login, perhaps with a secret that another process has renewed."""
        if info.client_id != self._client_id or info.renewal is None:
            return False
        if any(info.is_for(secret) for secret in self._own):
            return True
        theirs = bearer_of(info.jwt_token, None, self._reach).identity
        return theirs is not None and theirs == self._subject

    def _held(self, token: Secret | None, renewal: Secret | None) -> Held[Bearer]:
        latest = self._latest
        if latest is not None and latest.credential.token == token:
            return replace(latest, renewal=renewal)
        generation = 1 if latest is None else latest.generation + 1
        self._latest = Held(bearer_of(token, self._client_id, self._reach), self._source, renewal, generation)
        return self._latest

    def _saved(self, info: TokenInfo | None) -> bool:
        from skykey.credentials.stores.atomic import replace_file

        if info is None:
            self._failed(f"Failed to save token: somebody else has changed or removed the login in {self._shown}.")
            return False
        try:
            replace_file(self._path, token_info.written(info, token_only=self._token_only).reveal().encode())
        except (OSError, SkykeyError) as problem:
            self._failed(f"Failed to save token: {problem}")
            return False
        return True

    def _say_that_it_ends_here(self) -> None:
        import logging  # only where something is logged: importing it costs time

        logging.getLogger("skykey.descarteslabs").warning(
            "the issuer has replaced the renewal secret of %s, and the new one could not be saved in %s: it lives in "
            "this process's memory only. Log in again afterwards",
            self._source,
            self._shown,
        )


def _settled(path: str) -> str:
    """The file that is meant now. Its links are followed each time, so that it can be replaced."""
    path = token_info.expanded(path)
    with contextlib.suppress(OSError):  # the working directory may be gone
        path = os.path.join(os.getcwd(), path)
    return path


if TYPE_CHECKING:
    _: type[Store] = TokenInfoFile
