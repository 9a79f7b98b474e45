"""Files for import tests, and the way a person takes them through the pages."""

import re
from uuid import UUID

from werkzeug.test import TestResponse

from console.users.imports import user_import
from tests.house import House, Visitor

HEADER = "given_name,family_name,email,role,phone,title,time_zone"


def csv_bytes(*rows: str, header: str = HEADER) -> bytes:
    return ("\r\n".join([header, *rows]) + "\r\n").encode()


def many(count: int, start: int = 0) -> list[str]:
    return [
        f"Anna{n},Lind{n},anna.lind{n}@new.example,member,+46 8 {n:06d},Clerk,UTC" for n in range(start, start + count)
    ]


def upload(visitor: Visitor, data: bytes, name: str = "people.csv") -> TestResponse:
    body, kind = multipart(visitor.token("/users/import"), data, name)
    return visitor.client.post("/users/import", data=body, content_type=kind)


def multipart(token: str, data: bytes, name: str = "people.csv") -> tuple[bytes, str]:
    """The form as a browser sends it; the test client would put a large one into a temporary file of its own."""
    edge = "edge0123456789"
    part = f"--{edge}\r\nContent-Disposition: form-data; name="
    fields = f'{part}"csrf_token"\r\n\r\n{token}\r\n{part}"file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
    return fields.encode() + data + f"\r\n--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"


def uploaded(visitor: Visitor, data: bytes) -> str:
    """The page of the import that the file became."""
    answer = upload(visitor, data)
    assert answer.status_code == 303, error_of(answer)
    return answer.location


def error_of(answer: TestResponse) -> str:
    """What the page says is wrong with the file."""
    found = re.search(r'<ul class="field-errors".*?</ul>', answer.text, re.DOTALL)
    text = found.group(0) if found else re.search(r"<main.*?</main>", answer.text, re.DOTALL).group(0)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def apply(house: House, visitor: Visitor, page: str, *, invite: bool = True, work: bool = True) -> None:
    answer = visitor.post(f"{page}/apply", {"invite": "yes"} if invite else {}, form=page)
    assert answer.status_code == 303, error_of(answer)
    if work:
        house.work()


def counts(house: House, page: str, key: str = "admin") -> dict[str, int]:
    with house.inside(house[key].tenant_id):
        return user_import(id_of(page)).counts


def state(house: House, page: str, key: str = "admin") -> str:
    with house.inside(house[key].tenant_id):
        return user_import(id_of(page)).state


def id_of(page: str) -> UUID:
    return UUID(page.rsplit("/", 1)[1])
