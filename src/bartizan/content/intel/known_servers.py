"""Known packages of MCP servers and of what starts them: the names that others imitate.

Kept by hand from the publishers' own documentation. An entry says that the name is well known, not that it is safe.
"""

from collections.abc import Iterator

import msgspec

# A publisher's scope, then its packages. What stands behind `-` has no scope.
_NPM = """
@modelcontextprotocol inspector sdk server-aws-kb-retrieval server-brave-search server-everart server-everything
@modelcontextprotocol server-filesystem server-gdrive server-github server-gitlab server-google-maps server-memory
@modelcontextprotocol server-postgres server-puppeteer server-redis server-sentry server-sequential-thinking
@modelcontextprotocol server-slack create-server conformance
@playwright mcp
@executeautomation playwright-mcp-server
@upstash context7-mcp mcp-server
@notionhq notion-mcp-server
@supabase mcp-server-supabase mcp-utils
@stripe mcp
@sentry mcp-server
@azure mcp
@azure-devops mcp
@microsoft clarity-mcp-server devbox-mcp
@cloudflare mcp-server-cloudflare playwright-mcp
@heroku mcp-server
@circleci mcp-server-circleci
@salesforce mcp
@shopify dev-mcp
@paypal mcp
@hubspot mcp-server
@elastic mcp-server-elasticsearch
@neondatabase mcp-server-neon
@auth0 auth0-mcp-server
@postman postman-mcp-server
@contentful mcp-server
@sanity mcp-server
@mapbox mcp-server
@browserbasehq mcp mcp-server-browserbase mcp-stagehand
@browserstack mcp-server
@brightdata mcp
@apify actors-mcp-server mcp-client
@perplexity-ai mcp-server
@e2b mcp-server
@agentdeskai browser-tools-mcp browser-tools-server
@smithery cli
@composio mcp
@21st-dev magic
@wonderwhy-er desktop-commander
@cyanheads git-mcp-server
@benborla29 mcp-server-mysql
@gongrzhe server-gmail-autoauth-mcp
@cocal google-calendar-mcp
@winor30 mcp-server-datadog
@kazuph mcp-taskmanager
@magicuidesign mcp
@mobilenext mobile-mcp
@jetbrains mcp-proxy
@angular cli
@ui5 mcp-server
@sap mdk-mcp-server
@dynatrace-oss dynatrace-mcp-server
@launchdarkly mcp-server
@netlify mcp
@railway mcp-server
@primer mcp
@bitwarden mcp-server
@translated lara-mcp
@zilliz claude-context-mcp
@taazkareem clickup-mcp-server
@roychri mcp-server-asana
@delorenj mcp-server-trello
- mcp-remote mcp-proxy supergateway mcp-handler fastmcp mcp-hub
- chrome-devtools-mcp firecrawl-mcp exa-mcp-server tavily-mcp figma-developer-mcp mongodb-mcp-server
- mcp-server-kubernetes task-master-ai n8n-mcp airtable-mcp-server graphlit-mcp-server
- mcp-server-code-runner puppeteer-mcp-server linear-mcp-server xcodebuildmcp ref-tools-mcp octagon-mcp
- shadcn-ui-mcp-server gemini-mcp-tool appium-mcp hostinger-api-mcp mcp-obsidian openapi-mcp-server
- dbhub mcp-searxng mcp-framework mcp-installer spec-workflow-mcp claude-flow agentic-flow
"""

_PYPI = """
- mcp fastmcp mcp-proxy mcpo mcp-server-fetch mcp-server-git mcp-server-sqlite mcp-server-time mcp-server-sentry
- mcp-server-qdrant mcp-server-motherduck mcp-clickhouse mcp-atlassian mcp-obsidian mcp-alchemy mcp-neo4j-cypher
- mcp-neo4j-memory mcp-server-docker mcp-server-ads mcp-server-kubernetes mcp-server-opensearch opensearch-mcp-server-py
- arxiv-mcp-server workspace-mcp chroma-mcp blender-mcp elevenlabs-mcp minimax-mcp snowflake-labs-mcp dbt-mcp
- duckduckgo-mcp-server excel-mcp-server office-word-mcp-server office-powerpoint-mcp-server databricks-mcp
- redis-mcp-server postgres-mcp stripe-agent-toolkit semgrep-mcp basic-memory serena-agent mcpdoc markitdown-mcp
- mcp-pandoc mcp-scan yfmcp mcp-youtube-transcript homeassistant-mcp browser-use jupyter-mcp-server aws-mcp-server
- awslabs-core-mcp-server awslabs-aws-documentation-mcp-server awslabs-aws-api-mcp-server awslabs-cdk-mcp-server
- awslabs-cost-analysis-mcp-server awslabs-aws-pricing-mcp-server awslabs-dynamodb-mcp-server awslabs-eks-mcp-server
- awslabs-terraform-mcp-server awslabs-aws-diagram-mcp-server awslabs-nova-canvas-mcp-server mcp-proxy-for-aws
- google-analytics-mcp meta-ads-mcp mcp-google-sheets zotero-mcp-server netlicensing-mcp kubectl-mcp-server
- mcp-grafana mcp-server-odoo mcp-server-tree-sitter mcp-server-datahub pydantic-ai logfire-mcp alpaca-mcp-server
"""


class KnownServer(msgspec.Struct, frozen=True, kw_only=True):
    """A well-known package. `publisher` is its npm scope with the `@`, or empty."""

    ecosystem: str
    name: str
    publisher: str = ""

    @property
    def base(self) -> str:
        """The name without the scope."""
        return self.name.rpartition("/")[2]


def _read(ecosystem: str, table: str) -> Iterator[KnownServer]:
    for line in table.split("\n"):
        scope, *names = line.split() or [""]
        publisher = scope.strip("-")
        for name in names:
            full = f"{publisher}/{name}" if publisher else name
            yield KnownServer(ecosystem=ecosystem, name=full, publisher=publisher)


KNOWN = (*_read("npm", _NPM), *_read("pypi", _PYPI))
