"""Packs the Python package around an extension that cargo has built: a wheel without another build.

    python wheel.py PACKAGE LIBRARY FOLDER

PACKAGE is the folder of pyproject.toml. The wheel for users is made by maturin; this one is for tests,
so that they use what the build of the workspace has left.
"""

import base64
import hashlib
import re
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path


def wheel(package: Path, library: Path, folder: Path) -> Path:
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    workspace = tomllib.loads((package / "../../Cargo.toml").read_text())["workspace"]
    name, version = project["name"], workspace["package"]["version"]
    platform = re.sub(r"[-.]", "_", sysconfig.get_platform())
    tag = f"cp310-abi3-{platform}"
    info = f"{name}-{version}.dist-info"
    extras = project["optional-dependencies"]
    metadata = [
        "Metadata-Version: 2.4",
        f"Name: {name}",
        f"Version: {version}",
        f"Summary: {project['description']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {need}" for need in project["dependencies"]),
        *(f"Provides-Extra: {extra}" for extra in extras),
        *(
            f"Requires-Dist: {need}; extra == '{extra}'"
            for extra, needs in extras.items()
            for need in needs
        ),
    ]
    scripts = [f"{name} = {place}" for name, place in project["scripts"].items()]
    files = {
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: xtask\nRoot-Is-Purelib: false\nTag: {tag}\n",
        f"{info}/entry_points.txt": "\n".join(["[console_scripts]", *scripts]) + "\n",
    }
    contents = {path: text.encode() for path, text in files.items()}
    sources = package / "python"
    for path in sorted(sources.rglob("*")):
        if path.suffix in {".py", ".pyi", ".typed"}:
            contents[path.relative_to(sources).as_posix()] = path.read_bytes()
    ending = ".pyd" if library.suffix == ".dll" else ".abi3.so"
    contents[f"{name}/_native{ending}"] = library.read_bytes()
    records = []
    for path, content in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        records.append(f"{path},sha256={digest},{len(content)}")
    contents[f"{info}/RECORD"] = "\n".join([*records, f"{info}/RECORD,,", ""]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    packed = folder / f"{name}-{version}-{tag}.whl"
    # Stored: an installer unpacks it at once.
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in contents.items():
            archive.writestr(path, content)
    return packed


if __name__ == "__main__":
    print(wheel(*map(Path, sys.argv[1:])))
