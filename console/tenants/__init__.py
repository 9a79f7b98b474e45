"""The Customer: its name, state, agreed term, and the counts that lists show without counting."""
