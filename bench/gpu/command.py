"""`python -m bench engine --device cuda`."""

from pathlib import Path

from bench.gpu.loop import GpuPlan
from bench.loadgen import NotMeasured
from bench.report import console, save
from bench.terminal import explained, progress_bar
from service.engines.device import gpu, no_driver

BATCHES = "1,2,4,8,16,32,64,128,256"


def engine_on_gpu(plan: GpuPlan, json: Path | None) -> None:
    """Measures, shows and saves; without a GPU, one line says why not, and the exit code is 1."""
    with explained(), progress_bar() as progress:
        if reason := no_driver():
            raise NotMeasured(f"{reason}; `--device cpu` measures here")
        from bench.gpu.engine import measure
        from bench.gpu.report import show

        report = measure(plan, gpu().name, progress)
    show(report, console())
    if json:
        save(report, json)
