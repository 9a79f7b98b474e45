"""Speed, as ratios within one run: `python -m tests.benchmarks`. Not part of the gate, and no test asserts a time."""
