"""The gate: which steps there are, the parts they need, how they are run and what is reported.

`steps` names the steps, `runner` runs them as child processes, `report` prints them, `parts` says when
something they need cannot be had, `postgres` and `chromium` bring up what they need, and `command` ties them.
"""
