"""Shape test (a): one flow, both faces, seen by Python and by the type checkers."""

import asyncio
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def faces() -> ModuleType:
    spec = importlib.util.spec_from_file_location("skykey_tests_faces", HERE / "faces.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_one_flow_serves_both_faces(faces: ModuleType) -> None:
    assert faces.Clock(3).now() == 3
    assert faces.Clock(3).later(2, zone="TAI") == "5 TAI"
    assert asyncio.run(faces.AsyncClock(3).later(2)) == "5 UTC"
    assert asyncio.run(faces.Clock(3).async_later(2)) == "5 UTC"


def test_an_overridden_flow_is_found_by_the_flows_that_use_it(faces: ModuleType) -> None:
    """And it can reach the one that it overrides."""
    assert faces.SummerClock(3).now() == 4
    assert faces.SummerClock(3).later(2) == "6 UTC"
    assert asyncio.run(faces.AsyncSummerClock(3).later(2)) == "6 UTC"
    assert asyncio.run(faces.SummerClock(3).async_later(2)) == "6 UTC"


def test_a_task_can_be_made_of_a_method(faces: ModuleType) -> None:
    async def main() -> int:
        clock = faces.AsyncClock(3)
        tasks = [asyncio.create_task(clock.now()) for _ in range(3)]
        return sum([await task for task in tasks])

    assert asyncio.run(main()) == 9


def test_a_method_documents_itself_as_the_flow_does(faces: ModuleType) -> None:
    assert faces.Clock.now.__doc__ == "Tell the hour."
    assert faces.Clock(1).later.__name__ == "later"
    assert faces.Clock(1).later.__doc__ == "Add to it."


def test_state_that_a_flow_changes_is_the_objects_own(faces: ModuleType) -> None:
    clock = faces.Clock(3)
    clock.hour = 7
    assert clock.now() == 7


def test_an_asynchronous_method_does_nothing_before_it_is_awaited(faces: ModuleType) -> None:
    coroutine = faces.AsyncClock(3).now()
    coroutine.close()


def test_rows_of_both_faces(faces: ModuleType) -> None:
    with faces.Clock().ticks(5) as found:
        assert list(found) == []
        assert found.end.rows == 5

    async def main() -> int:
        async with faces.AsyncClock().ticks(5) as rows:
            assert [batch async for batch in rows] == []
            return int(rows.end.rows)

    assert asyncio.run(main()) == 5


WRONG = """
import asyncio
from tests_faces import AsyncClock, Clock

Clock().later()  # [call-arg]
Clock().later("two")  # [arg-type]
Clock().later(2, zone=3)  # [arg-type]
Clock().sooner()  # [attr-defined]
x: str = Clock().now()  # [assignment]
y: int = AsyncClock().now()  # [assignment]
for _ in AsyncClock().ticks(1):  # [attr-defined]
    pass
with AsyncClock().ticks(1):  # [attr-defined]
    pass


async def main() -> None:
    await Clock().now()  # [misc]
    AsyncClock().now()  # [unused-coroutine]
    asyncio.create_task(Clock().now())  # [arg-type]
"""


def test_wrong_uses_are_errors_for_the_type_checker(tmp_path: Path) -> None:
    """Types that let everything pass would prove nothing."""
    (tmp_path / "tests_faces.py").write_text((HERE / "faces.py").read_text())
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nstrict = true\nshow_error_codes = true\n[mypy-pyarrow.*]\nignore_missing_imports = true\n"
    )
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", "cache", "wrong.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    found = {
        (int(line.split(":")[1]), line.rpartition(" ")[2])
        for line in done.stdout.splitlines()
        if line.startswith("wrong.py") and ": error:" in line
    }
    expected = {
        (number, line.rpartition("# ")[2]) for number, line in enumerate(WRONG.splitlines(), start=1) if "# [" in line
    }
    missing, others = expected - found, found - expected
    assert not missing, f"let pass: {missing}\n{done.stdout}{done.stderr}"
    assert not others, f"unexpected: {others}\n{done.stdout}{done.stderr}"
