"""Along which axis, which way and how long an echo-planar image was encoded.

Images of opposite phase encoding are distorted the opposite way. What that asks for is told by
sidecars, else by the label `dir-`; directions are compared in the room, since two images may
lie on different grids.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine

from npsle_app.arrays import Floats
from npsle_app.bids.input.choosing import Candidate
from npsle_app.bids.input.gradients import WEIGHTED_B, read_plain_b_values
from npsle_app.bids.input.images import Header
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.input.sidecars import inherited

_SAME_GRID_MM = 0.05
_SAME_WAY = math.cos(math.radians(10))
_LEAST_SHARED = 0.8
_INNER = 0.8  # the rim of a field of view holds no head
_READOUT_S = (0.001, 1.0)
_TOWARDS: Mapping[str, tuple[int, int, int]] = {
    "AP": (0, -1, 0), "PA": (0, 1, 0), "LR": (1, 0, 0), "RL": (-1, 0, 0), "SI": (0, 0, -1),
    "IS": (0, 0, 1),
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One image of the folders `dwi` or `fmap`, with what its header and sidecars say."""

    candidate: Candidate

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.candidate.path

    @property
    def metadata(self) -> Mapping[str, object]:
        """What its sidecars say."""
        return self.candidate.metadata

    @property
    def header(self) -> Header | None:
        """What its header says; None where it cannot be read."""
        return self.candidate.header

    @cached_property
    def encoding(self) -> tuple[str, str]:
        """Axis (`i`, `j`, `k` or empty) and a word for the direction along it (or empty).

        The direction is the sign of `PhaseEncodingDirection`; without it the label `dir-`.
        """
        told = str(self.metadata.get("PhaseEncodingDirection") or "")
        if told[:1] in ("i", "j", "k"):
            return told[0], "-" if told.endswith("-") else "+"
        axis = str(self.metadata.get("PhaseEncodingAxis") or "")[:1]
        return axis or self._axis_of_label(), self.label if self.label in _TOWARDS else ""

    @property
    def label(self) -> str:
        """Its label `dir-`, in capitals."""
        return str(self.candidate.entities.get("direction") or "").upper()

    @cached_property
    def direction(self) -> Floats | None:
        """Unit vector of the encoding in the world; None where its sign is not known."""
        axis, way = self.encoding
        if way in _TOWARDS:
            return np.array(_TOWARDS[way], dtype=float)
        if not axis or not way or self.header is None:
            return None
        along = self.header.affine[:3, "ijk".index(axis)]
        unit: Floats = along / np.linalg.norm(along) * (-1 if way == "-" else 1)
        return unit

    @property
    def contradicts_itself(self) -> bool:
        """Whether its sidecar and its label `dir-` name opposite directions."""
        told = _TOWARDS.get(self.label)
        if told is None or self.direction is None:
            return False
        return bool(self.direction @ np.array(told, dtype=float) < -_SAME_WAY)

    @cached_property
    def readout_s(self) -> float | None:
        """`TotalReadoutTime`, or what echo spacing and matrix make of it; None if not told."""
        told = self.metadata.get("TotalReadoutTime")
        if told is None:
            spacing, lines = (
                self.metadata.get(name) for name in ("EffectiveEchoSpacing", "ReconMatrixPE")
            )
            if isinstance(spacing, int | float) and isinstance(lines, int | float):
                told = spacing * (lines - 1)
        if not isinstance(told, int | float) or isinstance(told, bool):
            return None
        seconds = _as_seconds(float(told))
        return seconds if _READOUT_S[0] <= seconds <= _READOUT_S[1] else None

    @property
    def echo_time_s(self) -> float | None:
        """`EchoTime`; None if not told."""
        told = self.metadata.get("EchoTime")
        return _as_seconds(float(told)) if isinstance(told, int | float) else None

    @cached_property
    def n_weighted(self) -> int:
        """Number of diffusion-weighted volumes; 0 where that cannot be told."""
        b_values = read_plain_b_values(self.path)
        return 0 if b_values is None else int((b_values > WEIGHTED_B).sum())

    def is_on_grid_of(self, other: "Run") -> bool:
        """Whether shape and affine are the same."""
        if self.header is None or other.header is None:
            return False
        if self.header.shape[:3] != other.header.shape[:3]:
            return False
        return bool(np.allclose(self.header.affine, other.header.affine, atol=_SAME_GRID_MM))

    def scan(self, *, runs: tuple[Scan, ...] = (), reverse: tuple[Scan, ...] = ()) -> Scan:
        """Return what a stage is handed."""
        tables = [inherited(self.path, extension=end)[-1:] for end in (".bval", ".bvec")]
        return Scan(
            self.path, dict(self.metadata), tables=(*tables[0], *tables[1]), runs=runs,
            reverse=reverse,
        )  # fmt: skip

    def _axis_of_label(self) -> str:
        """Find the image axis next to the one that the label names."""
        towards = _TOWARDS.get(self.label)
        if towards is None:
            return ""
        if self.header is None:
            return "ijk"[int(np.argmax(np.abs(towards)))]
        axes = self.header.affine[:3, :3] / np.linalg.norm(self.header.affine[:3, :3], axis=0)
        return "ijk"[int(np.argmax(np.abs(np.array(towards, dtype=float) @ axes)))]


def why_not_reverse(run: Run, series: Run) -> str:
    """Return why an image cannot show the distortion of a series; nothing where it can.

    Grids and readout times may differ: the image is brought to the grid of the series, and the
    readout times are weighed against one another.
    """
    axis, _ = series.encoding
    if not axis:
        return "the phase encoding of the series is not known: add PhaseEncodingDirection"
    if run.header is None or series.header is None:
        return ""  # its own check says more
    if is_doubtful(run, series):
        return _why_not_there(run.header, series.header)
    if run.direction is None or series.direction is None:
        return (
            "which way it or the series was encoded is not known: add PhaseEncodingDirection to "
            "both sidecars"
        )
    alike = float(run.direction @ series.direction)
    if alike > _SAME_WAY:
        return "it was encoded the same way as the series"
    if alike > -_SAME_WAY:
        angle = math.degrees(math.acos(min(abs(alike), 1.0)))
        return f"it was encoded along another axis, {angle:.0f}° off"
    return _why_not_there(run.header, series.header)


def is_doubtful(run: Run, series: Run) -> bool:
    """Whether only the images can tell that one is the reverse of the other.

    A sidecar and a label contradict each other, so that the pair may be one of opposite encoding;
    or nothing is told of a field map, which is made for no other end.
    """
    if series.direction is None:
        return False
    if run.direction is None:
        return run.candidate.entities.get("datatype") == "fmap" and not run.encoding[0]
    same = float(run.direction @ series.direction) > _SAME_WAY
    return same and run.contradicts_itself != series.contradicts_itself


def distortion_ratio(series: Scan, reverse: Scan) -> float:
    """Say how far in mm the reversed image is displaced where the series is displaced by 1 mm.

    That is as the readout times, times the voxel edges along the phase encoding; readout times
    that are not told are taken for the same.
    """
    first, second = (as_run(scan) for scan in (series, reverse))
    ratio = 1.0
    if first.readout_s and second.readout_s:
        ratio = second.readout_s / first.readout_s
    edges = [_edge_along(run) for run in (first, second)]
    return ratio * edges[1] / edges[0] if all(edges) else ratio


def as_run(scan: Scan) -> Run:
    """Look at a scan as a run again."""
    parts = scan.path.name.split("_")
    label = next((part[4:] for part in parts if part.startswith("dir-")), None)
    return Run(Candidate(scan.path, {"direction": label, "datatype": scan.path.parent.name}))


def _as_seconds(told: float) -> float:
    """Read a duration of an echo train: above 1 it can only be told in ms."""
    return told / 1000 if told > _READOUT_S[1] else told


def phase_axis(scan: Scan) -> int | None:
    """Return the image axis of phase encoding, 0 to 2; None where nothing tells it."""
    axis = as_run(scan).encoding[0]
    return "ijk".index(axis) if axis else None


def _edge_along(run: Run) -> float:
    if run.header is None or run.encoding[0] not in ("i", "j", "k"):
        return 0.0
    return float(np.linalg.norm(run.header.affine[:3, "ijk".index(run.encoding[0])]))


def _why_not_there(run: Header, series: Header) -> str:
    """Compare the places of both fields of view by their headers."""
    rim = (1 - _INNER) / 2
    steps = [np.linspace(rim * n, (1 - rim) * n, 8) - 0.5 for n in series.shape[:3]]
    places = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    there = apply_affine(np.linalg.inv(run.affine) @ series.affine, places)
    inside = ((there > -1) & (there < np.array(run.shape[:3]))).all(axis=1)
    share = float(inside.mean())
    if share < _LEAST_SHARED:
        return f"it covers only {share:.0%} of the field of view of the series"
    return ""
