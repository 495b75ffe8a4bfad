"""How much does one durable record cost? `uv run python benchmarks/journal.py [folder] [seconds]`.

Prints the disk's own fdatasync rate of the same run, then one caller's latency and 32 callers' rate and CPU. The disk
rates of two runs do not compare; the CPU per record and the multiple of the fdatasync rate do.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isthmus.core.journal import Entry, Journal, JournalKeys, Kind
from isthmus.core.journal.verify import verify

KEYS = JournalKeys(sealing=b"s" * 32, signing=Ed25519PrivateKey.from_private_bytes(b"k" * 32), pseudonyms=b"p" * 32)
ENTRY = Entry(
    kind=Kind.OUTCOME,
    attempt="01JD0000000000000000000001",
    agent="support-triage",
    on_behalf_of="anna@acme.example",
    client="desktop",
    tool="query",
    system="crm",
    connection="sf-eu",
    object="Contact",
    effects=("read",),
    door="rest",
    zone="eu-de",
    consumer="host-us",
    purpose="support",
    task="t_9f",
    policy={"cedar": "a" * 64, "flow": "b" * 64},
    rules=("eea-pii-at-home", "support-read-contacts"),
    decision="allow",
    argument_digest="c" * 64,
    record_ids=("sf-eu/Contact/003AA",),
    http_status=200,
    attempts=1,
    bytes=2_000,
    duration_us=12_345,
    trace_id="f" * 32,
)


def fdatasync_rate(folder: Path, seconds: float) -> float:
    path, count, until = folder / "sync", 0, time.perf_counter() + seconds
    with path.open("wb", buffering=0) as file:
        while time.perf_counter() < until:
            file.write(bytes(8_192))
            os.fdatasync(file.fileno())
            count += 1
    return count / seconds


async def alone(journal: Journal, seconds: float) -> list[float]:
    found, until = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        await journal.transact(lambda tx: tx.append(ENTRY))
        found.append(time.perf_counter() - began)
    return sorted(found)


async def together(journal: Journal, callers: int, seconds: float) -> tuple[float, float]:
    count, until, cpu = 0, time.perf_counter() + seconds, time.process_time()

    async def caller() -> None:
        nonlocal count
        while time.perf_counter() < until:
            await journal.transact(lambda tx: tx.append(ENTRY))
            count += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    return count / seconds, (time.process_time() - cpu) / count


async def main(folder: Path, seconds: float) -> None:
    sync = fdatasync_rate(folder, 1.0)
    print(f"fdatasync      {sync:8.0f} /s")
    path = folder / "journal.db"
    async with Journal.open(path, origin="acme.example/isthmus", keys=KEYS) as journal:
        times = await alone(journal, seconds)
        middle, late = times[len(times) // 2] * 1e3, times[len(times) * 99 // 100] * 1e3
        print(f"1 caller       p50 {middle:.3f} ms, p99 {late:.3f} ms")
        for callers in (32, 256):
            rate, cpu = await together(journal, callers, seconds)
            print(
                f"{callers:3} callers    {rate:8.0f} /s, {rate / sync:.1f} x fdatasync, {cpu * 1e6:.0f} us CPU a record"
            )
        await journal.checkpoint()
    began = time.perf_counter()
    report = verify(path, [journal.verification_key])
    print(f"verify         {report.size / (time.perf_counter() - began):8.0f} entries/s: {report.finding}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        asyncio.run(main(Path(name), float(sys.argv[2]) if len(sys.argv) > 2 else 3.0))
