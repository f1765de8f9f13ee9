"""Jobs that go on while nobody looks (UWS 1.1), each its owner's own, until they are destroyed."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skykey.sandbox.tap.adqlerror import AdqlError
from skykey.sandbox.tap.switches import ENDS, Switches

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from skykey.sandbox.tap.uploads import Upload

_DURATION, RETENTION = 4 * 3600, 7 * 86400


@dataclass(frozen=True)
class Result:
    """A whole answer."""

    content: bytes
    kind: str


@dataclass
class Job:
    """One question."""

    owner: str
    created: float
    parameters: dict[str, str]
    uploads: dict[str, Upload]
    destruction: float = 0.0
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    phase: str = "PENDING"
    duration: int = _DURATION
    started: float | None = None
    ended: float | None = None
    words: str = ""
    result: Result | None = None
    task: asyncio.Task[None] | None = None
    interrupt: Callable[[], None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def turn(self, phase: str) -> None:
        """Go to another phase, and tell whoever waits."""
        if phase != self.phase:
            self.phase = phase
            self.changed.set()
            self.changed = asyncio.Event()


class Jobs:
    """All jobs of one service."""

    def __init__(self, now: Callable[[], float], work: Callable[[Job], Awaitable[Result]]) -> None:
        self._now, self._work = now, work
        self._jobs: dict[str, Job] = {}
        self._turned = asyncio.Event()
        self.switches = Switches()

    def switch(self, switches: Switches) -> None:
        """Turn a switch; jobs that are held hear of it."""
        self.switches = switches
        self._turned.set()
        self._turned = asyncio.Event()

    def all(self) -> Mapping[str, Job]:
        """Return every job whose time has not come."""
        for job in [job for job in self._jobs.values() if job.destruction <= self._now()]:
            self.destroy(job)
        return self._jobs

    def create(self, owner: str, parameters: dict[str, str], uploads: dict[str, Upload]) -> Job:
        now = self._now()
        job = Job(owner, now, parameters, uploads, now + RETENTION)
        self._jobs[job.id] = job
        return job

    def run(self, job: Job) -> None:
        if job.phase == "PENDING" and job.task is None:
            job.turn("QUEUED")
            job.task = asyncio.create_task(self._run(job), name=f"job {job.id}")

    def abort(self, job: Job) -> None:
        if job.phase not in ENDS:
            self._end(job, "ABORTED")

    def destroy(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        self.abort(job)

    def clear(self) -> None:
        for job in list(self._jobs.values()):
            self.destroy(job)

    async def close(self) -> None:
        tasks = [job.task for job in self._jobs.values() if job.task]
        self.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, job: Job, phase: str, words: str = "") -> None:
        job.ended, job.words = self._now(), words
        job.turn(phase)
        if job.interrupt:
            job.interrupt()
        if job.task and job.task is not asyncio.current_task():
            job.task.cancel()

    async def _run(self, job: Job) -> None:
        await self._held(job)
        if job.phase in ENDS:
            return
        job.started = job.started or self._now()
        job.turn("EXECUTING")
        try:
            result = await self._work(job)
        except AdqlError as error:
            self._end(job, "ERROR", str(error))
        except Exception as error:  # noqa: BLE001 - a job that failed has a phase that says so
            self._end(job, "ERROR", f"{type(error).__name__}: {error}")
        else:
            if job.phase not in ENDS:
                job.result, job.ended = result, self._now()
                job.turn("COMPLETED")

    async def _held(self, job: Job) -> None:
        """Stay where a control wants the job, for as long as it does."""
        while phase := self.switches.hold:
            if phase in ENDS:
                self._end(job, phase, self.switches.words if phase == "ERROR" else "")
                return
            if phase == "EXECUTING":
                job.started = job.started or self._now()
            job.turn(phase)
            await self._turned.wait()
