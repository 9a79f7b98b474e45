"""What every application of one process works out alike is worked out once: time is saved, and nothing is replaced.

Each test has an application of its own. To compile the same templates and the same URL rules for each of two thousand
applications took longer than the tests themselves.
"""

import functools
import gc

from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule


class SharedBytecode(BytecodeCache):
    """Compiled templates with the checksum of their source: one that reads otherwise is compiled anew."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        checksum, code = self.kept.get(bucket.key, ("", b""))
        if checksum == bucket.checksum:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = (bucket.checksum, bucket.bytecode_to_string())


def work_out_once() -> None:
    """Applications made from now on in this process share their compiled templates and URL rules."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": SharedBytecode()}
    Rule._compile_builder = _once(Rule._compile_builder)


def _once(compiled):
    """The two functions that Werkzeug writes for a rule depend on its text and defaults alone; the rule is handed in."""
    kept = {}

    @functools.wraps(compiled)
    def compile_builder(self: Rule, append_unknown: bool = True):
        defaults = tuple(sorted((name, repr(value)) for name, value in (self.defaults or {}).items()))
        key = (append_unknown, self.rule, tuple(self._trace), defaults)
        if key not in kept:
            kept[key] = compiled(self, append_unknown)
        return kept[key]

    return compile_builder


def leave_standing() -> None:
    """What was made so far stays to the end, so that no collection looks through it again."""
    gc.collect()
    gc.freeze()
