"""`python -m tests`: the one test command."""

import sys

from tests.gate.command import main

sys.exit(main(sys.argv[1:]))
