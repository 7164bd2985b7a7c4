"""MCP without the socket: bytes in, effects out, time as an argument. Both eras."""
