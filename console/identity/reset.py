"""Ask for a new password. The request only leaves a note; a worker looks up whose name it is, and writes the mail.

So the request does the same work for known and unknown names, and its time tells nothing about who has an account (P07).
"""

from datetime import timedelta
from uuid import UUID

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import budgets, jobs
from console.core.actor import Actor
from console.core.db import bind_tenant, settings, unit_of_work
from console.core.ids import new_id
from console.core.lookups import find_lookup
from console.mail.actions import post
from console.users.links import give_link
from console.users.models import State, User, spoken_time, user, username_digest
from console.vault.access import platform_keys

JOB = "password-reset"
RESETS_AN_HOUR = 5
WINDOW_SECONDS = 3600


def ask_password_reset(username: str, *, by: Actor) -> None:
    """If the username is an active person's, a reset link will be on its way. The work here is the same either way.

    What was typed is kept under the platform's key, and only until the worker had its turn.
    """
    digest = username_digest(username.strip())
    key = platform_keys().index("tries-reset", digest)
    if budgets.spend(key, limit=RESETS_AN_HOUR, window_seconds=WINDOW_SECONDS):
        return
    job_id = new_id()
    asked = {"username": username.strip(), "address": by.address, "browser": by.browser, "reference": by.reference}
    jobs.enqueue(JOB, job_id=job_id, sealed=platform_keys().seal(jobs.Job.__tablename__, job_id, asked))


def send_reset(run: jobs.Run) -> None:
    """The worker's part: link, mail and entry in one transaction, for a known and active person; else nothing.

    **Records:** identity:password_reset:asked, with address and browser of whoever asked.
    """
    if run.sealed is None:
        return
    with unit_of_work():
        run.checkpoint(1, 1)
        asked = platform_keys().open(jobs.Job.__tablename__, run.job_id, run.sealed)
        by = Actor(kind="anonymous", address=asked["address"], browser=asked["browser"], reference=asked["reference"])
        found = find_lookup("username", username_digest(asked["username"]))
        if found is not None:
            bind_tenant(found[0])
            _send_to(found[1], by)


def _send_to(user_id: UUID, by: Actor) -> None:
    person = user(user_id)
    if person.state != State.ACTIVE:
        return
    send_reset_link(person, by=by)
    record(Tag.PASSWORD_RESET_ASKED, by=by, subject=("user", person.id))


def send_reset_link(person: User, *, by: Actor) -> None:
    """A link to choose a new password is on its way to the person; earlier ones are dead."""
    link = give_link("password_reset", person.id, valid_for=timedelta(minutes=settings().password_reset_minutes))
    post(
        "password_reset",
        to_name=person.details.name,
        to_address=person.details.email,
        facts={
            "address": by.address or "an unknown address",
            "link": link.url,
            "until": spoken_time(link.expires_at, person.details.time_zone),
        },
    )
