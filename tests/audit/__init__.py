"""The audit record, seen through the real pages and commands."""
