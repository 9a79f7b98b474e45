"""The product's tests, laid out by area; `python -m tests` is the whole gate."""
