from tests.wire.fixtures import authority, box, shared_box, world

__all__ = ["authority", "box", "shared_box", "world"]
