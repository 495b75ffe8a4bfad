"""Append entries from a process of its own: `appender.py <path> <name> <callers> <entries or seconds s> [payload]`.

Prints `key <vkey>`, then each acknowledged index, then `worst <milliseconds>`.
"""

import asyncio
import os
import sys
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isthmus.core.journal import Entry, Journal, JournalKeys, Kind

KEYS = JournalKeys(sealing=b"s" * 32, signing=Ed25519PrivateKey.from_private_bytes(b"k" * 32), pseudonyms=b"p" * 32)


async def main(path: str, name: str, callers: int, amount: str, payload: bool) -> None:
    loop = asyncio.get_running_loop()
    worst = [0.0]
    async with Journal.open(path, origin="acme.example/isthmus", keys=KEYS, reserve=1 << 16) as journal:
        os.write(1, f"key {journal.verification_key}\n".encode())
        if amount.endswith("s"):
            # All processes start together, at a full second well after the slowest has opened.
            start = float(sys.argv[6]) if len(sys.argv) > 6 else time.time()
            await asyncio.sleep(max(0.0, start - time.time()))
        until = loop.time() + float(amount[:-1]) if amount.endswith("s") else float("inf")
        left = [int(amount) if amount.isdecimal() else 10**9]

        async def caller(number: int) -> None:
            entry = Entry(kind=Kind.OUTCOME, attempt=f"{name}-{number}", agent=name, on_behalf_of=f"user-{number}")
            while left[0] > 0 and loop.time() < until:
                left[0] -= 1
                began = loop.time()
                index = await journal.transact(lambda tx: tx.append(entry, {"note": "x" * 1_000} if payload else None))
                worst[0] = max(worst[0], loop.time() - began)
                os.write(1, f"{index}\n".encode())

        await asyncio.gather(*(caller(number) for number in range(callers)))
    os.write(1, f"worst {worst[0] * 1_000:.1f}\n".encode())


asyncio.run(main(*sys.argv[1:3], int(sys.argv[3]), sys.argv[4], "payload" in sys.argv[5:6]))
