import numpy as np
import pytest
import servers


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    """Runs every test in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def glyphs():
    """A stack of 600 discs, most of them different."""
    y, x = np.mgrid[:24, :20]
    centre = np.random.default_rng(3).uniform(4, 16, (600, 2, 1, 1))
    radius = np.random.default_rng(4).uniform(2, 9, (600, 1, 1))
    return (y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2 < radius**2


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """An S3 service with an empty bucket."""
    with servers.s3(tmp_path_factory.mktemp("s3")) as url, pytest.MonkeyPatch.context() as patch:
        servers.use_s3(url, patch.setenv)
        yield url
