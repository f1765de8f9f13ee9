"""Where a login's tokens are remembered: in the documented files, so that other programs find them there too."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from skykey.credentials.claims import claims_of
from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.lifetime import LONGEST
from skykey.descarteslabs import token_info
from skykey.descarteslabs.token_info import EMPTY, TokenInfo, UnreadableError
from skykey.values.errors import SkykeyError, TimedOut
from skykey.values.life import Life

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from skykey.values.deadline import Deadline
    from skykey.values.reach import Reach
    from skykey.values.secret import Secret


def bearer_of(token: Secret | None, client_id: str | None, reach: Reach) -> Bearer:
    """A token as a credential; one that is not this client's, or never says when it ends, counts as none."""
    claims = None if token is None else claims_of(token)
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
        Of the file.
    reach, source
        What is held from it is bound to, and called.
    read
        What it said when it was read first.
    client_id, renewal
        The login that this process uses.
    scope
        What is written as its scope.
    token_only
        Whether only tokens go there: the secret was given, and must not reach a disk.
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
        client_id: str | None,
        renewal: Secret | None,
        scope: tuple[str, ...] | None = None,
        token_only: bool = False,
        reads: bool = True,
        latest: Held[Bearer] | None = None,
        failed: Callable[[str], None],
    ) -> None:
        self._path = path
        self._reach = reach
        self._source = source
        self._first_read = read
        self._client_id = client_id
        # Every secret that was this login's own, oldest first: an issuer may replace it while the process runs.
        self._own = [renewal]
        self._scope = scope
        self._token_only = token_only
        self._reads = reads
        self._failed = failed
        self._latest = latest

    @contextlib.contextmanager
    def exclusive(self, key: str, deadline: Deadline) -> Iterator[None]:
        """See `Store.exclusive`: a kernel lock beside the file, which every process that uses it takes."""
        from skykey.credentials.stores.folder import any_folder, make_folders
        from skykey.credentials.stores.lock import PATIENCE, Limit, alone, locked

        real = os.path.realpath(token_info.expanded(self._path))
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
        except UnreadableError:
            # Gone or broken: a login that lay there only is over, one that was given is not.
            return self._latest if self._token_only else None
        if self._token_only:
            return self._held(read.jwt_token, self._own[-1])
        if not self._is_own(read):
            return self._latest
        if read.renewal is not None and read.renewal not in self._own:
            self._own.append(read.renewal)
        return self._held(read.jwt_token, read.renewal)

    def write(self, key: str, held: Held[Any]) -> None:
        """See `Store.write`; a file that cannot be written is told of, and the token lives in memory."""
        self._latest = held
        if held.renewal is not None and held.renewal not in self._own:
            self._own.append(held.renewal)
        credential: Bearer = held.credential
        info = TokenInfo(jwt_token=credential.token)
        if not self._token_only:
            there = self._there()
            if there is None:
                self._failed(f"the login in {self._path} was changed by somebody else, and is kept")
                return
            info = replace(
                there,
                client_id=self._client_id,
                client_secret=held.renewal,
                refresh_token=held.renewal,
                jwt_token=credential.token,
                scope=self._scope if there.scope is None else there.scope,
            )
        self._replace(token_info.written(info, token_only=self._token_only))

    def forget(self, key: str) -> None:
        """See `Store.forget`: the file goes away."""
        self._latest = None
        with_links = os.path.realpath(token_info.expanded(self._path))
        try:
            os.unlink(with_links)
        except FileNotFoundError:
            return

    def _there(self) -> TokenInfo | None:
        """What is to be kept of the file; None if it is no longer ours to write."""
        try:
            there = token_info.read(self._path)
        except UnreadableError:
            return EMPTY
        if self._is_own(there):
            return there
        # Conflicting, and as it was at the start: it is replaced as a whole, as documented.
        return EMPTY if there in (self._first_read, EMPTY) else None  # noqa: PLR6201 - they hold a dict: no set

    def _is_own(self, info: TokenInfo) -> bool:
        """Whether the file holds this process's login, perhaps with a secret that another process has renewed."""
        if info.client_id != self._client_id or info.renewal is None:
            return False
        if info.renewal in self._own:
            return True
        latest = self._latest
        if latest is None or info.jwt_token is None:
            return False
        theirs = bearer_of(info.jwt_token, None, self._reach).identity
        return theirs is not None and theirs == latest.credential.identity

    def _held(self, token: Secret | None, renewal: Secret | None) -> Held[Bearer]:
        latest = self._latest
        if latest is not None and latest.credential.token == token:
            return replace(latest, renewal=renewal)
        generation = 1 if latest is None else latest.generation + 1
        self._latest = Held(bearer_of(token, self._client_id, self._reach), self._source, renewal, generation)
        return self._latest

    def _replace(self, text: Secret) -> None:
        from skykey.credentials.stores.atomic import replace_file

        try:
            replace_file(token_info.expanded(self._path), text.reveal().encode())
        except (OSError, SkykeyError) as problem:
            self._failed(f"Failed to save token: {problem}")
