"""What a tool can do, told from its definition, its server and what that server holds."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.app.bootstrap import load_labeller
from bartizan.assess.labels import Labeller, parts_of
from bartizan.assess.vocabulary import PARTS, load_vocabulary
from bartizan.model.asset import Asset, AssetKind, Confidence
from bartizan.model.errors import ContentError
from bartizan.model.label import Ability, as_attribute, labels_of

LABELLER = load_labeller()


def tool(name: str, description: str = "", *parameters: str, **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {one: {"type": "string"} for one in parameters}}
    return {"name": name, "description": description, "inputSchema": schema, **more}


def server(name: str, package: str = "") -> Asset:
    attributes = {"package": {"name": package}} if package else {}
    return Asset(id="server:s", kind=AssetKind.SERVER, name=name, attributes=attributes)


def credential(kind: str) -> Asset:
    return Asset(id="credential:c", kind=AssetKind.CREDENTIAL, name=kind, attributes={"kind": kind})


def told(definition: dict[str, Any], name: str = "", *credentials: Asset) -> set[str]:
    """The labels of which the labeller is at least fairly sure."""
    labels = LABELLER.labels(definition, server(name) if name else None, credentials)
    return {label.ability.value for label in labels if label.confidence is not Confidence.LOW}


@pytest.mark.mission("K3.assess")
@pytest.mark.parametrize(
    ("definition", "abilities"),
    [
        (tool("fetch", "Fetches a URL from the internet", "url"), {"reads_untrusted", "fetches_url", "sends_out"}),
        (tool("search_emails", "Search the inbox", "query"), {"reads_untrusted", "reads_private"}),
        (tool("read_file", "Read the complete contents of a file", "path"), {"reads_private"}),
        (tool("send_email", "Send an email", "to", "body"), {"sends_out", "writes"}),
        (tool("deleteBranch", "Remove a branch"), {"destroys"}),
        (tool("run_command", "Execute a shell command", "command"), {"executes"}),
        (tool("execute_sql", "Run any SQL statement", "sql"), {"executes", "reads_private"}),
        (tool("create_page", "Create a page", "title"), {"writes"}),
        (tool("get_weather", "Current weather of a city", "city"), set()),
        (tool("add", "Adds two numbers", "a", "b"), {"writes"}),
        (tool("list_icons", "List all icons of the set"), set()),
        (tool("browser_drop", "Drop files onto an element, as if dragged from outside the page", "element"), set()),
        (tool("drop_table", "Drop a table", "name"), {"destroys"}),
        (tool("list_columns", "List all columns of a table with their types and comments", "table"), set()),
        (tool("list_tables", "Lists tables and views with their comments", "schema"), set()),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_a_tool_is_labelled_by_what_its_definition_says(definition: dict[str, Any], abilities: set[str]):
    assert told(definition) == abilities


def test_a_tool_that_reads_an_account_is_labelled_by_the_credential_of_its_server():
    definition = tool("get_item", "Gets one item", "id")
    assert told(definition, "things") == set()
    assert told(definition, "things", credential("github-token")) == {"reads_private"}
    assert told(definition, "things", credential("tavily-key")) == set()
    (label,) = LABELLER.labels(definition, server("things"), [credential("github-token")])
    assert label.credential == "credential:c"
    assert "credential:c" in label.evidence


def test_a_package_tells_whose_data_a_tool_reads():
    definition = tool("list_channels", "List channels")
    named = server("x", "@modelcontextprotocol/server-slack")
    assert [label.ability for label in LABELLER.labels(definition, named, [])] == [Ability.READS_PRIVATE]


@pytest.mark.mission("K3.assess")
def test_an_annotation_takes_no_danger_away():
    harmless = {"readOnlyHint": True, "destructiveHint": False, "openWorldHint": False}
    assert "destroys" in told(tool("delete_file", "Deletes a file", "path", annotations=harmless))
    assert "executes" in told(tool("run_command", "Run a shell command", "command", annotations=harmless))


def test_an_annotation_adds_a_danger():
    labels = LABELLER.labels(tool("apply", "Applies it", annotations={"destructiveHint": True}), None, [])
    assert {label.ability: label.field for label in labels}[Ability.DESTROYS] == "/annotations/destructiveHint"


@pytest.mark.parametrize("name", ["ｄｅｌｅｔｅ_file", "dеlete_file", "de\u200blete_file", "DELETE_FILE", "deleteFile"])
def test_the_spelling_of_a_name_hides_nothing(name: str):
    assert "destroys" in told(tool(name))


def test_what_a_long_description_mentions_is_not_what_the_tool_does():
    assert "destroys" not in told(tool("show_item", "Shows an item. See also: delete_item, which deletes it."))


def test_evidence_names_the_field_and_its_words():
    labels = {label.ability: label for label in LABELLER.labels(tool("send_email", "x", "to"), None, [])}
    assert labels[Ability.SENDS_OUT].evidence == "“send email” in /name"


def test_labels_survive_the_inventory_and_malformed_ones_are_left_out():
    labels = LABELLER.labels(tool("send_email", "x", "to"), None, [])
    kept = as_attribute(labels)
    asset = Asset(id="tool:a", kind=AssetKind.TOOL, name="a", attributes={"labels": [*kept, {"ability": "flies"}, 7]})
    assert tuple(labels_of(asset).values()) == labels
    assert json.loads(json.dumps(kept)) == kept


def test_every_mistake_of_a_vocabulary_is_told():
    with pytest.raises(ContentError) as told_of:
        load_vocabulary(
            {
                "a.yml": "phrases: {bad: {in: [name], text: '(['}}",
                "b.yml": "labels: {destroys: [{all: [nowhere], confidence: high}, {confidence: high}]}",
                "c.yml": "labels: {flies: []}",
                "d.yml": "{",
            }
        )
    assert {place.path for place, _ in told_of.value.mistakes} == {"a.yml", "b.yml", "c.yml", "d.yml"}
    assert len(told_of.value.mistakes) == 5


def test_every_phrase_and_group_of_the_vocabulary_is_used():
    path = Path(__file__).parents[3] / "src/bartizan/content/labels.yml"
    vocabulary = load_vocabulary({"labels.yml": path.read_text(encoding="utf-8")})
    rules = [rule for those in vocabulary.labels.values() for rule in those]
    used = {name for rule in rules for name in (*rule.every, *rule.any, *rule.unless)}
    assert used == set(vocabulary.phrases)
    assert {rule.credentials for rule in rules} - {""} == set(vocabulary.credentials)
    assert set(vocabulary.labels) == set(Ability)


ODD: list[Any] = [None, 7, [], {}, "x", {"properties": {"a": {"properties": 3}}}, {"properties": [1]}, {"title": []}]


@given(name=st.text(max_size=40), description=st.text(max_size=80), odd=st.sampled_from(ODD))
def test_any_definition_is_labelled_without_a_fault(name: str, description: str, odd: Any):
    for definition in (
        tool(name, description, annotations=odd),
        {"name": name, "description": odd, "inputSchema": odd},
        {"name": odd, "title": odd, "inputSchema": odd},
    ):
        LABELLER.labels(definition, None, [])
        assert set(parts_of(definition, None)) == set(PARTS)


def test_a_labeller_without_a_vocabulary_labels_nothing():
    assert Labeller(load_vocabulary({})).labels(tool("delete_file"), None, []) == ()
