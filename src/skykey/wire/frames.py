"""Exceptions without their frames."""

from __future__ import annotations


def frameless(problem: BaseException, *, handled: BaseException | None) -> BaseException:
    """Take the frames from an exception and from all that led to it.

    An HTTP library's frames hold the request with its headers open, and a traceback that shows local variables would
    show them.

    Parameters
    ----------
    problem
        The exception.
    handled
        What the caller was handling already when the work began (``sys.exception()``): that is its own, and keeps its
        frames.
    """
    links: list[BaseException | None] = [problem]
    seen: set[int] = {id(handled)}
    while links:
        link = links.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            link.__traceback__ = None
            links += [link.__cause__, link.__context__]
    return problem
