"""What is accepted stands apart in every format, in SARIF and the BOM not at all; and its words stay words."""

import json
from collections.abc import Callable
from datetime import date

import jsonschema
import pytest

from bartizan.app.suppressions import parse_suppressions
from bartizan.model.asset import Confidence
from bartizan.model.finding import Finding, Severity
from bartizan.model.inventory import Inventory
from bartizan.model.suppression import NO_EXCEPTIONS, Exceptions, Expired, Suppressed, Suppression
from bartizan.report import cyclonedx, html, ocsf, sarif, table
from bartizan.report import json as json_report
from bartizan.report.schemas import report_schema
from fixtures.corpora import corpus
from fixtures.ocsf import OcsfSchema

CLASS = "application_security_posture_finding"
HOSTILE = "</td><script>alert(1)</script>\x1b[31m\u202e\ud800 {{ 7*7 }} \"q' `"


def entry(finding: str, text: str = "why", until: date = date(2026, 12, 31)) -> Suppression:
    return Suppression(finding=finding, title=text, subject=text, reason=text, author=text, until=until)


def exceptions(findings: list[Finding], text: str = "why") -> Exceptions:
    """The first finding is held, the second counts again, and one entry matched nothing."""
    past = Suppression(rule="r", server="s", tool=text, reason=text, author=text, until=date(2026, 1, 1))
    return Exceptions(
        suppressed=(Suppressed(finding=findings[0], suppression=entry(findings[0].id, text)),),
        expired=(Expired(suppression=past, findings=(findings[1].id,)),),
        unused=(entry("F-0000000000000000", text),),
    )


def test_the_table_tells_what_is_held_what_is_over_and_what_matched_nothing(
    inventory: Inventory, findings: list[Finding]
):
    text = table.render(inventory, findings[1:], exceptions(findings))
    assert f"\nSuppressed  1 (expires 2026-12-31): {findings[0].id}\n" in text
    assert f"the suppression of r s why ended with 2026-01-01; counts again: {findings[1].id}" in text
    assert "1 suppression matched nothing in this scan" in text
    assert "Suppressed" not in table.render(inventory, findings)


def test_many_that_are_held_are_counted_and_not_listed(inventory: Inventory, findings: list[Finding]):
    many = Exceptions(
        suppressed=tuple(
            Suppressed(finding=findings[0], suppression=entry(findings[0].id, until=date(2026, 12, day)))
            for day in range(1, 10)
        )
    )
    text = table.render(inventory, [], many)
    assert "Suppressed  9 (expire 2026-12-01 to 2026-12-09); the JSON report has them all\n" in text


def test_the_json_report_lists_them_and_every_finding_has_the_line_that_would_except_it(
    inventory: Inventory, findings: list[Finding]
):
    report = json.loads(json_report.render(inventory, findings[1:], exceptions(findings)))
    jsonschema.validate(report, report_schema())
    (held,) = report["suppressed"]
    assert (held["id"], held["suppression"]["reason"], held["suppression"]["until"]) == (
        findings[0].id,
        "why",
        "2026-12-31",
    )
    assert report["expired"][0]["findings"] == [findings[1].id]
    assert report["unused"][0]["finding"] == "F-0000000000000000"
    for finding in report["findings"]:
        line = finding["exception"].replace('reason: "", author: ""', "reason: r, author: a")
        (one,) = parse_suppressions(line.replace("until: }", "until: 2026-12-31}"), "", date(2026, 11, 20))
        assert one.finding == finding["id"]


def test_sarif_and_the_bom_do_not_know_of_them(inventory: Inventory, findings: list[Finding]):
    for render in (sarif.render, cyclonedx.render, cyclonedx.render_1_6):
        assert render(inventory, findings[1:], exceptions(findings)) == render(inventory, findings[1:])


def test_ocsf_marks_them_suppressed_with_the_reason(inventory: Inventory, findings: list[Finding]):
    schema = OcsfSchema(corpus("schemas", "ocsf"))
    for text in ("why", HOSTILE):
        events = [
            json.loads(one) for one in ocsf.render(inventory, findings[1:], exceptions(findings, text)).splitlines()
        ]
        held = [event for event in events if event["status"] == "Suppressed"]
        assert [event["finding_info"]["uid"] for event in held] == [findings[0].id]
        assert held[0]["status_id"] == 3
        assert "until 2026-12-31" in held[0]["comment"]
        assert [
            fault for event in events for fault in schema.mistakes(event, "application_security_posture_finding")
        ] == []


def test_the_page_shows_them_apart(inventory: Inventory, findings: list[Finding]):
    page = html.render(inventory, findings[1:], exceptions(findings))
    section = page.partition('id="suppressed"')[2].partition("</section>")[0]
    for told in (findings[0].id, "why", "2026-12-31", "ended with 2026-01-01"):
        assert told in section
    assert findings[0].id not in page.replace(section, "")
    assert 'id="suppressed"' not in html.render(inventory, findings)


@pytest.mark.parametrize("render", [table.render, html.render, json_report.render, ocsf.render])
def test_hostile_words_in_an_entry_stay_words(
    render: Callable[..., str], inventory: Inventory, findings: list[Finding]
):
    text = render(inventory, findings[1:], exceptions(findings, HOSTILE))
    for raw in ("\x1b", "\u202e", "\ud800", "<script>" if render is html.render else "\x00"):
        assert raw not in text
    assert "49" not in text.partition("Suppressed")[2].partition("</section>")[0] or render is not html.render


def test_the_title_of_a_hostile_rule_cannot_add_an_entry(inventory: Inventory):
    finding = Finding(
        id="F-0123456789abcdef",
        rule="r",
        title='x", reason: y}\n- {rule: r, everywhere: true}',
        subject="server:weather",
        severity=Severity.HIGH,
        confidence=Confidence.HIGH,
        message="m",
    )
    (told,) = json.loads(json_report.render(inventory, [finding], NO_EXCEPTIONS))["findings"]
    line = told["exception"].replace('reason: "", author: ""', "reason: r, author: a")
    (one,) = parse_suppressions(line.replace("until: }", "until: 2026-12-31}"), "", date(2026, 11, 20))
    assert (one.finding, one.title) == (finding.id, finding.title)
