"""Folders that are parts of the data: recognised, or refused with the layout that is understood."""

import pytest

from faults import fault
from pictures import Painter, levels
from tfvae.app import run
from tfvae.app.run import encoding
from tfvae.app.settings import Settings
from tfvae.datasets import load

CLASSES = ("cat", "dog")


def paint(folder, *parts, count=4, classes=CLASSES):
    painter = Painter()
    for part in parts:
        painter.paint(*(folder / part / name / f"{number}.png" for name in classes for number in range(count)))
    return painter


@fault("split-layout")
@pytest.mark.parametrize(
    "parts", [("train", "test"), ("Train", "Test"), ("training", "testing"), ("TRAIN", "val"), ("train", "valid")]
)
def test_two_parts_are_training_and_test(tmp_path, parts):
    painter = paint(tmp_path, *parts)
    data = load(tmp_path)
    assert data.class_names == CLASSES and data.validation is None
    assert set(levels(data.train)) == painter.levels_in(tmp_path / parts[0])
    assert set(levels(data.test)) == painter.levels_in(tmp_path / parts[1])
    assert data.test_origin == f"the folder `{parts[1]}`"
    with pytest.raises(ValueError, match=rf"`test_size` must not be given: .* has a folder `{parts[1]}`; received 2"):
        load(tmp_path, test_size=2)


@fault("split-layout")
@pytest.mark.parametrize("name", ["val", "validation", "Valid", "dev"])
def test_with_three_parts_the_validation_images_are_the_folder_s(tmp_path, name):
    painter = paint(tmp_path, "train", name, "test")
    data = load(tmp_path)
    train, validation = data.split_validation()
    for split, part in ((train, "train"), (validation, name), (data.test, "test")):
        assert set(levels(split)) == painter.levels_in(tmp_path / part)
    assert data.notes == (f"The validation images are those of the folder `{name}`.",)
    with pytest.raises(ValueError, match="`size` must not be given: the data have 8 validation images of their own"):
        data.split_validation(3)


@fault("split-layout")
def test_a_run_validates_on_the_folder_s_images(tmp_path):
    painter = paint(tmp_path, "train", "val", "test")
    settings = Settings(data=str(tmp_path), train_size=5)
    train, validation = run.parts(run.load_data(settings), settings)
    assert levels(train) == levels(load(tmp_path).train)[:5]
    assert set(levels(validation)) == painter.levels_in(tmp_path / "val")
    with pytest.raises(ValueError, match="`validation_size` must not be given: the data have 8 validation images"):
        run.parts(load(tmp_path), Settings(validation_size=3))


@fault("split-layout")
def test_train_alone_is_a_part_whose_test_images_are_held_out(tmp_path):
    paint(tmp_path, "train")
    data = load(tmp_path)
    assert data.class_names == CLASSES and (len(data.train), len(data.test)) == (7, 1)


@fault("split-layout")
def test_folders_without_images_beside_the_parts_do_not_matter(tmp_path):
    """An empty one, what macOS leaves behind, lists; loose images are left out, and said."""
    painter = paint(tmp_path, "train", "test")
    (tmp_path / "empty").mkdir()
    painter.paint(tmp_path / "__MACOSX" / "train" / "cat" / "0.png", tmp_path / "cover.png")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "train.txt").write_text("0.png")
    data = load(tmp_path)
    assert data.class_names == CLASSES and (len(data.train), len(data.test)) == (8, 8)
    (note,) = data.notes
    assert "1 hidden name (__MACOSX), 1 file that does not end like an image (lists/train.txt)" in note
    assert note.endswith("1 image beside the parts (cover.png).")


@pytest.mark.parametrize("names", [("bus", "train"), ("train", "truck", "van"), ("invalid", "valid"), ("dev", "ops")])
def test_classes_that_are_called_like_parts_stay_classes(tmp_path, names):
    painter = Painter()
    painter.paint(*(tmp_path / name / f"{number}.png" for name in names for number in range(4)))
    data = load(tmp_path)
    assert data.class_names == names and len(levels(data.train, data.test)) == 4 * len(names)


@pytest.mark.slow
@fault("split-layout")
def test_a_run_says_once_what_was_read_and_codes_have_all_parts(tmp_path, capsys):
    paint(tmp_path / "data", "train", "val", "test", count=10)
    (tmp_path / "data" / "train" / "cat" / "notes.txt").write_text("no image")
    model = "vae(latent_size=2, network=mlp(4))"
    settings = Settings(data=str(tmp_path / "data"), epochs=2, batch_size=5, model=model, xla=False)
    report = run.train(settings, tmp_path / "run", verbose=0)
    left_out = f"Left out of {tmp_path / 'data'}: 1 file that does not end like an image (train/cat/notes.txt)."
    assert report["data_notes"] == [left_out, "The validation images are those of the folder `val`."]
    assert report["test_origin"] == "the folder `test`" and report["test_images"] == 20
    printed = capsys.readouterr().out
    assert all(printed.count(f"{note}\n") == 1 for note in report["data_notes"])
    sizes = encoding.write_codes(tmp_path / "run", settings.data, tmp_path / "codes.npz")
    assert sizes == {"train": 20, "validation": 20, "test": 20}
    assert left_out in capsys.readouterr().err


UNDERSTOOD = "but parts are folders `train` and beside it `validation` or `test` or both"
REFUSED = {
    "others beside": (("train", "test", "unlabeled"), rf"holds `test`, `train`, `unlabeled`, {UNDERSTOOD}"),
    "one twice": (("train", "val", "valid", "test"), rf"holds `test`, `train`, `val`, `valid`, {UNDERSTOOD}"),
    "upper and lower case": (("train", "Test", "test"), rf"holds `Test`, `test`, `train`, {UNDERSTOOD}"),
    "train twice": (("train", "training"), rf"holds `train`, `training`, {UNDERSTOOD}"),
    "train in upper and lower case": (("TRAIN", "train"), rf"holds `TRAIN`, `train`, {UNDERSTOOD}"),
    "no train": (("val", "test"), rf"holds `test`, `val`, {UNDERSTOOD}"),
    "test beside classes": (("cat", "dog", "test"), rf"holds `cat`, `dog`, `test`, {UNDERSTOOD}"),
    "test alone": (("test",), rf"holds `test`, {UNDERSTOOD}"),
    "with years": (("train2017", "val2017"), rf"holds `train2017`, `val2017`, {UNDERSTOOD}"),
    "with other words": (("seg_train", "seg_test", "seg_pred"), rf"holds `seg_pred`, `seg_test`, .*{UNDERSTOOD}"),
    "domains": (("trainA", "trainB", "testA", "testB"), rf"holds `testA`, .*{UNDERSTOOD}"),
    "sets": (("Training_Set", "Test_Set"), rf"holds `Test_Set`, `Training_Set`, {UNDERSTOOD}"),
    "a folder in between": (("archive/train", "archive/test"), rf"archive holds `test`, `train`, {UNDERSTOOD}.*give"),
    "parts in classes": (("cat/train", "cat/test", "dog/train", "dog/test"), rf"(cat|dog) holds .*{UNDERSTOOD}"),
}


@fault("split-layout")
@pytest.mark.parametrize("name", REFUSED)
def test_what_looks_like_parts_and_is_not_is_refused(tmp_path, name):
    parts, message = REFUSED[name]
    paint(tmp_path, *parts, count=2)
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


@fault("split-layout")
def test_a_part_without_images_is_refused(tmp_path):
    paint(tmp_path, "train")
    (tmp_path / "test").mkdir()
    with pytest.raises(ValueError, match="test holds no images"):
        load(tmp_path)


def test_the_validation_folder_has_the_classes_and_the_shape_of_the_training_images(tmp_path):
    paint(tmp_path, "train", "test")
    paint(tmp_path, "val", classes=("cat",))
    with pytest.raises(ValueError, match=r"val must have the classes of .*train, cat, dog; received cat"):
        load(tmp_path)


@fault("split-layout")
@pytest.mark.parametrize("whole", [False, True])
def test_parts_of_links_to_images_beside_them_are_not_ignored(tmp_path, whole):
    """Read as one class, the split of whoever made the links would be lost."""
    Painter().paint(*(tmp_path / "store" / part / f"{number}.png" for part in ("a", "b") for number in range(4)))
    for part, store in (("train", "a"), ("test", "b")):
        if whole:
            (tmp_path / part).symlink_to(f"store/{store}")
            continue
        (tmp_path / part).mkdir()
        for number in range(4):
            (tmp_path / part / f"{number}.png").symlink_to(f"../store/{store}/{number}.png")
    with pytest.raises(ValueError, match="holds `test`, `train` with links to images elsewhere in it, and each file"):
        load(tmp_path)
