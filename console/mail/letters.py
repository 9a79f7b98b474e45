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
    "email_confirm": Template(
        "Confirm your new e-mail address",
        (
            "{by} asked to use this address as the username of {name} for {company}, in place of {old_address}.",
            (
                "Nothing changes before you confirm. The link works once, until {until}. If you do not know about this,"
                " do not open it."
            ),
        ),
        "Confirm this address",
    ),
    "email_veto": Template(
        "Your username is about to change",
        (
            "{by} asked to change your username for {company} from this address to {new_address}.",
            (
                "It changes once the new mailbox has confirmed. If you know about this, there is nothing to do. If not,"
                " stop it: this works until then and for 72 hours after, ends all sessions and tells your administrators."
            ),
        ),
        "This was not agreed with me: stop it",
    ),
    "username_moved": Template(
        "Your username was changed",
        (
            "Your username for {company} was changed on {at} from this address to {new_address}. {by} asked for it.",
            (
                "If this was agreed with you, there is nothing to do. If not, take it back until {until}: this address is"
                " your username again, all sessions end, and your administrators are told."
            ),
        ),
        "This was not agreed with me: take it back",
    ),
    "username_change_stopped": Template(
        "A change of username was stopped",
        (
            "{by} had asked to change the username of {name} from {old_address} to {new_address}.",
            (
                "On {at} it was stopped from the old mailbox. The username is {old_address}, all sessions of this person"
                " were ended. If nobody of you meant the change, somebody may be using an account of yours: look at the"
                " audit record."
            ),
        ),
        "Open the person's page",
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
            (
                "Your account was used on {at} from a browser that was not seen before: {browser}, network {network},"
                " address {address}."
            ),
            "If this was you, there is nothing to do. If not, choose a new password at once.",
        ),
        "Choose a new password",
    ),
    "restrictions_lifted": Template(
        "The IP ranges of {tenant} do not count until {until}",
        (
            "Support staff of {company} lifted the IP range restrictions of {tenant} for {hours} hours, until {until}.",
            "{asked_by} asked for it and {approved_by} approved it. The reason given: {reason}",
            "People can sign in from any address until then. You can put the restrictions back at once.",
        ),
        "Look at the IP ranges",
    ),
    "policy_saved": Template(
        "The {what} of {tenant} were changed",
        (
            "{by} saved version {number} of the {what} of {tenant} on {at}{place}.{trial}",
            "What changed: {changes}.",
            "The reason given: {reason}.",
            "If you do not know about this, look at the version and at the audit record; you can return to an earlier one.",
        ),
        "Look at this version",
    ),
    "policy_reverted": Template(
        "The {what} of {tenant} are back at an earlier version",
        (
            "Version {number} of the {what} of {tenant} was on trial. Since {at} version {to_number} is in force again.",
            "Why, or who did it: {by}{place}.",
        ),
        "Look at the version that was tried",
    ),
    "confirmation": Template(
        "Your code to sign in to {company}",
        (
            "Your code is {code}.",
            (
                "It works for {minutes} minutes, in the browser that asked for it and nowhere else. Nobody of {company}"
                " will ever ask you for it."
            ),
            (
                "Somebody, probably you, gave the right password on {at}: {browser}, network {network} (address {address})."
                " If this was not you, somebody else knows your password. Use the link below, and choose a new password."
            ),
        ),
        "This was not me",
    ),
    "telephone_code": Template(
        "Somebody gave out a code for your account",
        (
            (
                "On {at}, {by} made a one-time code with which you can sign in to {company} within {minutes} minutes. It is"
                " told on the telephone and does not stand in any mail."
            ),
            "If you did not ask for it, tell another administrator of your company at once.",
        ),
    ),
    "sign_in_denied": Template(
        "{person} denies a sign-in to {company}",
        (
            (
                "Somebody gave the right password of {person} on {at}, from {from_browser} in the network {from_network}."
                " {person} says: this was not me."
            ),
            (
                "That sign-in was ended. The password is known to somebody else: see that {person} chooses a new one, or"
                " suspend the account until then."
            ),
        ),
        "Open this person's page",
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
    "too_many_codes": Template(
        "Somebody tries codes for your account",
        (
            "{tries} wrong codes were given for your account at {company} within a day, the last on {at} from {address}.",
            (
                "Whoever does this knows your password. Until the day is over no more codes are looked at in browsers that"
                " you did not use before; yours go on working. Choose a new password, and tell your administrator."
            ),
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
