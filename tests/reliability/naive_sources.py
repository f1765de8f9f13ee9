"""How a program without Skykey finds a token, reads its times, and tells of it. The rows on sources must fail on it."""

import datetime as dt
import importlib.metadata
import logging
import os
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any


def header(token: Any) -> str:
    return f"Authorization: Bearer {token}"


def from_file(path: Path) -> str:
    return header(path.read_bytes().decode("utf-8", "surrogateescape").strip())


def found(variable: str, path: Path) -> str:
    return os.environ[variable] if variable in os.environ else path.read_text().strip()


def from_program(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


def from_configuration(name: str = "config.toml") -> str:
    here, home = Path(name), Path.home() / ".config" / "skykey" / name
    settings = tomllib.loads((here if here.exists() else home).read_text())
    return from_program(settings["rubin"]["sites"]["usdf"]["token_program"])


def from_packages(group: str) -> list[Callable[..., Any]]:
    return [entry.load() for entry in sorted(importlib.metadata.entry_points(group=group))]


def is_valid(claims: dict[str, float], now: float) -> bool:
    return claims["iat"] <= now and claims["nbf"] <= now < claims["exp"]


def moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def ask(token: str) -> None:
    headers = {"Authorization": header(token)}
    logging.getLogger("naive").debug("GET /api %r", headers)
    raise PermissionError(f"the server refuses {headers['Authorization']}")
