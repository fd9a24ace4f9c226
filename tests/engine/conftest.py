import pytest

from npsle_app.engine.executors import InlineExecutor
from tests.engine.plan import Study


@pytest.fixture
def study(tmp_path) -> Study:
    """Return a study of one unit with both scans."""
    study = Study(tmp_path)
    study.add("01", t1w="7", flair="9")
    return study


@pytest.fixture
def inline() -> InlineExecutor:
    return InlineExecutor()
