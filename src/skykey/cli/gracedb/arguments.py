"""Arguments that many commands of ``skykey gracedb`` have."""

from __future__ import annotations

import click

object_id = click.argument("object_id")
superevent_id = click.argument("superevent_id")
graceid = click.argument("graceid")
number = click.argument("number", metavar="N", type=click.IntRange(min=0))
instrument = click.argument("instrument", default="")
signoff_type = click.argument("signoff_type")
label = click.argument("label")
tag_name = click.argument("tag_name")
