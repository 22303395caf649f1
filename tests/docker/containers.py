"""Building the Dockerfile's images and running them, without a Docker engine.

buildah builds them. They run as an engine would run them: the first process of a process namespace,
as the image's user, on a root file system that is read-only but for volumes and /tmp. Needs root.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
STORAGE = Path(tempfile.gettempdir()) / "convoy-buildah"  # kept: making a base takes two minutes
BASE = "localhost/convoy-python"
PROGRAMS = ("buildah", "unshare", "chroot")
# a container: $1 is its root, $2 the volume of artifacts, $3 its user, the rest its command
ENTER = """
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && mount -t proc proc "$1/proc" &&
mount --rbind /dev "$1/dev" && mount -t tmpfs tmpfs "$1/tmp" &&
mount --bind "$2" "$1/app/artifacts" && root=$1 user=$3 && shift 3 &&
exec chroot "$user" "$root" "$@"
"""


def missing() -> str | None:
    """Why no image can be built here, in words; None if one can."""
    if os.geteuid() != 0:
        return "building and running an image without a Docker engine needs root"
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    if "PYTHON_IMAGE" not in os.environ and shutil.which("debootstrap") is None:
        lacking.append("debootstrap")
    return f"not installed here: {', '.join(lacking)}" if lacking else None


def buildah(*words: str | Path) -> str:
    storage = f"--storage-driver=vfs --root={STORAGE}/root --runroot={STORAGE}/run".split()
    done = subprocess.run(
        ["buildah", *storage, *words], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def base_image() -> str:
    """The image of `PYTHON_IMAGE`, or one of Debian 12 with its Python, made here once."""
    if name := os.environ.get("PYTHON_IMAGE"):
        return name
    if not buildah("images", "--quiet", "--filter", f"reference={BASE}"):
        with tempfile.TemporaryDirectory() as directory:
            wanted = "--include=ca-certificates,python3,python3-venv"
            script = ["debootstrap", "--variant=minbase", wanted, "bookworm", directory]
            subprocess.run(script, check=True, stdout=subprocess.DEVNULL)
            for leftover in ("var/cache/apt", "var/lib/apt/lists"):
                shutil.rmtree(Path(directory) / leftover)
            container = buildah("from", "scratch")
            buildah("add", "--quiet", container, directory, "/")
            buildah("commit", "--quiet", "--rm", container, BASE)
    return BASE


def pip_settings(directory: Path) -> list[str]:
    """Options that let pip in a build find what the pip of this machine finds."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    rows = (line.partition("=") for line in listed.splitlines())
    settings = {key.rpartition(".")[2]: ast.literal_eval(value) for key, _, value in rows}
    indexes = settings.pop("extra-index-url", None)
    file = directory / "pip.conf"
    file.write_text("[global]\n" + "".join(f"{k} = {v}\n" for k, v in settings.items()))
    paths = {file: Path("/etc/pip.conf")}
    told = " ".join([*settings.values(), indexes or ""])
    for found in re.findall(r"(?:^|\s|file://)(/\S+)", told):
        # an index keeps its files beside its pages
        path = Path(found).parent if found.endswith("/simple") else Path(found)
        paths[path] = path
    options = [f"--volume={here}:{there}:ro" for here, there in paths.items() if here.exists()]
    return options + ([f"--build-arg=PIP_EXTRA_INDEX_URL={indexes}"] if indexes else [])


@dataclass(frozen=True, slots=True)
class Image:
    root: Path
    command: list[str]  # entry point
    environment: dict[str, str]
    user: str
    health: list[str]

    def size(self) -> int:
        """Bytes of all its files, unpacked."""
        out = subprocess.run(
            ["du", "--summarize", "--bytes", self.root], check=True, capture_output=True, text=True
        )
        return int(out.stdout.split()[0])

    def inside(self, command: list[str], **environment: str) -> list[str]:
        """What to give to chroot, so that it runs `command` as the image says."""
        variables = [f"{k}={v}" for k, v in (self.environment | environment).items()]
        env = ["/usr/bin/env", "--ignore-environment", "--chdir=/app", *variables]
        return [f"--userspec={self.user}", str(self.root), *env, *command]


@contextmanager
def built(target: str, directory: Path) -> Iterator[Image]:
    """The image of that stage of the Dockerfile, for a CPU; `directory` takes settings of pip."""
    tag = f"localhost/convoy-{target}"
    options = [f"--target={target}", f"--tag={tag}", "--isolation=chroot", "--format=docker"]
    base = f"--build-arg=PYTHON_IMAGE={base_image()}"
    buildah("bud", "--quiet", base, *options, *pip_settings(directory), REPOSITORY)
    config = json.loads(buildah("inspect", "--type=image", tag))["Docker"]["config"]
    container = buildah("from", "--pull-never", tag)
    try:
        yield Image(
            root=Path(buildah("mount", container)),
            command=config["Entrypoint"],
            environment=dict(row.split("=", 1) for row in config["Env"]),
            user=config["User"],
            health=config.get("Healthcheck", {}).get("Test", [])[1:],
        )
    finally:
        buildah("rm", container)


def start(image: Image, volume: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """A container of `image` with `volume` for its artifacts and `words` for its entry point.

    Its first process is the child of the one that is returned.
    """
    user, root, *command = image.inside([*image.command, *words], **environment)
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    return subprocess.Popen(
        [*namespaces, "sh", "-c", ENTER, "sh", root, str(volume), user, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
