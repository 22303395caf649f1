"""One folder a class: listed, decoded as the service does, split; what is wrong is said."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.card import Preprocessing
from models.labels import labels, synsets
from training.digits import Bytes, Integers
from training.evaluate import examine
from training.folder import DataError, Folder, folder, pixels, readable, split
from training.held_out import held_out_folder, outputs_of
from training.metrics import Floats

SMALL = Preprocessing(3, 8, 8, "bilinear", (0.5,) * 3, (0.5,) * 3)


def picture(file: Path, shade: int) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (16, 12), (shade,) * 3).save(file)
    return file


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    home = tmp_path / "birds"
    for i in range(5):
        picture(home / "robin" / f"{i}.png", 250)
    for i in range(10):
        picture(home / "blackbird" / "garden" / f"{i}.png", 5)
    (home / ".cache").mkdir()
    (home / "robin" / ".hidden").touch()
    (home / "notes.txt").touch()
    return home


def test_classes_are_the_folders_in_order_and_hidden_files_are_none(birds: Path) -> None:
    found = folder(birds)
    assert found.classes == ("blackbird", "robin")
    assert found.labels == (0,) * 10 + (1,) * 5
    assert found.files[0] == birds / "blackbird" / "garden" / "0.png"
    assert found.files[-1] == birds / "robin" / "4.png"


def test_pictures_are_what_the_service_would_show_the_network(birds: Path) -> None:
    seen = pixels(folder(birds).files[-1], SMALL)
    assert seen.shape == (8, 8, 3)
    assert (seen == 250).all()


def test_what_is_no_such_folder_is_refused_in_plain_words(birds: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder"):
        folder(tmp_path / "nowhere")
    with pytest.raises(DataError, match="has no folders in it"):
        folder(birds / "robin")
    (birds / "wren").mkdir()
    with pytest.raises(DataError, match=r"no files in .* for wren"):
        folder(birds)


def test_unreadable_files_are_reported_and_left_out(birds: Path) -> None:
    noise = Image.effect_noise((64, 64), 50)
    noise.save(birds / "robin" / "0.png")
    whole = (birds / "robin" / "0.png").read_bytes()
    (birds / "robin" / "0.png").write_bytes(whole[: len(whole) // 2])
    (birds / "robin" / "words.txt").write_text("no picture")
    left, bad = readable(folder(birds), SMALL)
    assert left.labels == (0,) * 10 + (1,) * 4
    assert len(bad) == 2
    assert "0.png: the image is broken" in bad[0]
    assert "words.txt: the 10 bytes are no image file" in bad[1]


def test_a_class_without_a_readable_picture_is_refused(birds: Path) -> None:
    for file in (birds / "robin").glob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(DataError, match="no picture of robin can be read"):
        readable(folder(birds), SMALL)


def test_a_share_of_each_class_is_held_out_the_same_each_time(birds: Path) -> None:
    found = folder(birds)
    learned, held = split(found, 0.2, seed=1)
    assert (held.labels, learned.labels) == ((0, 0, 1), (0,) * 8 + (1,) * 4)
    assert sorted(learned.files + held.files) == sorted(found.files)
    assert split(found, 0.2, seed=1) == (learned, held)
    assert split(found, 0.2, seed=2) != (learned, held)


def test_either_side_has_a_picture_of_each_class() -> None:
    two = Folder(("a", "b"), tuple(Path(str(i)) for i in range(4)), (0, 0, 1, 1))
    for share in (0.01, 0.99):
        assert [part.labels for part in split(two, share, 0)] == [(0, 1), (0, 1)]


def test_what_cannot_be_split_is_refused() -> None:
    lone = Folder(("a",), (Path("1"),), (0,))
    with pytest.raises(DataError, match="a has one picture"):
        split(lone, 0.5, 0)
    with pytest.raises(DataError, match="between 0 and 1"):
        split(lone, 1.0, 0)


def test_folders_are_named_after_classes_or_by_wordnet_numbers() -> None:
    imagenet = labels("imagenet")
    assert outputs_of(("robin", "wren"), ("wren", "finch", "robin")) == [2, 0]
    assert outputs_of(("n01440764", "n15075141", "goldfish"), imagenet) == [0, 999, 1]
    assert outputs_of(synsets(), imagenet) == list(range(1000))
    with pytest.raises(DataError, match=r"no class n01440764: .* which are wren, finch$"):
        outputs_of(("wren", "n01440764"), ("wren", "finch"))
    with pytest.raises(DataError, match=r"no class unicorn: .* which are tench.* and 990 more"):
        outputs_of(("tench", "unicorn"), imagenet)


def bright(images: Bytes, asked: Integers) -> tuple[Floats, Floats]:
    """Takes light pictures for the last of ImageNet's classes and dark ones for the first."""
    logits = np.zeros((len(images), 1000), np.float32)
    light = images.mean((1, 2, 3)) > 128
    logits[np.arange(len(images)), np.where(light, 999, 0)] = 9
    return logits, np.zeros((*asked.shape, 2, 2), np.float32)


def test_a_tiny_imagenet_is_measured_and_broken_files_are_skipped(tmp_path: Path) -> None:
    for i in range(4):
        picture(tmp_path / "n01440764" / f"{i}.png", 250 if i == 0 else 5)
        picture(tmp_path / "n15075141" / f"{i}.png", 250)
    (tmp_path / "n15075141" / "broken.jpeg").write_bytes(b"\xff\xd8\xff")
    data = held_out_folder("val/", folder(tmp_path), labels("imagenet"), SMALL)
    done: list[int] = []
    found = examine(bright, data, explained=5, batch=2, tell=done.append)
    assert found.metrics["top1"] == 7 / 8
    assert found.metrics["test_images"] == 8
    assert found.chosen.tolist() == [999, 0, 0, 0, 999, 999, 999, 999]
    assert found.labels.tolist() == [0] * 4 + [999] * 4
    assert len(found.unreadable) == 1
    assert "broken.jpeg" in found.unreadable[0]
    assert sum(done) == data.images == 9


def test_fewer_images_are_spread_over_all_classes(birds: Path) -> None:
    names = ("blackbird", "robin")
    data = held_out_folder("birds/", folder(birds), names, SMALL, images=6)
    shown = [label for batch in data.batches(4) for label in batch.labels]
    assert shown == [0, 0, 0, 0, 1, 1]


def test_a_folder_without_any_picture_gives_no_figures(tmp_path: Path) -> None:
    (tmp_path / "tench").mkdir()
    (tmp_path / "tench" / "1.jpg").touch()
    data = held_out_folder("val/", folder(tmp_path), labels("imagenet"), SMALL)
    with pytest.raises(DataError, match=r"none of the 1 pictures can be read; the first: .*1\.jpg"):
        examine(bright, data, explained=5)
