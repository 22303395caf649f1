"""Where a network's weights come from: shipped, published, a file of one's own, or chance."""

from pathlib import Path

# besides a file
KINDS = ("auto", "scenes", "digits", "imagenet", "random")
SHIPPED = Path(__file__).parent.parent / "shipped"
