"""What TensorRT has to reach on an H200. Shares are taken round by round."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bench.gpu.loop import RESIDENT, UPLOADED, DataPath, Form
from bench.samples import Series, best, paired, spread
from bench.targets import Verdict

TENSORRT: Final = "TensorRT"
OF_RESIDENT = 0.9  # of the device-resident rate, with pixels from the host
LARGE = 128  # images a run
NETWORK = "resnet50"  # whose two goals these are:
RATE = 35_000  # images a second in fp16, device-resident
LATENCY = 0.6  # milliseconds for one image, with pixels from the host


def verdicts(rows: Sequence[tuple[Form, Series]]) -> Iterator[Verdict]:
    """Of every engine, so that the others' figures stand beside TensorRT's; they have no goal."""
    for model, engine, precision in dict.fromkeys(
        (series.model, form.engine, form.precision) for form, series in rows
    ):
        own = {
            (form.path, form.batch): series
            for form, series in rows
            if (series.model, form.engine, form.precision) == (model, engine, precision)
        }
        ours, who = engine == TENSORRT, f"{engine} {precision}"
        yield from share(model, who, own, OF_RESIDENT if ours else None)
        if model == NETWORK:
            yield from latency(model, who, own, LATENCY if ours else None)
            yield from rate(model, who, own, RATE if ours and precision == "fp16" else None)


Own = Mapping[tuple[DataPath, int], Series]


def share(model: str, who: str, own: Own, target: float | None) -> Iterator[Verdict]:
    """What copying costs, if it does not go on beside the network."""
    if (UPLOADED, LARGE) in own and (RESIDENT, LARGE) in own:
        pairs = paired(own[UPLOADED, LARGE], own[RESIDENT, LARGE])
        if found := spread([up.rate / there.rate for up, there in pairs]):
            what = "rate of uint8 in, of device-resident"
            yield Verdict(model, f"{who}, batch {LARGE}", what, "%", found, target)


def latency(model: str, who: str, own: Own, target: float | None) -> Iterator[Verdict]:
    single = own.get((UPLOADED, 1))
    if single and (found := spread([s.p50 * 1e3 for s in single.samples])):
        what = "p50, uint8 in"
        yield Verdict(model, f"{who}, batch 1", what, "ms", found, target, at_least=False)


def rate(model: str, who: str, own: Own, target: float | None) -> Iterator[Verdict]:
    fastest = best([series for (path, _), series in own.items() if path == RESIDENT])
    if fastest and (found := fastest.rate()):
        yield Verdict(model, who, "best rate, device-resident", "images/s", found, target)
