"""One thread, since equal bits are promised for that; properties that never vary or time out."""

import pytest
from hypothesis import settings

from lab_core.devices import one_thread

settings.register_profile("core", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("core")


@pytest.fixture(scope="session", autouse=True)
def single_thread() -> None:
    one_thread()
