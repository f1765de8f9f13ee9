"""What programs without Skykey do with credentials: each row is tried on them, and must fail."""

import asyncio
import atexit
import contextlib
import json
import os
import tempfile
import threading
import time
from base64 import urlsafe_b64decode
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.life import Life
from skykey.values.secret import Secret
from tests.credentials.stores.making import REACH


def written(held: Held[Any]) -> str:
    token, renewal = held.credential.token.reveal(), held.renewal.reveal() if held.renewal else None
    life, identity = held.credential.life, held.credential.identity
    return json.dumps({"token": token, "ends": life.ends, "who": identity, "renewal": renewal, "n": held.generation})


def parsed(text: str) -> Held[Any]:
    given = json.loads(text)
    bearer = Bearer(Secret(given["token"]), REACH, Life(None, given["ends"]), given["who"])
    return Held(bearer, "a test", Secret(given["renewal"]), given["n"], facts={"number": str(given["n"])})


class NaiveStore:
    """A file an entry, named after its key, truncated and written in place; who makes the lock file has the lock."""

    def __init__(self, folder: str | os.PathLike[str], patience: float = 10.0, **_: Any) -> None:
        self.folder, self.patience = str(folder), patience

    @contextlib.contextmanager
    def exclusive(self, key: str, _: Any) -> Any:
        os.makedirs(self.folder, exist_ok=True)
        lock, until = f"{self.folder}/{key}.lock", time.monotonic() + self.patience
        while os.path.exists(lock):
            assert time.monotonic() < until, f"{lock} exists"
            time.sleep(0.01)
        open(lock, "w").close()
        yield
        os.unlink(lock)

    def read(self, key: str) -> Held[Any] | None:
        if not os.path.exists(f"{self.folder}/{key}.json") or os.stat(self.folder).st_mode & 0o077:
            return None
        with open(f"{self.folder}/{key}.json") as file:
            return parsed(file.read())

    def write(self, key: str, held: Held[Any]) -> None:
        os.makedirs(self.folder, exist_ok=True)
        with open(f"{self.folder}/{key}.json", "w") as file:
            file.write(written(held))
        os.chmod(f"{self.folder}/{key}.json", 0o600)


class NaiveKeyring:
    """The keyring on a thread, with a limit or without; memory in its place as long as it does not answer."""

    def __init__(self, seconds: float | None = None, **_: Any) -> None:
        self.seconds, self.instead = seconds, dict[str, str]()

    def read(self, key: str) -> Held[Any] | None:
        text = self.ask("get_password", key) or self.instead.get(key)
        return None if text is None else parsed(text)

    def write(self, key: str, held: Held[Any]) -> None:
        self.instead[key] = written(held)
        self.ask("set_password", key, self.instead[key])

    def ask(self, name: str, *arguments: str) -> str | None:
        import keyring

        answers: list[str] = []
        call = getattr(keyring, name)
        work = threading.Thread(target=lambda: answers.append(call("skykey", *arguments)), daemon=True)
        work.start()
        work.join(self.seconds)
        return answers[0] if answers else None


def naive_key(*, issuer: str, client: str = "", scopes: Any = (), subject: str = "", site: str = "") -> str:
    return "-".join([issuer, client, *scopes, subject, site])


HTTP = httpx2.Client(follow_redirects=True, timeout=None, trust_env=False)


class Unlocked:
    """google-auth: a check, a renewal, no lock. What `expires_in` says is believed; without it there is no end."""

    def __init__(self, login: Any, clock: Any = SYSTEM_CLOCK, *, leeway: float = 300.0, **_: Any) -> None:
        self.login, self.clock, self.leeway, self.hooked = login, clock, leeway, dict
        self.secret, self.access, self.ends, self.got, self.task = login.secret, "", None, 0.0, None

    def token(self) -> str:
        if not self.access or (self.ends is not None and self.ends - self.now() < self.leeway):
            self.refresh()
        return self.access

    async def atoken(self) -> str:
        if self.task is None or self.task.done():  # one for all: whoever is cancelled takes the others along
            self.task = asyncio.create_task(asyncio.to_thread(self.token))
        return await self.task

    def now(self) -> float:
        return self.clock.wall()

    def refresh(self) -> None:
        self.hooked()
        fields = {"grant_type": "refresh_token", "client_id": self.login.client_id, "refresh_token": self.secret}
        answer, self.access = HTTP.post(f"{self.login.iam}/token", data=fields), ""
        answer = answer.raise_for_status().json()
        self.access, self.secret = answer["access_token"], answer.get("refresh_token", self.secret)
        self.got = self.clock.wall()
        self.ends = self.now() + answer["expires_in"] if "expires_in" in answer else None

    def call(self, method: str, path: str, data: Any = None) -> Any:
        for _ in range(4):  # what is refused is asked again with a new token and what is left of the body
            body, headers = data.read() if hasattr(data, "read") else data, {"Authorization": f"Bearer {self.token()}"}
            answer = HTTP.request(method, self.login.platform + path, content=body, headers=headers)
            if answer.status_code not in {401, 403, 503}:
                break
            self.refresh()
        return answer.raise_for_status()


# What others do. prescient: once and never again. A clock that sleeps with the machine. An age without its days.
Frozen = type("Frozen", (Unlocked,), {"token": lambda self: self.access or Unlocked.token(self)})
Monotonic = type("Monotonic", (Unlocked,), {"now": lambda self: self.clock.steady()})
InDays = type(
    "InDays", (Unlocked,), {"now": lambda self: self.got + timedelta(0, self.clock.wall() - self.got).seconds}
)
# A lock that is not given back when something goes wrong; and one thread for everything.
Locked = type("Locked", (Unlocked,), {"token": lambda self: (LOCK.acquire(), Unlocked.token(self), LOCK.release())[1]})
Blocking = type("Blocking", (Unlocked,), {"atoken": lambda self: asyncio.sleep(0, self.token())})
LOCK = threading.Lock()


class Saved(Unlocked):
    """descarteslabs: the file is read each time, replaced without a lock, over whatever is there meanwhile."""

    def token(self) -> str:
        with open(self.login.file) as file:
            kept = json.load(file)
        self.secret, self.access = kept["refresh_token"], kept.get("jwt_token", "")
        self.ends = json.loads(urlsafe_b64decode(self.access.split(".")[1] + "=="))["exp"] if self.access else None
        return super().token()

    def refresh(self) -> None:
        super().refresh()
        self.save()

    def save(self) -> None:
        with tempfile.NamedTemporaryFile("w", dir=self.login.folder, delete=False) as file:
            json.dump({"refresh_token": self.secret, "jwt_token": self.access}, file)
        os.replace(file.name, self.login.file)


# MSAL, as its documentation shows it: what it has is written when the program ends.
SavedAtExit = type("SavedAtExit", (Saved,), {"save": lambda self: atexit.register(Saved.save, self)})


class Skewed(Unlocked):
    """botocore: the Date of any answer sets the clock."""

    def call(self, method: str, path: str, data: Any = None) -> Any:
        answer = super().call(method, path, data)
        self.ends -= parsedate_to_datetime(answer.headers["date"]).timestamp() - self.clock.wall()
        return answer


class Parts:
    """boto3: each part of the keys is asked for by itself, and looks by itself whether it is time for new ones."""

    until = 0.0

    def part(self, name: str, fetch: Any, now: float) -> Any:
        if now >= self.until:
            self.keys, self.until = fetch()
        return self.keys[name]


def first(*sources: Any) -> Any:
    """The first that gives something; whatever goes wrong is passed over."""
    for source in sources:
        with contextlib.suppress(Exception):
            return source()
    raise LookupError("no token")
