"""Who comes through which door: the table in roles.txt, compared with what the application answers.

roles.txt has one line for each endpoint and method and one column for each kind of visitor:

    yes        the page answered, or the act was looked at (an unknown id, or a form that needs a change)
    no         403: the role does not allow it
    sign-in    sent to the sign-in form
    factor     sent to the second factor
    overview   sent to the overview

A new endpoint fails this test with the line to add. Read the line before adding it: it is who may come in.
"""

from pathlib import Path

import pytest

from tests.doors import doors, half_signed_in, opened, token_of

FILE = Path(__file__).with_name("roles.txt")
COLUMNS = {
    "nobody": None,
    "half": "agent",
    "owner": "owner",
    "admin": "admin",
    "user mgr": "user_manager",
    "sec. mgr": "security_manager",
    "auditor": "auditor",
    "member": "member",
    "agent": "agent",
    "platform": "platform_administrator",
}
"""Each column's heading, and who of the cast stands for it."""
WIDTHS = [44, 7, *(max(len(name), 8) + 1 for name in COLUMNS)]
SENT = {"/sign-in": "sign-in", "/sign-in/factor": "factor", "/overview": "overview"}
ENDS_THE_SESSION = ("sign_in.sign_out", "sign_in.submit", "me.change_password")


@pytest.fixture(scope="module")
def house(stage, tmp_path_factory):
    with opened(stage, tmp_path_factory.mktemp("roles")) as house:
        yield house


def line(*cells):
    return "".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def come_in(house, column):
    if column == "nobody":
        return house.visitor()
    return half_signed_in(house) if column == "half" else house.signed_in(COLUMNS[column])


def outcome(answer):
    """The word for that answer."""
    if answer.status_code == 303:
        return SENT.get(answer.location.partition("?")[0], "yes")
    if answer.status_code == 403:
        return "no"
    return "yes" if answer.status_code in (200, 404, 410, 409, 422) else str(answer.status_code)


def found_outcomes(house):
    """{(endpoint, method): [a word for each column]} as the application answers."""
    found = {(door.endpoint, door.method): [] for door in doors(house.app)}
    for column in COLUMNS:
        visitor = come_in(house, column)
        for door in doors(house.app):
            if door.method == "GET":
                answer = visitor.client.get(door.of(house, "acme"), buffered=True)
            else:
                answer = visitor.client.open(
                    door.unknown(), method=door.method, data={"csrf_token": token_of(visitor)}, buffered=True
                )
            found[door.endpoint, door.method].append(outcome(answer))
            if door.endpoint in ENDS_THE_SESSION:
                visitor = come_in(house, column)
    return found


def written_lines():
    return [text for text in FILE.read_text("utf-8").splitlines() if text.strip() and not text.startswith("#")]


def test_everybody_comes_through_the_doors_of_the_table_and_no_others(house):
    found = [line(*key, *words) for key, words in found_outcomes(house).items()]
    head, *written = written_lines()
    assert head == line("endpoint", "method", *COLUMNS)
    add = [text for text in found if text not in written]
    remove = [text for text in written if text not in found]
    assert not add + remove, "in tests/security/roles.txt\nadd:\n" + "\n".join(add) + "\nremove:\n" + "\n".join(remove)
    assert len(written) == len(set(written))


def test_every_role_has_a_column():
    from console.core.permissions import Role, StaffRole
    from tests.cast import PEOPLE, STAFF

    roles = {key: role for key, _given, _family, role in (*PEOPLE["acme"], *STAFF)}
    covered = {roles[key] for key in COLUMNS.values() if key}
    like_agents = {StaffRole.DATA_RETURN_OFFICER, StaffRole.APPROVER}
    assert covered == {*Role, *StaffRole} - like_agents
    from console.core.permissions import ROLE_PERMISSIONS

    for role in like_agents:
        assert ROLE_PERMISSIONS[role] == ROLE_PERMISSIONS[StaffRole.AGENT], (
            f"{role} needs a column, and a person of the cast"
        )
