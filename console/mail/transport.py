"""How mail leaves: real SMTP, or `.eml` files in a folder (demo and development)."""

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8, default
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from email_validator import validate_email

from console.core import clock
from console.core.errors import Misconfigured
from console.core.jobs import TryLater
from console.mail.models import Letter

SMTP_SECONDS = 20
NOT_ABOUT_THIS_MAIL = (503, 530, 535, 538)
"""5xx answers that say that this client is set up wrongly: an operator can mend that, so the mail is kept."""


class Transport(Protocol):
    """A way for mail to leave."""

    def send(self, letter: Letter, *, message_id: str) -> bool:
        """Hand the letter over. Answers False when it was refused for good. **Raises:** TryLater."""
        ...


def transport_from_url(url: str, *, sender: str) -> Transport:
    """The transport of `smtp://[user:password@]host[:port]`, `smtps://…` or `file:folder`. **Raises:** Misconfigured."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderTransport(Path(unquote(parts.path)), sender)
    if parts.scheme in ("smtp", "smtps") and parts.hostname:
        return SmtpTransport(url, sender)
    raise Misconfigured(f"SAFEKEEP_MAIL_URL is {url!r}; it must be smtp://host:port, smtps://host:port or file:folder.")


def compose(letter: Letter, *, sender: str, message_id: str) -> EmailMessage:
    """The letter as a message with a text and an HTML part. **Raises:** ValueError on a line break in a header."""
    mail = EmailMessage()
    name, address = parseaddr(sender)
    mail["From"] = Address(name, addr_spec=address)
    mail["To"] = recipient(letter)
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = f"<{message_id}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers to us
    mail.set_content(letter.text)
    mail.add_alternative(letter.html, subtype="html")
    return mail


def recipient(letter: Letter) -> Address:
    """To whom it goes. A domain is written as the name system knows it, whatever letters it is shown in."""
    address = validate_email(letter.to_address, check_deliverability=False, globally_deliverable=False)
    return Address(letter.to_name, username=address.local_part, domain=address.ascii_domain)


class FolderTransport:
    """Each mail becomes `<message id>.eml` in a folder, for demos and development."""

    def __init__(self, folder: Path, sender: str) -> None:
        self.folder, self.sender = folder, sender

    def send(self, letter: Letter, *, message_id: str) -> bool:
        """Write the mail under a temporary name, then rename it, so that a reader never sees half of it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self.folder / f"{message_id.split('@', maxsplit=1)[0]}.eml"
        partial = target.with_suffix(".part")
        mail = compose(letter, sender=self.sender, message_id=message_id)
        partial.write_bytes(mail.as_bytes(policy=default if recipient(letter).username.isascii() else SMTPUTF8))
        partial.rename(target)
        return True


class SmtpTransport:
    """A real mail server. TLS is used where it is offered, and verified."""

    def __init__(self, url: str, sender: str) -> None:
        self.parts, self.sender = urlsplit(url), sender

    def send(self, letter: Letter, *, message_id: str) -> bool:
        """Deliver to the server. A 4xx answer or no answer is tried later, a permanent refusal is final."""
        mail = compose(letter, sender=self.sender, message_id=message_id)
        try:
            with self._connect() as server:
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            if all(_permanent(code) for code, _text in error.recipients.values()):
                return False
            raise TryLater("the mail server refused the recipient for now") from error
        except smtplib.SMTPNotSupportedError:
            return False  # an address with letters beyond ASCII, and a server that takes none
        except smtplib.SMTPDataError as error:
            if _permanent(error.smtp_code):
                return False
            raise TryLater("the mail server refused the mail for now") from error
        except (OSError, smtplib.SMTPException) as error:
            raise TryLater(f"the mail server did not take the mail ({type(error).__name__})") from error
        return True

    def _connect(self) -> smtplib.SMTP:
        host = self.parts.hostname or "localhost"
        if self.parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, self.parts.port or 465, timeout=SMTP_SECONDS, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(host, self.parts.port or 25, timeout=SMTP_SECONDS)
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
                server.ehlo()
        if self.parts.username:
            server.login(unquote(self.parts.username), unquote(self.parts.password or ""))
        return server


def _permanent(code: int) -> bool:
    """Whether an SMTP answer is final for this mail. **Source:** RFC 5321, section 4.2.1."""
    return 500 <= code < 600 and code not in NOT_ABOUT_THIS_MAIL
