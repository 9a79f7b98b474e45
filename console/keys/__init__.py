"""Replacing keys: where everything sealed lies, the work that seals it anew, and the proof that nothing was left."""
