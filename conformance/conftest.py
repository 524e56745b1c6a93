import os

import pytest

from region import Region

# The SDK reads these at import and at call time; loopback needs neither.
for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def region(tmp_path_factory):
    region = Region(tmp_path_factory.mktemp("region"))
    yield region
    region.stop()


@pytest.fixture
def own_region(tmp_path):
    """A region of the test's own, for what must not disturb others."""
    region = Region(tmp_path)
    yield region
    region.stop()
