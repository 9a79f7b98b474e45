"""`safekeep`: the operator's commands. Exit status 0 done, 1 refused or failed, 2 wrong usage."""

import os

import click

from console.commands import data, inspect, keys, people, serve


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="safekeep")
def main() -> None:
    """Run and look after a Safekeep installation.

    Settings come from SAFEKEEP_* environment variables, or from safekeep.toml in the instance folder.
    """
    os.umask(0o077)  # what an installation writes is for the account it runs as, and nobody else


for command in (
    serve.demo,
    serve.init,
    serve.run,
    serve.worker,
    people.tenant,
    people.user,
    people.staff,
    data.import_data,
    keys.keys,
    inspect.audit,
    inspect.doctor,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
