"""Files: what is read as what, how it is divided, and a sentence for everything that is refused."""

import os
import pickle

import numpy as np
import pytest
import scipy.io

from faults import fault
from tfvae.datasets import load

GENERATOR = np.random.default_rng(0)
COLOUR = GENERATOR.integers(0, 256, (30, 6, 4, 3), np.uint8)
GREY = COLOUR[..., :1]
LABELS = np.arange(30) % 3
FLOATS = GENERATOR.random((30, 6, 4, 1))


def save(folder, suffix, arrays):
    path = folder / f"data{suffix}"
    if suffix == ".npz":
        np.savez(path, **arrays)
    elif suffix == ".npy":
        np.save(path, *arrays.values())
    else:
        scipy.io.savemat(path, arrays, appendmat=False)
    return path


def rows(dataset):
    """All images, as the set of their bytes."""
    return [image.tobytes() for part in (dataset.train, dataset.test) for image in part.images]


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".mat"])
@pytest.mark.parametrize("images", [COLOUR, GREY, GREY[..., 0], COLOUR.astype(np.int32), COLOUR.astype(">i8")])
def test_levels(tmp_path, suffix, images):
    dataset = load(save(tmp_path, suffix, {"images": images}), axes="NHWC"[: images.ndim])  # .mat asks for 6 x 4
    expected = images[..., None] if images.ndim == 3 else images
    assert dataset.name == f"data{suffix}"
    assert (len(dataset.train), len(dataset.test)) == (27, 3)
    assert dataset.train.image_shape == dataset.test.image_shape == expected.shape[1:]
    assert dataset.train.images.dtype == dataset.test.images.dtype == np.uint8
    assert sorted(rows(dataset)) == sorted(image.tobytes() for image in expected.astype(np.uint8))
    assert dataset.train.labels is dataset.test.labels is None
    assert dataset.class_names == ()
    assert dataset.test_origin == "held out of the data: with seed 0, 3 of 30 images"


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".mat"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_become_float32(tmp_path, suffix, dtype):
    dataset = load(save(tmp_path, suffix, {"images": FLOATS.astype(dtype)}))
    assert dataset.train.images.dtype == np.float32
    assert sorted(rows(dataset)) == sorted(image.tobytes() for image in FLOATS.astype(np.float32))


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_labels_stay_with_their_images(tmp_path, suffix):
    path = save(tmp_path, suffix, {"images": COLOUR, "labels": LABELS})
    dataset = load(path)
    label_of = {image.tobytes(): label for image, label in zip(COLOUR, LABELS, strict=True)}
    for part in (dataset.train, dataset.test):
        assert part.labels.tolist() == [label_of[image.tobytes()] for image in part.images]
    assert dataset.class_names == ("0", "1", "2")


def test_whole_floats_are_labels_too(tmp_path):
    labels = load(save(tmp_path, ".MAT", {"images": COLOUR, "labels": LABELS * 1.0})).train.labels
    assert labels.dtype == np.int64
    assert set(labels) == {0, 1, 2}


@fault("data-forms")
@pytest.mark.parametrize(
    "labels",
    [LABELS[:, None], LABELS[None], np.eye(3)[LABELS], np.eye(3, dtype=np.uint8)[LABELS]],
    ids=["[N, 1]", "[1, N]", "one-hot floats", "one-hot integers"],
)
@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_labels_of_any_usual_form(tmp_path, suffix, labels):
    path, plain = (save(folder, suffix, {"images": COLOUR, "labels": each}) for folder, each in two(tmp_path, labels))
    np.testing.assert_array_equal(load(path).train.labels, load(plain).train.labels)


def two(folder, labels):
    for name, each in (("other", labels), ("plain", LABELS)):
        (folder / name).mkdir()
        yield folder / name, each


@fault("data-forms")
@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_labels_that_are_text_name_the_classes(tmp_path, suffix):
    words = np.array(["dog", "ant", "cat"])[LABELS]
    arrays = {"images": COLOUR, "labels": words, "test_images": COLOUR[:4], "test_labels": np.array(["cat", "bee"] * 2)}
    dataset = load(save(tmp_path, suffix, arrays))
    assert dataset.class_names == ("ant", "bee", "cat", "dog")
    assert [dataset.class_names[label] for label in dataset.train.labels] == words.tolist()
    assert dataset.test.labels.tolist() == [2, 1, 2, 1]


@fault("types")
@pytest.mark.parametrize("suffix", [".npz", ".npy", ".mat"])
def test_bool_and_logical_arrays_are_black_and_white(tmp_path, suffix):
    images = load(save(tmp_path, suffix, {"images": COLOUR > 128})).train.images
    assert images.dtype == np.uint8
    assert set(np.unique(images)) == {0, 255}


@fault("data-forms")
def test_arrays_that_are_not_needed_are_not_read(tmp_path):
    meta = np.array({"source": "camera"}, object)
    assert len(load(save(tmp_path, ".npz", {"images": COLOUR, "meta": meta})).train) == 27


@fault("data-forms")
@pytest.mark.parametrize(
    "names",
    [("x_train", "y_train", "x_test", "y_test"), ("train_images", "train_labels", "test_images", "test_labels")],
)
def test_names_of_well_known_files(tmp_path, names):
    """Keras' mnist.npz; MedMNIST, which also has validation images."""
    arrays = dict(zip(names, (GREY, LABELS[:, None], GREY[:4], LABELS[:4, None]), strict=True))
    dataset = load(save(tmp_path, ".npz", arrays | {"val_images": GREY}))
    assert (len(dataset.train), len(dataset.test)) == (30, 4)
    assert dataset.test.labels.tolist() == [0, 1, 2, 0]
    assert dataset.test_origin == f"`{names[2]}` in the file"


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_the_only_array_is_the_images_whatever_its_name(tmp_path, suffix):
    assert len(load(save(tmp_path, suffix, {"faces": GREY, "labels": LABELS})).train) == 27


def test_a_test_part_of_its_own(tmp_path):
    arrays = {"images": GREY, "test_images": GREY[:4], "test_labels": LABELS[:4]}
    dataset = load(save(tmp_path, ".npz", arrays))
    np.testing.assert_array_equal(dataset.train.images, GREY)
    np.testing.assert_array_equal(dataset.test.images, GREY[:4])
    assert dataset.train.labels is None
    assert dataset.test.labels.tolist() == [0, 1, 2, 0]
    assert dataset.test_origin == "`test_images` in the file"


def test_the_same_seed_holds_out_the_same_images(tmp_path):
    path = save(tmp_path, ".npy", {"images": COLOUR})
    first, again, other = (load(path, test_size=7, seed=seed) for seed in (0, 0, 1))
    assert len(first.test) == 7
    np.testing.assert_array_equal(first.test.images, again.test.images)
    np.testing.assert_array_equal(first.train.images, again.train.images)
    assert not np.array_equal(first.test.images, other.test.images)
    for dataset in (first, other):
        assert sorted(rows(dataset)) == sorted(image.tobytes() for image in COLOUR)


def test_training_validation_and_test_images_are_disjoint_and_complete(tmp_path):
    dataset = load(save(tmp_path, ".npy", {"images": COLOUR}), test_size=6)
    train, validation = dataset.split_validation(5, seed=0)
    parts = [[image.tobytes() for image in part.images] for part in (train, validation, dataset.test)]
    assert [len(part) for part in parts] == [19, 5, 6]
    assert sorted(sum(parts, [])) == sorted(image.tobytes() for image in COLOUR)  # noqa: RUF017
    np.testing.assert_array_equal(dataset.split_validation(5, seed=0)[1].images, validation.images)


def test_frey_faces_come_one_in_a_column(tmp_path):
    faces = GENERATOR.integers(0, 256, (20, 28, 20), np.uint8)
    dataset = load(save(tmp_path, ".mat", {"ff": faces.reshape(20, 560).T}))
    assert dataset.train.image_shape == (28, 20, 1)
    assert sorted(rows(dataset)) == sorted(face.tobytes() for face in faces)


@pytest.mark.skipif("TFVAE_FREY_FACE" not in os.environ, reason="TFVAE_FREY_FACE names no file of the Frey faces")
def test_the_frey_faces_themselves():
    dataset = load(os.environ["TFVAE_FREY_FACE"])
    images = np.concatenate([dataset.train.images, dataset.test.images])
    assert images.shape == (1965, 28, 20, 1)
    assert len({image.tobytes() for image in images}) == 1965
    assert (images.min(), images.max(), round(images.mean(), 2)) == (8, 238, 154.46)
    # Neighbours look alike, which they would not if rows were taken for columns.
    steps = [np.abs(np.diff(images.astype(int), axis=axis)).mean() for axis in (1, 2)]
    assert max(steps) < images.std() / 2


NAN = np.where(np.arange(6 * 4).reshape(6, 4, 1) == 7, np.nan, FLOATS)
REFUSED = {
    "floats above 1": ({"images": COLOUR * 1.0}, r"`images` in data.npz holds floats.* in \[0, 1\]; received 0 to 255"),
    "floats below 0": ({"images": FLOATS - 0.5}, r"must be in \[0, 1\]; received -0\.\d+ to 0\.\d+"),
    "not finite": ({"images": NAN}, "`images` in data.npz holds values that are not finite"),
    "infinite": ({"images": NAN * 0 + np.inf}, "holds values that are not finite"),
    "integers above 255": ({"images": GREY.astype(int) + 1}, "levels 0 to 255; received 1 to 256"),
    "integers below 0": ({"images": GREY.astype(np.int8)}, r"levels 0 to 255; received -\d+ to \d+"),
    "0 and 1": ({"images": GREY // 128}, "the integers 0 and 1 only.*as 0 and 255, as floats or as bool"),
    "complex": ({"images": FLOATS * 1j}, "received complex128"),
    "strings": ({"images": np.array(["a"] * 5)}, "received <U1"),
    "rank 2": ({"images": GREY.reshape(30, -1)}, r"must be \[N, height, width\] or .*; received \(30, 24\)"),
    "rank 5": ({"images": GREY[None]}, r"must be \[N, height, width\] or .*; received \(1, 30, 6, 4, 1\)"),
    "2 channels": ({"images": COLOUR[..., :2]}, r"must have 1 \(grey\) or 3 \(RGB\) channels.*; received 2\."),
    "4 channels": ({"images": COLOUR[..., [0, 1, 2, 0]]}, "received 4 .*opacity: put the images on a background"),
    "channels first": ({"images": np.moveaxis(COLOUR, 3, 1)}, r"shape \(30, 3, 6, 4\), .*channels, on the last axis"),
    "empty": ({"images": GREY[:0]}, r"holds no images: its shape is \(0, 6, 4, 1\)"),
    "no pixels": ({"images": GREY[:, :0]}, r"holds no images: its shape is \(30, 0, 4, 1\)"),
    "no arrays": ({}, "data.npz must hold an array `images`, or one array only; received none"),
    "two arrays": ({"a": GREY, "b": GREY}, "must hold an array `images`, or one array only; received `a`, `b`"),
    "labels only": ({"labels": LABELS}, "must hold an array `images`.*; received `labels`"),
    "fewer labels": ({"images": GREY, "labels": LABELS[1:]}, r"one number for each of the 30 images; received \(29,\)"),
    "labels of two columns": (
        {"images": GREY, "labels": np.eye(3)[LABELS] * 2},
        r"for each of the 30 images; received \(30, 3\)",
    ),
    "negative labels": ({"images": GREY, "labels": LABELS - 1}, "integers from 0 to 65535; received -1 to 1"),
    "huge labels": ({"images": GREY, "labels": LABELS * 10**6}, "integers from 0 to 65535; received 0 to 2000000"),
    "float labels": ({"images": GREY, "labels": LABELS * 0.5}, "must be class numbers.*; received 0.0 to 1.0"),
    "labels not finite": ({"images": GREY, "labels": LABELS * np.nan}, "must be class numbers.*; received nan to nan"),
    "fewer names": ({"images": GREY, "labels": np.array(["cat"] * 29)}, r"each of the 30 images; received \(29,\)"),
    "test labels alone": ({"images": GREY, "test_labels": LABELS}, "`test_labels` without `test_images`"),
    "bad test images": ({"images": GREY, "test_images": GREY[:0]}, "`test_images` in data.npz holds no images"),
    "fewer test labels": (
        {"images": GREY, "test_images": GREY, "test_labels": LABELS[1:]},
        "`test_labels` in data.npz must be one number for each of the 30",
    ),
    "test images of another shape": (
        {"images": GREY, "test_images": COLOUR},
        r"`test_images` in data.npz must be of the shape of the images, \(6, 4, 1\); received \(6, 4, 3\)",
    ),
    "one image": ({"images": GREY[:1]}, "`test_size` must leave training and test images.*; received 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_arrays_that_are_no_images_are_refused(tmp_path, case):
    arrays, sentence = REFUSED[case]
    with pytest.raises(ValueError, match=sentence) as caught:
        load(save(tmp_path, ".npz", arrays))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [-1, 0, 30, 31])
def test_the_size_of_the_test_part_has_to_fit(tmp_path, size):
    path = save(tmp_path, ".npy", {"images": GREY})
    with pytest.raises(ValueError, match=f"`test_size` must leave .* between 1 and 29 of 30; received {size}"):
        load(path, test_size=size)


def test_a_test_part_of_its_own_has_its_size(tmp_path):
    path = save(tmp_path, ".npz", {"images": GREY, "test_images": GREY})
    with pytest.raises(ValueError, match=r"`test_size` must not be given: data.npz has `test_images`; received 3"):
        load(path, test_size=3)


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_nothing_is_ever_unpickled(tmp_path, suffix):
    path = save(tmp_path, suffix, {"images": np.array([Bomb(str(tmp_path / "exploded"))], dtype=object)})
    with pytest.raises(ValueError, match="holds an array of Python objects"):
        load(path)
    (tmp_path / f"raw{suffix}").write_bytes(pickle.dumps(Bomb(str(tmp_path / "exploded"))))
    with pytest.raises((ValueError, OSError), match=f"raw{suffix}"):
        load(tmp_path / f"raw{suffix}")
    assert not (tmp_path / "exploded").exists()


def test_cells_of_matlab_are_refused(tmp_path):
    cells = np.empty(2, object)
    cells[:] = [GREY[0], GREY[1]]
    with pytest.raises(ValueError, match=r"`images` in data\.mat must hold numbers; received MATLAB's cell"):
        load(save(tmp_path, ".mat", {"images": cells}))


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".mat"])
@pytest.mark.parametrize("damage", ["cut", "emptied", "replaced"])
def test_damaged_files_are_named(tmp_path, suffix, damage):
    path = save(tmp_path, suffix, {"images": COLOUR})
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[: len(whole) // 2], "emptied": b"", "replaced": b"not an array" * 50}[damage])
    with pytest.raises((OSError, ValueError), match=f"data{suffix}") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_matlab_73_is_refused_with_the_remedy(tmp_path):
    path = tmp_path / "new.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400))
    with pytest.raises(ValueError, match=r"new.mat is of MATLAB's format 7.3; save it with -v7"):
        load(path)
