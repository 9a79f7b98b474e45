"""What people and programs must not be able to store, and what they may: each refusal stands at its field."""

import pytest

from tests.users.acts import act, add, edit, listed, main_text, open_edit, person_fields, problems

NAMES = {
    "nothing": ("", "Give a given name."),
    "spaces": (" \u00a0\u3000 ", "Give a given name."),
    "a letter that looks like nothing": ("\u3164", "Give a given name."),
    "an accent on nothing": ("\u0301", "Give a given name."),
    "NUL": ("Ni\0a", "cannot be shown (U+0000)"),
    "a line break": ("Nia\r\nBcc: eve@evil.example", "cannot be shown (U+000D)"),
    "a tab": ("Ni\ta", "cannot be shown (U+0009)"),
    "a line separator": ("Ni\u2028a", "cannot be shown (U+2028)"),
    "a right-to-left override": ("Ni\u202ea", "cannot be shown (U+202E)"),
    "an isolate": ("Ni\u2066a", "cannot be shown (U+2066)"),
    "a zero-width space": ("Ni\u200ba", "cannot be shown (U+200B)"),
    "a byte-order mark": ("\ufeffNia", "cannot be shown (U+FEFF)"),
    "a soft hyphen": ("Ni\u00ada", "cannot be shown (U+00AD)"),
    "hidden tags": ("Nia\U000e0041", "cannot be shown (U+E0041)"),
    "a private character": ("Ni\ue000a", "cannot be shown (U+E000)"),
    "10,000 characters": ("x" * 10_000, "at most 100 characters; this has 10000."),
}
ADDRESSES = {
    "nothing": ("", "Give an e-mail address."),
    "no at sign": ("nia", "should look like name@company.com"),
    "two at signs": ("nia@x@acme.example", "should look like"),
    "a domain without a dot": ("nia@intranet", "needs a dot"),
    "a reserved domain": ("nia@localhost", "should look like"),
    "a space": ("ni a@acme.example", "should look like"),
    "a display name": ("Nia <nia@acme.example>", "should look like"),
    "two addresses": ("nia@acme.example,eve@evil.example", "should look like"),
    "a header": ("nia@acme.example\nBcc: eve@evil.example", "should look like"),
    "NUL": ("nia\0@acme.example", "should look like"),
    "an override": ("nia\u202e@acme.example", "should look like"),
    "HTML": ("<script>@acme.example", "should look like"),
    "a Cyrillic a in the name": ("\u0430dmin@acme.example", "different scripts that look alike"),
    "a Cyrillic a in the domain": ("admin@\u0430cme.example", "different scripts that look alike"),
    "a Greek o": ("b\u03bfb@acme.example", "different scripts that look alike"),
    "255 characters": ("n" * 60 + "@" + "d" * 60 + "." + "d" * 60 + "." + "d" * 62 + ".example.com", ""),
    "10,000 characters": ("n" * 10_000 + "@acme.example", "at most 254 characters"),
}
PHONES = {
    "letters": "call me",
    "HTML": "<b>1234</b>",
    "a formula": "=1+1",
    "10,000 digits": "1" * 10_000,
    "NUL": "12\x003456",
    "digits of another script": "٠١٢٣٤٥٦",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_given_name_that_cannot_be_a_name_is_refused_at_its_field(house, name):
    typed, words = NAMES[name]
    answer = add(house.signed_in("admin"), given_name=typed)
    assert answer.status_code == 422
    assert words in problems(answer)["given_name"]
    assert 'value="Newcomb"' in answer.text, "the rest of the form is lost"


def test_each_bad_address_is_refused_at_its_field(house):
    admin = house.signed_in("admin")
    for what, (typed, words) in ADDRESSES.items():
        answer = add(admin, email=typed)
        assert answer.status_code == 422, what
        assert words in problems(answer)["email"], what
    assert len(listed(admin)) == 9


def test_each_bad_phone_title_and_time_zone_is_refused_at_its_field(house):
    admin = house.signed_in("admin")
    for what, typed in PHONES.items():
        answer = add(admin, phone=typed)
        assert answer.status_code == 422, what
        assert "A phone number has digits" in problems(answer)["phone"], what
    for typed in ("x" * 101, "a\0b", "a\u202eb"):
        assert "The title" in problems(add(admin, title=typed))["title"]
    for typed in ("Mars/Olympus", "../etc/passwd", "x" * 10_000, "UTC\0"):
        assert "Choose a time zone" in problems(add(admin, time_zone=typed))["time_zone"]


def test_all_bad_fields_are_told_at_once(house):
    answer = add(house.signed_in("admin"), given_name="", family_name="a\0", email="x", phone="y", title="z" * 200)
    assert set(problems(answer)) == {"given_name", "family_name", "email", "phone", "title"}
    assert "5 things need your attention" in answer.text


def test_a_form_without_any_field_is_refused_at_the_fields_it_needs(house):
    admin = house.signed_in("admin")
    answer = admin.post("/users/new")
    assert answer.status_code == 422
    assert set(problems(answer)) == {"given_name", "family_name", "email"}


def test_fields_sent_twice_or_as_arrays_do_no_harm(house):
    admin = house.signed_in("admin")
    fields = person_fields(given_name=["Nia", "Eve"], email=["nia@acme.example", "eve@acme.example"])
    assert admin.post("/users/new", fields, form="/users/new").status_code == 303
    assert "nia@acme.example" in listed(admin)
    assert "eve@acme.example" not in listed(admin)
    arrays = {f"{name}[]": value for name, value in person_fields(email="a@acme.example").items()}
    assert admin.post("/users/new", arrays, form="/users/new").status_code == 422


@pytest.mark.parametrize("body", [b"given_name=a%ED%A0%80", b"given_name=%FF%FE", b"given_name=%C3"])
def test_bytes_that_are_no_utf8_stand_there_as_they_were_sent_and_break_nothing(house, body):
    admin = house.signed_in("admin")
    token = admin.token("/users/new").encode()
    rest = b"&family_name=New&email=nia%40acme.example&csrf_token=" + token
    answer = admin.client.post("/users/new", data=body + rest, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 303
    assert body.decode().removeprefix("given_name=") in main_text(admin.get(answer.location))


def test_html_is_text_on_every_page_that_shows_a_person(house):
    admin = house.signed_in("admin")
    evil = '<script>alert("x")</script>'
    answer = add(admin, given_name=evil, family_name="</title><img src=x onerror=y>", title="{{ 7*7 }}<b>")
    assert answer.status_code == 303
    page = answer.location
    for path in (page, "/users", f"{page}/edit", f"{page}/delete", "/users?q=script", "/dev/mail"):
        house.work()
        shown = admin.get(path).text
        assert "<script>alert" not in shown, path
        assert "<img src=x" not in shown, path
        assert "49<b>" not in shown, path
    assert "{{ 7*7 }}&lt;b&gt;" in admin.get(page).text
    mail = house.mails("nia@acme.example")[-1]
    assert "<script>" not in mail.get_body(("html",)).get_content()
    assert "&lt;script&gt;" in mail.get_body(("html",)).get_content()
    listing = admin.get("/dev/mail").text
    link = listing.split('href="/dev/mail/')[1].split('"')[0]
    assert "<script>alert" not in admin.get(f"/dev/mail/{link}").text


def test_spaces_around_and_within_are_made_one(house):
    admin = house.signed_in("admin")
    page = add(admin, given_name="  Nia   Mae ", email=" nia@acme.example ").location
    form = open_edit(admin, page.rsplit("/", 1)[1])
    assert (form["given_name"], form["email"]) == ("Nia Mae", "nia@acme.example")


@pytest.mark.parametrize(
    ("given", "family"),
    [
        ("नर्\u200dस", "می\u200cخواهم"),
        ("José", "Nu\u0303ez"),
        ("D'Arcy", "O’Neill-Sørensen"),
        ("小明", "王"),
        ("X Æ A-12", "1st"),
        ("👩🏽‍🚀", "🚀"),
    ],
)
def test_names_as_people_have_them_are_kept_in_composed_form(house, given, family):
    import unicodedata

    admin = house.signed_in("admin")
    page = add(admin, given_name=given, family_name=family).location
    shown = admin.get(page).text
    assert unicodedata.normalize("NFC", family) in shown


@pytest.mark.parametrize(
    "typed", ["ADMIN@acme.example", "Admin@ACME.EXAMPLE", " admin@acme.example", "admin@Acme.example"]
)
def test_an_address_in_another_spelling_is_the_same_username(house, typed):
    answer = add(house.signed_in("owner"), email=typed)
    assert "is the username of Adam Admin already" in problems(answer)["email"]


def test_a_domain_in_punycode_is_the_same_username_as_in_letters(house):
    owner = house.signed_in("owner")
    assert add(owner, email="nia@bücher.example").status_code == 303
    answer = add(owner, email="nia@xn--bcher-kva.example")
    assert "is the username of Nia Newcomb already" in problems(answer)["email"]


def test_bad_input_in_an_edit_is_refused_at_its_field_too(house):
    admin, member = house.signed_in("admin"), house["member"]
    answer = edit(admin, member.id, given_name="\u202e", phone="x", email="\u0430dmin@acme.example")
    assert answer.status_code == 422
    assert set(problems(answer)) == {"given_name", "phone", "email"}
    assert open_edit(admin, member.id)["given_name"] == "Mika"


@pytest.mark.parametrize(
    "query",
    [
        "?q=%00",
        "?q=%ED%A0%80",
        "?q=" + "x" * 5000,
        "?role=emperor&state=gone&sort=-password&limit=0",
        "?limit=-5",
        "?limit=" + "9" * 30,
        "?limit=x&after=x&before=%00",
        "?after=" + "0" * 32 + "&before=" + "f" * 32,
        "?sort=--name",
        "?q=<script>alert(1)</script>",
        "?q[]=x&role[]=y",
    ],
)
def test_an_odd_address_bar_is_no_error_and_shows_nothing_raw(house, query):
    answer = house.signed_in("admin").get(f"/users{query}")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("path", ["/users/x", "/users/1", "/users/" + "0" * 31, "/users/../../etc", "/users/%00"])
def test_an_address_that_is_no_id_is_an_unknown_page(house, path):
    assert house.signed_in("admin").get(path).status_code == 404


def test_a_purposely_huge_form_is_refused_by_its_size(house):
    admin = house.signed_in("admin")
    answer = admin.post("/users/new", person_fields(title="x" * (2 * 2**20 + 1)), form="/users/new")
    assert answer.status_code == 413
    assert "Too large" in main_text(answer)


def test_a_reason_with_a_header_in_it_reaches_no_mail(house):
    act(house.signed_in("admin"), "suspend", house["member"].id, reason="Bye\r\nBcc: eve@evil.example")
    mail = house.mails(house["member"].email)[-1]
    assert mail["Bcc"] is None
    assert "evil." not in mail.as_string()
