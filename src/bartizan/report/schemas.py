"""The published JSON Schemas (2020-12) of the report, the inventory and the map, written from the types themselves."""

from typing import Any

import msgspec

from bartizan.model.inventory import FORMAT, Inventory
from bartizan.report.json import Report
from bartizan.report.map import MapReport

_BASE = "https://bartizan.dev/schemas"


def report_schema() -> dict[str, Any]:
    """The schema of `--format json`."""
    return _schema(Report, "report")


def inventory_schema() -> dict[str, Any]:
    """The schema of the file that `--snapshot` writes and `--from-snapshot` reads."""
    return _schema(Inventory, "inventory")


def map_schema() -> dict[str, Any]:
    """The schema of `bartizan map --format json`."""
    return _schema(MapReport, "map")


def _schema(document: type[msgspec.Struct], name: str) -> dict[str, Any]:
    schema = msgspec.json.schema(document)
    definitions: dict[str, Any] = schema["$defs"]
    if "Inventory" in definitions:
        definitions["Inventory"]["properties"]["format"]["const"] = FORMAT
    for formatted in {"Inventory", "Report", "MapReport"} & definitions.keys():
        definitions[formatted]["required"].insert(0, "format")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{_BASE}/{name}-1.schema.json"}
    return {**head, **schema}
