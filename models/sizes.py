"""How large an output is: (size - filter + 2 pad) / stride + 1, in height and in width alike."""

import math
from dataclasses import dataclass
from fractions import Fraction


class DoesNotFit(ValueError):
    """A filter that would hang over the edge; the message has the arithmetic."""


@dataclass(frozen=True, slots=True)
class Window:
    """A filter or a pooling window, in one direction; `pad` is on both sides."""

    filter: int
    stride: int = 1
    pad: int = 0

    def places(self, size: int) -> Fraction:
        """The rule, exactly; no integer where the last place hangs over the edge."""
        return Fraction(size - self.filter + 2 * self.pad, self.stride) + 1

    def arithmetic(self, size: int) -> str:
        rule = f"({size} - {self.filter} + {2 * self.pad})/{self.stride} + 1"
        return f"{rule} = {round(float(self.places(size)), 2):g}"

    def output(self, size: int) -> int:
        """Raises `DoesNotFit` instead of rounding."""
        places = self.places(size)
        if places < 1 or places.denominator > 1:
            raise DoesNotFit(
                f"a filter of {self.filter} at stride {self.stride} does not fit a size of {size}: "
                f"{self.arithmetic(size)}"
            )
        return int(places)

    def rounded(self, size: int, *, up: bool = False) -> int:
        """What networks do: what is left over is not looked at, or (`up`) looked at in part."""
        places = self.places(size)
        if not up:
            return math.floor(places)
        # the last window must begin in the map or in the padding before it, not behind
        inside = -(-(size + self.pad) // self.stride)
        return min(math.ceil(places), inside)

    def rounding(self, size: int, *, up: bool = False) -> str | None:
        """What was rounded and how; None where the filter fits."""
        places, output = self.places(size), self.rounded(size, up=up)
        if places == output:
            return None
        return f"{self.arithmetic(size)}, rounded {'up' if output > places else 'down'}"
