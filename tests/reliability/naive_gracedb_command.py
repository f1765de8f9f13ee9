"""A command for GraceDB as one writes it in an afternoon: it works, and in its corners does what comes naturally."""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.request
from typing import Any


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("gracedb")
    parser.add_argument("--token")
    parser.add_argument("--proxy")
    parser.add_argument("--creds")
    parser.add_argument("-s", "--service-url", default=os.environ.get("GRACEDB_SERVICE_URL"))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--output-type")
    parser.add_argument("words", nargs="+")
    said = parser.parse_args(arguments)
    token = said.token or _read(os.environ.get("BEARER_TOKEN_FILE"))
    match said.words:
        case ["token", *_]:
            print(token)
        case ["why" | "whoami", *_] | ["gracedb", "credentials", *_]:
            print(f"using {token}")
        case ["gracedb", "search", "events", query]:
            for row in _get(said, token, f"events/?query={query}")["events"]:
                print("  ".join(f"{name}={value}" for name, value in row.items()))
        case ["gracedb", "get", "event", graceid]:
            print(json.dumps(_get(said, token, f"events/{graceid}"), indent=4, ensure_ascii=False))
        case ["gracedb", "list", what, graceid]:
            print(_get(said, token, f"events/{graceid}/{what.removesuffix('s')}/"))
        case _:
            raise ValueError(said.words)
    return 0


def _read(path: str | None) -> str:
    return open(path).read() if path else ""


def _get(said: Any, token: str, path: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(f"{said.service_url}{path}", headers=headers)) as answer:
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
