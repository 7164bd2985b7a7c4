"""The official SDK's own echo server, without a gateway: python sdk_server.py PORT."""

import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("echo")


@server.tool()
def echo(text: str) -> str:
    return text


server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]), json_response=True)
