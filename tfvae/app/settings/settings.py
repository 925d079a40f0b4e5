"""The settings of a training run: its data, model, training and machine. Nothing here imports TensorFlow.

Each field is an option of `tfvae train` and a key of its YAML file; the help texts are those of the docstrings.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

from tfvae._support.checks import check_axes, check_image_size, refusal
from tfvae.recipes import RECIPES, Recipe
from tfvae.recipes.options import Count, Option, Positive, Seed, Share, options
from tfvae.recipes.specification import Specification, plain


def _image_size(value: Any) -> Any:
    """(height, width) of "28x20", "32", 32 or [28, 20]."""
    parts = value.split("x") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else [value]
    try:
        sides = [int(each) if isinstance(each, str) else each for each in parts]
        return check_image_size(sides * 2 if len(sides) == 1 else sides)
    except ValueError:
        raise refusal("image_size", "HEIGHTxWIDTH or one number, such as 28x20 or 32", value) from None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
    """The data of a run.

    Args:
        data: source of the images: mnist (embedded), tfds:NAME (TensorFlow Datasets), or a path to a .npz, .npy or .mat
            file or a folder of images.
        data_dir: folder of prepared TensorFlow Datasets. [default: TFDS_DATA_DIR or ~/tensorflow_datasets]
        bad_records: treatment of files of a folder and records of TensorFlow Datasets that are damaged or of another
            shape: refuse names the first; skip leaves out the same ones at every pass, for which all are decoded once
            more.
        frames: treatment of files of a folder that hold several pictures, such as animations and pages: refuse names
            the first such file; first reads the first picture of each; all reads all, and those of one file stay
            together when images are held out.
        image_size: height and width to resize the images to, such as 28x20, or one number for both, such as 32.
            [default: as they are]
        axes: axes of the images in a file, a letter for each: N the image, H its height, W its width, C its channels,
            such as HWN or NCHW. [default: told from the shape; asked where that is not clear]
        train_size: number of images to train on, for a quick look. [default: all]
        validation_size: training images held out for validation; the test images are never used for it. [default: a
            tenth, at most 5,000]
        test_size: images held out for the test where the data have no test part. [default: a tenth]
    """

    data: Annotated[str, "PLACE"] = "mnist"
    data_dir: Annotated[str, "FOLDER"] | None = None
    bad_records: Literal["refuse", "skip"] = "refuse"
    frames: Literal["refuse", "first", "all"] = "refuse"
    image_size: Annotated[tuple[Count, Count], BeforeValidator(_image_size), "HEIGHTxWIDTH"] | None = None
    axes: Annotated[str, AfterValidator(check_axes)] | None = None
    train_size: Count | None = None
    validation_size: Count | None = None
    test_size: Count | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """The training of a run.

    Args:
        epochs: rounds of training; after each the model is validated, drawn and saved.
        passes: passes over the training images that make an epoch: more where one takes a second.
        weights: run folder (or .keras file) of a model of the same networks, whose weights are the first ones.
        start_at_mean: start from a decoder that gives each pixel its average over the training images, whatever z is.
        batch_size: images a step.
        learning_rate: step size of Adam at the start.
        learning_rate_batch: batch size that `learning_rate` is meant for: for one N times as large it is multiplied by
            the root of N, as befits Adam. [default: any; nothing is multiplied]
        epsilon: addend to the root mean square of a gradient in Adam: the larger it is, the smaller are steps where
            the gradient is tiny.
        schedule: course of the step size: cosine falls to zero, constant stays.
        clip: largest norm of all gradients together. [default: none]
        averaging: momentum of a moving average of the weights, such as 0.999, which is then validated, drawn, tested
            and saved. [default: none]
        patience: epochs without a better val_loss after which training stops and keeps the best weights. [default:
            never]
        seed: seed of initial weights, noise, data order and splits: the same seed gives the same run.
    """

    epochs: Count = 25
    passes: Count = 1
    weights: Annotated[str, "FOLDER"] | None = None
    start_at_mean: bool = False
    batch_size: Count = 100
    learning_rate: Share = 1e-3
    learning_rate_batch: Count | None = None
    epsilon: Share = 1e-7
    schedule: Literal["cosine", "constant"] = "cosine"
    clip: Positive | None = None
    averaging: Share | None = None
    patience: Count | None = None
    seed: Seed = 0

    @property
    def scaled_learning_rate(self) -> float:
        """`learning_rate` for batches of this size: the square root scaling rule of Adam (Malladi et al., 2022, "On the
        SDEs and scaling rules for adaptive gradient algorithms", without its rules for beta and epsilon)."""
        return self.learning_rate * (self.batch_size / (self.learning_rate_batch or self.batch_size)) ** 0.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Machine:
    """The way a run uses its machine.

    Args:
        precision: type that the networks compute in.
        xla: let XLA compile the training steps. [default: what is faster on this machine, measured once; by a rule of
            thumb where measuring takes longer than training]
        steps_per_execution: steps that XLA runs as one program, between two moves of the progress bar. [default: 0.3 s
            of them]
        strategy: devices: one; mirrored, all GPUs of this machine; multiworker, all processes that TF_CONFIG or a
            SLURM step names; auto takes what there is. The batch stays as large and is divided among them.
        tensorboard: write pictures and scalars for TensorBoard too, into RUN/tensorboard.
    """

    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    xla: bool | None = None
    steps_per_execution: Count | None = None
    strategy: Literal["auto", "one", "mirrored", "multiworker"] = "auto"
    tensorboard: bool = False


GROUPS = (Data, Training, Machine)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Machine, Training, Data):
    """The settings of `tfvae train`.

    Args:
        model: recipe with its options, such as `vae(latent_size=20, prior=flow)`; a text, a mapping or a
            `Specification`.

    Raises:
        ValueError: a setting, or a pair of them, makes no sense.
    """

    model: Recipe = "vae"

    def __post_init__(self) -> None:
        for name, each in fields().items():
            object.__setattr__(self, name, each.checked(getattr(self, name)))
        if not isinstance(self.model, Specification):
            raise ValueError(f"`model` must name a recipe, such as vae(latent_size=20); received {self.model!r}.")
        if self.weights is not None and self.start_at_mean:
            raise ValueError("`start_at_mean` has no effect on a run that starts from `weights`; set one of them.")
        if self.scaled_learning_rate >= 1:
            raise ValueError(
                "`learning_rate` must be below 1 also for this `batch_size`; with `learning_rate_batch` "
                f"{self.learning_rate_batch} it is {self.scaled_learning_rate:.3g}."
            )
        if self.xla is False and (self.steps_per_execution or 1) > 1:
            raise ValueError(f"`steps_per_execution` must be 1 without XLA; received {self.steps_per_execution}.")

    def flat(self) -> dict[str, Any]:
        """The settings by name, with the recipe's name as `model` and its options beside the others."""
        found = {name: getattr(self, name) for name in fields() if name != "model"}
        return found | {"model": self.model.name, **self.model.options}

    def plain(self, without: tuple[str, ...] = ()) -> dict[str, Any]:
        """The settings as YAML and JSON keep them, some left out; the model comes first, after the data."""
        return {name: plain(getattr(self, name)) for name in fields() if name not in without}

    def with_options(self, **changes: Any) -> Settings:
        """The settings with other options of the recipe."""
        return dataclasses.replace(self, model={self.model.name: {**self.model.options, **changes}})

    def with_data_at(self, data: str | None, data_dir: Annotated[str, "FOLDER"] | None) -> Settings:
        """The settings of a run whose data are now elsewhere; a place that is None is still the same one."""
        if data is not None and data != self.data:
            return dataclasses.replace(self, data=data, data_dir=data_dir)
        return self if data_dir is None else dataclasses.replace(self, data_dir=data_dir)

    def differences(self, other: Settings) -> dict[str, tuple[Any, Any]]:
        """The settings that differ, with both values; of one recipe its options by themselves."""
        mine, others = self.flat(), other.flat()
        pairs = {name: (mine.get(name), others.get(name)) for name in {**mine, **others}}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def fields() -> dict[str, Option]:
    """The settings by name, in the order in which they are written: data, model, training, machine."""
    known = options(Settings, without=())
    data, *others = ([field.name for field in dataclasses.fields(group)] for group in GROUPS)
    return {name: known[name] for name in (*data, "model", *(name for each in others for name in each))}


def recipe_of(settings: Settings) -> Any:
    """The function of the settings' recipe."""
    return RECIPES.function(settings.model.name)
