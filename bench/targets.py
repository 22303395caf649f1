"""What the service has to reach, beside what it reached. Shares are taken round by round."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.bare import SINGLE
from bench.samples import Sample, Series, Spread, best, paired, spread

PLAIN = "plain decode"
OF_BARE = "of the best bare form"
# of the best bare form
OF_BEST = {"resnet50": 0.95, "squeezenet1_1": 0.90}
BUSY = ("8 clients", "32 clients")
# milliseconds at 1 client over the bare single image
OVER_SINGLE = 1.5
# a service cannot beat its own bare loop; above this the two did not have the same machine
POSSIBLE = 1.03
# the best server found at 1, 8, 32 clients, and the bare loop with plain decode on that machine
BEST_KNOWN = {
    "lenet5_plain": {"1 client": 523 / 1768, "8 clients": 787 / 1768, "32 clients": 1518 / 1768}
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One figure of the service against its target, if it has one."""

    model: str
    clients: str
    what: str
    unit: str  # "%" or "ms"
    found: Spread
    target: float | None
    at_least: bool = True

    @property
    def implausible(self) -> bool:
        return self.what == OF_BARE and self.found.median > POSSIBLE

    @property
    def met(self) -> bool | None:
        """By the median; None without a target, or if the figure cannot be true."""
        if self.target is None or self.implausible:
            return None
        m = self.found.median
        return m >= self.target if self.at_least else m <= self.target


def verdicts(model: str, bare: Sequence[Series], served: Sequence[Series]) -> Iterator[Verdict]:
    """Everything that can be said of one model from what was measured."""
    usual = [s for s in bare if PLAIN not in s.name]
    plain = best([s for s in bare if PLAIN in s.name])
    fastest, single = best(usual), next((s for s in bare if s.name == SINGLE), None)
    for s in served:
        if fastest and (found := _each(s, fastest, _share)):
            target = OF_BEST.get(model) if s.name in BUSY else None
            yield Verdict(model, s.name, OF_BARE, "%", found, target)
        if fastest and (found := spread(list(_cpu_shares(s, fastest)))):
            yield Verdict(
                model, s.name, "CPU time: bare form / server and client", "%", found, None
            )
        if plain and (found := _each(s, plain, _share)):
            target = BEST_KNOWN.get(model, {}).get(s.name)
            yield Verdict(model, s.name, "of the bare loop with plain decode", "%", found, target)
        if single and s.name == "1 client" and (found := _each(s, single, _over)):
            what = "over the bare single image (p50)"
            yield Verdict(model, s.name, what, "ms", found, OVER_SINGLE, at_least=False)


def _each(one: Series, other: Series, compare: Callable[[Sample, Sample], float]) -> Spread | None:
    return spread([compare(a, b) for a, b in paired(one, other)])


def _cpu_shares(served: Series, bare: Series) -> Iterator[float]:
    """What share of the CPU time did the work: tells the same story on a machine that is loaded."""
    for a, b in paired(served, bare):
        if a.cpu is not None and a.client_cpu is not None and b.cpu is not None:
            yield b.cpu / (a.cpu + a.client_cpu)


def _share(served: Sample, bare: Sample) -> float:
    return served.rate / bare.rate


def _over(served: Sample, bare: Sample) -> float:
    return (served.p50 - bare.p50) * 1e3
