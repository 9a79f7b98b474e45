"""The pages about Customer Data: bringing it in, finding it, reading it."""

from flask import Blueprint

blueprint = Blueprint("data", __name__, url_prefix="/data")
