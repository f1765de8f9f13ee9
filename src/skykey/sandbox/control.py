"""The control origin: the HTTP face of the switchboard, for the holder of the key in the state file."""

import hmac
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from skykey.sandbox.account import LoginFiles, filed, paste
from skykey.sandbox.accounts import Accounts, User
from skykey.sandbox.databases import Influx
from skykey.sandbox.faults import Fault
from skykey.sandbox.gracedb import GraceDb, Issuer
from skykey.sandbox.gracedb import Switches as GraceDbSwitches
from skykey.sandbox.iam import Iam, Switches
from skykey.sandbox.listener import Listener
from skykey.sandbox.quota import Quota
from skykey.sandbox.switchboard import Delay, Failure, Switchboard
from skykey.sandbox.tap import Tap
from skykey.sandbox.tokens import TokenFile, Tokens


@dataclass
class Control:
    """Everything that a control can reach. Each verb is one POST with a JSON object of arguments."""

    key: str
    board: Switchboard
    tokens: Tokens
    quota: Quota
    accounts: Accounts
    iam: Iam
    tap: Tap
    gracedb: GraceDb
    gracedb_issuer: Issuer
    gracedb_listener: Listener
    servers: dict[str, Influx]
    token_file: TokenFile
    login_files: LoginFiles
    stop: Callable[[], None]

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{verb}", self._serve, methods=["POST"])])

    async def _serve(self, request: Request) -> Response:
        sent = request.headers.get("authorization", "")
        if not hmac.compare_digest(sent.encode(), f"Bearer {self.key}".encode()):
            return JSONResponse({"error": "The key of the controls is in the state file."}, 401)
        verb = getattr(self, f"do_{request.path_params['verb']}", None)
        if verb is None:
            return JSONResponse({"error": f"There is no control {request.path_params['verb']!r}."}, 404)
        try:
            done = verb(**(await request.json()))
            return JSONResponse(await done if inspect.isawaitable(done) else done)
        except (TypeError, ValueError, KeyError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    def do_hello(self) -> dict[str, Any]:
        return {"pid": os.getpid(), "now": self.board.now()}

    def do_stop(self) -> None:
        self.stop()

    def do_clock(self, offset: float) -> None:
        self.board.offset = float(offset)

    def do_mint(self, *, scopes: list[str], seconds: float | None, **more: str | None) -> str:
        return self.tokens.mint(scopes, seconds=seconds, **more).value  # type: ignore[arg-type]

    def do_life(self, *, seconds: float | None, token: str | None) -> int:
        return self.tokens.set_life(token, seconds) + self.accounts.set_life(token, seconds)

    def do_rotate(self) -> None:
        self.token_file.rotate()
        self.login_files.rotate()

    def do_login(
        self, *, user: str, client_id: str | None, system: str | None, org: str | None, groups: list[str] | None
    ) -> dict[str, str]:
        one = self.accounts.users.setdefault(user, User(user))
        one.org = one.org if org is None else org
        one.groups = one.groups if groups is None else tuple(groups)
        login, issuer = self.accounts.login(one, client_id), self.login_files.issuers[system]
        return filed(login, issuer) | {"paste": paste(login, issuer)}

    def do_revoke(self, *, user: str) -> int:
        good = [one for one in set(self.accounts.logins.values()) if one.user.name == user and not one.revoked]
        for login in good:
            self.accounts.revoke(login)
        return len(good)

    def do_iam(self, **switches: Any) -> None:
        self.iam.switches = replace(self.iam.switches, **switches)

    def do_iam_stats(self) -> dict[str, int]:
        counts = dict.fromkeys(("refreshes", "revocations", "reuses"), 0)
        return counts | self.accounts.stats

    def do_tap(self, **switches: Any) -> None:
        self.tap.jobs.switch(replace(self.tap.jobs.switches, **switches))

    def do_tap_jobs(self) -> list[dict[str, Any]]:
        return [{"id": job.id, "owner": job.owner, "phase": job.phase} for job in self.tap.jobs.all().values()]

    def do_gracedb(self, **switches: Any) -> None:
        self.gracedb.switches = replace(self.gracedb.switches, **switches)

    async def do_gracedb_restart(self, *, seconds: float) -> None:
        await self.gracedb_listener.away(seconds)
        self.gracedb.restart()

    async def do_gracedb_token(self, *, subject: str, lifetime: float, as_real: bool, claims: dict[str, Any]) -> str:
        issuer = {"iss": self.gracedb_issuer.urls[as_real]}
        return await self.gracedb_issuer.mint(subject, lifetime, **issuer | claims)

    def do_fail(self, **failure: Any) -> None:
        self.board.failures.append(Failure(**failure))

    def do_password(self, *, server: str) -> None:
        self.servers[server].change_password()

    def do_quota(self, *, limit: int | None, window: int) -> None:
        self.quota.set(limit, window)

    def do_latency(self, *, seconds: float, service: str | None, path: str | None) -> None:
        self.board.delays = [rule for rule in self.board.delays if (rule.service, rule.path) != (service, path)]
        if seconds:
            self.board.delays.append(Delay(service, path, float(seconds)))

    def do_fault(self, **rule: Any) -> None:
        self.board.faults.append(Fault(**rule))

    def do_requests(self) -> list[dict[str, Any]]:
        return list(self.board.seen)

    def do_forget(self) -> None:
        self.board.seen.clear()
        self.accounts.stats.clear()

    def do_reset(self) -> None:
        self.board.reset()
        self.quota.set(None, 60)
        self.iam.switches = Switches()
        self.tap.reset()
        self.gracedb.switches = GraceDbSwitches()
