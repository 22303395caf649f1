"""From torch to ONNX, and the proof that both say the same."""

from pathlib import Path

# where an export's weights may come from, besides a file
KINDS = ("auto", "scenes", "digits", "imagenet", "random")
SHIPPED = Path(__file__).parent.parent / "models" / "shipped"
