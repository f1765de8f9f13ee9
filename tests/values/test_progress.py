"""Progress: heard by who asked, from whichever thread makes it, one at a time."""

import contextvars
import threading

from skykey.values.progress import Progress, advance, watched


def test_nobody_watches_and_nothing_happens() -> None:
    advance(rows=1)


def test_steps_of_several_threads_are_not_lost() -> None:
    heard: list[Progress] = []
    inside = threading.Lock()

    def tell(progress: Progress) -> None:
        assert inside.acquire(blocking=False)  # one at a time
        heard.append(progress)
        inside.release()

    with watched(tell):
        threads = [
            threading.Thread(
                target=contextvars.copy_context().run, args=(lambda: [advance(rows=1, done=1) for _ in range(500)],)
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [progress.rows for progress in heard] == list(range(1, 2001))
    assert heard[-1] == Progress(rows=2000, done=2000)


def test_an_inner_watch_hears_its_own_block_only() -> None:
    outer: list[Progress] = []
    inner: list[Progress] = []
    with watched(outer.append):
        with watched(inner.append):
            advance(rows=5)
        advance(parts=2)
    assert (inner, outer) == ([Progress(rows=5)], [Progress(parts=2)])
