"""The pages: parse, call one action, render. `register` puts them all on the application, closed by default."""

from flask import Flask

from blueprints import (
    address_gate,
    audit,
    chrome,
    confirm,
    data,
    dev_mail,
    errors,
    factors,
    form_session,
    gate,
    headers,
    health,
    me,
    me_browsers,
    me_session,
    overview,
    password,
    renew,
    security,
    sign_in,
    step_up,
    support,
    support_keys,  # noqa: F401 (adds its page to those of support)
    support_restrictions,  # noqa: F401 (adds its pages to those of support)
    support_staff,  # noqa: F401 (adds its pages to those of support)
    uploads,
    users,
)
from blueprints.limits import limiter
from blueprints.security import ip_ranges
from console.core.db import settings


def register(app: Flask) -> None:
    """Every page is served, and every one has a declared permission. **Raises:** Misconfigured where one has none."""
    # The gate is the first to see a request: whatever refuses it later needs to know whose it is, and nobody's form is
    # read before it has said that the sender may send it. The headers, put last, are the first to be added to an
    # answer: whatever fails after that, they are on it.
    errors.install(app)
    gate.install(app)
    address_gate.install(app)
    uploads.install(app)
    form_session.install(app)
    step_up.install(app)
    app.config["RATELIMIT_STORAGE_URI"] = settings().limits_url
    limiter.init_app(app)
    chrome.install(app)
    of_one = (me, me_browsers, me_session, step_up)
    for pages in (
        health,
        sign_in,
        confirm,
        renew,
        password,
        overview,
        users,
        data,
        security,
        ip_ranges,
        *of_one,
        audit,
        support,
    ):
        app.register_blueprint(pages.blueprint)
    factors.register(app)
    if settings().profile == "demo":
        app.register_blueprint(dev_mail.blueprint)
    headers.install(app)
    gate.seal(app)
