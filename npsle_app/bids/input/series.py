"""Which diffusion runs of a session are measured, and which show their distortion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError

from npsle_app.arrays import Floats
from npsle_app.bids.input.choosing import KINDS, NOT_MAGNITUDE, Candidate
from npsle_app.bids.input.filters import Wanted, matches
from npsle_app.bids.input.gradients import WEIGHTED_B, read_table
from npsle_app.bids.input.scans import Choice, Scan
from npsle_app.bids.input.sidecars import inherited, read_metadata

_SAME_GRID_MM = 0.05
_OPPOSITE = {"AP": "PA", "PA": "AP", "LR": "RL", "RL": "LR", "SI": "IS", "IS": "SI"}
_REASONS = (
    "its header can be read",
    "it has most directions",
    "there is an image of reversed phase encoding",
    "it has the smallest voxels",
    "its name comes first",
)
_ALONG = {"AP": "j", "PA": "j", "LR": "i", "RL": "i", "SI": "k", "IS": "k"}


@dataclass(frozen=True)
class Run:
    """One image of the folders `dwi` or `fmap`, with what its header and sidecars say."""

    candidate: Candidate

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.candidate.path

    @cached_property
    def metadata(self) -> Mapping[str, object]:
        """What its sidecars say."""
        return read_metadata(self.path)

    @cached_property
    def grid(self) -> tuple[tuple[int, ...], Floats] | None:
        """Shape and affine; None where it cannot be read."""
        try:
            image = nib.load(self.path)
        except (OSError, EOFError, ImageFileError, ValueError):
            return None
        return image.shape[:3], image.affine  # type: ignore[attr-defined]

    @cached_property
    def encoding(self) -> tuple[str, str]:
        """Axis (`i`, `j`, `k` or empty) and a word for the direction along it (or empty).

        The direction is the sign of `PhaseEncodingDirection`; without it the label `dir-`.
        """
        told = str(self.metadata.get("PhaseEncodingDirection") or "")
        if told[:1] in ("i", "j", "k"):
            return told[0], "-" if told.endswith("-") else "+"
        label = str(self.candidate.entities.get("direction") or "").upper()
        axis = str(self.metadata.get("PhaseEncodingAxis") or "")[:1] or _ALONG.get(label, "")
        return axis, label

    @cached_property
    def n_weighted(self) -> int:
        """Number of diffusion-weighted volumes; 0 where that cannot be told."""
        try:
            return int((read_table(self.path, extension=".bval") > WEIGHTED_B).sum())
        except ValueError:
            return 0

    def is_on_grid_of(self, other: "Run") -> bool:
        """Whether shape and affine are the same."""
        if self.grid is None or other.grid is None or self.grid[0] != other.grid[0]:
            return False
        return bool(np.allclose(self.grid[1], other.grid[1], atol=_SAME_GRID_MM))

    def is_reverse_of(self, other: "Run") -> bool:
        """Whether it was encoded along the same axis, the other way."""
        (axis, way), (other_axis, other_way) = self.encoding, other.encoding
        if not axis or axis != other_axis:
            return False
        return {way, other_way} == {"+", "-"} or _OPPOSITE.get(way) == other_way != ""

    def scan(self, *, runs: tuple[Scan, ...] = (), reverse: tuple[Scan, ...] = ()) -> Scan:
        """Return what a stage is handed."""
        tables = [inherited(self.path, extension=end)[-1:] for end in (".bval", ".bvec")]
        return Scan(
            self.path, dict(self.metadata), tables=(*tables[0], *tables[1]), runs=runs,
            reverse=reverse,
        )  # fmt: skip


@dataclass
class _Group:
    """Runs that are one series: of one grid and one phase encoding."""

    runs: list[Run] = field(default_factory=list)
    reverse: list[Run] = field(default_factory=list)

    def takes(self, run: Run) -> bool:
        first = self.runs[0]
        return run.is_on_grid_of(first) and run.encoding == first.encoding

    @property
    def rank(self) -> tuple[object, ...]:
        first = self.runs[0]
        return (
            first.grid is None,
            -sum(run.n_weighted for run in self.runs),
            not self.reverse,
            round(float(np.prod(first.candidate.zooms)), 2),
            first.path.name,
        )


def choose_series(candidates: Sequence[Candidate], *, wanted: Mapping[str, Wanted]) -> Choice:
    """Pick the runs that are measured as one series, and those of reversed phase encoding.

    Runs of one grid and one phase encoding are appended to one another. Of several series the
    one with most weighted volumes is taken, then one with an image of reversed phase encoding,
    then that of smaller voxels, then that whose name comes first. Images of the same axis
    encoded the other way, from `dwi` or `fmap`, serve to undo the distortion; the user's
    filter does not touch these.
    """
    fitting = [
        Run(one)
        for one in candidates
        if matches(one.entities, {**KINDS["dwi"].query, **wanted})
        and (one.entities.get("part") not in NOT_MAGNITUDE or "part" in wanted)
    ]
    if not fitting:
        asked = " that the filter file asks for" if wanted else ""
        return Choice("dwi", None, f"no DWI series{asked}")
    groups = _group(fitting)
    for group in groups:
        group.reverse = _find_reverse(group.runs[0], candidates)
    chosen = min(groups, key=lambda group: group.rank)
    first, *more = chosen.runs
    used = {run.path for run in (*chosen.runs, *chosen.reverse)}
    scan = first.scan(
        runs=tuple(run.scan() for run in more), reverse=tuple(run.scan() for run in chosen.reverse)
    )
    others = tuple(run.path for run in fitting if run.path not in used)
    return Choice("dwi", scan, _say_why(groups, chosen, wanted=wanted), others)


def phase_axis(scan: Scan) -> int | None:
    """Return the image axis of phase encoding, 0 to 2; None where nothing tells it."""
    label = next((part[4:] for part in scan.path.name.split("_") if part.startswith("dir-")), None)
    run = Run(Candidate(scan.path, {"direction": label}))
    axis = run.encoding[0]
    return "ijk".index(axis) if axis else None


def find_preprocessed(
    derivatives: Mapping[str, Path], *, participant: str, session: str | None
) -> Choice | None:
    """Find `desc-preproc_dwi` in datasets given with `--derivatives`; the first by name."""
    folders = [f"sub-{participant}", *([f"ses-{session}"] if session else []), "dwi"]
    for name, root in sorted(derivatives.items()):
        found = sorted(root.joinpath(*folders).glob("*_desc-preproc_dwi.nii*"))
        if found:
            tables = [inherited(found[0], extension=end)[-1:] for end in (".bval", ".bvec")]
            scan = Scan(
                found[0], read_metadata(found[0]), tables=(*tables[0], *tables[1]),
                preprocessed=True,
            )  # fmt: skip
            why = f"preprocessed by another program (--derivatives {name})"
            return Choice("dwi", scan, why, tuple(found[1:]))
    return None


def _group(runs: Sequence[Run]) -> list[_Group]:
    groups: list[_Group] = []
    for run in sorted(runs, key=lambda one: one.path.name):
        home = next((group for group in groups if group.takes(run)), None)
        if home is None:
            groups.append(_Group([run]))
        else:
            home.runs.append(run)
    return groups


def _find_reverse(first: Run, candidates: Sequence[Candidate]) -> list[Run]:
    """Return the images of the same axis encoded the other way: of `fmap` first."""
    places = {"fmap": "epi", "dwi": "dwi"}
    found = [
        Run(one)
        for datatype, suffix in places.items()
        for one in sorted(candidates, key=lambda one: one.path.name)
        if matches(one.entities, {"datatype": datatype, "suffix": suffix})
        and one.entities.get("part") not in NOT_MAGNITUDE
    ]
    usable = [
        run for run in found
        if run.is_reverse_of(first) and run.is_on_grid_of(first) and _is_meant_for(run, first)
    ]  # fmt: skip
    return usable[:1]


def _is_meant_for(run: Run, series: Run) -> bool:
    """Whether `IntendedFor`, where there is one, names the series."""
    told = run.metadata.get("IntendedFor")
    names = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    return not names or any(str(name).endswith(series.path.name) for name in names)


def _say_why(groups: Sequence[_Group], chosen: _Group, *, wanted: Mapping[str, Wanted]) -> str:
    asked = " that the filter file asks for" if wanted else ""
    runs = f" in {len(chosen.runs)} runs" if len(chosen.runs) > 1 else ""
    told = f"the only series{asked}{runs}"
    if len(groups) > 1:
        second = sorted(groups, key=lambda group: group.rank)[1]
        both = zip(_REASONS, chosen.rank, second.rank, strict=True)
        why = next((text for text, own, other in both if own != other), _REASONS[-1])
        differ = "that differ in grid or phase encoding"
        told = f"of {len(groups)} series{asked} {differ}, {why}{runs}"
    if chosen.reverse:
        told += f"; reversed phase encoding: {chosen.reverse[0].path.name}"
    return told
