"""The append-only, hash-chained record of who did what, from where, when, and why it was refused."""
