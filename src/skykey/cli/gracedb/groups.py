"""The groups of ``skykey gracedb``, and where their commands live."""

from __future__ import annotations

from typing import Final

from skykey.cli.gracedb.anywhere import Commands
from skykey.cli.lazy import Entry

_HERE: Final = "skykey.cli.gracedb"

search = Commands(
    "search",
    {
        "events": Entry(f"{_HERE}.searching:events", "Search events."),
        "superevents": Entry(f"{_HERE}.searching:superevents", "Search superevents."),
    },
    help="Search events or superevents.",
)

count = Commands(
    "count",
    {
        "events": Entry(f"{_HERE}.counting:events", "Say how many events there are."),
        "superevents": Entry(f"{_HERE}.counting:superevents", "Say how many superevents there are."),
    },
    help="Say how many there are, without getting them.",
)

get = Commands(
    "get",
    {
        "event": Entry(f"{_HERE}.getting:event", "Get an event."),
        "superevent": Entry(f"{_HERE}.getting:superevent", "Get a superevent."),
        "file": Entry(f"{_HERE}.file:file", "Get a file."),
        "log": Entry(f"{_HERE}.getting:log", "Get a log entry."),
        "label": Entry(f"{_HERE}.getting:label", "Get a label."),
        "signoff": Entry(f"{_HERE}.getting:signoff", "Get a signoff of a superevent."),
        "notice": Entry(f"{_HERE}.getting:notice", "Get a notice of a superevent."),
        "voevent": Entry(f"{_HERE}.getting:voevent", "Get a VOEvent."),
        "emobservation": Entry(f"{_HERE}.getting:emobservation", "Get an observation by telescopes."),
    },
    help="Get one thing.",
)

list_ = Commands(
    "list",
    {
        "files": Entry(f"{_HERE}.listing:files", "List the files."),
        "logs": Entry(f"{_HERE}.listing:logs", "List the log entries."),
        "labels": Entry(f"{_HERE}.listing:labels", "List the labels."),
        "tags": Entry(f"{_HERE}.listing:tags", "List the tags of a log entry."),
        "signoffs": Entry(f"{_HERE}.listing:signoffs", "List the signoffs of a superevent."),
        "permissions": Entry(f"{_HERE}.listing:permissions", "List who may see a superevent."),
        "notices": Entry(f"{_HERE}.listing:notices", "List the notices of a superevent."),
        "voevents": Entry(f"{_HERE}.listing:voevents", "List the VOEvents."),
        "emobservations": Entry(f"{_HERE}.listing:emobservations", "List the observations by telescopes."),
    },
    help="List what belongs to an event or superevent.",
)

create = Commands(
    "create",
    {
        "event": Entry(f"{_HERE}.create_event:event", "Upload an event."),
        "superevent": Entry(f"{_HERE}.create_superevent:superevent", "Create a superevent."),
        "log": Entry(f"{_HERE}.create_log:log", "Write a log entry, with a file if need be."),
        "signoff": Entry(f"{_HERE}.create_others:signoff", "Sign a superevent off."),
        "notice": Entry(f"{_HERE}.create_others:notice", "Upload a notice of a superevent."),
        "voevent": Entry(f"{_HERE}.create_voevent:voevent", "Create a VOEvent."),
        "emobservation": Entry(f"{_HERE}.create_others:emobservation", "Report an observation by telescopes."),
    },
    help="Create something.",
)

update = Commands(
    "update",
    {
        "event": Entry(f"{_HERE}.updating:event", "Replace the file of an event."),
        "grbevent": Entry(f"{_HERE}.updating:grbevent", "Change what is known of a gamma-ray burst."),
        "superevent": Entry(f"{_HERE}.updating:superevent", "Change a superevent."),
        "signoff": Entry(f"{_HERE}.updating:signoff", "Change a signoff of a superevent."),
    },
    help="Change something.",
)

add = Commands(
    "add",
    {
        "label": Entry(f"{_HERE}.adding:label", "Add a label."),
        "tag": Entry(f"{_HERE}.adding:tag", "Add a tag to a log entry."),
        "event": Entry(f"{_HERE}.adding:event", "Add an event to a superevent."),
        "preferred-event": Entry(f"{_HERE}.adding:preferred_event", "Make an event the preferred one of its pipeline."),
    },
    help="Add something to an event or superevent.",
)

remove = Commands(
    "remove",
    {
        "label": Entry(f"{_HERE}.removing:label", "Remove a label."),
        "tag": Entry(f"{_HERE}.removing:tag", "Remove a tag from a log entry."),
        "event": Entry(f"{_HERE}.removing:event", "Remove an event from a superevent."),
        "preferred-event": Entry(
            f"{_HERE}.removing:preferred_event", "Let an event be its pipeline's preferred one no more."
        ),
    },
    help="Remove something from an event or superevent.",
)

delete = Commands(
    "delete",
    {"signoff": Entry(f"{_HERE}.removing:signoff", "Delete a signoff of a superevent.")},
    help="Delete something.",
)

gwtc = Commands(
    "gwtc",
    {
        "create": Entry(f"{_HERE}.gwtc:create", "Upload a catalogue, or a new version of it."),
        "get": Entry(f"{_HERE}.gwtc:get", "Get a version of a catalogue."),
        "list": Entry(f"{_HERE}.gwtc:list_", "List catalogues with all their versions."),
        "numbers": Entry(f"{_HERE}.gwtc:numbers", "List the catalogues' numbers."),
        "versions": Entry(f"{_HERE}.gwtc:versions", "List the versions of a catalogue."),
    },
    help="Catalogues of gravitational-wave transients (GWTC).",
)

credentials = Commands(
    "credentials",
    {
        "client": Entry(f"{_HERE}.credentials:client_", "Show what is sent along; asks nobody."),
        "server": Entry(f"{_HERE}.credentials:server", "Ask the server who you are."),
    },
    help="Show the credential that is used, and who you are to the server.",
)
