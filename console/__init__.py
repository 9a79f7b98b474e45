"""Safekeep: the product without HTTP. `console.app.create_app` composes it with the pages."""
