"""TensorFlow Datasets without a network: the official MNIST and data of other kinds, in memory and streamed."""

import json
import re
import socket

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import downloader

import prepared
import tfvae
from faults import fault
from tfvae.datasets import Split, StreamedSplit, load
from tfvae.datasets import tfds as source
from tfvae.datasets.resizing import resize
from tfvae.evaluation import digest, fix

TRAIN, TEST = prepared.digits(300, seed=0), prepared.digits(80, seed=1)
Image, ClassLabel = tfds.features.Image, tfds.features.ClassLabel


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensorflow_datasets")
    prepared.mnist(folder, TRAIN, TEST)
    return folder


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("this test has no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def streamed(monkeypatch):
    monkeypatch.setattr(source, "MEMORY_LIMIT", 0)


def examples(images, labels):
    return {image.tobytes(): int(label) for image, label in zip(images, labels, strict=True)}


def test_mnist_in_memory(data_dir):
    dataset = load("tfds:mnist", data_dir=data_dir)
    assert dataset.name == "tfds:mnist"
    assert dataset.class_names == tuple("0123456789")
    assert dataset.test_origin == "the split 'test' of TensorFlow Datasets"
    for part, original in ((dataset.train, TRAIN), (dataset.test, TEST)):
        assert isinstance(part, Split)
        assert part.images.dtype == np.uint8
        assert part.image_shape == (28, 28, 1)
        assert examples(part.images, part.labels) == examples(*original)


def test_the_folder_may_come_from_the_environment(data_dir, monkeypatch):
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(data_dir))  # TFDS_DATA_DIR, read when it is imported
    assert len(load("tfds:mnist").test) == 80


def test_streamed_mnist_is_the_one_in_memory(data_dir, monkeypatch):
    in_memory = load("tfds:mnist", data_dir=data_dir)
    monkeypatch.setattr(source, "MEMORY_LIMIT", 380 * 784 - 1)
    dataset = load("tfds:mnist", data_dir=data_dir)
    for part, same in ((dataset.train, in_memory.train), (dataset.test, in_memory.test)):
        assert isinstance(part, StreamedSplit)
        assert (len(part), part.image_shape) == (len(same), same.image_shape)
        first = part.first(50)
        np.testing.assert_array_equal(first.images, same.images[:50])
        np.testing.assert_array_equal(first.labels, same.labels[:50])
        batches = list(part.in_order(64).as_numpy_iterator())
        np.testing.assert_array_equal(np.concatenate(batches), same.images)
    monkeypatch.setattr(source, "MEMORY_LIMIT", 380 * 784)
    assert isinstance(load("tfds:mnist", data_dir=data_dir).train, Split)


@pytest.mark.slow
def test_a_streamed_epoch_has_every_image_once(data_dir, streamed):
    train = load("tfds:mnist", data_dir=data_dir).train
    epochs = [np.concatenate(list(train.batches(30, 0, start).take(10).as_numpy_iterator())) for start in (0, 10)]
    for epoch in epochs:
        assert sorted(image.tobytes() for image in epoch) == sorted(image.tobytes() for image in TRAIN[0])
    assert not np.array_equal(*epochs)


@pytest.mark.parametrize("limit", [0, 2**30])
def test_validation_images_are_the_first_ones_as_tfds_slices_them(data_dir, monkeypatch, limit):
    monkeypatch.setattr(source, "MEMORY_LIMIT", limit)
    train, validation = load("tfds:mnist", data_dir=data_dir).split_validation(70, seed=3)
    for part, piece in ((train, "train[70:]"), (validation, "train[:70]")):
        expected = tfds.load("mnist", split=piece, data_dir=data_dir, download=False)
        expected = [(each["image"].tobytes(), each["label"]) for each in expected.as_numpy_iterator()]
        found = part.first(1000)
        assert [(image.tobytes(), label) for image, label in zip(found.images, found.labels, strict=True)] == expected
    for size, bound in ((0, "at least 1"), (300, "at most 299")):
        with pytest.raises(ValueError, match=f"`size` must be {bound}; received {size}"):
            load("tfds:mnist", data_dir=data_dir).split_validation(size)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [0, 2**30])
@pytest.mark.filterwarnings("error:Your input ran out of data")
def test_mnist_trains_and_is_evaluated(data_dir, monkeypatch, limit):
    monkeypatch.setattr(source, "MEMORY_LIMIT", limit)
    dataset = load("tfds:mnist", image_size=(9, 7), data_dir=data_dir)
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(
        encoder=tfvae.ConditionalDistribution(tfvae.networks.mlp((4,)), tfvae.families.Normal((2,))),
        decoder=tfvae.ConditionalDistribution(tfvae.networks.mlp((4,)), tfvae.families.Bernoulli((9, 7, 1))),
        prior=tfvae.priors.StandardNormal((2,)),
        preprocess=tfvae.preprocessing.Binarize(),
    )
    model.compile(optimizer="adam", jit_compile=False)
    history = model.fit(dataset.train.batches(20, seed=0), steps_per_epoch=1, epochs=2, shuffle=False, verbose=0)
    assert model.steps == 2
    assert np.isfinite(history.history["loss"]).all()
    images = dataset.test.first(1000).images
    figures = model.evaluate(dataset.test.in_order(30), return_dict=True, verbose=0)
    assert figures == pytest.approx(model.evaluate(images, batch_size=80, return_dict=True, verbose=0), rel=1e-5)
    assert digest(dataset.test.in_order(30), model.preprocess) == fix(images, model.preprocess).digest


@pytest.mark.parametrize("limit", [0, 2**30])
@pytest.mark.parametrize("size", [(28, 20), (64, 64)])
def test_streamed_or_not_images_are_resized_to_the_same(data_dir, monkeypatch, limit, size):
    monkeypatch.setattr(source, "MEMORY_LIMIT", limit)
    resized = load("tfds:mnist", image_size=size, data_dir=data_dir).test
    assert resized.image_shape == (*size, 1)
    monkeypatch.setattr(source, "MEMORY_LIMIT", 2**30)
    original = load("tfds:mnist", data_dir=data_dir).test
    np.testing.assert_array_equal(resized.first(10).images, resize(original.images[:10], size))


def pictures(count, *shape, **more):
    generator = np.random.default_rng(5)
    return [{"image": generator.integers(0, 256, shape, np.uint8), **more} for _ in range(count)]


@pytest.mark.parametrize("limit", [0, 2**30])
def test_colour_without_labels_in_several_files(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(source, "MEMORY_LIMIT", limit)
    splits = {"train": pictures(40, 32, 32, 3), "validation": pictures(5, 32, 32, 3)}
    prepared.dataset(tmp_path, "colours", {"image": Image(shape=(32, 32, 3))}, splits, shards=4)
    dataset = load("tfds:colours", data_dir=tmp_path)
    train = dataset.train.first(100)
    assert sorted(image.tobytes() for image in train.images) == sorted(
        each["image"].tobytes() for each in splits["train"]
    )
    assert train.labels is None
    assert dataset.class_names == ()
    assert dataset.test_origin == "the split 'validation' of TensorFlow Datasets"
    assert len(dataset.test) == 5
    if limit == 0:
        assert len(dataset.train.parts) == 4
        for piece, part in (("train[:17]", dataset.train.take_first(17)), ("train[17:]", dataset.train.drop_first(17))):
            info = tfds.builder("colours", data_dir=tmp_path).info.splits[piece]
            assert [tuple(each) for each in part.parts] == [
                (str(each.filename), each.skip, each.take) for each in info.file_instructions
            ]


def test_a_test_part_is_held_out_where_there_is_none(tmp_path):
    features = {"image": Image(shape=(8, 8, 1)), "label": ClassLabel(names=["even", "odd"])}
    splits = {"full": [each | {"label": number % 2} for number, each in enumerate(pictures(30, 8, 8, 1))]}
    label_of = {each["image"].tobytes(): each["label"] for each in splits["full"]}
    prepared.dataset(tmp_path, "whole", features, splits)
    for size, expected in ((None, 3), (7, 7)):
        dataset = load("tfds:whole", test_size=size, data_dir=tmp_path)
        assert (len(dataset.train), len(dataset.test)) == (30 - expected, expected)
        assert dataset.test_origin == f"held out of the data: the first {expected} of 30 images"
        found = examples(dataset.train.images, dataset.train.labels) | examples(
            dataset.test.images, dataset.test.labels
        )
        assert found == label_of
    assert dataset.class_names == ("even", "odd")
    with pytest.raises(ValueError, match=r"`test_size` must leave .* between 1 and 29 of 30; received 30"):
        load("tfds:whole", test_size=30, data_dir=tmp_path)


def test_images_of_several_sizes_need_a_size(tmp_path):
    splits = {"train": pictures(3, 8, 9, 3) + pictures(4, 12, 7, 3), "test": pictures(2, 5, 5, 3)}
    prepared.dataset(tmp_path, "mixed", {"image": Image(shape=(None, None, 3))}, splits)
    with pytest.raises(ValueError, match="`image_size` must be given: the images of mixed have several sizes"):
        load("tfds:mixed", data_dir=tmp_path)
    dataset = load("tfds:mixed", image_size=(28, 20), data_dir=tmp_path)
    assert dataset.train.images.shape == (7, 28, 20, 3)


def test_other_features_are_not_read(tmp_path):
    features = {"picture": Image(shape=(4, 4, 1)), "name": tfds.features.Text(), "label": tfds.features.Text()}
    splits = {"train": [{"picture": each["image"], "name": "x", "label": "y"} for each in pictures(4, 4, 4, 1)]}
    prepared.dataset(tmp_path, "named", features, splits)
    dataset = load("tfds:named", data_dir=tmp_path)
    assert dataset.train.image_shape == (4, 4, 1)
    assert dataset.train.labels is None  # texts are no classes


REFUSED = {
    "opacity": ({"image": Image(shape=(4, 4, 4))}, pictures(3, 4, 4, 4), "must have 1 .* received 4 .*opacity"),
    "two images": (
        {"left": Image(shape=(4, 4, 1)), "right": Image(shape=(4, 4, 1))},
        [{"left": each["image"], "right": each["image"]} for each in pictures(3, 4, 4, 1)],
        "must have one image in each example, which is called `image` if there are more; received left, right",
    ),
    "no images": ({"text": tfds.features.Text()}, [{"text": "x"}] * 3, "one image in each example.*; received none"),
    "16 bits": (
        {"image": Image(shape=(4, 4, 1), dtype=np.uint16)},
        [{"image": each["image"].astype(np.uint16)} for each in pictures(3, 4, 4, 1)],
        "must be uint8; received uint16",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_examples_that_are_not_one_image_are_refused(tmp_path, case):
    features, train, sentence = REFUSED[case]
    prepared.dataset(tmp_path, "refused", features, {"train": train})
    with pytest.raises(ValueError, match=sentence) as caught:
        load("tfds:refused", data_dir=tmp_path)
    assert "\n" not in str(caught.value)


def test_splits_of_unknown_meaning_are_refused(tmp_path):
    splits = {"small": pictures(2, 4, 4, 1), "large": pictures(3, 4, 4, 1)}
    prepared.dataset(tmp_path, "sizes", {"image": Image(shape=(4, 4, 1))}, splits)
    with pytest.raises(ValueError, match="must have a split 'train', or one split only; received large, small"):
        load("tfds:sizes", data_dir=tmp_path)


def test_a_test_part_of_its_own_has_its_size(data_dir):
    with pytest.raises(ValueError, match="`test_size` must not be given: mnist has a split 'test'; received 10"):
        load("tfds:mnist", test_size=10, data_dir=data_dir)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("minst", r"\. Did you mean 'tfds:mnist'.*\?"),
        ("qqqq", r"\."),
        ("", ": .+"),
        ("a b", ": .+"),
        ("mnist/rotated", ": .+"),
        ("mnist:9.9.9", ": .+"),
    ],
)
def test_unknown_names(tmp_path, name, ending):
    with pytest.raises(ValueError, match=f"^TensorFlow Datasets has no dataset '{name}'{ending}$") as caught:
        load(f"tfds:{name}", data_dir=tmp_path)
    assert "\n" not in str(caught.value)


def test_without_a_network_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(downloader, "MAX_RETRIES", 0)  # ten of them take more than three minutes
    sentence = (
        r"^tfds:mnist is not prepared in .*/mnist/3\.0\.1 and could not be downloaded \(.+\); "
        r"prepare it where there is a network and copy that folder here, `data_dir` or TFDS_DATA_DIR being its root"
    )
    with pytest.raises(OSError, match=sentence) as caught:
        load("tfds:mnist", data_dir=tmp_path)
    assert "\n" not in str(caught.value)


def test_damaged_files_are_named(tmp_path):
    prepared.dataset(tmp_path, "cut", {"image": Image(shape=(4, 4, 1))}, {"train": pictures(9, 4, 4, 1)})
    (file,) = tmp_path.glob("cut/1.0.0/*.tfrecord*")
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(OSError, match=r"cut/1\.0\.0 is damaged"):
        load("tfds:cut", data_dir=tmp_path)


def test_the_order_is_that_of_the_seed_whatever_tensorflows(data_dir, streamed):
    train = load("tfds:mnist", data_dir=data_dir).train
    found = []
    for global_seed in (1, 2):
        tf.random.set_seed(global_seed)
        found.append(np.stack(list(train.batches(50, seed=0).take(8).as_numpy_iterator())))
    np.testing.assert_array_equal(*found)


@fault("trust")
@pytest.mark.parametrize("form", ["proto", "legacy"])
def test_no_code_is_run_that_prepared_data_name(tmp_path, monkeypatch, form):
    prepared.dataset(tmp_path, "colours", {"image": Image(shape=(4, 4, 3))}, {"train": pictures(10, 4, 4, 3)})
    (features,) = tmp_path.rglob("features.json")
    own, module = "tensorflow_datasets.core.features.image_feature", f"strangers_{form}"
    if form == "proto":
        features.write_text(features.read_text().replace(own, module))
    else:
        features.write_text(json.dumps({"type": f"{module}.Image", "content": {}}))
    (tmp_path / f"{module}.py").write_text(f"open({str(tmp_path / 'exploded')!r}, 'w')")
    monkeypatch.syspath_prepend(str(tmp_path))
    sentence = (
        f"tfds:colours has a feature of the Python class '{module}.Image', whose code would be run; if you trust it, "
        "set `trust_data` or the environment variable TFVAE_TRUST_DATA=1."
    )
    with pytest.raises(ValueError, match=re.escape(sentence)):
        load("tfds:colours", data_dir=tmp_path)
    assert not (tmp_path / "exploded").exists()
    monkeypatch.setenv("TFVAE_TRUST_DATA", "1")
    with pytest.raises(ValueError, match="Unrecognized FeatureConnector"):
        load("tfds:colours", data_dir=tmp_path)
    assert (tmp_path / "exploded").exists()


@fault("trust")
def test_names_whose_code_would_be_fetched_are_refused(tmp_path):
    for name in ("huggingface:mnist", "kaggle:some/config:1.0.0"):
        with pytest.raises(ValueError, match=f"^tfds:{name} is of a namespace outside of TensorFlow Datasets, whose"):
            load(f"tfds:{name}", data_dir=tmp_path)


def test_features_of_ones_own_that_are_imported_already_are_taken(tmp_path):
    class Own(tfds.features.Image):
        pass

    prepared.dataset(tmp_path, "own", {"image": Own(shape=(4, 4, 3))}, {"train": pictures(10, 4, 4, 3)})
    assert load("tfds:own", data_dir=tmp_path).train.image_shape == (4, 4, 3)
