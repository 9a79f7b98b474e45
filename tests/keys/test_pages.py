"""The page of the encryption key: who reads it, who replaces the key, and what it shows meanwhile and afterwards."""

from datetime import timedelta

import time_machine

from console.core import clock
from console.keys.models import State, rotations
from console.vault.rotation import SETTLING
from tests.keys.test_rotation import states
from tests.keys.test_stops import plant_damage

PAGE = "/security/keys"


def newest(house, tenant_id):
    with house.inside(tenant_id, write=False):
        return rotations(limit=1)[0].id


def test_an_owner_replaces_the_key_and_sees_how_it_ends(house, replacing):
    tenant_id, owner = house["owner"].tenant_id, house.signed_in("owner")
    page = owner.get(PAGE).text
    assert "Version 1" in page
    assert "Seals and opens" in page
    assert "People: 9" in page
    assert "Never replaced" in page
    answer = owner.post(f"{PAGE}/replace", {"reason": "Somebody left"}, form=PAGE)
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert "The key is being replaced" in owner.get(PAGE).text
    assert owner.get(f"{PAGE}/progress").json["finished"] is False
    rotation_id = newest(house, tenant_id)
    house.work()
    waiting = owner.get(f"{PAGE}/progress").json
    assert waiting["state"] == State.SETTLING
    assert 0 < waiting["seconds_left"] <= SETTLING.total_seconds()
    assert waiting["done"] == waiting["total"] > 0
    page = owner.get(PAGE).text
    assert "Opens only" in page
    with time_machine.travel(clock.now() + SETTLING + timedelta(seconds=5), tick=True):
        house.work()
    assert replacing.at(tenant_id, rotation_id).state == State.DONE
    page = owner.get(PAGE).text
    assert "Destroyed" in page
    assert "0 left in all" in page
    assert "Somebody left" in page
    assert "Olga Owner" in page
    assert owner.get(f"{PAGE}/progress").json["finished"] is True
    record = owner.get("/audit?area=keys").text
    assert "Began to replace the encryption key" in record
    assert "Replaced the encryption key" in record


def test_without_a_reason_nothing_begins(house):
    admin = house.signed_in("admin")
    answer = admin.post(f"{PAGE}/replace", {"reason": " "}, form=PAGE)
    assert answer.status_code == 422
    assert "Give a reason" in answer.text
    with house.inside(house["admin"].tenant_id, write=False):
        assert rotations(limit=1) == []


def test_while_one_is_under_way_there_is_no_second(house):
    manager = house.signed_in("security_manager")
    manager.post(f"{PAGE}/replace", {"reason": "One"}, form=PAGE)
    assert 'name="reason"' not in manager.get(PAGE).text
    assert manager.post(f"{PAGE}/replace", {"reason": "Two"}).status_code == 409


def test_an_auditor_reads_and_cannot_replace(house):
    auditor = house.signed_in("auditor")
    page = auditor.get(PAGE)
    assert page.status_code == 200
    assert "Replace the key" not in page.text
    assert auditor.post(f"{PAGE}/replace", {"reason": "Why not"}).status_code == 403
    assert house.signed_in("user_manager").get(PAGE).status_code == 403


def test_the_page_asks_again_who_it_is_when_that_is_long_ago_and_keeps_the_reason(house):
    owner = house.signed_in("owner")
    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=True):
        answer = owner.post(f"{PAGE}/replace", {"reason": "Kept through the question"}, form=PAGE)
        assert "Confirm that it is you" in answer.text
        assert "Kept through the question" in answer.text
    with house.inside(house["owner"].tenant_id, write=False):
        assert rotations(limit=1) == []


def test_what_stopped_it_is_named_and_it_can_go_on(house, replacing):
    tenant_id, owner = house["owner"].tenant_id, house.signed_in("owner")
    plant_damage(house, house["other_member"])
    stopped = replacing.whole(tenant_id)
    assert stopped.state == State.STOPPED
    page = owner.get(PAGE).text
    assert "The old key was kept" in page
    assert "People (1)" in page
    assert str(house["other_member"].id) in page
    answer = owner.post(f"{PAGE}/replace", {"reason": "Look again"}, form=PAGE)
    assert answer.status_code == 303
    assert replacing.at(tenant_id, stopped.id).state == State.CHECKING
    assert states(house, tenant_id) == {1: "decrypt_only", 2: "primary"}


def test_staff_see_root_versions_and_no_customers_keys(house):
    staff = house.signed_in("platform_administrator")
    page = staff.get("/support/keys").text
    assert "Root 1" in page
    assert "Wraps what is new" in page
    assert house.signed_in("agent").get("/support/keys").status_code == 403


def test_a_form_goes_on_working_though_the_hosts_key_is_replaced(house, replacing):
    """The form token is sealed under the host's key; whoever comes by meanwhile takes a new one along."""
    from console.core.ids import PLATFORM_TENANT_ID

    visitor = house.visitor()
    token = visitor.token("/sign-in")
    rotation_id = replacing.start(PLATFORM_TENANT_ID)
    house.work()
    assert visitor.get("/sign-in").status_code == 200
    assert replacing.finish(PLATFORM_TENANT_ID, rotation_id).state == State.DONE
    from tests.cast import PASSWORD

    fields = {"username": house["member"].email, "password": PASSWORD, "csrf_token": token}
    assert visitor.client.post("/sign-in", data=fields).status_code == 303
