"""The template of the threat map as HTML. Its texts pass the one point of `report/markup.py`."""
# ruff: noqa: E501  # a template is laid out as its page is; cutting its lines would put blanks into the text

TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '{{ style_hash }}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Bartizan map, {{ taken_at }}</title>
<style>STYLE</style>
</head>
<body>
<header>
<h1>{{ question }}</h1>
<p class="when">Bartizan map of <time datetime="{{ taken_at }}">{{ taken_at }}</time></p>
<dl class="tiles">
{% for kind, count in answer.totals.by_kind.items() %}<div><dt>{{ kind }}</dt><dd>{{ count }}</dd></div>
{% endfor %}
<div><dt>observed in use</dt><dd>{{ answer.totals.observed }}</dd></div>
<div><dt>only possible</dt><dd>{{ answer.totals.potential }}</dd></div>
</dl>
{% if summary.complete %}
<p class="banner whole"><strong>Coverage</strong> {{ summary.coverage }}.</p>
{% else %}
<p class="banner gaps"><strong>Coverage {{ summary.coverage }}.</strong> A way that is missing here is not excluded.</p>
{% endif %}
</header>
<main>
<section aria-labelledby="picture"><h2 id="picture">Picture</h2>
{% if picture.boxes %}
<p class="faint">From left to right in the direction of use. Solid: seen in use. Dashed: possible. The tables below say the same in words.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Picture of the map">
<svg width="{{ picture.width }}" height="{{ picture.height }}" viewBox="0 0 {{ picture.width }} {{ picture.height }}" role="img" aria-labelledby="picture">
{% for line in picture.lines %}<path class="edge {{ line.basis }}" d="{{ line.path }}"><title>{{ line.kind|replace("_", " ") }}</title></path>
{% endfor %}
{% for box in picture.boxes %}<g><title>{{ box.node.kind }} {{ box.node.name|short }}</title>
<rect class="node {{ box.node.kind }}" x="{{ box.x }}" y="{{ box.y }}" width="{{ picture.box_width }}" height="{{ picture.box_height }}" rx="5"></rect>
<text class="kind" x="{{ box.x + 9 }}" y="{{ box.y + 14 }}">{{ box.node.kind }}</text>
<text x="{{ box.x + 9 }}" y="{{ box.y + 29 }}">{{ box.label }}</text></g>
{% endfor %}
</svg></div>
{% if picture.omitted %}<p class="banner gaps">{{ picture.omitted }} more assets are not in the picture; the JSON format has them.</p>{% endif %}
{% else %}<p class="none">Nothing is reached that is known.</p>{% endif %}
</section>
<section aria-labelledby="controls"><h2 id="controls">Single controls, the best first</h2>
{% if answer.cuts %}
<div class="scroll" tabindex="0" role="region" aria-label="Single controls"><table>
<thead><tr><th scope="col">Control</th><th scope="col">On</th><th scope="col">Cuts off</th></tr></thead><tbody>
{% for cut in answer.cuts %}{% set deed = names.control(cut.control) %}
<tr><th scope="row">{{ deed[0] }}</th><td>{{ deed[1]|short }}{{ " (an end itself)" if cut.at_end }}</td><td>{{ cut.cut }} of {{ cut.reachable }}</td></tr>
{% endfor %}
</tbody></table></div>
{% else %}<p class="none">No single control cuts anything off.</p>{% endif %}
</section>
{% if answer.minimum is not none %}
<section aria-labelledby="fewest"><h2 id="fewest">The fewest controls that close every way</h2>
{% if answer.minimum.problem %}<p class="banner gaps">{{ answer.minimum.problem }}</p>{% endif %}
<ul>{% for control in answer.minimum.controls %}{% set deed = names.control(control) %}<li><strong>{{ deed[0] }}</strong>: {{ deed[1]|short }}</li>{% endfor %}</ul>
</section>
{% endif %}
<section aria-labelledby="ways"><h2 id="ways">Ways</h2>
{% if answer.paths %}
<div class="scroll" tabindex="0" role="region" aria-label="Ways"><table>
<thead><tr><th scope="col">From</th><th scope="col">To</th><th scope="col">Over</th><th scope="col">Known</th></tr></thead><tbody>
{% for path in answer.paths[:rows_max] %}
<tr><th scope="row">{{ names.name(path.assets[0])|short }}</th><td>{{ names.name(path.assets[-1])|short }}</td>
<td>{% for asset in path.assets[1:] %}<span class="faint">{{ path.edges[loop.index0]|replace("_", " ") }}</span> <bdi>{{ names.name(asset)|short }}</bdi>{{ ", " if not loop.last }}{% endfor %}</td>
<td>{{ "observed" if path.basis == "observed" else "possible" }}</td></tr>
{% endfor %}
</tbody></table></div>
{% if answer.omitted_paths %}<p class="banner gaps">{{ answer.omitted_paths }} more ways were left out by a limit.</p>{% endif %}
{% else %}<p class="none">No way is known.</p>{% endif %}
</section>
<section aria-labelledby="assets"><h2 id="assets">Assets by distance</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Assets by distance"><table>
<thead><tr><th scope="col">Name</th><th scope="col">Kind</th><th scope="col">Steps</th><th scope="col">Known</th></tr></thead><tbody>
{% for node in answer.nodes[:rows_max] %}<tr><th scope="row">{{ node.name|short }}</th><td>{{ node.kind }}</td><td>{{ node.depth }}</td>
<td>{{ "observed" if node.basis == "observed" else "possible" }}</td></tr>
{% endfor %}
</tbody></table></div>
{% if answer.omitted_nodes or answer.nodes|length > rows_max %}<p class="banner gaps">More assets are in the JSON format.</p>{% endif %}
</section>
</main>
<footer><p>Bartizan {{ version }}. Characters that cannot be seen, or that steer the reading order, stand as code points.</p></footer>
</body>
</html>
"""
