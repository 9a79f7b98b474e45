"""Mail: written with the act that wants it, sent by the worker over real SMTP, and forgotten once sent."""

from contextlib import contextmanager
from dataclasses import replace
from string import Formatter

import pytest
import time_machine
from sqlalchemy import select

from console.core import clock
from console.core.db import db
from console.core.errors import Invalid
from console.core.jobs import FIRST_RETRY_SECONDS, MAX_ATTEMPTS, Job
from console.mail.actions import post
from console.mail.letters import TEMPLATES, write_letter
from console.mail.models import MailMessage
from console.mail.transport import SmtpTransport, transport_from_url
from tests import databases
from tests.commands.processes import environment, running, wait_until
from tests.users.acts import accept, act, add, added

CANARIES = ("Zanzibarina", "Quokkasson", "zanzi.canary@acme.example", "Wombat Whisperer", "+44 20 7946 0999")


def over_smtp(house, server):
    """From here on this installation sends to that server; what waited before has left already."""
    house.work()
    house.app.extensions["safekeep.transport"] = SmtpTransport(server.url, "Safekeep <no-reply@safekeep.example>")


def rows(house, key="admin"):
    with house.inside(house[key].tenant_id, write=False):
        invitations = select(MailMessage).where(MailMessage.kind == "invitation")
        return [(row.kind, row.state, row.sealed) for row in db.session.execute(invitations).scalars()]


def mail_job(house):
    """State, attempts, seconds until the next try and reason of the newest mail job."""
    with house.inside(write=False):
        job = db.session.execute(select(Job).where(Job.kind == "mail").order_by(Job.id.desc()).limit(1)).scalar_one()
        return job.state, job.attempts, (job.run_after_at - clock.now()).total_seconds(), job.reason


@contextmanager
def real_worker(house, server):
    house.work()
    database = house.settings.database_url.rsplit("/", 1)[1] if databases.POSTGRESQL else None
    env = environment(
        house.settings.instance,
        database,
        SAFEKEEP_MAIL_URL=server.url,
        SAFEKEEP_MAIL_FROM="Safekeep <no-reply@safekeep.example>",
    )
    with running(env, "worker") as process:
        yield process


def test_a_real_worker_sends_the_invitation_over_real_smtp_in_text_and_html(house, mail_server):
    admin = house.signed_in("admin")
    with real_worker(house, mail_server):
        added(admin, given_name="Zoë", family_name='O\'Brien, "Zed"')
        mail = mail_server.wait_for(1)[0]
        wait_until(lambda: [state for _kind, state, _sealed in rows(house)] == ["sent"])
    assert mail_server.recipients == [["nia@acme.example"]]
    assert mail["To"].addresses[0].display_name == 'Zoë O\'Brien, "Zed"'
    assert mail["To"].addresses[0].addr_spec == "nia@acme.example"
    assert str(mail["From"]) == "Safekeep <no-reply@safekeep.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    link = f"{house.settings.base_url}/invitations/"
    assert link in text
    assert f'href="{link}' in html
    assert "Zoë O&#x27;Brien, &quot;Zed&quot;" in html


def test_an_act_that_is_rolled_back_leaves_no_mail_and_no_job(house):
    admin = house.signed_in("admin")
    assert add(admin, email=house["member"].email).status_code == 422
    answer = admin.post(
        "/users/bulk",
        {"verb": "suspend", "confirmed": "yes", "ids": [str(house["member"].id), str(house["invited"].id)]},
        form="/users",
    )
    assert answer.status_code == 409
    assert house.mails(house["member"].email) == []


def test_a_failure_after_the_mail_was_posted_takes_the_mail_back(house):
    with pytest.raises(RuntimeError, match="later"), house.inside(house["admin"].tenant_id):
        facts = {"tenant": "T", "by": "A", "role": "Member", "until": "u", "link": "l"}
        post("invitation", to_name="A", to_address="a@b.example", facts=facts)
        raise RuntimeError("later")
    assert rows(house) == []


def test_a_server_that_is_down_gets_the_mail_after_it_recovered(house, mail_server):
    mail_server.stop()
    over_smtp(house, mail_server)
    added(house.signed_in("admin"))
    house.work()
    state, attempts, wait_seconds, reason = mail_job(house)
    assert (state, attempts) == ("queued", 1)
    assert 0 < wait_seconds <= FIRST_RETRY_SECONDS
    assert "did not take the mail" in reason
    mail_server.start()
    house.work()
    assert not mail_server.messages, "it did not wait before trying again"
    with time_machine.travel(clock.now().timestamp() + FIRST_RETRY_SECONDS + 1, tick=True):
        house.work()
    assert len(mail_server.messages) == 1
    assert rows(house) == [("invitation", "sent", None)]


def test_each_retry_waits_longer_and_the_last_one_gives_up_and_drops_the_content(house, mail_server):
    mail_server.rcpt_answer = "451 try again later"
    over_smtp(house, mail_server)
    added(house.signed_in("admin"))
    waits = []
    with time_machine.travel(clock.now(), tick=True) as traveller:
        for _attempt in range(MAX_ATTEMPTS):
            house.work()
            state, _attempts, wait_seconds, _reason = mail_job(house)
            waits.append(round(wait_seconds, -0))
            traveller.shift(wait_seconds + 1)
    assert mail_server.tries == MAX_ATTEMPTS
    assert waits[:5] == [5, 10, 20, 40, 80]
    assert state == "failed"
    assert rows(house) == [("invitation", "failed", None)]


@pytest.mark.parametrize(
    ("where", "answer", "state"),
    [
        ("rcpt_answer", "450 mailbox busy", "waiting"),
        ("rcpt_answer", "550 no such user", "failed"),
        ("rcpt_answer", "521 does not take mail", "failed"),
        ("rcpt_answer", "530 authentication required", "waiting"),
        ("data_answer", "452 disk full", "waiting"),
        ("data_answer", "554 looks like spam", "failed"),
    ],
)
def test_4xx_is_tried_later_and_5xx_is_final(house, mail_server, where, answer, state):
    setattr(mail_server, where, answer)
    over_smtp(house, mail_server)
    added(house.signed_in("admin"))
    house.work()
    assert [found for _kind, found, _sealed in rows(house)] == [state]
    assert (mail_job(house)[0] == "queued") == (state == "waiting")
    if state == "failed":
        assert rows(house)[0][2] is None


def test_a_mail_server_that_hangs_holds_up_nothing_but_mail(house, mail_server):
    admin = house.signed_in("admin")
    mail_server.hold.clear()
    with real_worker(house, mail_server):
        added(admin)
        wait_until(lambda: mail_server.tries == 1, why="the worker did not come to the mail server")
        assert add(admin, email="meanwhile@acme.example").status_code == 303
        assert act(admin, "suspend", house["member"].id).status_code == 303
        mail_server.hold.set()
        mail_server.wait_for(3)


def test_what_mails_say_is_nowhere_in_the_installation_in_clear(house, mail_server):
    mail_server.rcpt_answer = "451 later"
    over_smtp(house, mail_server)
    given, family, address, title, phone = CANARIES
    admin = house.signed_in("admin")
    added(admin, given_name=given, family_name=family, email=address, title=title, phone=phone)
    house.work()
    assert rows(house)[0][1] == "waiting"
    raw = b""
    if databases.POSTGRESQL:
        from sqlalchemy import create_engine, text

        engine = create_engine(databases.superuser_url(house.settings.database_url.rsplit("/", 1)[1]))
        with engine.connect() as connection:
            tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
            for table in list(tables):
                found = connection.execute(text(f'SELECT t.*::text FROM "{table}" t')).all()
                raw += repr(found).encode()
        engine.dispose()
    files = [path for path in house.settings.instance.rglob("*") if path.is_file()]
    assert databases.POSTGRESQL or any(path.name.endswith("-wal") for path in files), "the scan misses the WAL"
    raw += b"".join(path.read_bytes() for path in files)
    assert b"mail_messages" in raw or databases.POSTGRESQL
    for canary in (*CANARIES, "invites you", "/invitations/"):
        for encoding in ("utf-8", "utf-16-le"):
            assert canary.encode(encoding) not in raw, f"{canary} lies in clear"


def test_what_a_mail_said_is_dropped_once_it_was_sent(house, mail_server):
    over_smtp(house, mail_server)
    added(house.signed_in("admin"))
    assert rows(house)[0][2] is not None
    house.work()
    assert rows(house) == [("invitation", "sent", None)]


def test_a_mail_is_sent_once_however_often_the_job_is_looked_at(house, mail_server):
    over_smtp(house, mail_server)
    added(house.signed_in("admin"))
    for _time in range(3):
        house.work()
    assert len(mail_server.messages) == 1


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\x1b", "\r\nBcc: eve@evil.example\r\n\r\n<b>"])
@pytest.mark.parametrize("where", ["to_name", "to_address", "tenant"])
def test_no_letter_can_be_written_with_a_control_character_in_a_header(house, character, where):
    given = {"to_name": "Nia", "to_address": "nia@acme.example", "tenant": "Acme"}
    given[where] += character
    facts = {"tenant": given.pop("tenant"), "by": "A", "role": "Member", "until": "u", "link": "l", "company": "S"}
    with house.inside(house["admin"].tenant_id), pytest.raises(Invalid):
        write_letter("invitation", **given, facts=facts)


def sentences(kind):
    """What a mail of that kind says, before its facts are filled in."""
    template = TEMPLATES[kind]
    return (template.subject, *template.paragraphs)


@pytest.mark.parametrize("kind", TEMPLATES)
def test_every_kind_of_mail_has_the_same_words_in_text_and_html(kind):
    facts = dict.fromkeys(
        {name for paragraph in sentences(kind) for _text, name, _spec, _as in Formatter().parse(paragraph) if name},
        "<fact & more>",
    )
    facts["link"] = "https://console.example/x?a=1&b=2"
    letter = write_letter(kind, to_name="<Nia>", to_address="nia@acme.example", facts=facts)
    assert "Hello <Nia>," in letter.text
    assert "Hello &lt;Nia&gt;," in letter.html
    assert "<fact" not in letter.html
    has_link = TEMPLATES[kind].link_label is not None
    assert ("https://console.example/x?a=1&b=2" in letter.text) == has_link
    assert ('href="https://console.example/x?a=1&amp;b=2"' in letter.html) == has_link


def test_an_address_beyond_ascii_is_written_to(house, mail_server):
    over_smtp(house, mail_server)
    added(house.signed_in("admin"), email="почта@почта.example")
    house.work()
    assert [state for _kind, state, _sealed in rows(house)] == ["sent"]
    assert mail_server.recipients == [["почта@xn--80a1acny.example"]]


def test_an_address_beyond_ascii_reaches_the_demos_mailbox(house):
    added(house.signed_in("admin"), email="почта@почта.example")
    assert accept(house, "почта@xn--80a1acny.example").status_code == 303


def test_a_mail_address_that_is_no_address_stops_the_boot(house):
    from console.core.errors import Misconfigured

    for url in ("http://x", "smtp://", "sendmail", ""):
        with pytest.raises(Misconfigured, match="SAFEKEEP_MAIL_URL"):
            transport_from_url(url, sender=replace(house.settings).mail_from)
