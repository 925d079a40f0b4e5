"""The masked autoencoder: an image from a few of its patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae._support.checks import check_image_shape, integer, number
from tfvae.families import Delta
from tfvae.models.unsupervised import UnsupervisedModel
from tfvae.networks.checks import built_body, require_body
from tfvae.noise import EVALUATION_SEED, Noise
from tfvae.objectives import Distortion
from tfvae.preprocessing import Preprocessing
from tfvae.trace import Trace

_HIDDEN = 0.5  # grey level that a masked patch is drawn with


@keras.saving.register_keras_serializable("tfvae")
class MaskedAutoencoder(UnsupervisedModel):
    """Most of an image's patches are hidden; the encoder sees the others, the decoder restores what is missing.

        loss = sum over the masked patches of ||patch - restored patch||^2

    Which patches are masked is drawn anew at every use, in validation too. The loss is the squared error of an image's
    masked patches, averaged over images. After training the encoder is shown whole images.

    Args:
        encoder: on tokens, `[B, T, width]` -> `[B, T, width]`, such as `networks.transformer()`.
        decoder: the same, of a width of its own.
        image_shape: `(H, W, C)`.
        patch_size: side of the square patches, which divides H and W.
        mask_share: of the patches that are masked; it leaves at least one on either side.
        preprocess: from raw data to x.
        seed: of the masks in training. (The initial weights follow `keras.utils.set_random_seed`.)

    Calling it with raw data `[B, H, W, C]` gives the images with their masked patches restored, `[B, H, W, C]`; the
    masks are always the same.

    Raises:
        TypeError: `encoder` or `decoder` is no Keras layer.
        ValueError: the patches do not divide the image, the masks leave nothing to see or to restore, or a network does
            not say how wide its tokens are.

    Source: He et al. 2022, arXiv:2111.06377 (whose patches are normalised before they are scored).
    """

    def __init__(
        self,
        encoder: keras.Layer,
        decoder: keras.Layer,
        image_shape: Sequence[int],
        patch_size: int,
        mask_share: float,
        preprocess: Preprocessing,
        seed: int = 0,
        name: str | None = None,
    ):
        height, width, channels = check_image_shape(image_shape)
        patch_size = integer("patch_size", patch_size, 1)
        if height % patch_size or width % patch_size:
            raise ValueError(f"`patch_size` must divide the image, {height} x {width}; received {patch_size!r}.")
        patches = height * width // patch_size**2
        share = number("mask_share", mask_share, above=0, below=1)
        visible = round((1 - share) * patches)
        if not 1 <= visible < patches:
            raise ValueError(
                f"`mask_share` must leave at least one of {patches} patches on either side; received {mask_share!r}."
            )
        super().__init__(preprocess, Delta(image_shape), Distortion(), seed=seed, name=name)
        self.encoder, self.decoder = encoder, decoder
        self.patch_size, self.mask_share = patch_size, share
        self._patches, self._visible = patches, visible
        pixels = patch_size**2 * channels
        seen, restored = _width("encoder", encoder), _width("decoder", decoder)
        self.embed, self.expand, self.head = (keras.layers.Dense(units) for units in (seen, restored, pixels))
        self.embed.build((None, patches, pixels))
        self.expand.build((None, patches, *built_body("encoder", encoder, (patches, seen))[1:]))
        self.head.build((None, patches, *built_body("decoder", decoder, (patches, restored))[1:]))
        near_zero = keras.initializers.TruncatedNormal(stddev=0.02)
        self._positions = self.add_weight(shape=(patches, seen), initializer=near_zero, name="positions")
        self._places = self.add_weight(shape=(patches, restored), initializer=near_zero, name="places")
        self._mask_token = self.add_weight(shape=(restored,), initializer=near_zero, name="mask_token")

    @property
    def parts(self) -> tuple[keras.Layer, ...]:
        """What has weights, beside the positions and the token of masked patches."""
        return self.embed, self.encoder, self.expand, self.decoder, self.head

    @property
    def lacks(self) -> dict[str, str]:
        return {
            "clusters": super().lacks["clusters"],
            "likelihood": "A masked autoencoder has no p(x): its loss is a squared error.",
            "latents": "A masked autoencoder's code is a point: there is no q(z|x), and no rate.",
            "samples": "A masked autoencoder restores images and has no p(z), so it cannot sample; a VAE can.",
        }

    def call(self, raw: Any, training: bool | None = None) -> tf.Tensor:
        return self._views(self.representative(raw), Noise(EVALUATION_SEED))["restored"]

    def predicted(self, raw: tf.Tensor) -> tf.Tensor:
        return self(raw, training=False)

    def reconstructed(self, raw: tf.Tensor) -> tf.Tensor:
        seeds = tf.fill([tf.shape(raw)[0]], tf.constant(EVALUATION_SEED, tf.int64))
        return self._views(self.representative(raw), Noise(seeds))["restored"]

    def codes(self, x: Any) -> tf.Tensor:
        """Averages over the tokens of the encoder, which sees all patches, `[B, width]`."""
        tokens = self._embedded(self._cut(self.preprocess.grey(x)), self._positions.value)
        return tf.reduce_mean(tf.cast(self.encoder(tokens), self.compute_dtype), axis=1)

    def views(self, raw: Any) -> dict[str, tf.Tensor]:
        return self._views(self.representative(raw), Noise(EVALUATION_SEED))

    def trace_of(
        self, x: tf.Tensor, noise: Noise, sample_size: int = 1, y: Any = None, training: bool = False
    ) -> Trace:
        patches, masked = self._cut(x), self._masks(x, noise)
        restored = self._restored(self._cut(self.preprocess.grey(x)), masked, training)
        error = tf.reduce_sum(tf.math.squared_difference(patches, restored), axis=2)
        error = tf.reduce_sum(tf.where(masked, error, 0), axis=1)
        return Trace(log_px_z=tf.repeat(-error[tf.newaxis], sample_size, axis=0), latents=())

    def _masks(self, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        """Which patches of each image are masked, bool `[B, P]`, equally many in each."""
        uniform = noise.uniform("mask", tf.shape(x)[0], (self._patches,))
        ranks = tf.argsort(tf.argsort(uniform, stable=True), stable=True)
        return ranks >= self._visible

    def _restored(self, patches: tf.Tensor, masked: tf.Tensor, training: bool) -> tf.Tensor:
        """All patches of each image, made from those that are not masked: `[B, P, pixels]`."""
        # Those that are seen, in order of position; and for each position where among them it is.
        seen = tf.argsort(tf.cast(masked, tf.int32), stable=True)[:, : self._visible]
        tokens = self._embedded(tf.gather(patches, seen, batch_dims=1), tf.gather(self._positions.value, seen))
        tokens = self.expand(self.encoder(tokens, training=training))
        place = tf.cumsum(tf.cast(~masked, tf.int32), axis=1, exclusive=True)
        place = tf.minimum(place, self._visible - 1)
        spread = tf.gather(tokens, place, batch_dims=1)
        everywhere = tf.where(masked[..., tf.newaxis], tf.cast(self._mask_token.value, spread.dtype), spread)
        everywhere += tf.cast(self._places.value, everywhere.dtype)
        restored = self.head(self.decoder(everywhere, training=training))
        return tf.cast(restored, self.compute_dtype)

    def _embedded(self, patches: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        tokens = self.embed(patches)
        return tokens + tf.cast(positions, tokens.dtype)

    def _views(self, x: tf.Tensor, noise: Noise) -> dict[str, tf.Tensor]:
        masked = self._masks(x, noise)
        patches, hidden = self._cut(x), masked[..., tf.newaxis]
        restored = self._restored(self._cut(self.preprocess.grey(x)), masked, training=False)
        return {
            "image": x,
            "masked": self._joined(tf.where(hidden, tf.cast(_HIDDEN, x.dtype), patches)),
            "restored": self._joined(tf.where(hidden, restored, patches)),
        }

    def _cut(self, x: tf.Tensor) -> tf.Tensor:
        """`[B, H, W, C]` -> `[B, P, patch_size^2 C]`, patches from left to right and then down."""
        height, width, channels = self.data_shape
        side = self.patch_size
        cut = tf.reshape(x, [-1, height // side, side, width // side, side, channels])
        return tf.reshape(tf.transpose(cut, [0, 1, 3, 2, 4, 5]), [-1, self._patches, side * side * channels])

    def _joined(self, patches: tf.Tensor) -> tf.Tensor:
        """The inverse of `_cut`."""
        height, width, channels = self.data_shape
        side = self.patch_size
        cut = tf.reshape(patches, [-1, height // side, width // side, side, side, channels])
        return tf.reshape(tf.transpose(cut, [0, 1, 3, 2, 4, 5]), [-1, height, width, channels])

    @property
    def image_shape(self) -> tuple[int, ...]:
        """`(H, W, C)`."""
        return self.data_shape


def _width(argument: str, network: keras.Layer) -> int:
    """Features of a token that a network was built for."""
    require_body(argument, network)
    shape = getattr(network, "input_shape", None) or (network.get_build_config() or {}).get("input_shape")
    if not shape:
        raise ValueError(
            f"`{argument}` must be built, so that it says how wide its tokens are; call it once, or begin it with "
            "`keras.Input((None, width))`."
        )
    return int(shape[-1])
