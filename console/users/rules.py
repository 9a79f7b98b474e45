"""Decisions about people: which input is acceptable, who may manage whom. Values in, value out."""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from zoneinfo import available_timezones

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

from console.core.actor import Actor
from console.core.errors import Forbidden, Invalid
from console.core.permissions import Role, StaffRole, may, permission_to_manage, role_label
from console.users.models import Details

NAME_CHARACTERS = 100
TITLE_CHARACTERS = 100
PHONE_CHARACTERS = 40
EMAIL_CHARACTERS = 254
"""RFC 5321, section 4.5.3.1.3, less the angle brackets."""

_PHONE = re.compile(r"[0-9+][0-9 ()./\-]{3,}(?:(?:ext|x)\.? ?[0-9]+)?", re.IGNORECASE)
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories that show nothing, or reorder text: they can make one person look like another."""
_JOINERS = "\u200c\u200d"
"""The two hidden characters that some scripts are spelt with."""
_LOST = "\ufffd"
"""What a text in another encoding turns into on its way here."""
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters that look like nothing."""
_PLAIN_EMAIL = re.compile(
    r"([a-zA-Z0-9_!#$%&'*+\-/=?^`{|}~]+(?:\.[a-zA-Z0-9_!#$%&'*+\-/=?^`{|}~]+)*)"
    r"@((?:(?!..--)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+"
    r"(?!..--)([a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?))"
)
"""An address in plain ASCII without quotes, address literals and Punycode: mailbox, domain, top-level domain."""
_SPECIAL_ENDINGS = frozenset(name.rsplit(".", 1)[-1] for name in SPECIAL_USE_DOMAIN_NAMES)
_SPECIAL_MAILBOXES = frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
"""Scripts with letters that look alike. An address that mixes two of them imitates another address."""


def clean_details(details: Details) -> Details:
    """The details in their stored form: NFC, no stray spaces, address in its normal spelling.

    **Raises:** Invalid with one message a field.
    """
    problems: dict[str, str] = {}
    cleaned: dict[str, str] = {}
    for field, check in _CHECKS.items():
        try:
            cleaned[field] = check(_spaces(getattr(details, field)))
        except ValueError as error:
            problems[field] = str(error)
    if problems:
        raise Invalid("Some fields need a change.", problems)
    return Details(**cleaned)


def clean_email(text: str) -> str:
    """An e-mail address in its normal spelling. **Raises:** ValueError with what is wrong."""
    if not text:
        raise ValueError("Give an e-mail address.")
    if len(text) > EMAIL_CHARACTERS:
        raise ValueError(f"An e-mail address has at most {EMAIL_CHARACTERS} characters.")
    plain = _plain_email(text)
    return plain if plain is not None else _other_email(text)


def _plain_email(text: str) -> str | None:
    """What `_other_email` answers, at a twentieth of its cost, for the addresses that nearly everybody has; else None."""
    found = _PLAIN_EMAIL.fullmatch(text)
    if found is None:
        return None
    mailbox, domain, ending = found.groups()
    if ending.lower() in _SPECIAL_ENDINGS or mailbox.lower() in _SPECIAL_MAILBOXES:
        return None
    return f"{mailbox}@{domain.lower()}"


def _other_email(text: str) -> str:
    mailbox = text.rpartition("@")[0]
    if unicodedata.normalize("NFKC", mailbox) != unicodedata.normalize("NFC", mailbox):
        raise ValueError(
            "The part before the @ holds letters in an unusual form, such as full-width ones, that look like plain"
            " letters. Type it with plain letters."
        )
    try:
        # Whether mail arrives shows when the invitation is sent; company-internal domains are in use, too.
        address = validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise ValueError("This is not an e-mail address. It should look like name@company.com.") from error
    if "." not in address.domain:
        raise ValueError("The part after the @ needs a dot, as in company.com.")
    if any(len(_scripts_of(part)) > 1 for part in (address.local_part, *address.domain.split("."))):
        raise ValueError("This address mixes letters of different scripts that look alike.")
    return address.normalized


def _spaces(text: str) -> str:
    """NFC, without spaces at the ends and runs of spaces. Other white space stays, to be refused by name."""
    plain = text if text.isascii() else unicodedata.normalize("NFC", text)
    return (re.sub(" {2,}", " ", plain) if "  " in plain else plain).strip(" ")


def _printable(text: str, what: str, longest: int) -> str:
    for character in "" if text.isprintable() and _LOST not in text else text:
        hidden = unicodedata.category(character) in _HIDDEN and character not in _JOINERS
        if hidden or character == _LOST:
            raise ValueError(f"{what} holds a character that cannot be shown (U+{ord(character):04X}). Remove it.")
    if len(text) > longest:
        raise ValueError(f"{what} has at most {longest} characters; this has {len(text)}.")
    return text


def _shows(character: str) -> bool:
    """Whether there is something to see of it by itself: a letter, digit, symbol or punctuation mark."""
    return unicodedata.category(character)[0] in "LNSP" and character not in _BLANK


def _name(what: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        text = _printable(text, f"The {what}", NAME_CHARACTERS)
        if "://" in text:
            raise ValueError(f"The {what} cannot hold an address of a web page.")  # mails begin with it
        if not any(_shows(character) for character in text):
            raise ValueError(f"Give a {what}.")
        return text

    return check


def _phone(text: str) -> str:
    if not text:
        return ""
    if len(text) > PHONE_CHARACTERS or not _PHONE.fullmatch(text):
        raise ValueError("A phone number has digits, spaces and + ( ) / . - only, such as +44 20 7946 0018.")
    return text


def _title(text: str) -> str:
    return _printable(text, "The title", TITLE_CHARACTERS)


def _time_zone(text: str) -> str:
    if text not in _time_zone_names():
        raise ValueError("Choose a time zone from the list, such as Europe/Berlin.")
    return text


_CHECKS: dict[str, Callable[[str], str]] = {
    "given_name": _name("given name"),
    "family_name": _name("family name"),
    "email": clean_email,
    "phone": _phone,
    "title": _title,
    "time_zone": _time_zone,
}


@cache
def time_zones() -> tuple[str, ...]:
    """The names of all time zones, sorted, UTC first."""
    return ("UTC", *sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")))


@cache
def _time_zone_names() -> frozenset[str]:
    return frozenset(time_zones())


def _scripts_of(text: str) -> set[str]:
    names = (
        unicodedata.name(character, "").removeprefix("FULLWIDTH ").split(" ")[0]
        for character in text
        if character.isalpha()
    )
    return {name for name in names if name in _SCRIPTS}


_MARKS = re.compile(
    "[" + "".join(chr(code) for code in range(0x300, 0x20000) if unicodedata.combining(chr(code))) + "]+"
)
"""Accents and other marks that stand on a letter: searching and sorting pass over them."""

_TYPED_AS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}  # noqa: RUF001 (the Turkish letter)
)
"""Latin letters that Unicode does not take apart, as people type them whose keyboard lacks them."""


def folded(text: str) -> str:
    """Text as it is searched and sorted: without case and accents, special letters as they are typed elsewhere."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_TYPED_AS)
    return _MARKS.sub("", plain)


def plain_spelling(email: str) -> str:
    """The address with its mailbox as it reads without accents and dotless letters: "amára@x.com" → "amara@x.com".

    Empty where that is nothing else, or where the mailbox is in another script.
    """
    mailbox, _, domain = email.rpartition("@")
    if mailbox.isascii():
        return ""
    plain = folded(mailbox)
    return f"{plain}@{domain}" if plain.isascii() else ""


def check_may_manage(by: Actor, *roles: str) -> None:
    """Nothing happens if `by` may manage people of all `roles`. **Raises:** Forbidden."""
    if by.kind == "system":
        return
    for role in roles:
        if not may(by.role, permission_to_manage(role)):
            raise Forbidden(f"Your role does not allow changing people with the role {role_label(role)}.")


def assignable_roles(by: Actor) -> list[Role]:
    """The roles that `by` may give to somebody, most powerful first."""
    return [role for role in Role if may(by.role, permission_to_manage(role))]


def check_role(role: str, *, staff: bool) -> str:
    """`role` if it exists for such a tenant. **Raises:** Invalid."""
    known = [str(item) for item in (StaffRole if staff else Role)]
    if role not in known:
        raise Invalid("There is no such role.", {"role": f"Choose one of: {', '.join(known)}."})
    return role
