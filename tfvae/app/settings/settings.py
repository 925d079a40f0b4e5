"""What a training run is made of. No TensorFlow here, so that the command line's help is instant.

Each field of `Settings` is an option of `tfvae train` and a key of its YAML file; the help texts stand here, once.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import yaml

from tfvae.app.settings import readers
from tfvae.app.settings.option import (
    A_SEED,
    ABOVE_0,
    AT_LEAST_0,
    AT_LEAST_1,
    BETWEEN_0_AND_1,
    BETWEEN_0_AND_HALF,
    checked,
    option,
)
from tfvae.app.settings.readers import one_or_each
from tfvae.app.settings.words import listed

HIDDEN = {"mlp": (300, 300, 300, 300), "conv": (32, 64)}
"""The networks by name, with what `hidden` is if it is not given."""
MODELS = ("vae", "naive", "ae", "dae", "mae", "gmm", "gan", "realnvp", "glow", "maf")
FLOWS = {"realnvp": (4, (32, 32)), "glow": (8, (64, 64)), "maf": (5, (256,)), "vae": (4, (128, 128))}
"""The models with a flow, with what `flow_depth` and `flow_hidden` are if they are not given."""
_DECODERS = ("vae", "naive")  # that have a p(x|z) to choose
_WITH_LATENTS = ("vae", "naive", "ae", "dae", "gan")
_SCALED = ("normal", "discretized-logistic")  # likelihoods that have a `scale`
_WITH_LOSS = ("vae", "naive", "ae", "dae", "mae", "gmm", "realnvp", "glow", "maf")  # that says how good they are
GRADIENTS = ("plain", "stl", "dreg")
BAD_RECORDS = ("refuse", "skip")
FRAMES = ("refuse", "first", "all")
DEVICES = (
    'Devices: "one"; "mirrored", all GPUs of this machine; "multiworker", all processes that TF_CONFIG or a SLURM step '
    'names; "auto" takes what there is.'
)
"""What `strategy` may be, for its help."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of `tfvae train`. Raises ValueError, one sentence, for what makes no sense."""

    data: str = option(
        "mnist",
        'What to train on: "mnist" (embedded), "tfds:NAME" (TensorFlow Datasets), or a path: .npz, .npy, .mat or a '
        "folder of images.",
    )
    data_dir: str | None = option(
        None,
        "Folder of prepared TensorFlow Datasets. [default: TFDS_DATA_DIR or ~/tensorflow_datasets]",
    )
    bad_records: str = option(
        "refuse",
        "What to do with files of a folder and records of TensorFlow Datasets that are damaged or of another shape: "
        '"refuse" names the first, "skip" leaves out the same ones at every pass, for which all are decoded once more.',
        choices=BAD_RECORDS,
    )
    frames: str = option(
        "refuse",
        'What to do with files of a folder that hold several pictures, such as animations and pages: "refuse" names '
        'the first such file, "first" reads the first picture of each, "all" reads all, and those of one file stay '
        "together when images are held out.",
        choices=FRAMES,
    )
    image_size: tuple[int, int] | None = option(
        None,
        "Resize the images to HEIGHTxWIDTH, such as 28x20, or to a square, such as 32.",
        read=readers.image_size,
    )
    axes: str | None = option(
        None,
        "Axes of the images in a file, a letter for each: N the image, H its height, W its width, C its channels, such "
        "as HWN or NCHW. [default: told from the shape; asked where that is not clear]",
        read=readers.axes,
    )
    train_size: int | None = option(
        None, "Train on the first so many images only, for a quick look. [default: all]", bound=AT_LEAST_1
    )
    validation_size: int | None = option(
        None,
        "Training images held out for validation; the test images are never used for it. [default: a tenth, at most "
        "5,000]",
        bound=AT_LEAST_1,
    )
    test_size: int | None = option(
        None,
        "Images held out for the test where the data have no test part. [default: a tenth]",
        bound=AT_LEAST_1,
    )
    model: str = option(
        "vae",
        'What to train: "vae"; "naive", its decoder by naive Monte Carlo; "ae", "dae" or "mae", a plain, denoising or '
        'masked autoencoder; "gmm", a mixture of normals on pixels; "gan"; "realnvp", "glow" or "maf", flows on pixels.'
        " Settings that a model has not are refused.",
        choices=MODELS,
    )
    likelihood: str = option(
        "normal",
        'Family of p(x|z): "normal", "bernoulli" (binarised images), "autoregressive-bernoulli" (in '
        'which each pixel sees those before it as well), "continuous-bernoulli", "discretized-logistic" or '
        '"categorical" (both give probabilities to the 256 levels).',
        choices=(
            "normal",
            "bernoulli",
            "autoregressive-bernoulli",
            "continuous-bernoulli",
            "discretized-logistic",
            "categorical",
        ),
        models=_DECODERS,
    )
    preprocess: str | None = option(
        None,
        'From grey levels to x: "binarize", "dequantize", "levels" or "rescale". [default: what suits the likelihood]',
        choices=("binarize", "dequantize", "levels", "rescale"),
        models=_DECODERS,
    )
    scale: str | float = option(
        "shared",
        "Standard deviation of a normal or scale of a logistic p(x|z): one learned number (shared), one for each image "
        "(image), one for each pixel (pixel: the best bits and the worst samples), or a fixed number.",
        read=readers.word_or_number(("shared", "image", "pixel")),
        models=_DECODERS,
    )
    network: str | None = option(
        None,
        '"mlp" for dense layers, "conv" for convolutions (much slower on a CPU). [default: mlp; conv for categorical, '
        "whose dense layer would have 256 outputs a pixel]",
        choices=tuple(HIDDEN),
        models=_WITH_LATENTS,
    )
    hidden: tuple[int, ...] = option(
        (),
        "Units of the dense layers or channels of the convolutions, from data to latents. "
        "[default: 300,300,300,300 for mlp, 32,64 for conv]",
        read=readers.sizes,
        models=_WITH_LATENTS,
    )
    activation: str = option(
        "gelu",
        'Between the layers: "relu", "gelu", "silu", "elu" or "tanh".',
        choices=("relu", "gelu", "silu", "elu", "tanh"),
        models=_WITH_LATENTS,
    )
    latent_size: int = option(
        6,
        "Latent dimensions D. 2 can be drawn as a map; more reconstruct better.",
        bound=AT_LEAST_1,
        models=_WITH_LATENTS,
    )
    levels: int = option(
        1,
        "Levels of latents. Of dense networks each has half the latents and units of the one below, whose numbers are "
        "those given; of convolutions half the height and width, with `latent_size` channels.",
        bound=AT_LEAST_1,
        models=("vae",),
    )
    inference: str = option(
        "top-down",
        'Of several levels: "top-down", where q and p of a level depend on all levels above, or "bottom-up", where '
        "each level is the data of the next, as in Burda et al.",
        choices=("top-down", "bottom-up"),
        models=("vae",),
    )
    corruption: str = option(
        "gaussian",
        'What the denoising autoencoder undoes: "gaussian" noise, "masking" (pixels set to 0) or "salt-and-pepper" '
        "(to 0 or 1).",
        choices=("gaussian", "masking", "salt-and-pepper"),
        models=("dae",),
    )
    corruption_strength: float = option(
        0.5,
        "Standard deviation of the gaussian noise, where white is 1; else the share of pixels.",
        bound=ABOVE_0,
        models=("dae",),
    )
    mask_share: float = option(
        0.75, "Share of an image's patches that are masked.", bound=BETWEEN_0_AND_1, models=("mae",)
    )
    patch_size: int = option(4, "Side of the patches, which divides the image.", bound=AT_LEAST_1, models=("mae",))
    components: int = option(
        10, "Normals in the mixture, also that of a VAE's prior.", bound=AT_LEAST_1, models=("gmm", "vae")
    )
    rank: int = option(
        0,
        "Of what each normal's covariance has beside its diagonal; 0 for a diagonal.",
        bound=AT_LEAST_0,
        models=("gmm", "vae"),
    )
    prior: str = option(
        "normal",
        'p(z): "normal", "flow", affine couplings on top of it, "mixture" of normals, or "vamp", the average of the '
        "posteriors of learned pseudo-inputs; the rate of all but the first is averaged.",
        choices=("normal", "flow", "mixture", "vamp"),
        models=("vae",),
    )
    pseudo_inputs: int = option(
        500, "Of the prior vamp, which each step encodes too.", bound=AT_LEAST_1, models=("vae",)
    )
    posterior: str = option(
        "normal",
        'q(z|x): "normal", a diagonal one, or "flow", inverse autoregressive flows on top of it; its rate is averaged.',
        choices=("normal", "flow"),
        models=("vae",),
    )
    flow_depth: int | None = option(
        None,
        "Couplings in a row (realnvp), steps at each scale (glow), or flows (maf, prior, posterior). [default: "
        + ", ".join(f"{depth} for {name}" for name, (depth, _) in FLOWS.items())
        + "]",
        bound=AT_LEAST_1,
        models=tuple(FLOWS),
    )
    flow_hidden: tuple[int, ...] = option(
        (),
        "Channels (realnvp, glow) or units (others) of the layers of each of a flow's networks. [default: "
        + ", ".join(f"{','.join(map(str, hidden))} for {name}" for name, (_, hidden) in FLOWS.items())
        + "]",
        read=readers.sizes,
        models=tuple(FLOWS),
    )
    flow_levels: int = option(
        2,
        "Scales. The image's sides are halved so many times (glow), or once less.",
        bound=AT_LEAST_1,
        models=("realnvp", "glow"),
    )
    alpha: float = option(
        0.05,
        "How far grey values are moved away from 0 and 1 before their logit is taken.",
        bound=BETWEEN_0_AND_HALF,
        models=("realnvp", "glow", "maf"),
    )
    draws: int = option(
        1000, "Draws from the prior, the same for all images of a step.", bound=AT_LEAST_1, models=("naive",)
    )
    penalty: float = option(
        1.0, "Weight of the penalty on the discriminator's gradient.", bound=AT_LEAST_0, models=("gan",)
    )
    objective: str = option(
        "elbo",
        'What is maximised: "elbo", or "iwae", the importance-weighted bound.',
        choices=("elbo", "iwae"),
        models=("vae",),
    )
    sample_size: int = option(
        1,
        "Samples of z for each image: 1 is usual for elbo, 5 to 50 for iwae.",
        bound=AT_LEAST_1,
        models=("vae",),
    )
    gradient: str = option(
        "plain",
        'How iwae estimates the gradient of the encoder: "plain", "stl" or "dreg", the least noisy.',
        choices=GRADIENTS,
        models=("vae",),
    )
    beta: float = option(
        1.0,
        "Weight of the rate KL(q(z|x) || p(z)) in the loss; 1 is the bound itself.",
        bound=AT_LEAST_0,
        models=("vae",),
    )
    warm_up: float | tuple[float, ...] = option(
        0.0,
        "Epochs in which beta rises from 0; of several levels also one number for each, from the lowest to the top, "
        "such as 0,10.",
        read=readers.numbers_by_level,
        models=("vae",),
    )
    free_bits: float | tuple[float, ...] = option(
        0.0,
        "Nats that each latent dimension of each image may cost before it is charged; of several levels also one "
        "number for each.",
        read=readers.numbers_by_level,
        models=("vae",),
    )
    epochs: int = option(
        25, "Rounds of training; after each the model is validated, drawn and saved.", bound=AT_LEAST_1
    )
    passes: int = option(
        1, "Passes over the training images that make an epoch: more where one takes a second.", bound=AT_LEAST_1
    )
    weights: str | None = option(
        None,
        "Run folder (or .keras file) of a model of the same networks, whose weights are the first ones.",
    )
    start_at_mean: bool = option(
        False,
        "Start from a decoder that gives each pixel its average over the training images, whatever z is.",
        models=_DECODERS,
    )
    batch_size: int = option(100, "Images a step.", bound=AT_LEAST_1)
    learning_rate: float = option(1e-3, "Adam's step size at the start.", bound=BETWEEN_0_AND_1)
    learning_rate_batch: int | None = option(
        None,
        "Batch size that `learning_rate` is meant for: for one N times as large it is multiplied by the root of N, as "
        "befits Adam. [default: any; nothing is multiplied]",
        bound=AT_LEAST_1,
    )
    epsilon: float = option(
        1e-7,
        "What Adam adds to the root mean square of a gradient: the more, the smaller are steps where it is tiny.",
        bound=BETWEEN_0_AND_1,
    )
    schedule: str = option(
        "cosine", 'Course of the step size: "cosine" falls to zero, "constant" stays.', choices=("cosine", "constant")
    )
    clip: float | None = option(None, "Largest norm of all gradients together. [default: none]", bound=ABOVE_0)
    averaging: float | None = option(
        None,
        "Momentum of a moving average of the weights, such as 0.999, which is then validated, drawn, tested and saved. "
        "[default: none]",
        bound=BETWEEN_0_AND_1,
    )
    patience: int | None = option(
        None,
        "Stop after so many epochs without a better val_loss, and keep the best weights. [default: never]",
        bound=AT_LEAST_1,
        models=_WITH_LOSS,
    )
    precision: str = option(
        "float32",
        'What the networks compute in: "float32", "bfloat16" or "float16".',
        choices=("float32", "bfloat16", "float16"),
    )
    xla: bool | None = option(
        None,
        "Let XLA compile the training steps. [default: what is faster on this machine, measured once; by a rule "
        "of thumb where measuring takes longer than training]",
    )
    steps_per_execution: int | None = option(
        None,
        "Steps that XLA runs as one program, between two moves of the progress bar. [default: 0.3 s of them]",
        bound=AT_LEAST_1,
    )
    strategy: str = option(
        "auto",
        f"{DEVICES} The batch stays as large and is divided among them.",
        choices=("auto", "one", "mirrored", "multiworker"),
    )
    tensorboard: bool = option(False, "Write pictures and scalars for TensorBoard too, into RUN/tensorboard.")
    seed: int = option(
        0, "Of initial weights, noise, data order and splits: the same seed gives the same run.", bound=A_SEED
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, checked(type(self), field.name, getattr(self, field.name)))
        for field in dataclasses.fields(self):
            models = field.metadata["models"]
            if models and self.model not in models and getattr(self, field.name) != field.default:
                raise ValueError(f"`{field.name}` is no setting of the model {self.model!r}, but of {listed(models)}.")
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
        """The settings as a YAML file that `files.read_yaml` reads back, some fields left out."""
        values = {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in vars(self).items()
            if key not in without
        }
        return yaml.safe_dump(values, sort_keys=False)

    def with_data_at(self, data: str | None, data_dir: str | None) -> Settings:
        """The settings of a run whose data are now elsewhere; a place that is None is still the same one."""
        if data is not None and data != self.data:
            return dataclasses.replace(self, data=data, data_dir=data_dir)
        return self if data_dir is None else dataclasses.replace(self, data_dir=data_dir)

    def differences(self, other: Settings) -> dict[str, tuple[Any, Any]]:
        """The fields that differ, with both values."""
        mine, others = vars(self), vars(other)
        return {name: (mine[name], others[name]) for name in mine if mine[name] != others[name]}
