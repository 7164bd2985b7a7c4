"""The template and the style of the HTML report. Every `{{ }}` is shown harmless and escaped by `report/html.py`."""
# ruff: noqa: E501  # a template is laid out as its page is; cutting its lines would put blanks into the text

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d1f22; --faint: #5b6068; --line: #dcd8cf; --accent: #1f4e5f;
  --good: #1c6b3a; --warn-ink: #5c3a00; --warn: #fff1cf; --warn-line: #d99a1b; --code: #f2efe8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181b; --card: #1d2125; --ink: #e8e6e1; --faint: #a3a8af; --line: #363c42; --accent: #8fc7d9;
    --good: #7fd6a0; --warn-ink: #ffe2a6; --warn: #3a2c0c; --warn-line: #d99a1b; --code: #262b30;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 76rem; padding: 1.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.6rem; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; padding-bottom: .3rem; border-bottom: 2px solid var(--ink); }
h3 { font-size: 1.05rem; margin: 0; unicode-bidi: isolate; }
h4 { font-size: .95rem; margin: 0; }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
p { margin: .35rem 0; }
.faint { color: var(--faint); }
.good { color: var(--good); }
header .when { color: var(--faint); margin: .1rem 0 1.25rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .75rem; margin: 0; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; }
.tiles dt { color: var(--faint); font-size: .8rem; }
.tiles dd { margin: 0; font-size: 1.5rem; font-weight: 650; line-height: 1.2; font-variant-numeric: tabular-nums; }
.banner { margin: 1rem 0; padding: .75rem 1rem; border-radius: 6px; border: 1px solid var(--line); background: var(--card); }
.banner.whole { border-left: 6px solid var(--good); }
.banner.gaps { border: 2px solid var(--warn-line); border-left-width: 8px; background: var(--warn); color: var(--warn-ink); }
.banner.gaps a { color: inherit; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; list-style: none; margin: 0; padding: 0; font-size: .92rem; }
.chip {
  display: inline-block; padding: .05rem .5rem; border-radius: 999px; font-size: .75rem; font-weight: 700;
  letter-spacing: .03em; text-transform: uppercase; white-space: nowrap; border: 1px solid transparent;
}
.critical { background: #7a0012; color: #ffffff; }
.high { background: #b3261e; color: #ffffff; }
.medium { background: #f2b632; color: #241a00; }
.low { background: #cfe3ee; color: #0f3040; }
.informational { background: #e4e4e4; color: #2b2b2b; }
.gap { background: var(--warn); color: var(--warn-ink); border-color: var(--warn-line); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; background: var(--card); border: 1px solid var(--line); font-size: .9rem; }
caption { text-align: left; color: var(--faint); font-size: .85rem; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .6rem; border-bottom: 1px solid var(--line); }
td, dd, li, bdi, p { unicode-bidi: isolate; }
thead th { color: var(--faint); font-weight: 600; font-size: .8rem; white-space: nowrap; overflow-wrap: normal; }
tbody th { font-weight: 650; min-width: 7rem; }
td { min-width: 4.5rem; }
tbody tr:last-child > * { border-bottom: 0; }
td ul, dd ul { margin: 0; padding: 0; list-style: none; }
code { font: .87em/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--code); border-radius: 3px; padding: .05em .3em; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .9rem 1.1rem 1rem; margin: 0 0 1rem; }
article > header { display: flex; flex-wrap: wrap; gap: .4rem .6rem; align-items: baseline; margin-bottom: .5rem; }
.facts { display: grid; grid-template-columns: 8rem 1fr; gap: .2rem .8rem; margin: 0; font-size: .92rem; }
.facts dt { color: var(--faint); }
.facts dd { margin: 0; }
.finding { border-top: 1px solid var(--line); margin-top: .75rem; padding-top: .65rem; font-size: .92rem; }
.finding:first-child { border-top: 0; margin-top: 0; padding-top: 0; }
.finding header { display: flex; flex-wrap: wrap; gap: .3rem .6rem; align-items: baseline; }
.none { padding: 1rem; background: var(--card); border: 1px dashed var(--line); border-radius: 6px; }
details { margin-top: .75rem; font-size: .92rem; }
summary { cursor: pointer; color: var(--accent); }
details table { margin-top: .5rem; }
svg { display: block; background: var(--card); border: 1px solid var(--line); border-radius: 6px; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .kind { font-size: 10px; fill: var(--faint); }
svg .node { fill: var(--code); stroke: var(--line); stroke-width: 1.5; }
svg .node.credential { stroke: #b3261e; stroke-width: 2.5; }
svg .node.server { stroke: var(--accent); stroke-width: 2.5; }
svg .node.backend { stroke: #d99a1b; stroke-width: 2.5; }
svg .edge { fill: none; stroke: var(--faint); stroke-width: 1.3; opacity: .75; }
svg .edge.potential { stroke-dasharray: 5 4; }
footer { margin-top: 3rem; color: var(--faint); font-size: .85rem; }
@media (max-width: 40rem) { .facts { grid-template-columns: 1fr; } .facts dd { margin-bottom: .4rem; } }
@media print {
  :root { --paper: #ffffff; --card: #ffffff; --ink: #000000; --faint: #444444; --line: #bbbbbb; --code: #f4f4f4; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  nav { display: none; }
  article, .finding, tr { break-inside: avoid; }
  .chip, .banner { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

TEMPLATE = """\
{%- macro finding(raised) -%}
<section class="finding">
<header><span class="chip {{ raised.finding.severity }}">{{ severity_word(raised.finding.severity) }}</span>
<h4><bdi>{{ raised.finding.title|short }}</bdi></h4> <span class="faint">{{ raised.finding.id|short }}</span></header>
{% if raised.told_at %}
<p><bdi>{{ raised.subject|short }}</bdi> is shared: told in full at <bdi>{{ raised.told_at|short }}</bdi>.</p>
{% else %}
<p>{{ raised.finding.message }}</p>
<dl class="facts">
{% if raised.subject %}<dt>Subject</dt><dd>{{ raised.subject|short }}</dd>{% endif %}
{% if raised.finding.place %}<dt>Place</dt><dd><code>{{ raised.finding.place|string }}</code></dd>{% endif %}
{% if raised.finding.evidence %}<dt>Evidence</dt><dd><code>{{ raised.finding.evidence }}</code></dd>{% endif %}
{% if raised.finding.remedy %}<dt>Mend it</dt><dd>{{ raised.finding.remedy|words }}</dd>{% endif %}
<dt>Sure</dt><dd>{{ raised.finding.confidence }} confidence, rule {{ raised.finding.rule|short }}</dd>
{% if raised.finding.tags %}<dt>Tags</dt><dd>{{ raised.finding.tags|join(", ") }}</dd>{% endif %}
</dl>
{% endif %}
</section>
{%- endmacro -%}
{%- macro more(items) -%}
{% if items|length > rows_max %}
<p class="banner gaps">And {{ items|length - rows_max }} more; the JSON report has them all.</p>
{% endif %}
{%- endmacro -%}
{%- macro code(text) -%}
{% if text %}<code>{{ text|short }}</code>{% endif %}
{%- endmacro -%}
{%- macro codes(items, most=8) -%}
<ul>{% for item in items[:most] %}<li><code>{{ item|where }}</code></li>{% endfor %}
{% if items|length > most %}<li class="faint">and {{ items|length - most }} more</li>{% endif %}</ul>
{%- endmacro -%}
{%- macro names(items, most=20) -%}
{% for item in items[:most] %}<bdi>{{ item|short }}</bdi>{{ ", " if not loop.last }}{% endfor %}{% if items|length > most %}<span class="faint"> and {{ items|length - most }} more</span>{% endif %}
{%- endmacro -%}
{%- macro pinned(card) -%}
{% set package = mapping_of(card.asset.attributes, "package") %}
{% if text_of(package, "ecosystem") == "local" %}local file
{% elif flag_of(package, "pinned") is true %}<span class="good">pinned</span>
{% elif flag_of(package, "pinned") is false %}<span class="chip gap">not pinned</span>{% endif %}
{%- endmacro -%}
{%- macro looked(card) -%}
{% if card.unasked %}<span class="chip gap">no record</span>
{% elif card.gaps %}<span class="chip gap">{{ card.gaps|length }} not looked at</span>
{% else %}<span class="good">fully</span>{% endif %}
{%- endmacro -%}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '{{ style_hash }}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Bartizan report, {{ taken_at }}</title>
<style>STYLE</style>
</head>
<body>
<header>
<h1>Bartizan report</h1>
<p class="when">Taken at <time datetime="{{ taken_at }}">{{ taken_at }}</time></p>
<dl class="tiles">
{% for label, number in tiles %}<div><dt>{{ label }}</dt><dd>{{ number }}</dd></div>
{% endfor %}
</dl>
{% if summary.complete %}
<p class="banner whole"><strong>Coverage</strong> {{ summary.coverage }}.</p>
{% else %}
<p class="banner gaps"><strong>Coverage {{ summary.coverage }}.</strong> Nothing that is missing here counts as clean{% if estate.gaps %}: <a href="#not-looked-at">what is missing, and why</a>{% endif %}.</p>
{% endif %}
<p><strong>Findings:</strong>
{% for severity, count in summary.findings.items() if count %}
<span class="chip {{ severity }}">{{ count }} {{ severity_word(severity) }}</span>
{% else %}none{{ "" if summary.complete else " in what was looked at" }}{% endfor %}
{% if exceptions.suppressed %}, and <a href="#suppressed">{{ exceptions.suppressed|length }} suppressed</a>{% endif %}</p>
{% if summary.findings_total %}<p class="faint">To accept one: <code>{{ how_to_except }}</code></p>{% endif %}
<nav aria-label="Sections"><ul>
<li><a href="#servers">Servers</a></li>
{% if estate.elsewhere %}<li><a href="#beyond">Findings beyond the servers</a></li>{% endif %}
{% if estate.agents or estate.documents or estate.backends %}<li><a href="#agents">Agents and documents</a></li>{% endif %}
{% if estate.credentials %}<li><a href="#credentials">Credentials</a></li>{% endif %}
{% if estate.gaps %}<li><a href="#not-looked-at">Not looked at</a></li>{% endif %}
</ul></nav>
</header>
<main>
<section aria-labelledby="servers">
<h2 id="servers">Servers</h2>
{% if not estate.servers %}
<p class="none">{% if estate.parts_seen %}No MCP server was found. Looked at: {{ estate.parts_seen|join(", ") }}.
{% else %}No MCP server is listed, and no record says that anybody looked for one.{% endif %}</p>
{% else %}
<div class="scroll" tabindex="0" role="region" aria-label="All servers">
<table><caption>All servers, worst first</caption>
<thead><tr><th scope="col">Server</th><th scope="col">Clients</th><th scope="col">Transport</th><th scope="col">Package</th>
<th scope="col">Pinned</th><th scope="col">Tools</th><th scope="col">Credentials</th><th scope="col">Findings</th><th scope="col">Looked at</th></tr></thead>
<tbody>
{% for card in estate.servers %}
<tr><th scope="row"><a href="#server-{{ card.number }}">{{ card.asset.name|label }}</a></th>
<td>{{ names(card.namings|map(attribute="client")|map("label")|unique|list, 6) }}</td>
<td>{{ text_of(card.asset.attributes, "transport")|label|replace("_", " ") }}</td>
<td>{{ package_of(card.asset)|label }}</td><td>{{ pinned(card) }}</td>
<td>{{ card.counts.tools }}</td><td>{{ card.credentials|length }}</td>
<td>{% for severity, count in tally(card) %}<span class="chip {{ severity }}">{{ count }} {{ severity_word(severity) }}</span> {% endfor %}</td>
<td>{{ looked(card) }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
</section>
{% for card in estate.servers %}
{% if loop.first %}<section aria-labelledby="each"><h2 id="each">Server by server</h2>{% endif %}
<article id="server-{{ card.number }}" aria-labelledby="server-{{ card.number }}-name">
<header><h3 id="server-{{ card.number }}-name">{{ card.asset.name|short }}</h3>
{% for severity, count in tally(card) %}<span class="chip {{ severity }}">{{ count }} {{ severity_word(severity) }}</span>{% endfor %}
{{ looked(card) if card.gaps or card.unasked }}</header>
<dl class="facts">
<dt>Clients</dt><dd>{% if card.namings %}<ul>{% for naming in card.namings %}<li><bdi>{{ naming.client|short }}</bdi>{% if naming.name != card.asset.name %} as <bdi>{{ naming.name|short }}</bdi>{% endif %}{{ " (disabled)" if not naming.enabled }}</li>{% endfor %}</ul>{% else %}none{% endif %}</dd>
<dt>Transport</dt><dd>{{ text_of(card.asset.attributes, "transport")|short|replace("_", " ") or "not known" }}{% if card.snapshot %}, MCP {{ card.snapshot.protocol_version|short }}{% endif %}</dd>
<dt>Launch</dt><dd>{% if launch_of(card.asset) %}<code>{{ launch_of(card.asset) }}</code>{% else %}not known{% endif %}</dd>
{% if package_of(card.asset) %}<dt>Package</dt><dd>{{ package_of(card.asset)|short }} {{ pinned(card) }}</dd>{% endif %}
{% if variables_of(card.asset) %}<dt>Given</dt><dd>{{ names(variables_of(card.asset), rows_max) }}</dd>{% endif %}
{% if card.asset.places %}<dt>Configured at</dt><dd>{{ codes(card.asset.places) }}</dd>{% endif %}
{% if card.remarks %}<dt>State</dt><dd>{{ card.remarks|join(", ") }}</dd>{% endif %}
<dt>Offers</dt><dd>{{ offered(card) }}</dd>
{% if card.credentials %}<dt>Holds</dt><dd><ul>{% for one in card.credentials[:rows_max] %}<li>{{ text_of(one.attributes, "kind")|short }}
<bdi>{{ one.name|short }}</bdi> <code>{{ short_fingerprint(text_of(one.attributes, "fingerprint"))|short }}</code></li>{% endfor %}</ul></dd>{% endif %}
<dt>Looked at</dt><dd>{% if card.unasked %}<strong>no record that anybody looked</strong>{% else %}<ul>
{% for look in card.gaps %}<li><span class="chip gap">{{ look.outcome }}</span> <strong>{{ look.part|short }}</strong>{{ ": " if look.reason }}{{ look.reason }}</li>{% endfor %}
<li>{{ names(card.parts_seen) if card.looks else "a snapshot was taken" }}</li></ul>{% endif %}</dd>
</dl>
{% for raised in card.findings[:rows_max] %}{{ finding(raised) }}{% endfor %}{{ more(card.findings) }}
{% if card.tools %}
<details><summary>{{ counted(card.tools|length, "tool") }}</summary>
<table><thead><tr><th scope="col">Tool</th><th scope="col">Description, in the server's words</th><th scope="col">Definition (SHA-256)</th></tr></thead><tbody>
{% set said = descriptions(card) %}
{% for tool in card.tools[:rows_max] %}<tr><th scope="row">{{ tool.name|short }}</th><td>{{ said.get(tool.name, "")|brief }}</td>
<td>{{ code(text_of(tool.attributes, "definition_sha256")[:16]) }}</td></tr>
{% endfor %}
</tbody></table>{{ more(card.tools) }}</details>
{% endif %}
</article>
{% if loop.last %}</section>{% endif %}
{% endfor %}
{% if estate.elsewhere %}
<section aria-labelledby="beyond"><h2 id="beyond">Findings beyond the servers</h2>
<article>{% for raised in estate.elsewhere[:rows_max] %}{{ finding(raised) }}{% endfor %}{{ more(estate.elsewhere) }}</article></section>
{% endif %}
{% if exceptions.suppressed or exceptions.expired %}
<section aria-labelledby="suppressed"><h2 id="suppressed">Suppressed</h2>
{% for past in exceptions.expired[:rows_max] if past.findings %}<p class="banner gaps">The suppression of <code>{{ past.suppression.called|short }}</code> ended with {{ past.suppression.until|string }}; counts again: {{ names(past.findings) }}.</p>
{% endfor %}
{% if exceptions.suppressed %}<p>These do not count: somebody accepted them until a day.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Suppressed findings"><table>
<thead><tr><th scope="col">Finding</th><th scope="col">Subject</th><th scope="col">Severity</th><th scope="col">Reason</th><th scope="col">Author</th><th scope="col">Until</th></tr></thead><tbody>
{% for one in exceptions.suppressed[:rows_max] %}<tr><th scope="row"><bdi>{{ one.finding.title|short }}</bdi> <span class="faint">{{ one.finding.id|short }}</span></th>
<td>{{ subjects.named(one.finding.subject)|short }}</td><td><span class="chip {{ one.finding.severity }}">{{ severity_word(one.finding.severity) }}</span></td>
<td>{{ one.suppression.reason }}</td><td><bdi>{{ one.suppression.author|short }}</bdi></td><td>{{ one.suppression.until|string }}</td></tr>
{% endfor %}
</tbody></table></div>{{ more(exceptions.suppressed) }}{% endif %}</section>
{% endif %}
{% if changes %}
<section aria-labelledby="changes"><h2 id="changes">Changed since the last scan</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Changed since the last scan"><table>
<thead><tr><th scope="col">Name</th><th scope="col">Kind</th><th scope="col">What happened</th></tr></thead><tbody>
{% for one in changes[:rows_max] %}<tr><th scope="row">{{ one.name|short }}</th>
<td>{{ one.kind }}</td><td>{{ one.alteration }}{% if one.what %} ({{ one.what|short }}){% endif %}</td></tr>
{% endfor %}
</tbody></table></div>{{ more(changes) }}</section>
{% endif %}
{% if estate.agents or estate.documents or estate.backends %}
<section aria-labelledby="agents"><h2 id="agents">Agents, documents and models</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Agents, documents and models"><table>
<thead><tr><th scope="col">Name</th><th scope="col">Kind</th><th scope="col">Client</th><th scope="col">Place</th><th scope="col">SHA-256</th></tr></thead><tbody>
{% set others = estate.agents + estate.documents + estate.backends %}
{% for one in others[:rows_max] %}<tr><th scope="row">{{ one.name|short }}</th>
<td>{{ one.kind }} {{ (text_of(one.attributes, "role") or text_of(one.attributes, "provider"))|short|replace("_", " ") }}</td>
<td>{{ text_of(one.attributes, "client")|short }}</td><td>{{ codes(one.places, 3) }}</td>
<td>{{ code(text_of(one.attributes, "sha256")[:16]) }}</td></tr>
{% endfor %}
</tbody></table></div>{{ more(others) }}</section>
{% endif %}
{% if estate.credentials %}
<section aria-labelledby="credentials"><h2 id="credentials">Credentials</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Credentials"><table>
<caption>By fingerprint; no value is kept anywhere</caption>
<thead><tr><th scope="col">Name</th><th scope="col">Kind</th><th scope="col">Fingerprint</th><th scope="col">Held by</th><th scope="col">Stands at</th></tr></thead><tbody>
{% for one in estate.credentials[:rows_max] %}<tr><th scope="row">{{ one.asset.name|short }}</th>
<td>{{ text_of(one.asset.attributes, "kind")|short }}</td>
<td><code>{{ short_fingerprint(text_of(one.asset.attributes, "fingerprint"))|short }}</code></td>
<td>{{ names(one.holders) }}</td><td>{{ codes(one.asset.places) }}</td></tr>
{% endfor %}
</tbody></table></div>{{ more(estate.credentials) }}</section>
{% endif %}
{% if estate.gaps %}
<section aria-labelledby="not-looked-at"><h2 id="not-looked-at">Not looked at</h2>
<p class="banner gaps">This result is incomplete. Nothing that is missing from it counts as clean.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Not looked at"><table>
<thead><tr><th scope="col">What</th><th scope="col">Outcome</th><th scope="col">Why</th><th scope="col">Of what</th><th scope="col">Place</th></tr></thead><tbody>
{% for gap in estate.gaps[:rows_max] %}<tr><th scope="row">{{ gap.part|short }}</th><td><span class="chip gap">{{ gap.outcome }}</span></td>
<td>{{ gap.reason or "no reason was recorded" }}</td><td>{{ names(gap.subjects) or "the machine" }}</td><td>{{ codes(gap.places) }}</td></tr>
{% endfor %}
</tbody></table></div>{{ more(estate.gaps) }}</section>
{% endif %}
</main>
<footer><p>Bartizan {{ version }}. Characters that cannot be seen, or that steer the reading order, stand as code points such as <code>‹U+202E›</code>.
Names and descriptions are the servers' and files' own words: do not take them as true.</p></footer>
</body>
</html>
"""
