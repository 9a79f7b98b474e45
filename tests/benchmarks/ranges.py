"""How long one check of an address takes against 10,000 ranges, apart from parsing it; and how long compiling takes."""

import random
import time

from console.core import clock
from console.ip_ranges.addresses import address_value
from console.ip_ranges.entries import MOST_ENTRIES, RangeList, new_entry
from console.ip_ranges.rules import Compiled

CHECKS = 200_000


def measure_ranges() -> tuple[float, float, float]:
    """(microseconds a check, microseconds to parse an address, milliseconds to compile), half IPv4 and half IPv6."""
    draw = random.Random(7)
    texts = [f"{draw.randrange(1, 224)}.{draw.randrange(256)}.{n % 256}.0/28" for n in range(MOST_ENTRIES // 2)]
    texts += [f"2001:db8:{draw.randrange(65536):x}:{n:x}::/64" for n in range(MOST_ENTRIES // 2)]
    ranges = RangeList("enforce", entries=tuple(new_entry(text) for text in texts))
    now = clock.now()
    compiled = Compiled(ranges)
    start = time.perf_counter()
    compiled.table("member", now)
    compiling = time.perf_counter() - start
    addresses = [f"{draw.randrange(1, 224)}.{draw.randrange(256)}.{draw.randrange(256)}.9" for _ in range(500)]
    addresses += [f"2001:db8:{draw.randrange(65536):x}::9" for _ in range(500)]
    start = time.perf_counter()
    values = [value for text in addresses if (value := address_value(text))]
    parsing = (time.perf_counter() - start) / len(addresses)
    allows = compiled.allows
    start = time.perf_counter()
    for _ in range(CHECKS // len(values)):
        for version, value in values:
            allows(version, value, "member", now)
    return (time.perf_counter() - start) / CHECKS * 1e6, parsing * 1e6, compiling * 1e3


if __name__ == "__main__":
    check, parse, compile_ = measure_ranges()
    print(
        f"one check at {MOST_ENTRIES:,} ranges: {check:.2f} µs; parsing: {parse:.2f} µs; compiling: {compile_:.0f} ms"
    )
