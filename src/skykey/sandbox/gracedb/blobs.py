"""Contents of files, each kept once under its own SHA-256."""

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Upload:
    """A file on its way in: written as it comes, under a name that nobody asks for."""

    filename: str
    path: Path
    _file: int = field(repr=False)
    kind: str = ""
    size: int = 0

    def __post_init__(self) -> None:
        self._sum = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._sum.hexdigest()

    def write(self, piece: bytes) -> None:
        self._sum.update(piece)
        self.size += len(piece)
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def drop(self) -> None:
        """Close it, and take it away if it was not kept."""
        os.close(self._file)
        self.path.unlink(missing_ok=True)


class Blobs:
    """The folder of contents."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, filename: str, kind: str = "") -> Upload:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".")
        return Upload(filename, Path(name), handle, kind)

    def keep(self, upload: Upload) -> None:
        """Put a content where it stays, before anything names it."""
        upload.path.replace(self.path(upload.sha256))

    def put(self, filename: str, content: bytes) -> Upload:
        """Keep what the server itself has written."""
        upload = self.begin(filename)
        try:
            upload.write(content)
            self.keep(upload)
        finally:
            upload.drop()
        return upload

    def path(self, sha256: str) -> Path:
        return self._folder / sha256

    def clean(self) -> None:
        """Take away what a server that was killed had half received."""
        for path in self._folder.glob(".*"):
            path.unlink(missing_ok=True)
