import os

import pytest

from region import Region

# The SDK reads these at import and at call time; loopback needs neither.
for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
    os.environ.pop(name, None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A file stays in one process, since its tests share a region. Those of test_memory.py and test_judges.py share none: each is
    apart. The former take longest and begin first."""
    for item in items:
        is_apart = item.path.name in ("test_memory.py", "test_judges.py")
        item.add_marker(pytest.mark.xdist_group(item.name if is_apart else item.path.name))
    items.sort(key=lambda item: item.path.name != "test_memory.py")


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
