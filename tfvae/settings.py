"""What a training run is made of. No TensorFlow here, so that the command line's help is instant.

Each field of `Settings` is an option of `tfvae train` and a key of its YAML file; the help texts stand here, once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import math
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

CONFIG = "config.yaml"
"""The settings' file in a run folder."""
HIDDEN = {"mlp": (300, 300, 300, 300), "conv": (32, 64)}
"""The networks by name, with what `hidden` is if it is not given."""
MODELS = ("vae", "naive", "ae", "dae", "mae", "gmm", "gan", "realnvp", "glow", "maf")
FLOWS = {"realnvp": (4, (32, 32)), "glow": (8, (64, 64)), "maf": (5, (256,)), "vae": (4, (128, 128))}
"""The models with a flow, with what `flow_depth` and `flow_hidden` are if they are not given."""
_DECODERS = ("vae", "naive")  # that have a p(x|z) to choose
_WITH_LATENTS = ("vae", "naive", "ae", "dae", "gan")
_WITH_LOSS = ("vae", "naive", "ae", "dae", "mae", "gmm", "realnvp", "glow", "maf")  # that says how good they are
LIKELIHOODS = (
    "normal",
    "bernoulli",
    "autoregressive-bernoulli",
    "continuous-bernoulli",
    "discretized-logistic",
    "categorical",
)
PREPROCESSINGS = ("binarize", "dequantize", "levels", "rescale")
ACTIVATIONS = ("relu", "gelu", "silu", "elu", "tanh")
SCALES = ("shared", "image", "pixel")
OBJECTIVES = ("elbo", "iwae")
PRIORS, POSTERIORS = ("normal", "flow", "mixture", "vamp"), ("normal", "flow")
INFERENCES = ("top-down", "bottom-up")
GRADIENTS = ("plain", "stl", "dreg")
SCHEDULES = ("cosine", "constant")
CORRUPTIONS = ("gaussian", "masking", "salt-and-pepper")
_SCALED = ("normal", "discretized-logistic")
BAD_RECORDS = ("refuse", "skip")
PRECISIONS = ("float32", "bfloat16", "float16")
STRATEGIES = ("auto", "one", "mirrored", "multiworker")


DEVICES = (
    'Devices: "one"; "mirrored", all GPUs of this machine; "multiworker", all processes that TF_CONFIG or a SLURM step '
    'names; "auto" takes what there is.'
)
"""What `strategy` may be, for its help."""


def _option(
    default: Any, text: str, read: Callable[[str, Any], Any] | None = None, models: tuple[str, ...] = MODELS
) -> Any:
    """A field with its help text; `read(name, value)` makes its value from what YAML or the command line give.

    `models` are those that it is a setting of.
    """
    return dataclasses.field(default=default, metadata={"help": text, "read": read, "models": models})


def _sizes(name: str, value: Any) -> tuple[int, ...]:
    """Integers from "500,500", [500, 500] or 500."""
    parts = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    parts = [parts] if isinstance(parts, int) else parts
    try:
        sizes = tuple(_whole(part) for part in parts)
    except (TypeError, ValueError):
        raise ValueError(
            f"`{name}` must be integers separated by commas, such as 500,500; received {value!r}."
        ) from None
    if any(size < 1 for size in sizes):
        raise ValueError(f"`{name}` must be sizes >= 1; received {value!r}.")
    return sizes


def _image_size(name: str, value: Any) -> tuple[int, int] | None:
    """(height, width) from "28x20", "32", 32 or [28, 20]."""
    if value is None or value == "":
        return None
    parts = value.split("x") if isinstance(value, str) else [value] if isinstance(value, int) else value
    try:
        sizes = [_whole(part) for part in parts]
        height, width = sizes if len(sizes) == 2 else sizes * 2
        if min(height, width) < 1:
            raise ValueError
    except (TypeError, ValueError):
        raise ValueError(
            f"`{name}` must be HEIGHTxWIDTH or one number, such as 28x20 or 32; received {value!r}."
        ) from None
    return height, width


def _scale(name: str, value: Any) -> str | float:
    """One of the words, or a number > 0."""
    if value in SCALES:
        return str(value)
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        known = ", ".join(map(repr, SCALES))
        raise ValueError(f"`{name}` must be {known} or a number > 0; received {value!r}.{_near(str(value), SCALES)}")
    return number


def _by_level(name: str, value: Any) -> float | tuple[float, ...]:
    """A number >= 0, or several separated by commas."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else [value]
    if len(parts) > 1 and any(isinstance(part, str) and not part.strip() for part in parts):
        raise ValueError(f"`{name}` must have a number on either side of a comma; received {value!r}.")
    try:
        numbers = tuple(math.nan if isinstance(part, bool) else float(part) for part in parts)
    except (TypeError, ValueError):
        numbers = (math.nan,)
    if not numbers or not all(0 <= number < math.inf for number in numbers):
        raise ValueError(f"`{name}` must be at least 0, one number or one for each level; received {value!r}.")
    return numbers if len(numbers) > 1 else numbers[0]


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    return int(value)


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of `tfvae train`. Raises ValueError, one sentence, for what makes no sense."""

    data: str = _option(
        "mnist",
        'What to train on: "mnist" (embedded), "tfds:NAME" (TensorFlow Datasets), or a path: .npz, .npy, .mat or a '
        "folder of images.",
    )
    data_dir: str | None = _option(
        None, "Folder of prepared TensorFlow Datasets. [default: TFDS_DATA_DIR or ~/tensorflow_datasets]"
    )
    bad_records: str = _option(
        "refuse",
        "What to do with files of a folder and records of TensorFlow Datasets that are damaged or of another shape: "
        '"refuse" names the first, "skip" leaves out the same ones at every pass, for which all are decoded once more.',
    )
    image_size: tuple[int, int] | None = _option(
        None, "Resize the images to HEIGHTxWIDTH, such as 28x20, or to a square, such as 32.", _image_size
    )
    train_size: int | None = _option(None, "Train on the first so many images only, for a quick look. [default: all]")
    validation_size: int | None = _option(
        None,
        "Training images held out for validation; the test images are never used for it. [default: a tenth, at most "
        "5,000]",
    )
    test_size: int | None = _option(
        None, "Images held out for the test where the data have no test part. [default: a tenth]"
    )
    model: str = _option(
        "vae",
        'What to train: "vae"; "naive", its decoder by naive Monte Carlo; "ae", "dae" or "mae", a plain, denoising or '
        'masked autoencoder; "gmm", a mixture of normals on pixels; "gan"; "realnvp", "glow" or "maf", flows on pixels.'
        " Settings that a model has not are refused.",
    )
    likelihood: str = _option(
        "normal",
        'Family of p(x|z): "normal", "bernoulli" (binarised images), "autoregressive-bernoulli" (in '
        'which each pixel sees those before it as well), "continuous-bernoulli", "discretized-logistic" or '
        '"categorical" (both give probabilities to the 256 levels).',
        models=_DECODERS,
    )
    preprocess: str | None = _option(
        None,
        'From grey levels to x: "binarize", "dequantize", "levels" or "rescale". [default: what suits the likelihood]',
        models=_DECODERS,
    )
    scale: str | float = _option(
        "shared",
        "Standard deviation of a normal or scale of a logistic p(x|z): one learned number (shared), one for each image "
        "(image), one for each pixel (pixel: the best bits and the worst samples), or a fixed number.",
        _scale,
        models=_DECODERS,
    )
    network: str | None = _option(
        None,
        '"mlp" for dense layers, "conv" for convolutions (much slower on a CPU). [default: mlp; conv for categorical, '
        "whose dense layer would have 256 outputs a pixel]",
        models=_WITH_LATENTS,
    )
    hidden: tuple[int, ...] = _option(
        (),
        "Units of the dense layers or channels of the convolutions, from data to latents. "
        "[default: 300,300,300,300 for mlp, 32,64 for conv]",
        _sizes,
        models=_WITH_LATENTS,
    )
    activation: str = _option(
        "gelu", 'Between the layers: "relu", "gelu", "silu", "elu" or "tanh".', models=_WITH_LATENTS
    )
    latent_size: int = _option(
        6, "Latent dimensions D. 2 can be drawn as a map; more reconstruct better.", models=_WITH_LATENTS
    )
    levels: int = _option(
        1,
        "Levels of latents. Of dense networks each has half the latents and units of the one below, whose numbers are "
        "those given; of convolutions half the height and width, with `latent_size` channels.",
        models=("vae",),
    )
    inference: str = _option(
        "top-down",
        'Of several levels: "top-down", where q and p of a level depend on all levels above, or "bottom-up", where '
        "each level is the data of the next, as in Burda et al.",
        models=("vae",),
    )
    corruption: str = _option(
        "gaussian",
        'What the denoising autoencoder undoes: "gaussian" noise, "masking" (pixels set to 0) or "salt-and-pepper" '
        "(to 0 or 1).",
        models=("dae",),
    )
    corruption_strength: float = _option(
        0.5, "Standard deviation of the gaussian noise, where white is 1; else the share of pixels.", models=("dae",)
    )
    mask_share: float = _option(0.75, "Share of an image's patches that are masked.", models=("mae",))
    patch_size: int = _option(4, "Side of the patches, which divides the image.", models=("mae",))
    components: int = _option(10, "Normals in the mixture, also that of a VAE's prior.", models=("gmm", "vae"))
    rank: int = _option(
        0, "Of what each normal's covariance has beside its diagonal; 0 for a diagonal.", models=("gmm", "vae")
    )
    prior: str = _option(
        "normal",
        'p(z): "normal", "flow", affine couplings on top of it, "mixture" of normals, or "vamp", the average of the '
        "posteriors of learned pseudo-inputs; the rate of all but the first is averaged.",
        models=("vae",),
    )
    pseudo_inputs: int = _option(500, "Of the prior vamp, which each step encodes too.", models=("vae",))
    posterior: str = _option(
        "normal",
        'q(z|x): "normal", a diagonal one, or "flow", inverse autoregressive flows on top of it; its rate is averaged.',
        models=("vae",),
    )
    flow_depth: int | None = _option(
        None,
        "Couplings in a row (realnvp), steps at each scale (glow), or flows (maf, prior, posterior). [default: "
        + ", ".join(f"{depth} for {name}" for name, (depth, _) in FLOWS.items())
        + "]",
        models=tuple(FLOWS),
    )
    flow_hidden: tuple[int, ...] = _option(
        (),
        "Channels (realnvp, glow) or units (others) of the layers of each of a flow's networks. [default: "
        + ", ".join(f"{','.join(map(str, hidden))} for {name}" for name, (_, hidden) in FLOWS.items())
        + "]",
        _sizes,
        models=tuple(FLOWS),
    )
    flow_levels: int = _option(
        2, "Scales. The image's sides are halved so many times (glow), or once less.", models=("realnvp", "glow")
    )
    alpha: float = _option(
        0.05,
        "How far grey values are moved away from 0 and 1 before their logit is taken.",
        models=("realnvp", "glow", "maf"),
    )
    draws: int = _option(1000, "Draws from the prior, the same for all images of a step.", models=("naive",))
    penalty: float = _option(1.0, "Weight of the penalty on the discriminator's gradient.", models=("gan",))
    objective: str = _option(
        "elbo", 'What is maximised: "elbo", or "iwae", the importance-weighted bound.', models=("vae",)
    )
    sample_size: int = _option(
        1, "Samples of z for each image: 1 is usual for elbo, 5 to 50 for iwae.", models=("vae",)
    )
    gradient: str = _option(
        "plain",
        'How iwae estimates the gradient of the encoder: "plain", "stl" or "dreg", the least noisy.',
        models=("vae",),
    )
    beta: float = _option(
        1.0, "Weight of the rate KL(q(z|x) || p(z)) in the loss; 1 is the bound itself.", models=("vae",)
    )
    warm_up: float | tuple[float, ...] = _option(
        0.0,
        "Epochs in which beta rises from 0; of several levels also one number for each, from the lowest to the top, "
        "such as 0,10.",
        _by_level,
        models=("vae",),
    )
    free_bits: float | tuple[float, ...] = _option(
        0.0,
        "Nats that each latent dimension of each image may cost before it is charged; of several levels also one "
        "number for each.",
        _by_level,
        models=("vae",),
    )
    epochs: int = _option(25, "Rounds of training; after each the model is validated, drawn and saved.")
    passes: int = _option(1, "Passes over the training images that make an epoch: more where one takes a second.")
    weights: str | None = _option(
        None, "Run folder (or .keras file) of a model of the same networks, whose weights are the first ones."
    )
    start_at_mean: bool = _option(
        False,
        "Start from a decoder that gives each pixel its average over the training images, whatever z is.",
        models=_DECODERS,
    )
    batch_size: int = _option(100, "Images a step.")
    learning_rate: float = _option(1e-3, "Adam's step size at the start.")
    learning_rate_batch: int | None = _option(
        None,
        "Batch size that `learning_rate` is meant for: for one N times as large it is multiplied by the root of N, as "
        "befits Adam. [default: any; nothing is multiplied]",
    )
    epsilon: float = _option(
        1e-7, "What Adam adds to the root mean square of a gradient: the more, the smaller are steps where it is tiny."
    )
    schedule: str = _option("cosine", 'Course of the step size: "cosine" falls to zero, "constant" stays.')
    clip: float | None = _option(None, "Largest norm of all gradients together. [default: none]")
    averaging: float | None = _option(
        None,
        "Momentum of a moving average of the weights, such as 0.999, which is then validated, drawn, tested and saved. "
        "[default: none]",
    )
    patience: int | None = _option(
        None,
        "Stop after so many epochs without a better val_loss, and keep the best weights. [default: never]",
        models=_WITH_LOSS,
    )
    precision: str = _option("float32", 'What the networks compute in: "float32", "bfloat16" or "float16".')
    xla: bool | None = _option(
        None,
        "Let XLA compile the training steps. [default: what is faster on this machine, measured once; by a rule "
        "of thumb where measuring takes longer than training]",
    )
    steps_per_execution: int | None = _option(
        None, "Steps that XLA runs as one program, between two moves of the progress bar. [default: 0.3 s of them]"
    )
    strategy: str = _option("auto", f"{DEVICES} The batch stays as large and is divided among them.")
    tensorboard: bool = _option(False, "Write pictures and scalars for TensorBoard too, into RUN/tensorboard.")
    seed: int = _option(0, "Of initial weights, noise, data order and splits: the same seed gives the same run.")

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _checked(field.name, getattr(self, field.name)))
        for field in dataclasses.fields(self):
            models = field.metadata["models"]
            if self.model not in models and getattr(self, field.name) != field.default:
                raise ValueError(f"`{field.name}` is no setting of the model {self.model!r}, but of {_list(models)}.")
        if self.model == "dae" and self.corruption != "gaussian" and self.corruption_strength >= 1:
            raise ValueError(
                f"`corruption_strength` of {self.corruption!r} is a share of pixels, below 1; received "
                f"{self.corruption_strength:g}."
            )
        if max(one_or_each(self.warm_up)) > self.epochs:
            raise ValueError(
                f"`warm_up` must not be longer than training, {self.epochs} epochs; received "
                f"{max(one_or_each(self.warm_up)):g}."
            )
        if self.objective == "iwae" and (self.beta, self.warm_up, self.free_bits) != (1.0, 0.0, 0.0):
            raise ValueError(
                "`beta`, `warm_up` and `free_bits` weigh the rate of the elbo; the objective iwae has none."
            )
        if self.objective == "elbo" and self.gradient != "plain":
            raise ValueError(
                f"`gradient` is of the objective iwae; the elbo has the plain one. Received {self.gradient!r}."
            )
        if self.weights is not None and self.start_at_mean:
            raise ValueError("`start_at_mean` has no effect on a run that starts from `weights`; set one of them.")
        if self.scaled_learning_rate >= 1:
            raise ValueError(
                "`learning_rate` must be below 1 also for this `batch_size`; with `learning_rate_batch` "
                f"{self.learning_rate_batch} it is {self.scaled_learning_rate:.3g}."
            )
        if self.xla is False and (self.steps_per_execution or 1) > 1:
            raise ValueError(f"`steps_per_execution` must be 1 without XLA; received {self.steps_per_execution}.")
        if self.model == "vae" and self.prior != "mixture" and (self.components, self.rank) != (10, 0):
            raise ValueError("`components` and `rank` are of a mixture; set `prior` to mixture, or `model` to gmm.")
        if self.prior != "vamp" and self.pseudo_inputs != 500:
            raise ValueError("`pseudo_inputs` are of the prior vamp; set `prior` to it.")
        if self.prior == "vamp" and self.posterior == "flow":
            raise ValueError("The prior vamp is an average of normal posteriors; set `posterior` to normal.")
        if self.scale != "shared" and self.likelihood not in _SCALED:
            raise ValueError(f"`scale` is of the likelihoods {' and '.join(_SCALED)}; {self.likelihood} has none.")
        if self.model in _WITH_LATENTS:  # of the others the networks are their own
            if self.network is None:
                object.__setattr__(self, "network", "conv" if self.likelihood == "categorical" else "mlp")
            if not self.hidden:
                object.__setattr__(self, "hidden", HIDDEN[str(self.network)])
        self._check_levels()
        if any(one_or_each(self.free_bits)) and (self.prior, self.posterior) != ("normal", "normal"):
            raise ValueError(
                "`free_bits` is a floor for the rate of each latent dimension, which has a closed form for a normal "
                "prior and posterior only."
            )
        self._resolve_flow()

    def _check_levels(self) -> None:
        """Refuses what is for one level only, or for several."""
        for name in ("warm_up", "free_bits"):
            if len(one_or_each(getattr(self, name))) not in (1, self.levels):
                raise ValueError(
                    f"`{name}` must be one number, or one for each of the {self.levels} `levels`; received "
                    f"{','.join(f'{number:g}' for number in one_or_each(getattr(self, name)))}."
                )
        if self.levels == 1:
            if self.inference != "top-down":
                raise ValueError(f"`inference` {self.inference!r} is of several levels; set `levels`.")
            return
        if self.posterior == "flow":
            raise ValueError("The posterior flow is of one level; set `posterior` to normal, or `levels` to 1.")
        if self.gradient != "plain":
            raise ValueError(f"`gradient` {self.gradient!r} is of one level; use 'plain', or set `levels` to 1.")
        if self.prior == "vamp" and self.inference == "bottom-up":
            raise ValueError(
                "The prior vamp needs q of the highest level given the image, which is there top-down only; set "
                "`inference` to top-down."
            )
        if not self._has_maps and self.latent_size >> (self.levels - 1) < 1:
            raise ValueError(
                f"`levels` must be at most {self.latent_size.bit_length()} for a `latent_size` of {self.latent_size}, "
                f"since each level has half as many latents as the one below; received {self.levels}."
            )

    @property
    def _has_maps(self) -> bool:
        """Whether latents are maps, whose number the size of the images decides."""
        return self.levels > 1 and self.network == "conv"

    def _resolve_flow(self) -> None:
        """Fills in the sizes of a flow, and refuses what does not go with one."""
        in_vae = [name for name in ("prior", "posterior") if getattr(self, name) == "flow"]
        if self.model not in FLOWS or (self.model == "vae" and not in_vae):
            for name in ("flow_depth", "flow_hidden"):
                if getattr(self, name):
                    raise ValueError(f"`{name}` is of a flow; this model has none. Set `prior` or `posterior` to flow.")
            return
        too_few = not self._has_maps and self.latent_size >> (self.levels - 1) < 2
        if self.model == "vae" and self.prior == "flow" and too_few:
            least, where = 2**self.levels, "" if self.levels == 1 else f" at the highest of {self.levels} levels"
            raise ValueError(
                f"The couplings of the prior flow need two latents{where}: `latent_size` must be at least {least}."
            )
        if self.posterior == "flow" and self.gradient != "plain":
            raise ValueError(
                f"`gradient` {self.gradient!r} leaves out the parameters of q(z|x), which of the posterior flow are "
                "weights too; use 'plain'."
            )
        depth, hidden = FLOWS[self.model]
        object.__setattr__(self, "flow_depth", self.flow_depth or depth)
        object.__setattr__(self, "flow_hidden", self.flow_hidden or hidden)

    @property
    def scaled_learning_rate(self) -> float:
        """`learning_rate` for batches of this size: the square root scaling rule of Adam (Malladi et al., 2022, "On the
        SDEs and scaling rules for adaptive gradient algorithms", without its rules for beta and epsilon)."""
        return self.learning_rate * (self.batch_size / (self.learning_rate_batch or self.batch_size)) ** 0.5

    def as_yaml(self, without: tuple[str, ...] = ()) -> str:
        """The settings as a YAML file that `read_yaml` reads back, some fields left out."""
        values = {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in vars(self).items()
            if key not in without
        }
        return yaml.safe_dump(values, sort_keys=False)

    def differences(self, other: Settings) -> dict[str, tuple[Any, Any]]:
        """The fields that differ, with both values."""
        mine, others = vars(self), vars(other)
        return {name: (mine[name], others[name]) for name in mine if mine[name] != others[name]}


def settings_of(folder: Path) -> Settings:
    """The settings of a run.

    Raises:
        FileNotFoundError: the folder is none of a run.
        ValueError: its settings cannot be read, for instance because another version wrote them.
    """
    config = folder / CONFIG
    if not config.is_file():
        raise FileNotFoundError(f"{folder} is no run folder: it has no {CONFIG}.")
    return Settings(**read_yaml(config))


def read_yaml(path: Path) -> dict[str, Any]:
    """The settings in a YAML file, by name: those that it gives, checked each by itself.

    Raises:
        ValueError: the file is no YAML, has a key that is no setting, one twice, or a value of the wrong kind or out of
            range; the sentence names the line.
        OSError: the file cannot be read.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise type(error)(f"The settings file {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ValueError(f"{path}{line}: this is not YAML ({getattr(error, 'problem', None) or 'not text'}).") from None
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise ValueError(f"{path}, line 1: expected lines of the form `name: value`.")
    constructor, found = yaml.constructor.SafeConstructor(), {}
    for key, node in root.value:
        name, line = key.value, key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise ValueError(f"{path}, line {line}: expected the name of a setting before the colon.")
        if name not in _NAMES:
            raise ValueError(f"{path}, line {line}: there is no setting {name!r}.{_near(name, _NAMES)}")
        if name in found:
            raise ValueError(f"{path}, line {line}: `{name}` stands here a second time.")
        try:
            found[name] = _checked(name, constructor.construct_object(node, deep=True))
        except yaml.YAMLError:  # a tag that nobody knows, or a value that contains itself
            raise ValueError(f"{path}, line {line}: `{name}` must be a plain value.") from None
        except ValueError as error:
            raise ValueError(f"{path}, line {line}: {error}") from None
    return found


_NAMES = tuple(field.name for field in dataclasses.fields(Settings))
_READ = {field.name: field.metadata["read"] for field in dataclasses.fields(Settings)}
_TYPES = typing.get_type_hints(Settings)
_CHOICES = {
    "network": tuple(HIDDEN), "activation": ACTIVATIONS, "likelihood": LIKELIHOODS,
    "preprocess": PREPROCESSINGS, "objective": OBJECTIVES, "gradient": GRADIENTS,
    "schedule": SCHEDULES, "precision": PRECISIONS, "model": MODELS, "corruption": CORRUPTIONS,
    "prior": PRIORS, "posterior": POSTERIORS, "inference": INFERENCES, "bad_records": BAD_RECORDS,
    "strategy": STRATEGIES,
}  # fmt: skip
_AT_LEAST_1 = ("at least 1", lambda value: 1 <= value < math.inf)
_AT_LEAST_0 = ("at least 0", lambda value: 0 <= value < math.inf)
_ABOVE_0 = ("above 0", lambda value: 0 < value < math.inf)
_BETWEEN_0_AND_1 = ("above 0 and below 1", lambda value: 0 < value < 1)
_BOUNDS = {
    **dict.fromkeys(("latent_size", "epochs", "passes", "batch_size", "sample_size", "patch_size"), _AT_LEAST_1),
    "learning_rate_batch": _AT_LEAST_1,
    "levels": _AT_LEAST_1,
    **dict.fromkeys(("train_size", "validation_size", "test_size", "patience", "components", "draws"), _AT_LEAST_1),
    "pseudo_inputs": _AT_LEAST_1,
    **dict.fromkeys(("steps_per_execution", "flow_depth", "flow_levels"), _AT_LEAST_1),
    "alpha": ("above 0 and below 0.5", lambda value: 0 < value < 0.5),
    "seed": ("between 0 and 2^32 - 1", lambda value: 0 <= value < 2**32),  # what NumPy's generators take
    **dict.fromkeys(("beta", "rank", "penalty"), _AT_LEAST_0),
    **dict.fromkeys(("learning_rate", "epsilon", "averaging", "mask_share"), _BETWEEN_0_AND_1),
    **dict.fromkeys(("clip", "corruption_strength"), _ABOVE_0),
}
_KINDS = {int: "an integer", float: "a number", str: "text", bool: "true or false"}


def _checked(name: str, value: Any) -> Any:
    """The value in the type of its field, if that field may have it whatever the others are."""
    value = _checked_type(name, value)
    if value is not None and name in _CHOICES and value not in _CHOICES[name]:
        raise ValueError(_one_of(name, value, _CHOICES[name]))
    if value is not None and name in _BOUNDS:
        bound, holds = _BOUNDS[name]
        if not holds(value):
            raise ValueError(f"`{name}` must be {bound}; received {value}.")
    return value


def _checked_type(name: str, value: Any) -> Any:
    """The value in the type of its field."""
    if _READ[name] is not None:
        return _READ[name](name, value)
    kinds = typing.get_args(_TYPES[name]) or (_TYPES[name],)
    if value is None and type(None) in kinds:
        return None
    kind = kinds[0]
    if kind is float and isinstance(value, str):  # YAML 1.1 reads 1e-3 as text
        with contextlib.suppress(ValueError):
            value = float(value)
    fits = isinstance(value, (int, float) if kind is float else kind) and (kind is bool) == isinstance(value, bool)
    if not fits:
        raise ValueError(f"`{name}` must be {_KINDS[kind]}; received {value!r}.")
    return kind(value)


def one_or_each(value: Any) -> tuple[Any, ...]:
    """A tuple of values for the levels as it is, or of the one value for all."""
    return value if isinstance(value, tuple) else (value,)


def _one_of(name: str, value: Any, choices: tuple[str, ...]) -> str:
    return f"`{name}` must be {_list(choices)}; received {value!r}.{_near(str(value), choices)}"


def _list(choices: tuple[str, ...]) -> str:
    *others, last = map(repr, choices)
    return f"{', '.join(others)} or {last}" if others else last


def _near(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word.lower(), known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
