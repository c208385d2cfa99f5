"""Many heartbeats in one instant: every connection is open before the first word is said, then all
speak at once."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor


async def _connect(host, port):
    """A connection, as soon as the listener's queue has room."""
    while True:
        try:
            return await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.05)


async def _say(connection, start, request):
    reader, writer = connection
    await start.wait()
    began = time.monotonic()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line[15:])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    await reader.readexactly(length)
    writer.close()
    return int(head.split()[1]), time.monotonic() - began


async def _fire(port, requests):
    start = asyncio.Event()
    connections = [await _connect("127.0.0.1", port) for _ in requests]
    said = [
        asyncio.create_task(_say(*pair))
        for pair in zip(connections, [start] * len(requests), requests, strict=True)
    ]
    await asyncio.sleep(0.2)
    start.set()
    return await asyncio.gather(*said)


def fire(port, token, batches):
    """One request for each batch of service ids, all at once: (status, seconds, how many ids) of
    each."""
    requests = []
    for batch in batches:
        body = json.dumps({"service_ids": batch}).encode()
        head = (
            f"POST /api/v1/ipmanager/heartbeat HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        requests.append(head.encode() + body)
    answers = in_a_thread(lambda: asyncio.run(_fire(port, requests)))
    return [
        (status, seconds, len(batch))
        for (status, seconds), batch in zip(answers, batches, strict=True)
    ]


def percentile(answers, share):
    """The time within which this share of all heartbeats was answered."""
    each = sorted(seconds for _status, seconds, number in answers for _ in range(number))
    return each[min(len(each) - 1, int(len(each) * share))]


def in_a_thread(work):
    """A browser's test leaves an event loop running in this thread."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result()
