"""A real mail server on loopback that can be told to refuse, to hang, or to be away."""

import email
import email.policy
import threading
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller

from tests.commands.processes import free_port, wait_until


class MailServer:
    """What aiosmtpd hands mail to, and what a test can set."""

    def __init__(self):
        self.port = free_port()
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.rcpt_answer: str | None = None
        self.data_answer: str | None = None
        self.tries = 0
        self.hold = threading.Event()
        self.hold.set()
        self.controller: Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    def stop(self) -> None:
        if self.controller is not None:
            self.controller.stop()
            self.controller = None

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        self.tries += 1
        if self.rcpt_answer:
            return self.rcpt_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        import asyncio

        while not self.hold.is_set():
            await asyncio.sleep(0.02)
        if self.data_answer:
            return self.data_answer
        self.recipients.append(list(envelope.rcpt_tos))
        self.messages.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    def wait_for(self, count: int) -> list[EmailMessage]:
        wait_until(lambda: len(self.messages) >= count, why=f"{len(self.messages)} of {count} mails came")
        return self.messages


@pytest.fixture
def mail_server():
    server = MailServer()
    server.start()
    yield server
    server.hold.set()
    server.stop()
