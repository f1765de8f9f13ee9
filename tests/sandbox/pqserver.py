"""One page of ConsDB's service over a real PostgreSQL, with the framework and the driver that the service has.

A guest's interpreter runs it: ``python pqserver.py FOLDER``. ``DATABASE_URL`` says where the database is. The folder
holds ``statements.json``, which make the empty tables, and a CSV file for each table with rows. The port of loopback is
the first line that it says; it ends when its stdin does.
"""

import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

ENGINE = create_engine(os.environ["DATABASE_URL"])
APP = FastAPI()


class Question(BaseModel):
    query: str


class Rows(BaseModel):
    columns: list[str]
    data: list[Any]


@APP.exception_handler(SQLAlchemyError)
def refuse(_request: Any, error: SQLAlchemyError) -> JSONResponse:
    return JSONResponse({"message": str(error)}, 500)


@APP.post("/consdb/query")
def answer(question: Question, commit: int = 0) -> Rows:
    with ENGINE.connect() as connection:  # and takes back what was changed
        result = connection.exec_driver_sql(question.query)
        if not result.returns_rows:
            return Rows(columns=["commit"], data=[[commit]])
        return Rows(columns=list(result.keys()), data=[list(row) for row in result])


def fill(folder: Path) -> None:
    connection = ENGINE.raw_connection()
    with connection.cursor() as cursor:
        for statement in json.loads((folder / "statements.json").read_text()):
            cursor.execute(statement)
        for path in sorted(folder.glob("*.csv")):
            with path.open() as rows:
                cursor.copy_expert(f"COPY {path.stem} FROM STDIN (FORMAT csv, NULL '\\N')", rows)
    connection.commit()
    connection.close()


def main() -> None:
    fill(Path(sys.argv[1]))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(APP, log_level="critical"))

    def end_with_stdin() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=end_with_stdin, daemon=True).start()
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    server.run([listening])


if __name__ == "__main__":
    main()
