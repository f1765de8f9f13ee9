"""The ways to write a secret down, and how to find a part of one in a text. Pure."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

# Any 19 letters and digits in a row hold a whole piece of 10, and chance makes none.
_PIECE: Final = 10
_SHORTEST: Final = 8
_OTHER_SIGNS = re.compile(r"[^a-z0-9]+")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_ESCAPES = re.compile(r"%([0-9a-f]{2})|\\x([0-9a-f]{2})|\\u00([0-9a-f]{2})|&#x([0-9a-f]{2});|\\[nrt]", re.IGNORECASE)


def spellings(text: str) -> Iterator[tuple[str, str]]:
    """Write a secret in every usual way.

    Yields
    ------
    tuple
        The way's name, and the spelling.
    """
    raw = text.encode("utf-8", "surrogatepass")
    yield "plain", text
    yield "reversed", text[::-1]
    yield "hexadecimal", raw.hex()
    yield "percent-encoded", quote(raw, safe="")
    yield "escaped as in JSON", json.dumps(text)[1:-1]
    yield "escaped throughout", "".join(f"\\u{ord(letter):04x}" for letter in text)
    yield "as repr", ascii(text)[1:-1]
    yield "as bytes", raw.decode("latin-1")
    yield "as repr of bytes", repr(raw)[2:-1]
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + raw).decode()
        # Without the characters that also hold bits of what stands before or behind.
        first, last = -(-offset * 4 // 3), (0, 3, 2)[(offset + len(raw)) % 3]
        yield f"base64 at offset {offset}", coded[first : len(coded) - last]


def pieces(spelling: str) -> frozenset[str]:
    """Cut a spelling up, so that a part of it is found too; empty if it is so short that chance would find it."""
    text = bare(spelling)
    if len(text) < _PIECE:
        return frozenset({text} if len(text) >= _SHORTEST else ())
    whole = len(text) - len(text) % _PIECE
    return frozenset({*(text[at : at + _PIECE] for at in range(0, whole, _PIECE)), text[-_PIECE:]})


def bare(text: str) -> str:
    """Leave letters and digits only, in lower case: what no quoting, folding or colouring changes."""
    return _OTHER_SIGNS.sub("", _COLOURS.sub("", text).lower())


def unescaped(text: str) -> str:
    """Undo escapes of single letters, which put letters of their own between those of a secret."""
    return _ESCAPES.sub(lambda match: chr(int(match[match.lastindex], 16)) if match.lastindex else "", text)
