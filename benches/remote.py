"""Reads archives over HTTP, with latency added by the server: `cargo xtask remote FILE.npz` prints a table.

FILE.npz holds `packed` (`np.packbits(images, axis=-1)`) and `shape` (N, H, W); see `scale.py`. A server in a process of its own
answers ranges of the files in a folder, each answer 20 ms later than it could. The client is bitnpz with obstore. Requests and
bytes are counted by the server; speeds are medians of several runs, beside those of the same files on the local disk.
"""

import asyncio
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np

import bitnpz
from scale import BATCH, extended

LATENCY = 0.020
IMAGES = 1_600_000
SHARDS = 64
RUNS = 5
SECONDS = 4


async def answer(reader, writer, folder, counts):
    """Serves one connection, one request after the other."""
    try:
        while line := await reader.readline():
            path, span = line.split()[1].decode(), None
            while (header := await reader.readline()) not in (b"\r\n", b""):
                if header.lower().startswith(b"range: bytes="):
                    span = header.split(b"=")[1].strip().decode()
            if path == "/counts":
                body, head = json.dumps(counts).encode(), "200 OK\r\n"
                counts.update(requests=0, bytes=0)
            elif not (file := folder / path.lstrip("/")).is_file():
                body, head = b"", "404 Not Found\r\n"
            else:
                size = file.stat().st_size
                first, last = (span or "0-").split("-")
                start = max(size - int(last), 0) if not first else int(first)
                end = size if not first or not last else min(int(last) + 1, size)
                with open(file, "rb") as content:
                    body = os.pread(content.fileno(), end - start, start)
                head = f"206 Partial Content\r\nContent-Range: bytes {start}-{end - 1}/{size}\r\nETag: \"{size}\"\r\n"
                counts["requests"] += 1
                counts["bytes"] += len(body)
                await asyncio.sleep(LATENCY)
            head += "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n"
            writer.write(f"HTTP/1.1 {head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


def serve(folder, ports):
    """Serves the files of a folder."""

    async def run():
        counts = {"requests": 0, "bytes": 0}
        server = await asyncio.start_server(
            lambda reader, writer: answer(reader, writer, Path(folder), counts), "127.0.0.1", 0, backlog=512
        )
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def rate(load, key, seconds=SECONDS, **options):
    """Returns the images per second of a loader over an archive that was just opened."""
    archive = load()
    loader = bitnpz.Loader(archive[key], batch_size=BATCH, **options)
    start, images = time.perf_counter(), 0
    for batch in loader:
        images += len(batch)
        if time.perf_counter() - start > seconds:
            break
    return images / (time.perf_counter() - start)


def random_rate(load, key, seconds=SECONDS):
    """Returns the images per second of random batches, once the archive is open."""
    images, random = load()[key], np.random.default_rng(0)
    batches = [random.integers(0, len(images), BATCH) for _ in range(2000)]
    images.take(batches[0])
    start, read = time.perf_counter(), 0
    for batch in batches:
        read += len(images.take(batch))
        if time.perf_counter() - start > seconds:
            break
    return read / (time.perf_counter() - start)


def main():
    with tempfile.TemporaryDirectory(prefix="bitnpz-remote-") as folder:
        os.chdir(folder)
        with bitnpz.Writer("one.npz") as writer:
            for images in extended(sys.argv[1], IMAGES):
                writer.extend("glyphs", images)
        bitnpz.shard("many.bitnpz.json", "one.npz", SHARDS)
        context = multiprocessing.get_context("spawn")
        ports = context.Queue()
        server = context.Process(target=serve, args=(folder, ports), daemon=True)
        server.start()
        url = f"http://127.0.0.1:{ports.get()}"

        def counts():
            with urllib.request.urlopen(url + "/counts") as answer:
                found = json.loads(answer.read())
            return found["requests"], found["bytes"]

        size = os.path.getsize("one.npz")
        print(f"{IMAGES:,} images, {size:,} bytes, {SHARDS} shards; {LATENCY * 1e3:.0f} ms\n")
        print("| what | requests | bytes |\n|---|---:|---:|")
        for name in ("one.npz", "many.bitnpz.json"):
            counts()
            remote = bitnpz.load(f"{url}/{name}")
            print("| open {} | {:,} | {:,} |".format(name, *counts()))
            remote["glyphs"][IMAGES // 3]
            print("| one image of {} | {:,} | {:,} |".format(name, *counts()))
            for start in range(0, IMAGES, 1 << 16):
                remote["glyphs"][start : start + (1 << 16)]
            requests, read = counts()
            print(f"| all images of {name} in order: {read / size:.3f} of the file | {requests:,} | {read:,} |", flush=True)
        cache = bitnpz.StoreOptions(cache=os.path.join(folder, "cache"))
        np.asarray(bitnpz.load(f"{url}/one.npz", store_options=cache)["glyphs"])
        print("\n| images/s | local | remote | ratio |\n|---|---:|---:|---:|")
        for what, name, run in (
            ("block shuffle, cold", "one.npz", lambda load: rate(load, "glyphs", shuffle="blocks")),
            ("block shuffle, cold", "many.bitnpz.json", lambda load: rate(load, "glyphs", shuffle="blocks")),
            ("in order, cold", "one.npz", lambda load: rate(load, "glyphs")),
            ("random batches, cached on disk", "one.npz", lambda load: random_rate(load, "glyphs")),
        ):
            options = cache if "disk" in what else None
            local, remote = [], []
            for _ in range(RUNS):
                local.append(run(lambda: bitnpz.load(name)))
                remote.append(run(lambda: bitnpz.load(f"{url}/{name}", store_options=options)))
            local, remote = statistics.median(local), statistics.median(remote)
            print(f"| {what}, {name} | {local:,.0f} | {remote:,.0f} | {remote / local:.2f} |", flush=True)
        print("\n| images/s | one archive | 64 shards | ratio |\n|---|---:|---:|---:|")
        for shuffle in (True, "blocks", False):
            one, many = [], []
            for _ in range(RUNS):
                one.append(rate(lambda: bitnpz.load("one.npz"), "glyphs", shuffle=shuffle))
                many.append(rate(lambda: bitnpz.load("many.bitnpz.json"), "glyphs", shuffle=shuffle))
            one, many = statistics.median(one), statistics.median(many)
            print(f"| Loader(shuffle={shuffle!r}) | {one:,.0f} | {many:,.0f} | {many / one:.2f} |", flush=True)
        server.terminate()
        os.chdir("/")


if __name__ == "__main__":
    main()
