"""Who would suspend or delete themselves is told at once why not, and what to do instead."""

import pytest

from tests.users.acts import main_text


@pytest.mark.parametrize("verb", ["suspend", "delete"])
def test_the_page_that_would_ask_refuses_at_once_with_the_way_out(house, verb):
    admin, person = house.signed_in("admin"), house["admin"]
    for answer in (admin.get(f"/users/{person.id}/{verb}"), admin.post(f"/users/{person.id}/{verb}")):
        assert answer.status_code == 409
        text = main_text(answer)
        assert f"You cannot {verb} yourself: your session would end in the middle" in text
        assert "Ask another owner or administrator to do it." in text
    assert admin.get("/me").status_code == 200


def test_a_choice_of_many_with_oneself_in_it_leaves_oneself_out_and_refuses_what_was_sent_all_the_same(house):
    admin = house.signed_in("admin")
    chosen = {"verb": "delete", "ids": [str(house["member"].id), str(house["admin"].id)]}
    page = admin.post("/users/bulk", chosen, form="/users")
    assert page.status_code == 200
    assert "You cannot do this to yourself." in main_text(page)
    answer = admin.post("/users/bulk", {**chosen, "confirmed": "yes"}, form="/users")
    assert answer.status_code == 409
    assert "Leave yourself out, then the others can be chosen." in main_text(answer)


def test_somebody_elses_page_still_asks(house):
    assert house.signed_in("admin").get(f"/users/{house['member'].id}/delete").status_code == 200
