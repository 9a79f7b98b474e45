"""The demo's mailbox: the mails that this installation wrote, as a person would read them. Demo profile only."""

import email
import email.policy
import re
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from blueprints.gate import public
from console.core.db import settings
from console.core.errors import NotFound

blueprint = Blueprint("dev_mail", __name__)
SHOWN = 100
_NAME = re.compile(r"[0-9a-f\-]{36}")


@blueprint.get("/dev/mail")
@public
def list_mails() -> ResponseReturnValue:
    """The newest mails first."""
    files = sorted(_folder().glob("*.eml"), key=lambda path: path.stat().st_mtime, reverse=True)[:SHOWN]
    return render_template("dev_mail/list.html", mails=[(path.stem, _read(path)) for path in files])


@blueprint.get("/dev/mail/<name>")
@public
def show(name: str) -> ResponseReturnValue:
    """One mail: its headers and its text, with the link it carries."""
    path = _folder() / f"{name}.eml"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise NotFound
    mail = _read(path)
    body = mail.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    links = re.findall(re.escape(settings().base_url) + r"/\S+", text)
    return render_template("dev_mail/mail.html", mail=mail, text=text, links=links)


def _folder() -> Path:
    return Path(urlsplit(settings().mail_url).path)


def _read(path: Path) -> EmailMessage:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 (the default policy makes these)
    return message
