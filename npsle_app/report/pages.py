"""From a template of this package to a page that needs nothing but itself."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def render(template: str, **context: object) -> str:
    """Fill a template; every text is escaped.

    Style and script are put into the page. Its content security policy names the script by
    its hash, so that nothing else runs, whatever the texts hold.
    """
    style, script = (_asset(name) for name in ("style.css", "page.js"))
    digest = b64encode(sha256(script.encode()).digest()).decode("ascii")
    page = _environment().get_template(template)
    return page.render(
        style=Markup(style),  # noqa: S704 - files of this package
        script=Markup(script),  # noqa: S704
        script_hash=f"sha256-{digest}",
        **context,
    )


@cache
def _environment() -> Environment:

    return Environment(
        loader=PackageLoader("npsle_app.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _asset(name: str) -> str:
    return files("npsle_app.report").joinpath("templates", name).read_text(encoding="utf-8")
