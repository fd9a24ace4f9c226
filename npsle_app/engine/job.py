"""One stage of one unit of work, ready to be run anywhere."""

import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from npsle_app.engine import receipts
from npsle_app.engine.cost import Meter
from npsle_app.engine.files import write_text
from npsle_app.engine.stage import Outcome, Stage, Status

_LONGEST_REASON = 400
EARLIER = "earlier"
NO_MEMORY = "most likely for lack of memory: try a larger --mem-mb or a smaller --nprocs"


def refuse_nothing() -> Mapping[str, str]:
    """Accept every scan."""
    return {}


def earlier_name(name: str) -> str:
    """Name the argument that holds what a scan or a stage of the unit before left.

    Examples
    --------
    >>> earlier_name("wmh")
    'earlier_wmh'
    """
    return f"{EARLIER}_{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """The unit before, for a stage that looks back at it.

    `unit` is its key, `name` what people call it, and `jobs` all its stages.
    """

    unit: Any
    name: str
    scans: Mapping[str, Any]
    missing: Mapping[str, str]
    jobs: Mapping[str, "Job"]

    def prove(self, name: str) -> Outcome:
        """Say what an earlier run has left of a stage that this run does not make."""
        job = self.jobs[name]
        upstream = {above: self.prove(above) for above in job.stage.upstream}
        if job.earlier is not None:
            upstream |= {earlier_name(one): job.earlier.prove(one) for one in job.stage.before}
        return job.settle_from_disk(upstream, unit=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A stage with all that it is called with.

    Parameters
    ----------
    stage : Stage
        What to run.
    scans : mapping
        The scans that there are, by kind.
    missing : mapping
        For a kind without a scan, the reason in words; under "earlier", why there is no
        unit before.
    refusals : callable
        Checks the unit's scans when first asked, before anything is computed; returns the
        reason for each kind that was refused. It must survive pickling.
    settings : dataclass
        The stage's own section.
    out : object
        The stage's door for its files; handed on as it is.
    root : Path
        Output folder, which the receipt's paths are relative to.
    log : Path
        Folder of the receipt and, after a failure, of the traceback.
    prefix : str
        What their names begin with.
    version : str
        Version of the code.
    running_version : callable, optional
        Returns the version of the code in the process that computes; it must survive pickling.
    earlier : Earlier, optional
        The unit before, for a stage that looks back; None where there is none.
    """

    stage: Stage
    scans: Mapping[str, Any]
    settings: Any
    out: Any
    root: Path
    log: Path
    version: str
    prefix: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)
    refusals: Callable[[], Mapping[str, str]] = refuse_nothing
    running_version: Callable[[], str] | None = None
    earlier: Earlier | None = None

    @property
    def name(self) -> str:
        """What people call it: `sub-01_ses-1 anat`."""
        return f"{self.prefix.removesuffix('_')} {self.stage.name}".lstrip()

    @property
    def receipt(self) -> Path:
        """Where the receipt goes."""
        # not kept: of ten thousand participants these paths alone took 200 MB
        return self.log / f"{self.prefix}receipt-{self.stage.name}.json"

    @property
    def crash(self) -> Path:
        """Where the traceback goes, after a failure."""
        return self.log / f"{self.prefix}stage-{self.stage.name}_crash.txt"

    def settle(self, upstream: Mapping[str, Outcome]) -> Outcome | None:
        """Return the outcome if nothing has to be computed for it; None otherwise.

        Writes nothing. `upstream` holds the outcomes of the stages needed and used, and
        under `earlier_name` those of the unit before.
        """
        if (hindered := self._find_hindrance(upstream)) is not None:
            return hindered
        if (outputs := self._reuse(upstream)) is not None:
            return Outcome(Status.REUSED, outputs)
        return self._find_refusal()

    def foresee(self, upstream: Mapping[str, Outcome]) -> Outcome | None:
        """Return what `settle` will return, when files of `upstream` are still to be made."""
        return self._find_hindrance(upstream) or self._find_refusal()

    def settle_from_disk(self, upstream: Mapping[str, Outcome], *, unit: str) -> Outcome:
        """Return the outcome of a job that is not to be run, by what lies on disk alone."""
        hindered = self._find_hindrance(upstream)
        if hindered is not None and hindered.status is Status.ABSENT:
            return hindered
        if hindered is None and (outputs := self._reuse(upstream)) is not None:
            return Outcome(Status.REUSED, outputs)
        reason = f"{unit} is not part of this run and has no current output: run {unit} as well"
        return Outcome(Status.BLOCKED, reason=reason, unproven=True)

    def _find_hindrance(self, upstream: Mapping[str, Outcome]) -> Outcome | None:
        needs = self._needs(upstream) | self._unproven(upstream)
        if (absent := self._find_absent(needs)) is not None:
            return Outcome(Status.ABSENT, reason=absent)
        if waiting := [name for name, outcome in needs.items() if not outcome.ok]:
            before = (needs[name].reason for name in waiting if name not in self.stage.needs)
            why = next((f": {reason}" for reason in before if reason), "")
            return Outcome(Status.BLOCKED, reason=one_line(f"waited for {', '.join(waiting)}{why}"))
        return None

    def _needs(self, upstream: Mapping[str, Outcome]) -> dict[str, Outcome]:
        """Outcomes of the stages needed, by what people call them."""
        own = {name: upstream[name] for name in self.stage.needs}
        if self.earlier is None:
            return own
        before = {
            f"{name} of {self.earlier.name}": upstream[earlier_name(name)]
            for name in self.stage.earlier
        }
        return own | before

    def _unproven(self, upstream: Mapping[str, Outcome]) -> dict[str, Outcome]:
        """Outcomes of the unit before that would be used, had it been run."""
        if self.earlier is None:
            return {}
        used = {
            f"{name} of {self.earlier.name}": upstream[earlier_name(name)]
            for name in self.stage.earlier_uses
        }
        return {name: outcome for name, outcome in used.items() if outcome.unproven}

    def _find_refusal(self) -> Outcome | None:
        try:
            refused = self.refusals()
        except Exception as error:  # noqa: BLE001 - what one check raises ends no other job
            return Outcome(Status.FAILED, reason=f"its scans cannot be checked: {describe(error)}")
        taken = (*self.stage.scans, *self.stage.uses_scans, *self.stage.given)
        if reasons := [refused[kind] for kind in taken if kind in refused]:
            return Outcome(Status.FAILED, reason=one_line("; ".join(reasons)))
        return None

    def compute(self, upstream: Mapping[str, Outcome]) -> Outcome:
        """Run the stage, write its receipt, and never raise for what goes wrong in it."""
        if other := self._other_version():
            return Outcome(Status.FAILED, reason=other)
        meter = Meter()
        try:
            outputs, reason = self._make(upstream)
        except Exception as error:  # noqa: BLE001 - one stage's failure must not end the others
            outcome = Status.FAILED, None, describe(error)
            with suppress(OSError):  # the disk may be full: the reason stands in the outcome
                write_text(self.crash, "".join(traceback.format_exception(error)))
        else:
            outcome = Status.DONE, outputs, reason
            self.crash.unlink(missing_ok=True)
        return Outcome(*outcome, **meter.read())

    def _other_version(self) -> str:
        """Say what is wrong where this process runs other code than the run began with."""
        here = self.running_version() if self.running_version else self.version
        if here == self.version:
            return ""
        return (
            f"this worker runs version {here} and the run began with {self.version}: start "
            "workers from the same installation"
        )

    def _make(self, upstream: Mapping[str, Outcome]) -> tuple[Any, str]:
        # hashed before the run: what counts is the content that the stage was given
        inputs, facts = self._inputs(upstream), self._facts(upstream)
        before = receipts.read(self.receipt)
        change = receipts.find_change(before, facts, root=self.root) if before else None
        receipts.discard(self.receipt, root=self.root, kept=inputs)
        outputs = self.stage.run(**inputs, settings=self.settings, out=self.out)
        receipts.save(self.receipt, facts, outputs=outputs, root=self.root)
        return outputs, one_line(f"made anew: {change}") if change else ""

    def _reuse(self, upstream: Mapping[str, Outcome]) -> Any:
        content = receipts.read(self.receipt)
        if content is None:
            return None
        try:
            if receipts.find_change(content, self._facts(upstream), root=self.root):
                return None
            return receipts.restore(content, self.stage.outputs, root=self.root)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None  # whatever is wrong with the receipt: it proves nothing

    def _facts(self, upstream: Mapping[str, Outcome]) -> dict[str, Any]:
        return receipts.facts(
            version=self.version,
            stage=self.stage.name,
            settings=self.settings,
            inputs=self._inputs(upstream),
        )

    def _inputs(self, upstream: Mapping[str, Outcome]) -> dict[str, Any]:
        made = dict.fromkeys((*self.stage.needs, *self.stage.uses))
        alone = dict.fromkeys(map(earlier_name, self.stage.earlier_uses))
        scans = {kind: self.scans[kind] for kind in self.stage.scans}
        scans |= {kind: self.scans.get(kind) for kind in self.stage.uses_scans + self.stage.given}
        if self.earlier is not None:
            made |= dict.fromkeys(map(earlier_name, self.stage.before))
            scans |= {
                earlier_name(kind): self.earlier.scans[kind] for kind in self.stage.earlier_scans
            }
        outcomes = {name: upstream[name] for name in made}
        found = {name: done.outputs if done.ok else None for name, done in outcomes.items()}
        return scans | alone | found

    def _find_absent(self, needs: Mapping[str, Outcome]) -> str | None:
        if self.stage.looks_back and self.earlier is None:
            return one_line(self.missing.get(EARLIER, "no earlier unit"))
        lacking = [kind for kind in self.stage.scans if kind not in self.scans]
        used = self.stage.uses_scans
        if not self.stage.scans and not set(used) & set(self.scans):
            lacking += used[:1]
        if lacking:
            return one_line(self.missing.get(lacking[0], f"no {lacking[0]}"))
        for name, outcome in needs.items():
            if outcome.status is Status.ABSENT:
                return f"needs {name}, which is absent: {outcome.reason}"
        return self._find_absent_earlier()

    def _find_absent_earlier(self) -> str | None:
        if self.earlier is None:
            return None
        for kind in self.stage.earlier_scans:
            if kind not in self.earlier.scans:
                reason = self.earlier.missing.get(kind, f"no {kind}")
                return one_line(f"{self.earlier.name}: {reason}")
        return None


def describe(error: BaseException) -> str:
    """Say in one plain line what went wrong."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return one_line(f"{text} ({NO_MEMORY})" if isinstance(error, MemoryError) else text)


def printable(text: str) -> str:
    r"""Put a text on one line, without control characters.

    Examples
    --------
    >>> printable("no such\n\tfile")
    'no such file'
    """
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())


def one_line(text: str) -> str:
    """Put a text on one line, without control characters, at most 400 characters long."""
    words = printable(text)
    return words if len(words) <= _LONGEST_REASON else words[: _LONGEST_REASON - 1] + "…"
