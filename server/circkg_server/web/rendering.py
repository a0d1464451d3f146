"""Renders pages: one Jinja environment for all, every value escaped, an unknown name an error."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

_PAGES = Environment(
    loader=PackageLoader("circkg_server.web", "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)

ICON = (files("circkg_server.web") / "favicon.svg").read_text(encoding="utf-8")
"""The icon of the site, as SVG; every page names it."""


def render(template: str, *, root: str = "", **values: object) -> str:
    """Return a page.

    :param template: name of a file of ``web/templates``, which extends ``layout.html``.
    :param root: path or address under which the server is reached, without a slash at its end; links begin with it.
    :param values: what the template names.
    :raises jinja2.UndefinedError: if the template names a value that is not given.
    """
    return _PAGES.get_template(template).render(root=root, **values)
