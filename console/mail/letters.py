"""What each mail says. One entry a kind: subject, sentences, and at most one link to act on."""

from dataclasses import dataclass
from html import escape

from console.core.errors import Invalid
from console.mail.models import Letter


@dataclass(frozen=True)
class Template:
    """One kind of mail. Texts are format strings over the facts that its sender gives."""

    subject: str
    paragraphs: tuple[str, ...]
    link_label: str | None = None


TEMPLATES: dict[str, Template] = {
    "invitation": Template(
        "{tenant} invites you to {company}",
        (
            "{by} added you to {tenant} as {role}. Your username is this e-mail address.",
            "Choose a password to start. The link works once, until {until}.",
        ),
        "Accept the invitation",
    ),
    "password_reset": Template(
        "Choose a new password for {company}",
        (
            "Somebody, probably you, asked for a new password for this address. The request came from {address}.",
            "The link works once, until {until}. If it was not you, ignore this mail: your password stays as it is.",
        ),
        "Choose a new password",
    ),
    "password_changed": Template(
        "Your password was changed",
        (
            "Your password for {company} was changed on {at} from {address}.",
            (
                "All other sessions were ended. If this was not you, ask for a new password at once and tell your"
                " administrator."
            ),
        ),
        "Sign in",
    ),
    "email_change_old": Template(
        "Your e-mail address is about to change",
        (
            "Your username for {company} is about to change from this address to {new_address}.",
            (
                "Both addresses must confirm. The link works once, until {until}. If you did not ask for this, do not"
                " open it, and change your password."
            ),
        ),
        "Confirm the change",
    ),
    "email_change_new": Template(
        "Confirm your new e-mail address",
        (
            "You asked to use this address as your username for {company}.",
            "Both addresses must confirm. The link works once, until {until}.",
        ),
        "Confirm this address",
    ),
    "username_changed": Template(
        "Your username was changed",
        (
            "Your username for {company} was changed on {at} by {by}.",
            "The new username is {new_address}. If you did not expect this, tell your administrator.",
        ),
    ),
    "new_browser": Template(
        "New sign-in to {company}",
        (
            "Your account was used on {at} from a browser that was not seen before: {browser}, address {address}.",
            "If this was you, there is nothing to do. If not, choose a new password at once.",
        ),
        "Choose a new password",
    ),
    "factor_added": Template(
        "A second factor was added to your account",
        (
            "{what} was added as a second factor to your account at {company} on {at} from {address}.",
            "All other sessions were ended. If this was not you, choose a new password and tell your administrator.",
        ),
        "Choose a new password",
    ),
    "factor_removed": Template(
        "A second factor was removed from your account",
        (
            "{what} was removed from the second factors of your account at {company} on {at} from {address}.",
            "All other sessions were ended. If this was not you, choose a new password and tell your administrator.",
        ),
        "Choose a new password",
    ),
    "factors_reset": Template(
        "Your second factors were reset",
        (
            "{by} removed all second factors and recovery codes of your account at {company} on {at}.",
            "Your sessions were ended. If you did not ask for this, tell another administrator of your company at once.",
        ),
        "Sign in",
    ),
    "recovery_codes_made": Template(
        "Your recovery codes were replaced",
        (
            "New recovery codes were made for your account at {company} on {at} from {address}. Earlier ones are dead.",
            "If this was not you, choose a new password at once and tell your administrator.",
        ),
        "Choose a new password",
    ),
    "recovery_code_used": Template(
        "A recovery code of yours was used",
        (
            "A recovery code was used for your account at {company} on {at} from {address}. Codes left: {left}.",
            "If this was not you, choose a new password at once and tell your administrator.",
        ),
        "Choose a new password",
    ),
    "suspended": Template(
        "Your access was suspended",
        ("Your access to {tenant} at {company} was suspended on {at}. Your administrator can tell you more.",),
    ),
    "reinstated": Template(
        "Your access works again", ("Your access to {tenant} at {company} was restored on {at}.",), "Sign in"
    ),
}


def write_letter(kind: str, *, to_name: str, to_address: str, facts: dict[str, str]) -> Letter:
    """The letter of `kind`. `facts["link"]` is the address behind its link, where the kind has one.

    **Raises:** Invalid where a fact would break out of a header line.
    """
    template = TEMPLATES[kind]
    subject = template.subject.format(**facts)
    if any(ord(character) < 32 for character in subject + to_name + to_address):  # control characters
        raise Invalid("A name or address holds a control character and cannot be written to.")
    sentences = [paragraph.format(**facts) for paragraph in template.paragraphs]
    link = facts.get("link", "") if template.link_label else ""
    greeting = f"Hello {to_name}," if to_name else "Hello,"
    closing = f"{facts['company']} sends this mail because it concerns your account."
    text = "\n\n".join([greeting, *sentences, *([f"{template.link_label}:\n{link}"] if link else []), closing]) + "\n"
    return Letter(to_name, to_address, subject, text, _html(greeting, sentences, template.link_label, link, closing))


def _html(greeting: str, sentences: list[str], label: str | None, link: str, closing: str) -> str:
    paragraphs = "".join(f'<p style="margin:0 0 16px">{escape(sentence)}</p>' for sentence in [greeting, *sentences])
    button = (
        f'<p style="margin:24px 0"><a href="{escape(link)}" style="background:#0f4f4a;color:#ffffff;'
        f'padding:12px 20px;border-radius:8px;text-decoration:none;font-weight:600">{escape(label or "")}</a></p>'
        f'<p style="margin:0 0 16px;color:#5b6664;font-size:13px;word-break:break-all">{escape(link)}</p>'
        if link
        else ""
    )
    return (
        '<!doctype html><html lang="en"><body style="margin:0;background:#f4f5f2;padding:32px 16px">'
        '<div style="max-width:520px;margin:0 auto;background:#ffffff;border-radius:12px;padding:32px;'
        'font:16px/1.5 -apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif;color:#16211f">'
        f"{paragraphs}{button}"
        f'<p style="margin:24px 0 0;color:#5b6664;font-size:13px">{escape(closing)}</p></div></body></html>\n'
    )
