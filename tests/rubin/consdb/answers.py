"""What pyvo leaves open: it asks for each answer as a stream, and reads few of them to the end."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests


@contextmanager
def closing_all(session: requests.Session) -> Iterator[None]:
    """Close each answer of a session at the end, and the session."""
    answers: list[requests.Response] = []

    def note(answer: requests.Response, *_: object, **__: object) -> None:
        answers.append(answer)

    session.hooks["response"].append(note)
    try:
        yield
    finally:
        for answer in answers:
            answer.close()
        session.close()
