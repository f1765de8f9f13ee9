"""Run by the interpreter of the guest rubin-nights: asks what it is given, and writes down what it got.

    python -I rubin_nights_script.py QUESTIONS ANSWERS

Both files are JSON. A question is a name with [client, method, arguments, named arguments], where {"t": …} stands for
an astropy Time. A frame is written as its columns and their dtypes, with its times in whole nanoseconds if it has some;
beside each answer stands what the client said in its log about it.
"""

import ipaddress
import json
import logging
import os
import sys
from typing import Any

import httpx
import pandas as pd
from astropy.time import Time
from astropy.utils import iers
from rubin_nights import connections

iers.conf.auto_download = False


class Proxied(httpx.HTTPTransport):
    """The client for ConsDB has a transport of its own, and httpx then asks no proxy: it would leave this machine."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"proxy": os.environ["HTTPS_PROXY"], **given})


httpx.HTTPTransport = Proxied  # type: ignore[misc]


def stay(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse whatever leaves this machine all the same."""
    if event == "socket.connect" and not ipaddress.ip_address(arguments[1][0]).is_loopback:
        raise PermissionError(f"a guest stays on this machine: {arguments[1]}")
    if event == "socket.getaddrinfo" and arguments[0] not in ("localhost", "127.0.0.1", "::1"):
        raise PermissionError(f"a guest stays on this machine: {arguments[0]}")


sys.addaudithook(stay)


class Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.words.append(record.getMessage())


def meant(argument: Any) -> Any:
    if isinstance(argument, dict) and "t" in argument:
        return Time(argument["t"], format="isot", scale=argument.get("scale", "utc"))
    return argument


def plain(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, pd.DataFrame):
        return {"value": answer}
    times = answer.index.as_unit("ns").asi8.tolist() if isinstance(answer.index, pd.DatetimeIndex) else None
    cells = {name: answer[name].astype(object).tolist() for name in answer.columns}
    return {"index": times, "columns": cells, "dtypes": {name: str(answer[name].dtype) for name in answer.columns}}


def main(questions: dict[str, Any]) -> dict[str, Any]:
    heard = Heard()
    logging.getLogger().addHandler(heard)
    clients = connections.get_clients()
    answers = {}
    for name, (client, method, arguments, named) in questions.items():
        heard.words = []
        try:
            ask = getattr(clients[client], method)
            answers[name] = plain(ask(*map(meant, arguments), **{key: meant(value) for key, value in named.items()}))
        except Exception as problem:  # noqa: BLE001 - whatever it raises is an answer too
            answers[name] = {"raised": type(problem).__name__, "words": str(problem)}
        answers[name]["said"] = heard.words
    return answers


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        asked = json.load(file)
    with open(sys.argv[2], "w") as file:
        json.dump(main(asked), file)
