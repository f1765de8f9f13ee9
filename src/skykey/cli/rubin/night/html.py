"""A night's page as HTML: one file that needs no other, in which nothing that people wrote can become markup."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from skykey.cli.output import visible
from skykey.cli.rubin import report_text
from skykey.cli.rubin.levels import gravity
from skykey.cli.rubin.messages import narrative
from skykey.cli.rubin.night import facts
from skykey.cli.rubin.night.style import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from skykey.cli.rubin.messages import Message
    from skykey.cli.rubin.night.facts import Listing
    from skykey.rubin.night import Night
    from skykey.values.errors import SkykeyError

# Whatever might slip through: the page loads nothing and runs nothing.
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(night: Night, *, light: bytes, dark: bytes) -> str:
    """The whole document.

    Parameters
    ----------
    night
        What it is about.
    light, dark
        The picture on both grounds, as PNG.
    """
    return "\n".join(_document(night, light, dark)) + "\n"


def link(url: str) -> str:
    """A URL to click if it leads to a page of the web, else its text.

    Examples
    --------
    >>> link("javascript:alert(1)")
    'javascript:alert(1)'
    >>> link("https://example.org/?a=1&b=2")
    '<a href="https://example.org/?a=1&amp;b=2" rel="noreferrer noopener">https://example.org/?a=1&amp;b=2</a>'
    """
    shown = _safe(url)
    try:
        is_page = urlsplit(url).scheme in {"http", "https"} and url.isprintable()
    except ValueError:
        is_page = False
    return f'<a href="{shown}" rel="noreferrer noopener">{shown}</a>' if is_page else shown


def _document(night: Night, light: bytes, dark: bytes) -> Iterator[str]:
    title = _safe(facts.title(night))
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f"<title>{title}</title><style>{STYLE}</style></head><body>"
    yield f"<h1>{title}</h1>"
    for part in night.failed:
        if part.error is not None:
            yield _missing(part.name, part.error)
    yield _pairs(facts.facts(night))
    yield '<div class="side">'
    yield from (_table(listing) for listing in facts.listings(night))
    yield "</div>"
    yield _picture(light, dark)
    if night.telemetry:
        yield "<h2>Telemetry</h2>"
        yield _pairs(facts.telemetry(night))
    yield "<h2>Night report</h2>"
    yield from _report(night)
    yield "<h2>Log</h2>"
    yield from _log(night)
    yield "</body></html>"


def _missing(name: str, error: SkykeyError) -> str:
    told = [error.message, *([f"The server said: {error.words}"] if error.words else [])]
    told += [f"Next: {error.next}"] if error.next else []
    return f'<p class="missing"><strong>Missing: {_safe(name)}</strong><br>{"<br>".join(map(_safe, told))}</p>'


def _pairs(told: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{_safe(label)}</dt><dd>{_safe(words)}</dd>" for label, words in told)
    return f"<dl>{rows}</dl>"


def _table(listing: Listing) -> str:
    head = "".join(f"<th>{_safe(name)}</th>" for name in listing.names)
    rows = "".join(f"<tr>{''.join(f'<td>{_safe(cell)}</td>' for cell in row)}</tr>" for row in listing.rows)
    return (
        f"<table><caption>{_safe(listing.title)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _picture(light: bytes, dark: bytes) -> str:
    first, second = (f"data:image/png;base64,{base64.b64encode(image).decode()}" for image in (light, dark))
    said = "The night as a picture: log and lost time, visits by band, their quality, altitude, weather"
    at_night = f'<source srcset="{second}" media="(prefers-color-scheme: dark)">'
    return f'<picture>{at_night}<img src="{first}" alt="{said}"></picture>'


def _report(night: Night) -> Iterator[str]:
    if night.reports.found is None:
        yield "<p>Not known.</p>"
    elif not night.reports.found:
        yield "<p>There is none yet.</p>"
    else:
        latest = night.reports.found[0]
        yield f'<p class="aside">{_safe(report_text.head(latest))}</p>'
        for title, text in report_text.pieces(latest):
            said = link(text) if title == report_text.PLAN else _paragraph(text)
            yield f"<h3>{_safe(title)}</h3><p>{said}</p>"


def _log(night: Night) -> Iterator[str]:
    log = night.log.found
    if log is None:
        yield "<p>Not known.</p>"
        return
    cut = f", not all: cut by {_safe(log.end.cut_by or 'the server')}" if log.truncated else ""
    yield f'<p class="aside">{len(log):,} message{"" if len(log) == 1 else "s"}{cut}; times are UTC</p>'
    yield from map(_message, narrative(log))


def _message(message: Message) -> str:
    head = [message.level_name, message.about, message.who, message.lost_words]
    notes = " ".join(f"#{note}" for note in message.notes)
    below = [*([_safe(notes)] if notes else []), *map(link, message.urls)]
    aside = f'<p class="aside">{"<br>".join(below)}</p>' if below else ""
    said = " · ".join(_safe(part) for part in head if part)
    return (
        f'<article class="{gravity(message.level)}"><header><time>{_safe(message.clock)}</time> {said}</header>'
        f"<p>{_paragraph(message.text)}</p>{aside}</article>"
    )


def _paragraph(text: str) -> str:
    return "<br>".join(_safe(line) for line in text.splitlines() if line.strip())


def _safe(text: str) -> str:
    """Text that stays text, between tags and within quotes; control characters are seen."""
    return escape(visible(text), quote=True)
