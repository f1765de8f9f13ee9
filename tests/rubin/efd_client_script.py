"""Run by the interpreter of the guest lsst-efd-client: asks what it is given, and writes down what it got.

    python -I efd_client_script.py QUESTIONS ANSWERS

Both files are JSON. A question is a name with [database, method, arguments, named arguments], where {"t": ...} stands
for an astropy Time and {"s": ...} for a TimeDelta of so many seconds. A frame is written as its times in whole
nanoseconds, its columns and their dtypes; several series as frames by the client's own names for them.
"""

import asyncio
import json
import sys
from typing import Any

import pandas as pd
from astropy.time import Time, TimeDelta
from lsst_efd_client import EfdClient


def meant(argument: Any) -> Any:
    if isinstance(argument, dict) and "t" in argument:
        return Time(argument["t"], format="isot", scale=argument.get("scale", "utc"))
    return TimeDelta(argument["s"], format="sec") if isinstance(argument, dict) else argument


def plain(answer: Any) -> dict[str, Any]:
    if isinstance(answer, dict):
        return {"series": {name: plain(frame) for name, frame in answer.items()}}
    if not isinstance(answer, pd.DataFrame):
        return {"value": answer}
    times = None
    if isinstance(answer.index, pd.DatetimeIndex):
        times = answer.index.as_unit("ns").asi8.tolist()
    cells = {
        name: [str(cell) if name == "aunits" else cell for cell in answer[name].astype(object)]
        for name in answer.columns
    }
    return {"index": times, "columns": cells, "dtypes": {name: str(answer[name].dtype) for name in answer.columns}}


async def main(questions: dict[str, Any], answers: dict[str, Any]) -> None:
    clients = {}
    for name, (database, method, arguments, named) in questions.items():
        try:
            if database not in clients:
                clients[database] = EfdClient("usdf_efd", db_name=database)
            ask = getattr(clients[database], method)
            found = await ask(*map(meant, arguments), **{key: meant(value) for key, value in named.items()})
            answers[name] = plain(found)
        except Exception as problem:  # noqa: BLE001 - whatever it raises is an answer too
            answers[name] = {"raised": type(problem).__name__, "words": str(problem)}
    for client in clients.values():
        await client.influx_client.close()


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        asked = json.load(file)
    found = {}
    asyncio.run(main(asked, found))
    with open(sys.argv[2], "w") as file:
        json.dump(found, file)
