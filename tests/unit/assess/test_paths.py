"""Flows: only along a way that exists in one client, with what ends it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from bartizan.app.bootstrap import load_labeller
from bartizan.app.content import load_checks
from bartizan.assess.labels import labelled
from bartizan.assess.paths import with_flows
from bartizan.discover.definitions import read_definitions
from bartizan.discover.merge import merge
from bartizan.model.asset import Asset, AssetKind, Edge, EdgeKind
from bartizan.model.finding import Finding, Severity
from bartizan.model.flow import Flow, FlowKind
from bartizan.model.inventory import Inventory, Observation
from bartizan.model.snapshot import Era, Snapshot, Transport
from bartizan.rules.check import run

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LABELLER = load_labeller()
CHECKS = load_checks()


def tool(name: str, *parameters: str) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object", "properties": {one: {} for one in parameters}}}


FETCH = tool("fetch_page", "url")
READ = tool("read_file", "path")
SEND = tool("send_email", "to", "body")
RUN = tool("run_command", "command")
DELETE = tool("delete_file", "path")
TIME = tool("get_time")


class Estate:
    """Clients, their servers and the tools of these."""

    def __init__(self) -> None:
        self.assets: list[Asset] = []
        self.edges: list[Edge] = []
        self.snapshots: list[Snapshot] = []

    def server(self, name: str, *tools: dict[str, Any], **attributes: Any) -> str:
        identity = f"server:{name}"
        self.assets.append(Asset(id=identity, kind=AssetKind.SERVER, name=name, attributes=attributes))
        self.snapshots.append(
            Snapshot(
                server=identity,
                taken_at=NOON,
                transport=Transport.STDIO,
                era=Era.LEGACY,
                protocol_version="2025-11-25",
                tools=tools,
            )
        )
        return identity

    def client(self, name: str, *servers: str, **attributes: Any) -> str:
        identity = f"client:{name}"
        self.assets.append(Asset(id=identity, kind=AssetKind.CLIENT, name=name))
        told = {"name": "x", "enabled": True, **attributes}
        self.edges += [Edge(source=identity, target=one, kind=EdgeKind.CONFIGURES, attributes=told) for one in servers]
        return identity

    def asset(self, kind: AssetKind, identity: str, source: str, edge: EdgeKind, /, **attributes: Any) -> str:
        self.assets.append(Asset(id=identity, kind=kind, name=identity, attributes=attributes))
        self.edges.append(Edge(source=source, target=identity, kind=edge))
        return identity

    @property
    def inventory(self) -> Inventory:
        seen = Observation(seen_by="test", at=NOON, assets=tuple(self.assets), edges=tuple(self.edges))
        observations = [seen, *read_definitions(self.snapshots)]
        merged = merge(observations, at=NOON, snapshots=self.snapshots).inventory
        return with_flows(labelled(merged, LABELLER))


@pytest.fixture
def estate() -> Estate:
    return Estate()


def kinds(estate: Estate) -> list[FlowKind]:
    return [flow.kind for flow in estate.inventory.flows]


def names(inventory: Inventory, flow: Flow) -> list[str]:
    return [inventory.by_id()[step.asset].name for step in flow.steps]


def cut(inventory: Inventory, flow: Flow) -> list[str]:
    return sorted(inventory.by_id()[one].name for deed in flow.cut for one in deed.assets)


def findings(inventory: Inventory) -> Sequence[Finding]:
    return [one for one in run(CHECKS, inventory) if "to end it" in one.message.lower()]


@pytest.mark.mission("P3")
def test_a_flow_goes_across_the_servers_of_one_client(estate: Estate):
    estate.client("a", estate.server("web", FETCH), estate.server("files", READ), estate.server("mail", SEND))
    inventory = estate.inventory
    (flow,) = inventory.flows
    assert flow.kind is FlowKind.LETHAL_TRIFECTA
    assert names(inventory, flow) == ["fetch_page", "read_file", "send_email"]
    assert [step.role for step in flow.steps] == ["reads_untrusted", "reads_private", "sends_out"]


@pytest.mark.parametrize("kept", [(FETCH, TIME), (READ, SEND), (TIME,), (READ, DELETE)])
def test_two_abilities_of_three_are_no_flow(estate: Estate, kept: tuple[dict[str, Any], ...]):
    estate.client("a", estate.server("one", *kept))
    assert FlowKind.LETHAL_TRIFECTA not in kinds(estate)


@pytest.mark.mission("P3")
def test_no_flow_goes_from_one_client_to_another(estate: Estate):
    estate.client("a", estate.server("web", FETCH))
    estate.client("b", estate.server("shell", RUN), estate.server("files", READ, DELETE))
    assert kinds(estate) == []


def test_a_server_that_is_off_is_in_no_flow(estate: Estate):
    estate.client("a", estate.server("web", FETCH))
    estate.assets.append(Asset(id="client:a", kind=AssetKind.CLIENT, name="a"))
    shell = estate.server("shell", RUN)
    estate.edges.append(Edge(source="client:a", target=shell, kind=EdgeKind.CONFIGURES, attributes={"enabled": False}))
    assert kinds(estate) == []


@pytest.mark.parametrize("attributes", [{"tools_denied": ["run_*"]}, {"tools_allowed": ["fetch_page"]}])
def test_a_tool_that_the_client_denies_is_in_no_flow(estate: Estate, attributes: dict[str, Any]):
    estate.client("a", estate.server("both", FETCH, RUN), **attributes)
    assert kinds(estate) == []


def test_servers_of_two_projects_do_not_meet_and_those_of_the_user_meet_both(estate: Estate):
    estate.client("a", estate.server("web", FETCH), project="/home/a/one")
    estate.client("a", estate.server("shell", RUN), project="/home/a/two")
    assert kinds(estate) == []
    estate.client("a", estate.server("news", tool("search_web", "query")))
    (flow,) = estate.inventory.flows
    assert names(estate.inventory, flow) == ["search_web", "run_command"]


def test_hundreds_of_ways_are_one_flow_with_the_fewest_deeds_that_end_them_all(estate: Estate):
    pages = [tool(f"fetch_page_{number}", "url") for number in range(30)]
    files = [tool(f"read_file_{number}", "path") for number in range(20)]
    estate.client("a", estate.server("web", *pages), estate.server("files", *files), estate.server("mail", SEND))
    inventory = estate.inventory
    (flow,) = [one for one in inventory.flows if one.kind is FlowKind.LETHAL_TRIFECTA]
    assert flow.ways >= 30 * 20
    # A page that is fetched carries text out too, in its address: the files are what a single server gives up.
    assert [deed.assets for deed in flow.cut] == [("server:files",)]


def test_disabling_what_the_cut_names_ends_the_flow(estate: Estate):
    both = estate.server("both", FETCH, tool("read_mail"), RUN)
    estate.client("a", both)
    (flow,) = estate.inventory.flows
    denied = cut(estate.inventory, flow)
    assert denied == ["run_command"]
    again = Estate()
    again.client("a", again.server("both", FETCH, tool("read_mail"), RUN), tools_denied=denied)
    assert kinds(again) == []


def test_a_flow_whose_last_tool_runs_unasked_is_critical(estate: Estate):
    estate.client("a", estate.server("both", FETCH, RUN))
    (asked,) = findings(estate.inventory)
    assert asked.severity is Severity.HIGH
    estate.edges.clear()
    estate.client("a", "server:both", tools_approved=["run_command"])
    (unasked,) = findings(estate.inventory)
    assert unasked.severity is Severity.CRITICAL
    assert "without asking" in unasked.message


@pytest.mark.parametrize(
    "approvals",
    [
        [{"setting": "permissions/defaultMode", "value": "bypassPermissions", "line": 1}],
        [{"setting": "chat.tools.autoApprove", "value": True, "line": 1}],
        [{"setting": "permissions/allow", "value": ["mcp__x__run_command"], "line": 1}],
        [{"setting": "permissions/allow", "value": ["Bash(ls)", "mcp__x"], "line": 1}],
    ],
)
def test_a_setting_by_which_nobody_is_asked_makes_the_flow_unasked(estate: Estate, approvals: list[Any]):
    client = estate.client("a", estate.server("both", FETCH, RUN))
    estate.asset(AssetKind.DOCUMENT, "document:s", client, EdgeKind.READS, approvals=approvals)
    (flow,) = estate.inventory.flows
    assert flow.unasked


@pytest.mark.parametrize(
    "approvals",
    [
        [],
        "x",
        [{"setting": "permissions/defaultMode", "value": "plan"}],
        [{"setting": "chat.tools.autoApprove", "value": 1}],
        [{"setting": "permissions/allow", "value": ["mcp__other"]}],
        [{"setting": "enableAllProjectMcpServers", "value": True}],
    ],
)
def test_other_settings_leave_it_asked(estate: Estate, approvals: Any):
    client = estate.client("a", estate.server("both", FETCH, RUN))
    estate.asset(AssetKind.DOCUMENT, "document:s", client, EdgeKind.READS, approvals=approvals)
    (flow,) = estate.inventory.flows
    assert not flow.unasked


def attack_chain(estate: Estate, *, status: str = "open", kind: str = "aws-access-key-id") -> str:
    server = estate.server("proxy", FETCH, status=status)
    return estate.asset(AssetKind.CREDENTIAL, "credential:c", server, EdgeKind.HOLDS, kind=kind)


@pytest.mark.mission("K8.assess")
def test_an_open_server_that_fetches_any_address_leads_to_cloud_credentials_and_a_database(estate: Estate):
    credential = attack_chain(estate)
    estate.asset(AssetKind.BACKEND, "backend:db", credential, EdgeKind.UNLOCKS, role="database")
    (flow,) = estate.inventory.flows
    assert flow.kind is FlowKind.ATTACK_CHAIN
    assert [step.role for step in flow.steps] == ["open to anybody", "fetches_url", "cloud credential", "database"]
    (finding,) = findings(estate.inventory)
    assert (finding.subject, finding.severity) == ("server:proxy", Severity.CRITICAL)


def test_a_chain_that_ends_at_the_cloud_account_is_high(estate: Estate):
    estate.asset(AssetKind.BACKEND, "backend:aws", attack_chain(estate), EdgeKind.UNLOCKS, role="service")
    assert [one.severity for one in findings(estate.inventory)] == [Severity.HIGH]


@pytest.mark.mission("K8.assess")
@pytest.mark.parametrize(
    "broken", [{"status": "authentication_required"}, {"status": ""}, {"kind": "tavily-key"}], ids=str
)
def test_a_chain_with_a_link_missing_is_none(estate: Estate, broken: dict[str, str]):
    attack_chain(estate, **broken)
    assert kinds(estate) == []


def test_a_process_on_all_interfaces_with_cloud_variables_is_a_chain(estate: Estate):
    server = estate.server("proxy", FETCH)
    listening = [{"address": "0.0.0.0", "port": 8000}]
    names_of = ["AWS_SECRET_ACCESS_KEY"]
    estate.asset(
        AssetKind.INSTANCE, "instance:i", server, EdgeKind.INSTANCE_OF, listening=listening, environment_names=names_of
    )
    (flow,) = estate.inventory.flows
    assert [step.asset for step in flow.steps] == ["server:proxy", flow.steps[1].asset, "instance:i"]


def test_equal_estates_give_equal_flows_in_any_order():
    one, other = Estate(), Estate()
    for estate, order in ((one, 1), (other, -1)):
        estate.client("a", *(estate.server(name, FETCH, READ, SEND, RUN, DELETE) for name in ("x", "y", "z")[::order]))
    assert one.inventory.flows == other.inventory.flows
