"""The plots tell apart what must be told apart, and no name covers another."""

from collections.abc import Callable, Sequence
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from bench.compare.plots.glance import glance, marks, pareto
from bench.compare.plots.small import stretched
from bench.compare.plots.style import beside, styled
from bench.compare.results import Results

Make = Callable[..., Results]
Points = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1)


@given(Points)
def test_nothing_beats_the_pareto_front(points: list[tuple[int, int]]) -> None:
    front = pareto(points)

    def beaten(x: float, y: float) -> bool:
        return any(a <= x and b >= y and (a, b) != (x, y) for a, b in points)

    assert set(front) == {point for point in points if not beaten(*point)}


def test_accuracies_on_different_data_are_kept_apart(make: Make) -> None:
    networks = make().networks
    networks[3].metrics = {"imagenet.ort.fp32.top1": 0.69}
    own, imagenet = marks(networks)
    assert [(m.network.name, m.data) for m in own] == [
        ("lenet5_plain", "digits"),
        ("squeezenet1_1", "scenes"),
    ]
    assert [(m.network.name, m.measured, m.top1) for m in imagenet] == [
        ("alexnet", False, 56.5),
        ("squeezenet1_1", False, 58.2),
        ("googlenet", True, 69.0),
        ("resnet50", False, 76.1),
    ]
    assert max(m.size for m in imagenet) == 1


def overlapping(boxes: Sequence[Bbox]) -> list[tuple[Bbox, Bbox]]:
    return [(a, b) for a, b in combinations(boxes, 2) if a.overlaps(b)]


def test_no_name_in_the_bubble_chart_covers_another(make: Make) -> None:
    with styled():
        whole = glance(make())
        assert whole is not None
        whole.draw_without_rendering()
        for axes in whole.axes:
            names = [t for t in axes.texts if isinstance(t, Annotation)]
            frame = axes.get_window_extent()
            boxes = [name.get_window_extent() for name in names]
            assert names
            assert overlapping(boxes) == []
            assert all(frame.contains(*corner) for box in boxes for corner in box.corners())


def test_labels_beside_lines_that_meet_are_moved_apart() -> None:
    whole = Figure()
    axes = whole.add_subplot()
    axes.set_xlim(0, 2)
    axes.set_ylim(0, 100)
    beside(axes, 1, [(50, "p50", "k"), (50.1, "p90", "k"), (50.2, "p99", "k")])
    whole.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert overlapping(boxes) == []
    assert [t.get_text() for t in sorted(axes.texts, key=lambda t: t.get_window_extent().y0)] == [
        "p50",
        "p90",
        "p99",
    ]


def test_every_nine_is_as_long_as_the_last() -> None:
    assert [round(stretched(share), 9) for share in (0, 0.9, 0.99, 0.999)] == [0, 1, 2, 3]
