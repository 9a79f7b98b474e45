"""Is it alive, can it serve? For load balancers and monitors; says nothing about the inside."""

from flask import Blueprint, Response, jsonify
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from blueprints.gate import public
from console.core.db import db
from console.core.installation import Installation

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@public
def alive() -> Response:
    """200 as long as the process answers."""
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
@public
def ready() -> tuple[Response, int]:
    """200 if the database answers, else 503."""
    try:
        db.session.execute(select(Installation.id)).scalar_one()
    except SQLAlchemyError:
        db.session.rollback()
        return jsonify({"status": "unavailable"}), 503
    return jsonify({"status": "ok"}), 200
