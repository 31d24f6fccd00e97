"""WebDataset: images in a `.tar` file, which are read in order."""

import io
from itertools import islice

import numpy as np
import webdataset
from PIL import Image

from ..peer import Peer


class WebDataset(Peer):
    name = "WebDataset"
    kind = "png"
    ending = "tar"
    settings = tuple({"kind": kind, "ending": ending} for kind in ("png", "bin") for ending in ("tar", "tar.gz"))
    sequential = True

    def write(self, images, folder):
        self.packed = self.kind == "bin"
        with webdataset.TarWriter(str(folder / f"images.{self.ending}")) as writer:
            for number, image in enumerate(self.as_stored(images)):
                writer.write({"__key__": f"{number:07}", self.kind: self._encode(image)})

    def open(self, folder):
        self.packed = self.kind == "bin"
        self.opened = webdataset.WebDataset(str(folder / f"images.{self.ending}"), shardshuffle=False)

    def slice(self, start, stop):
        return np.stack([self._decode(sample[self.kind]) for sample in islice(self.opened, start, stop)])

    def _encode(self, image):
        if self.packed:
            return image.tobytes()
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        return file.getvalue()

    def _decode(self, data):
        return self.from_bytes(data) if self.packed else np.asarray(Image.open(io.BytesIO(data)))


PEERS = [WebDataset]
