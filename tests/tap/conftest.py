import pytest

from tests.tap.scripted_tap import Face
from tests.wire.fixtures import authority, world

__all__ = ["authority", "world"]


@pytest.fixture(params=["sync", "async"])
def face(request: pytest.FixtureRequest) -> Face:
    return Face(request.param)
