"""Generates load in a process of its own: so many connections, each asking its next query as soon as it has an answer.

Reads one JSON object from standard input: ``port``, ``path``, ``questions`` (text and media type of each; a text that
begins with a slash is the address of a page instead of a query), ``clients``, ``seconds`` (the most that it may take).
Writes one: ``answered``, ``failed``, ``elapsed``, ``p50`` and ``p99`` in milliseconds, ``bytes``.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from urllib.parse import quote


def request(path: str, text: str, media_type: str) -> bytes:
    """Return the bytes of a request."""
    address = text if text.startswith("/") else f"{path}?query={quote(text)}"
    head = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {media_type}\r\n\r\n"
    return head.encode()


async def answer(reader: asyncio.StreamReader) -> tuple[int, int]:
    """Return the status and the length of one response.

    :raises asyncio.IncompleteReadError: if it ends early.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    lower = head.lower()
    place = lower.find(b"content-length:")
    if place >= 0:
        length = int(lower[place + 15 : lower.index(b"\r\n", place)])
        await reader.readexactly(length)
        return status, length
    total = 0
    while True:
        size = int(await reader.readline(), 16)
        await reader.readexactly(size + 2)
        if not size:
            return status, total
        total += size


async def run(plan: dict[str, object]) -> dict[str, float]:
    """Ask all questions of a plan."""
    port, path, clients = int(str(plan["port"])), str(plan["path"]), int(str(plan["clients"]))
    questions = plan["questions"]
    assert isinstance(questions, list)
    requests = [request(path, text, media_type) for text, media_type in questions]
    requests.reverse()
    times: list[float] = []
    counts = {"failed": 0, "bytes": 0}
    began = time.perf_counter()
    end = began + float(str(plan["seconds"]))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        while requests and time.perf_counter() < end:
            asked = time.perf_counter()
            writer.write(requests.pop())
            status, length = await answer(reader)
            times.append(time.perf_counter() - asked)
            counts["failed"] += status != 200
            counts["bytes"] += length
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    elapsed = time.perf_counter() - began
    ordered = sorted(times)
    return {
        "answered": len(times), "elapsed": elapsed, "p50": 1000 * statistics.median(ordered),
        "p99": 1000 * ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)], **counts,
    }  # fmt: skip


def main() -> None:
    """Read the plan, ask, write the figures."""
    try:
        import uvloop

        loop = uvloop.run
    except ImportError:
        loop = asyncio.run
    sys.stdout.write(json.dumps(loop(run(json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
