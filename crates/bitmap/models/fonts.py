"""Fetches the fonts that `fonts.tsv` lists, as Debian packages, and checks each font file."""

import csv
import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("fonts.tsv")


@dataclass(frozen=True)
class Font:
    use: str  # `train` or `held_out`
    kind: str  # the glyphs it is used for: letters, cjk, icons, ...
    package: str
    version: str
    license: str
    file: str  # its path in the package
    sha256: str

    def path(self, cache):
        return cache / self.package / self.file

    def is_in(self, cache):
        path = self.path(cache)
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == self.sha256


def listed():
    with open(LIST, encoding="utf-8", newline="") as file:
        return [Font(**row) for row in csv.DictReader(file, delimiter="\t")]


def fetch(fonts, cache):
    """Downloads and unpacks the packages whose fonts are not in the folder `cache` yet. Needs Debian, not root."""
    packages = sorted({font.package for font in fonts if not font.is_in(cache)})
    if packages:
        downloads = cache / "packages"
        downloads.mkdir(parents=True, exist_ok=True)
        print(f"downloading {len(packages)} font packages to {downloads}")
        run(
            "apt-get", "download", "--quiet", "--quiet", "--option", "APT::Sandbox::User=root", *packages, cwd=downloads
        )
        for package in packages:
            newest = max(downloads.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
            run("dpkg-deb", "--extract", newest, cache / package)
    for font in fonts:
        if not font.path(cache).is_file():
            sys.exit(f"{font.package}: expected the font {font.file}, as in version {font.version}; found no such file")
        if not font.is_in(cache):
            sys.exit(
                f"{font.path(cache)}: expected the font of {font.package} {font.version}, "
                f"with the SHA-256 {font.sha256}; found another. "
                "Another font gives another model: take it only on purpose, and change fonts.tsv."
            )


def run(*command, cwd=None):
    try:
        subprocess.run(command, check=True, cwd=cwd)
    except FileNotFoundError:
        sys.exit(f"{command[0]}: not found; the fonts are fetched as Debian packages")
    except subprocess.CalledProcessError:
        sys.exit(f"{command[0]} failed; if it does not know a package, run `apt-get update` first")
