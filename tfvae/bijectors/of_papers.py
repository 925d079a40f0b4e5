"""The flows of the papers, put together from bijectors: what `Flow` takes."""

from __future__ import annotations

from collections.abc import Sequence

from tfvae import networks
from tfvae._support.checks import depth_of
from tfvae.bijectors.actnorm import ActNorm
from tfvae.bijectors.autoregressive import MaskedAutoregressive
from tfvae.bijectors.base import Bijector
from tfvae.bijectors.chain import Chain
from tfvae.bijectors.coupling import CheckerboardCoupling, HalvesCoupling
from tfvae.bijectors.linear import InvertibleLinear
from tfvae.bijectors.multiscale import MultiScale
from tfvae.bijectors.shapes import Flatten, Reverse, Squeeze


def realnvp(levels: int = 2, depth: int = 4, filters: Sequence[int] = (32, 32), activation: str = "relu") -> Bijector:
    """RealNVP of images: at each scale couplings of a checkerboard, a squeeze, and couplings of channel halves.

    The last scale has checkerboards only. In place of the paper's batch normalisation, which makes an example's density
    depend on its batch, each coupling follows an `ActNorm`; its networks have no residual blocks.

    Args:
        levels: scales; images are halved `levels - 1` times.
        depth: couplings in a row, of which each second one is flipped.
        filters: of each coupling's network, `networks.coupling_convnet`.
        activation: of the networks.

    Raises:
        ValueError: a number is out of range.

    Source: Dinh, Sohl-Dickstein and Bengio 2017, arXiv:1605.08803.
    """
    levels, depth = depth_of("levels", levels), depth_of("depth", depth)

    def row(coupling: type[HalvesCoupling] | type[CheckerboardCoupling]) -> list[Bijector]:
        bodies = [networks.coupling_convnet(filters, activation) for _ in range(depth)]
        couplings = [coupling(body, flip=index % 2 == 1, log_scale_bound=1.0) for index, body in enumerate(bodies)]
        return [part for each in couplings for part in (ActNorm(), each)]

    scales = [[*row(CheckerboardCoupling), Squeeze(), *row(HalvesCoupling)] for _ in range(levels - 1)]
    return MultiScale([Chain(each) for each in [*scales, row(CheckerboardCoupling)]])


def glow(levels: int = 2, depth: int = 8, filters: Sequence[int] = (64, 64), activation: str = "relu") -> Bijector:
    """Glow of images: at each scale a squeeze and then `ActNorm`, `InvertibleLinear` and a coupling, again and again.

    Before half of the channels leave a scale, they are moved by what a network makes of the half that stays: their
    distribution given that half is a normal whose mean and scale are learned.

    Args:
        levels: scales; images are halved `levels` times.
        depth: steps at each scale.
        filters: of each coupling's network, `networks.coupling_convnet`.
        activation: of the networks.

    Raises:
        ValueError: a number is out of range.

    Source: Kingma and Dhariwal 2018, arXiv:1807.03039.
    """
    levels, depth = depth_of("levels", levels), depth_of("depth", depth)

    def coupling() -> Bijector:
        return HalvesCoupling(networks.coupling_convnet(filters, activation))

    def scale(index: int) -> Bijector:
        steps = [each for _ in range(depth) for each in (ActNorm(), InvertibleLinear(), coupling())]
        return Chain([Squeeze(), *steps, *([coupling()] if index < levels - 1 else [])])

    return MultiScale([scale(index) for index in range(levels)])


def vector_flow(depth: int = 6, hidden: Sequence[int] = (128, 128), activation: str = "relu") -> Bijector:
    """Couplings of the halves of a vector, each with an `ActNorm` before it; every second one is flipped.

    Args:
        depth: couplings.
        hidden: units of each coupling's network, `networks.mlp`.
        activation: of the networks.

    Raises:
        ValueError: a number is out of range.

    Source: Dinh, Sohl-Dickstein and Bengio 2017, arXiv:1605.08803.
    """
    depth = depth_of("depth", depth)
    return Chain(
        [
            each
            for index in range(depth)
            for each in (ActNorm(), HalvesCoupling(networks.mlp(hidden, activation), flip=index % 2 == 1))
        ]
    )


def maf(depth: int = 5, hidden: Sequence[int] = (256,), context_size: int = 0, activation: str = "relu") -> Bijector:
    """Masked autoregressive flows of flattened examples, each in the reverse order of the one before.

    Args:
        depth: flows.
        hidden: units of each one's masked network.
        context_size: of what they may all depend on; 0 for nothing.
        activation: of the networks.

    Raises:
        ValueError: a number is out of range.

    Source: Papamakarios, Pavlakou and Murray 2017, arXiv:1705.07057; with an `ActNorm` for its batch normalisation.
    """
    depth = depth_of("depth", depth)
    flows = [(ActNorm(), MaskedAutoregressive(hidden, context_size, activation), Reverse()) for _ in range(depth)]
    return Chain([Flatten(), *(each for flow in flows for each in flow)])
