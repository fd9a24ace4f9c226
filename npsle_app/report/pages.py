"""From a template of this package to a page that needs nothing but itself."""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def render(template: str, *, libraries: Sequence[str] = (), **context: object) -> str:
    """Fill a template; every text is escaped.

    Style and scripts are put into the page, `libraries` (scripts as they stand) before its own.
    Its content security policy names each by its hash, so that nothing else runs, whatever the
    texts hold.
    """
    style, script = (_asset(name) for name in ("style.css", "page.js"))
    scripts = [*libraries, script]
    page = _environment().get_template(template)
    return page.render(
        style=Markup(style),  # noqa: S704 - files of this package
        scripts=[Markup(one) for one in scripts],  # noqa: S704 - of this package and its libraries
        script_hashes=" ".join(f"'{_hash(one)}'" for one in scripts),
        **context,
    )


def _hash(script: str) -> str:
    digest = sha256(script.encode("utf-8")).digest()
    return f"sha256-{b64encode(digest).decode('ascii')}"


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
