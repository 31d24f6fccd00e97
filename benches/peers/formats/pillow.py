"""Pictures of one bit per pixel that Pillow writes."""

import io

import numpy as np
from PIL import Image

from ..peer import Peer
from .lmdb import Database


class Png(Peer):
    name = "folder of 1-bit PNG"
    packed = False
    optimize = False
    sample = 4 << 20
    settings = ({"optimize": False}, {"optimize": True})

    def write(self, images, folder):
        for number, image in enumerate(self.as_stored(images)):
            path = self._path(folder, number)
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(image).save(path, optimize=self.optimize)

    def open(self, folder):
        self.opened = folder

    def one(self, index):
        return np.asarray(Image.open(self._path(self.opened, index)))

    def _path(self, folder, number):
        return folder / f"{number // 1000:04}" / f"{number:07}.png"


class CcittTiff(Database):
    """TIFF with the code of fax machines, the only one for two colors that Pillow writes. In a database, as files of
    their own would take a block of the disk each."""

    name = "CCITT G4 TIFF in LMDB"
    packed = False

    def encode(self, image):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "TIFF", compression="group4")
        return file.getvalue()

    def decode(self, data):
        return np.asarray(Image.open(io.BytesIO(data)))


PEERS = [Png, CcittTiff]
