"""The published JSON Schemas (2020-12) of the report and of the inventory, written from the types themselves."""

from typing import Any

import msgspec

from bartizan.model.inventory import FORMAT, Inventory
from bartizan.report.json import Report

_BASE = "https://bartizan.dev/schemas"


def report_schema() -> dict[str, Any]:
    """The schema of `--format json`."""
    return _schema(Report, "report")


def inventory_schema() -> dict[str, Any]:
    """The schema of the file that `--snapshot` writes and `--from-snapshot` reads."""
    return _schema(Inventory, "inventory")


def _schema(document: type[msgspec.Struct], name: str) -> dict[str, Any]:
    schema = msgspec.json.schema(document)
    definitions: dict[str, Any] = schema["$defs"]
    inventory = definitions["Inventory"]
    inventory["properties"]["format"]["const"] = FORMAT
    inventory["required"] = ["format", *inventory["required"]]
    if "Report" in definitions:
        definitions["Report"]["required"].insert(0, "format")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{_BASE}/{name}-1.schema.json"}
    return {**head, **schema}
