"""A plug-in for pytest in the guest's environment: what came of each test, as JSON.

Tests that wait for a server which has notices are run, whatever their marks say.
"""

import json
import os
from typing import Any

told: dict[str, Any] = {}


def pytest_collection_modifyitems(items: Any) -> None:
    nodes = {node for item in items for node in item.listchain()}
    for node in nodes:
        node.own_markers = [mark for mark in node.own_markers if mark.name != "skip"]


def pytest_runtest_logreport(report: Any) -> None:
    name = report.nodeid.rpartition("/")[2]
    if report.when == "call" or report.outcome != "passed":
        expected = "expected " if hasattr(report, "wasxfail") else ""
        told[name] = expected + report.outcome, str(report.longrepr or "")[-1500:]


def pytest_sessionfinish() -> None:
    with open(os.environ["TOLD"], "w") as file:
        json.dump(told, file)
