"""What is otherwise here than it was in a recorded run: app, libraries, templates, machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from npsle_app.cli.record import Surroundings

_UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that is another one now."""

    name: str
    recorded: str
    here: str

    @property
    def line(self) -> str:
        """The change in words."""
        return f"{self.name}: {self.recorded} then, {self.here} here"


def find_changed_surroundings(recorded: Surroundings, here: Surroundings) -> list[Change]:
    """Name the facts that can decide digits and are others here; versions come first."""
    return [
        *_compare({"version of the app": recorded.version}, {"version of the app": here.version}),
        *_compare({"commit": recorded.commit}, {"commit": here.commit}),
        *_compare(_prefix("container", recorded.container), _prefix("container", here.container)),
        *_compare(_prefix("library", recorded.libraries), _prefix("library", here.libraries)),
        *_compare(_prefix("template", recorded.templates), _prefix("template", here.templates)),
        *_compare(_prefix("model", recorded.models), _prefix("model", here.models)),
        *_compare(_prefix("host", recorded.host), _prefix("host", here.host)),
    ]


def _prefix(kind: str, facts: Mapping[str, object] | None) -> dict[str, object]:
    return {f"{kind} {name}": value for name, value in (facts or {}).items()}


def _compare(before: Mapping[str, object], now: Mapping[str, object]) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *now)):
        one, other = (facts.get(name) for facts in (before, now))
        if one != other:
            yield Change(name, *(_say(value) for value in (one, other)))


def _say(value: object) -> str:
    return _UNKNOWN if value in (None, "") else str(value)
