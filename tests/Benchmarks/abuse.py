"""Abuses a server over loopback in every known way at once, and measures what one well-behaved key gets meanwhile.

abuse.py attack ADDRESS SECONDS             abuses the server; prints what each abuse was answered
abuse.py measure ADDRESS SECONDS PROCESS    measures a well-behaved key; PROCESS is the id of the server's process

The two are processes of their own, so that what is measured is the server and not the abuse. EXPORT_KEY is a key with many usages.
`measure` exits with 1 where the well-behaved key waits longer than 250 ms at the 99th percentile, an answer to it is not 2xx, a
logged usage is missing, or the server takes 600 MB or more.
"""
import asyncio
import gzip
import http.client
import json
import os
import sys
import threading
import time
import urllib.parse

ADDRESS, SECONDS = urllib.parse.urlparse(sys.argv[2]), float(sys.argv[3])
EXPORT_KEY = os.environ.get("EXPORT_KEY")
MAX_P99_MS, MAX_MEMORY_MB = 250, 600
counts = {}


async def connect():
    return await asyncio.open_connection(ADDRESS.hostname, ADDRESS.port, limit=1 << 20)


def head(method, path, key, length=None, *more):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"X-API-Key: {key}", *more]
    if length is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {length}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def read_answer(reader):
    """Reads one answer and returns its status and body; bodies with a length or in chunks."""
    header = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(header.split(" ", 2)[1])
    if "transfer-encoding: chunked" in header:
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        fields = [line for line in header.split("\r\n") if line.startswith("content-length:")]
        body = await reader.readexactly(int(fields[0].split(":")[1])) if fields else b""
    return status, body


async def request(method, path, key, body=None, *more):
    """One request over a connection of its own."""
    reader, writer = await connect()
    try:
        writer.write(head(method, path, key, None if body is None else len(body), "Connection: close", *more) + (body or b""))
        await writer.drain()
        return await read_answer(reader)
    finally:
        writer.close()


async def repeat(name, pause, act):
    """Does something again and again until it is cancelled, and counts the statuses that come back."""
    tally = counts.setdefault(name, {})
    number = 0
    while True:
        number += 1
        try:
            status = await asyncio.wait_for(act(number), 30)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError) as error:
            status = type(error).__name__
        except asyncio.TimeoutError:
            status = "30 s"
        tally[status] = tally.get(status, 0) + 1
        await asyncio.sleep(pause)


# The abuses.

async def slow_export(number):
    """Reads 2 KB/s of an export."""
    reader, writer = await connect()
    try:
        writer.write(head("GET", f"/api/v1/logs/export?start_date=2000-01-01&n={number}", EXPORT_KEY))
        status = int((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1])
        for _ in range(20 if status == 200 else 0):
            await reader.read(2048)
            await asyncio.sleep(1)
        return status
    finally:
        writer.transport.abort()


BOMB = gzip.compress(b'{"name":"a","url":"http://127.0.0.1:9","tools":[' + b"{}," * 9_600_000 + b"{}]}")
MESSAGES_BOMB = gzip.compress(b'{"messages":[' + b'{"role":"user","content":[]},' * 900_000 + b'{"role":"user"}]}')
DEEP = b'{"metadata":' + b"[" * 400_000 + b"]" * 400_000 + b"}"


async def gzip_bomb(number):
    path, body = [("/api/v1/mcp/servers", BOMB), ("/api/v1/conversations/log", MESSAGES_BOMB)][number % 2]
    return (await request("POST", path, f"bomb-{number % 7}", body, "Content-Encoding: gzip"))[0]


async def deep_json(number):
    return (await request("POST", "/api/v1/log", f"deep-{number % 7}", DEEP))[0]


async def slow_body(number):
    """Sends a body of 20 MB, most of it at once and the rest a byte a second."""
    reader, writer = await connect()
    try:
        writer.write(head("POST", "/api/v1/log/batch", f"slow-{number % 7}", 20_000_000) + b"[" + b" " * 4_000_000)
        answer = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
        for _ in range(25):
            if answer.done() or writer.transport.is_closing():
                return int((await answer).split(b" ", 2)[1])
            writer.write(b" ")
            await asyncio.sleep(1)
        return "25 s"
    finally:
        answer.cancel()
        writer.transport.abort()


async def slow_header(number):
    reader, writer = await connect()
    try:
        writer.write(b"GET / HTTP/1.1\r\n")
        for _ in range(25):
            if writer.transport.is_closing():
                return "closed"
            writer.write(b"X-A: b\r\n")
            await asyncio.sleep(1)
        return "25 s"
    finally:
        writer.transport.abort()


async def idle_connection(number):
    _, writer = await connect()
    try:
        await asyncio.sleep(20)
        return "idle"
    finally:
        writer.transport.abort()


async def made_up_filter(number):
    return (await request("GET", f"/registry?providers=openai&capabilities=made-up-{number}-{os.urandom(4).hex()}", "any"))[0]


async def made_up_key(number):
    return (await request("GET", "/api/v1/stats", f"key-{os.urandom(8).hex()}"))[0]


async def long_key(number):
    return (await request("GET", "/api/v1/logs?limit=500", "k" * 4_000 + str(number)))[0]


async def wide_statistics(number):
    return (await request("GET", f"/api/v1/stats?start_date=2000-01-01&timezone=Asia/Kolkata&alias=a{number}", EXPORT_KEY))[0]


async def search(number):
    return (await request("GET", f"/api/v1/conversations/search?q=a{number}%20or%20b", EXPORT_KEY))[0]


async def big_page(number):
    """Asks for a large page and does not read it."""
    reader, writer = await connect()
    try:
        writer.write(head("GET", "/api/v1/logs?limit=500&start_date=2000-01-01", EXPORT_KEY))
        status = int((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1])
        await asyncio.sleep(10)
        return status
    finally:
        writer.transport.abort()


async def upstream(reader, writer):
    """An MCP server: to some paths it sends a line that never ends, to others nothing."""
    try:
        header = (await reader.readuntil(b"\r\n\r\n")).decode()
        if "/endless" in header:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: ")
            while not writer.transport.is_closing():
                writer.write(b"x" * 65_536)
                await writer.drain()
        await asyncio.sleep(60)
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


def refresh(path, upstream_port):
    servers = {}

    async def act(number):
        key = f"mcp-{path}-{number % 5}"
        if key not in servers:
            body = json.dumps({"name": key, "url": f"http://127.0.0.1:{upstream_port}/{path}", "transport_type": "http"}).encode()
            status, answer = await request("POST", "/api/v1/mcp/servers", key, body)
            if status >= 300:
                return f"create {status}"
            servers[key] = json.loads(answer)["id"]
        return (await request("POST", f"/api/v1/mcp/servers/{servers[key]}/refresh", key, b"{}"))[0]

    return act


async def attack():
    mcp = await asyncio.start_server(upstream, "127.0.0.1", 0)
    port = mcp.sockets[0].getsockname()[1]
    abuses = [
        ("exports read at 2 KB/s", 35, 0.5, slow_export),
        ("gzip bodies of 28 MB unpacked", 6, 0.2, gzip_bomb),
        ("400,000 levels of JSON", 2, 0.5, deep_json),
        ("slow bodies", 50, 1, slow_body),
        ("slow headers", 100, 1, slow_header),
        ("idle connections", 1_000, 1, idle_connection),
        ("made-up filters of the registry", 2, 0.05, made_up_filter),
        ("made-up keys", 2, 0.05, made_up_key),
        ("keys of 4,000 characters", 1, 0.1, long_key),
        ("statistics of all rows", 2, 0.1, wide_statistics),
        ("searches", 2, 0.1, search),
        ("pages that are not read", 35, 1, big_page),
        ("MCP servers whose line never ends", 4, 0.5, refresh("endless", port)),
        ("MCP servers that do not answer", 100, 1, refresh("silent", port)),
    ]
    tasks = [asyncio.create_task(repeat(name, pause, act)) for name, number, pause, act in abuses for _ in range(number)]
    await asyncio.sleep(SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print("| abuse | answers |\n| --- | --- |")
    for name, tally in counts.items():
        print(f"| {name} | {', '.join(f'{status}: {number}' for status, number in sorted(tally.items(), key=str))} |")


# The well-behaved key.

USAGE = json.dumps({"provider": "openai", "model": "gpt-4.1", "input_tokens": 10, "output_tokens": 5, "cost": 0.001}).encode()


def call(method, path, body=None):
    """One request over a connection of its own; returns its status and body."""
    connection = http.client.HTTPConnection(ADDRESS.hostname, ADDRESS.port, timeout=30)
    try:
        connection.request(method, path, body, {"X-API-Key": "well-behaved", "Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def call_until(end, method, path, body, times, failures):
    while time.monotonic() < end:
        started = time.perf_counter()
        try:
            status, _ = call(method, path, body)
        except (OSError, http.client.HTTPException) as error:
            status = type(error).__name__
        times.append((time.perf_counter() - started) * 1000)
        if status not in (200, 201):
            failures[status] = failures.get(status, 0) + 1
        time.sleep(0.05)


def memory(process, field):
    with open(f"/proc/{process}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith(field))


def measure(process):
    before = memory(process, "VmRSS")
    # The abuses begin first.
    time.sleep(3)
    requests = {"POST /api/v1/log": USAGE, "GET /api/v1/stats": None, "GET /health": None}
    times, failures = {name: [] for name in requests}, {name: {} for name in requests}
    end = time.monotonic() + SECONDS
    threads = [threading.Thread(target=call_until, args=(end, *name.split(), body, times[name], failures[name]))
               for name, body in requests.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    peak = memory(process, "VmHWM")

    print("| well-behaved key | requests | p50 ms | p99 ms | worst ms | not 2xx |\n| --- | ---: | ---: | ---: | ---: | --- |")
    failed = peak >= MAX_MEMORY_MB
    for name, values in times.items():
        values.sort()
        p99 = values[int(len(values) * 0.99)]
        failed |= p99 > MAX_P99_MS or bool(failures[name])
        print(f"| {name} | {len(values)} | {values[len(values) // 2]:.1f} | {p99:.1f} | {values[-1]:.1f} | {failures[name] or 'none'} |")

    acknowledged = len(times["POST /api/v1/log"]) - sum(failures["POST /api/v1/log"].values())
    stored = json.loads(call("GET", "/api/v1/stats")[1])["summary"]["total_requests"]
    failed |= stored != acknowledged
    print(f"\nLogged: {acknowledged} acknowledged, {stored} found. Memory of the server: {before} MB before, {peak} MB at its peak.")
    sys.exit(1 if failed else 0)


if sys.argv[1] == "attack":
    asyncio.run(attack())
else:
    measure(int(sys.argv[4]))
