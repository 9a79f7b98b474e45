"""The six kinds of refusal. Which HTTP status each becomes is decided in `blueprints/errors.py` alone."""

from collections.abc import Mapping


class ConsoleError(Exception):
    """Raised when the product refuses. `message` is safe to show; `facts` are for the log only."""

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts


class Invalid(ConsoleError):
    """Raised when input is not acceptable; `fields` maps a form field to its message."""

    def __init__(self, message: str, fields: Mapping[str, str] | None = None, **facts: object) -> None:
        super().__init__(message, **facts)
        self.fields = dict(fields or {})


class NotFound(ConsoleError):
    """Raised when there is no such thing for this tenant, which includes another tenant's."""

    def __init__(self, message: str = "There is nothing at this address.", **facts: object) -> None:
        super().__init__(message, **facts)


class Forbidden(ConsoleError):
    """Raised when the actor's role does not allow the act."""


class Conflict(ConsoleError):
    """Raised when the present state forbids the act."""


class Throttled(ConsoleError):
    """Raised when something was tried too often. The message ends with how long to wait."""

    def __init__(self, message: str, *, retry_after_seconds: int, **facts: object) -> None:
        super().__init__(f"{message} Try again in {spoken_wait(retry_after_seconds)}.", **facts)
        self.retry_after_seconds = retry_after_seconds


def spoken_wait(seconds: int) -> str:
    """A wait as people say it, never shorter than it is: "40 seconds", "4 minutes", "2 hours"."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size or (seconds > size and unit == "minute"):
            return f"{-(-seconds // size)} {unit}s"
    return "1 second" if seconds <= 1 else "1 minute" if seconds == 60 else f"{seconds} seconds"


class Gone(ConsoleError):
    """Raised when the thing existed and has ended: a used link, destroyed data."""


class Misconfigured(Exception):
    """Raised when this installation is not safe to run; the message names the cause and the remedy."""
