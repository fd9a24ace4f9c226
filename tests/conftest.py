from pathlib import Path

import numpy as np
import pytest

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real images and tables beside the repository."""
    if not _SHARED_DATA.is_dir():
        pytest.skip(f"needs the real data, which are not in {_SHARED_DATA}")
    return _SHARED_DATA


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a seeded generator, the same for each test."""
    return np.random.default_rng(20260101)
