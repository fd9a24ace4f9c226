"""Headers as strangers write them: bytes of a good one are changed, and nothing may come of it."""

from pathlib import Path

import nibabel as nib
import numpy as np

SHAPE = (16, 18, 17)
_FIELDS = {  # place and size of what decides how the rest is read
    "sizeof_hdr": (0, 4),
    "dim": (40, 16),
    "datatype": (70, 2),
    "bitpix": (72, 2),
    "pixdim": (76, 32),
    "vox_offset": (108, 4),
    "scl_slope": (112, 4),
    "scl_inter": (116, 4),
    "codes": (252, 4),
    "qform": (256, 24),
    "sform": (280, 48),
    "magic": (344, 4),
    "extension": (348, 12),
}


def good_bytes() -> bytes:
    """Return a small NIfTI file of noise, with room for an extension."""
    data = np.random.default_rng(0).integers(0, 900, SHAPE).astype(np.int16)
    image = nib.Nifti1Image(data, np.diag([6.0, 6, 6, 1]))
    return image.to_bytes()


def mutate(content: bytes, seed: int) -> bytes:
    """Change some of the fields of a header, or single bits of it, at random."""
    rng = np.random.default_rng(seed)
    changed = bytearray(content)
    if rng.random() < 0.3:
        for place in rng.integers(0, 360, rng.integers(1, 6)):
            changed[place] ^= 1 << rng.integers(0, 8)
        return bytes(changed)
    for name in rng.choice(list(_FIELDS), rng.integers(1, 4), replace=False):
        place, size = _FIELDS[name]
        changed[place : place + size] = _value(size, rng)
    return bytes(changed)


def _value(size: int, rng: np.random.Generator) -> bytes:
    kind = rng.choice(["bytes", "zeros", "ones", "shorts", "floats"])
    if kind == "zeros":
        return bytes(size)
    if kind == "ones":
        return b"\xff" * size
    if kind == "shorts":
        pool = np.array([-1, 0, 1, 2, 3, 4, 5, 7, 8, 16, 200, 2000, 32767, -32768], "<i2")
        return rng.choice(pool, max(size // 2, 1)).tobytes()[:size]
    if kind == "floats" and size >= 4:
        pool = np.array([0, -1, 1e30, -1e30, 1e-30, np.nan, np.inf, 352, 1e9, 3.5, 1e5], "<f4")
        return rng.choice(pool, size // 4).tobytes()[:size].ljust(size, b"\0")
    return rng.bytes(size)


def with_field(name: str, value: bytes) -> bytes:
    """Return the good file with one field of its header changed."""
    place, size = _FIELDS[name]
    changed = bytearray(good_bytes())
    changed[place : place + size] = value.ljust(size, b"\0")[:size]
    return bytes(changed)


def save(folder: Path, content: bytes, *, name: str) -> Path:
    """Write bytes under a BIDS name."""
    path = folder / "sub-01" / "anat" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
