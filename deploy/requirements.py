"""Prints what an image needs of pyproject.toml, for `pip install --requirement`.

So the dependencies are a layer of their own, which new code leaves as it is.
"""

import sys
import tomllib
from pathlib import Path

# torch's proofs run on a CPU, so what exports has ONNX Runtime for that
EXTRAS = {
    "service-cpu": ("cpu",),
    "service-gpu": ("gpu", "tensorrt", "jpeg"),
    "export-cpu": ("cpu", "export", "training", "bench"),
    "export-gpu": ("cpu", "export", "training", "bench", "tensorrt"),
}

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
wanted = list(project["dependencies"])
for extra in EXTRAS[sys.argv[1]]:
    wanted += project["optional-dependencies"][extra]
sys.stdout.writelines(f"{line}\n" for line in wanted)
