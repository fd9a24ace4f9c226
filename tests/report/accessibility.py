"""Whether all can use a page: a check of our own, and axe-core's where it was installed."""

import sys
from pathlib import Path

import pytest

from tests.report.browser import Page

_OWN = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_AXE = Path("node_modules", "axe-core", "axe.min.js")
_PLACES = (Path(sys.prefix, "share", "axe"), *Path(__file__).parents)


def find_faults(page: Page) -> list[str]:
    """Return what breaks a rule of `accessibility.js`."""
    faults: list[str] = page.evaluate(_OWN)
    return faults


def find_serious_violations(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical; skip the test where it is not installed."""
    script = next((place / _AXE for place in _PLACES if (place / _AXE).is_file()), None)
    if script is None:
        pytest.skip("needs axe-core: scripts/setup --dev installs it where there is npm")
    page.evaluate(script.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then((found) => found.violations)")
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:120]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
