"""Known faults of MCP packages, and packages that attack their users: facts of published advisories, in our words.

Kept by hand. An entry is taken when its advisory names the package of the registry and the versions. Where an advisory
knows no mended version, `fixed` is the first one that it does not speak of; only what is malicious has no end.
"""

import msgspec

from bartizan.content.intel.versions import Ecosystem, Range


class Vulnerable(msgspec.Struct, frozen=True, kw_only=True):
    """Versions of a package and what is wrong with them. `source` is where the advisory stands."""

    ecosystem: Ecosystem
    name: str
    ranges: tuple[Range, ...]
    ids: tuple[str, ...]
    summary: str
    source: str
    malicious: bool = False

    def holds(self, version: str) -> bool:
        """Whether an exact version is one of them."""
        return any(one.holds(version, self.ecosystem) for one in self.ranges)


def _before(fixed: str, since: str = "0") -> tuple[Range, ...]:
    return (Range(introduced=since, fixed=fixed),)


_GITHUB = "https://github.com/advisories/"
_NVD = "https://nvd.nist.gov/vuln/detail/"

VULNERABLE = (
    Vulnerable(
        ecosystem="npm",
        name="mcp-remote",
        ranges=_before("0.1.16", "0.0.5"),
        ids=("CVE-2025-6514", "GHSA-6xpm-ggf7-wc3p"),
        summary="a server that it connects to runs commands here through its authorization endpoint",
        source=_GITHUB + "GHSA-6xpm-ggf7-wc3p",
    ),
    Vulnerable(
        ecosystem="npm",
        name="@modelcontextprotocol/inspector",
        ranges=_before("0.14.1"),
        ids=("CVE-2025-49596", "GHSA-7f8r-222p-6f5g"),
        summary="its proxy asks for no credential, so that a web page can start commands through it",
        source=_GITHUB + "GHSA-7f8r-222p-6f5g",
    ),
    Vulnerable(
        ecosystem="npm",
        name="postmark-mcp",
        ranges=(Range(introduced="1.0.16"),),
        ids=("MAL-2025-47604",),
        summary="sends a blind copy of every mail to a stranger",
        source="https://osv.dev/vulnerability/MAL-2025-47604",
        malicious=True,
    ),
    Vulnerable(
        ecosystem="npm",
        name="@modelcontextprotocol/server-filesystem",
        ranges=(*_before("0.6.4"), Range(introduced="2025.0.0", fixed="2025.7.1")),
        ids=("CVE-2025-53109", "CVE-2025-53110"),
        summary="symbolic links and paths with an allowed prefix lead out of the allowed folders",
        source=_NVD + "CVE-2025-53110",
    ),
    Vulnerable(
        ecosystem="pypi",
        name="mcp-server-git",
        ranges=_before("2025.12.18"),
        ids=("CVE-2025-68143", "CVE-2025-68144", "CVE-2025-68145", "GHSA-j22h-9j4x-23w5"),
        summary="repositories outside of the allowed one, and arguments that git takes as options",
        source=_GITHUB + "GHSA-j22h-9j4x-23w5",
    ),
    Vulnerable(
        ecosystem="npm",
        name="@cyanheads/git-mcp-server",
        ranges=_before("2.1.5"),
        ids=("CVE-2025-53107",),
        summary="parameters of its tools reach a shell",
        source="https://github.com/cyanheads/git-mcp-server/issues/14",
    ),
    Vulnerable(
        ecosystem="npm",
        name="figma-developer-mcp",
        ranges=_before("0.6.3"),
        ids=("CVE-2025-53967",),
        summary="the key of a file reaches a shell",
        source=_NVD + "CVE-2025-53967",
    ),
    Vulnerable(
        ecosystem="npm",
        name="@playwright/mcp",
        ranges=_before("0.0.40"),
        ids=("CVE-2025-9611",),
        summary="it does not check Origin, so that a web page can drive its browser",
        source=_NVD + "CVE-2025-9611",
    ),
    Vulnerable(
        ecosystem="npm",
        name="mcp-server-kubernetes",
        ranges=_before("3.9.0"),
        ids=("GHSA-wmg3-h8mf-wgvr",),
        summary="arguments of its tools are taken as options of kubectl",
        source=_GITHUB + "GHSA-wmg3-h8mf-wgvr",
    ),
    Vulnerable(
        ecosystem="pypi",
        name="mcp-kubernetes-server",
        ranges=_before("0.1.12"),
        ids=("CVE-2025-59377", "GHSA-4hqq-7q79-932p"),
        summary="commands for kubectl reach a shell, without authentication",
        source=_GITHUB + "GHSA-4hqq-7q79-932p",
    ),
    Vulnerable(
        ecosystem="npm",
        name="gemini-mcp-tool",
        ranges=_before("1.1.6", "1.1.2"),
        ids=("GHSA-28qq-5f47-r5x2", "GHSA-4h5r-5jm8-jxjm"),
        summary="arguments of its tools reach a shell",
        source=_GITHUB + "GHSA-28qq-5f47-r5x2",
    ),
    Vulnerable(
        ecosystem="npm",
        name="agentic-flow",
        ranges=_before("2.0.14"),
        ids=("CVE-2026-58195", "GHSA-vcv2-r9jh-99m5"),
        summary="arguments of its tools reach a shell; its HTTP transports ask for no credential",
        source=_GITHUB + "GHSA-vcv2-r9jh-99m5",
    ),
    Vulnerable(
        ecosystem="npm",
        name="appium-mcp",
        ranges=_before("1.85.10"),
        ids=("CVE-2026-58500", "GHSA-x975-rgx4-5fh4"),
        summary="texts of the tested app become script in what the client renders, and call tools",
        source=_GITHUB + "GHSA-x975-rgx4-5fh4",
    ),
    Vulnerable(
        ecosystem="pypi",
        name="netlicensing-mcp",
        ranges=_before("0.1.6"),
        ids=("CVE-2026-54446", "GHSA-x9vc-9ffq-p3gj"),
        summary="over HTTP it serves callers without a key with the key of its operator",
        source=_GITHUB + "GHSA-x9vc-9ffq-p3gj",
    ),
    Vulnerable(
        ecosystem="pypi",
        name="praisonai",
        ranges=_before("4.6.78"),
        ids=("CVE-2026-61427", "GHSA-hc5v-gxvj-58wh"),
        summary="its MCP server over HTTP asks for no credential",
        source=_GITHUB + "GHSA-hc5v-gxvj-58wh",
    ),
)


def faults_of(ecosystem: str, name: str, version: str) -> list[Vulnerable]:
    """The entries that hold an exact version of a package."""
    entries = (one for one in VULNERABLE if (one.ecosystem, one.name) == (ecosystem, name.lower()))
    return [one for one in entries if one.holds(version)]
