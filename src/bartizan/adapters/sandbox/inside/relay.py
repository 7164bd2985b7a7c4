"""The only way out of the fetching box: a loopback port inside, carried to the proxy's socket outside.

`relay.py SOCKET PORT -- PROGRAM ARGUMENT...` listens, runs the program, and ends with its exit code. It decides
nothing: the proxy at the other end of the socket does.
"""

import asyncio
import contextlib
import sys


async def main(words: list[str]) -> int:
    """Give the program's exit code."""
    path, port, command = words[0], int(words[1]), words[3:]

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            outer_reader, outer_writer = await asyncio.open_unix_connection(path)
            await asyncio.gather(copy(reader, outer_writer), copy(outer_reader, writer))
        writer.close()

    async with await asyncio.start_server(carry, "127.0.0.1", port):
        process = await asyncio.create_subprocess_exec(*command)
        return await process.wait()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side ends; the other is then closed too, so that nothing hangs half open."""
    with contextlib.suppress(OSError):
        while block := await reader.read(65_536):
            writer.write(block)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
