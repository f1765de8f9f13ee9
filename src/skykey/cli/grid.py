"""Tables on stdout: for people on a terminal, tab-separated in a pipe."""

from __future__ import annotations

import shutil
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal

import click

from skykey.cli.output import on_terminal, say, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_AT_ONCE: Final = 1000
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_WIDEST_CELL: Final = 40
_NARROWEST_FOLD: Final = 12
_BETWEEN: Final = 3


def show(names: Sequence[str], rows: Iterable[Sequence[str]], *, most: int = 0, folded: str = "") -> None:
    """Print a table.

    Parameters
    ----------
    names
        Of the columns; without any nothing is printed.
    rows
        As texts.
    most
        On a terminal show only so many rows, the first and the last ones; 0 for all.
    folded
        A column of sentences, whose cells may take several lines on a terminal.
    """
    if not names:
        return
    if on_terminal():
        _for_people(names, list(rows), most, folded)
    else:
        _for_pipes(names, rows)


def _for_pipes(names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    click.echo("\t".join(name.translate(_ESCAPES) for name in names))
    lines = ("\t".join(cell.translate(_ESCAPES) for cell in row) for row in rows)
    while some := list(islice(lines, _AT_ONCE)):
        click.echo("\n".join(some))


def _for_people(names: Sequence[str], rows: list[Sequence[str]], most: int, folded: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = shutil.get_terminal_size().columns
    hidden = len(rows) - most if most and len(rows) > most else 0
    head, tail = (rows[: most - most // 2], rows[len(rows) - most // 2 :]) if hidden else (rows, [])
    shown = [*head, *tail]
    widths = _widths(names, shown, width, folded)
    fitting = len(widths)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, (name, room) in enumerate(zip(names, widths, strict=False)):
        if name == folded:
            table.add_column(Text(visible(name)), overflow="fold", width=room)
            continue
        side: Literal["left", "right"] = "right" if all(_is_number(row[number]) for row in shown) else "left"
        table.add_column(Text(visible(name)), no_wrap=True, overflow="ellipsis", justify=side, width=room)
    for position, row in enumerate(shown):
        if hidden and position == len(head):
            table.add_row(*[Text("...", style="dim")] * fitting)
        table.add_row(*(Text(visible(cell)) for cell in row[:fitting]))
    Console(width=width, highlight=False, soft_wrap=False).print(table)
    if hidden:
        say(f"{hidden:,} rows in the middle are not shown (--rows 0 shows all, --out x.parquet writes them)")
    if fitting < len(names):
        say(f"{fitting} of {len(names)} columns fit here; a wider terminal and a pipe have all of them")


def _widths(names: Sequence[str], rows: Sequence[Sequence[str]], width: int, folded: str) -> list[int]:
    """How wide the columns are that have room beside each other, at least one.

    None is narrower than what is in it because another one is long: what room is left goes to those that were cut.
    """
    whole = [max([len(name), *(len(row[number]) for row in rows)]) for number, name in enumerate(names)]
    widths: list[int] = []
    left = width + _BETWEEN
    for name, wanted in zip(names, whole, strict=True):
        widest = _NARROWEST_FOLD if name == folded else _WIDEST_CELL
        room = min(widest, wanted)
        if room + _BETWEEN > left:
            if widths:
                break
            room = left - _BETWEEN
        widths.append(room)
        left -= room + _BETWEEN
    for number, wanted in enumerate(whole[: len(widths)]):
        more = min(left, wanted - widths[number])
        widths[number] += more
        left -= more
    return widths


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text == "-"
    return True
