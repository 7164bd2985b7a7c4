"""FastMCP as a proxy with one client that all share, which is its fastest way: python fastmcp_proxy.py PORT URL."""

import asyncio
import importlib
import sys
from typing import Any

fastmcp: Any = importlib.import_module("fastmcp")
proxies: Any = importlib.import_module("fastmcp.server")


async def main(port: int, url: str) -> None:
    async with fastmcp.Client(url) as client:
        proxy = proxies.create_proxy(client, name="proxy")
        await proxy.run_http_async(
            host="127.0.0.1",
            port=port,
            show_banner=False,
            log_level="error",
            json_response=True,
            uvicorn_config={"access_log": False},
        )


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
