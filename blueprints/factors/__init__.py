"""Second factors: one's own, at sign-in, and a colleague's reset."""

from flask import Flask

from blueprints.factors import mine, reset, sign_in


def register(app: Flask) -> None:
    """The pages are served."""
    for pages in (mine, reset, sign_in):
        app.register_blueprint(pages.blueprint)
