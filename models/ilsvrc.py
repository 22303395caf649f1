"""Top-5 errors on ILSVRC as their papers state them, in percent; nothing here is measured by us."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    system: str
    error: float
    measured: str
    source: str


ENTRIES = (
    Entry("AlexNet", 18.2, "one network, validation", "Krizhevsky et al. 2012, table 2"),
    Entry("AlexNet", 15.4, "seven networks, validation", "Krizhevsky et al. 2012, table 2"),
    Entry("ZFNet", 14.8, "six networks, test", "Zeiler, Fergus 2013, table 2"),
    Entry("Clarifai", 11.7, "many networks, test", "Simonyan, Zisserman 2014, table 7"),
    Entry("VGG", 7.3, "seven networks, test", "Simonyan, Zisserman 2014, table 7"),
    Entry("GoogLeNet", 6.67, "seven networks, test", "Szegedy et al. 2014, table 2"),
    Entry("ResNet", 3.57, "six networks, test", "He et al. 2015, table 5"),
)


def errors(system: str) -> tuple[float, ...]:
    return tuple(entry.error for entry in ENTRIES if entry.system == system)
