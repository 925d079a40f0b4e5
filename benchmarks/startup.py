"""How long is it from the start of a process to the end of its first training step, and what do imports add?

Seconds. The first step includes reading MNIST, and for tfvae, whose `fit` runs several steps at a time, all steps of
the first execution. "default model" is what `tfvae train` trains; the peers make their first step with 784-500-20.
The import is that of tfvae with the making of its default model, less `import tensorflow` alone.
"""

import os
import time
from collections.abc import Callable
from typing import Any

from cases import DENSE, Case
from harness import STARTED, main
from questions import Experiment, Question, System, Target
from systems import BY_HAND, COMPILED, EAGER, JAX, KERAS, OURS

MEASURING = "tfvae, measuring how to run its steps"
DEFAULT, DENSE_MODEL, IMPORT = "default model", "784-500-20", "import"
TENSORFLOW = "import tensorflow"


def first_step(name: str, module: str, case: Case | None, variant: str = "") -> System:
    def measure(peer: Any, smoke: bool) -> float:
        peer.first_step(case, variant)
        return time.time() - float(os.environ[STARTED])

    return System(name, module, measure)


def imports(name: str, seconds: Callable[[Any], float]) -> System:
    return System(name, "imports", lambda peer, smoke: seconds(peer))


QUESTION = Question(
    "startup",
    [
        Experiment(
            DEFAULT, "s", [first_step(OURS, "tfvae_vae", None), first_step(MEASURING, "tfvae_vae", None, "measuring")]
        ),
        Experiment(
            DENSE_MODEL,
            "s",
            [
                first_step(OURS, "tfvae_vae", DENSE),
                first_step(BY_HAND, "tensorflow_by_hand", DENSE),
                first_step(KERAS, "keras_example", DENSE),
                first_step(JAX, "jax_vae", DENSE),
                first_step(EAGER, "torch_vae", DENSE),
                first_step(COMPILED, "torch_vae", DENSE, "compiled"),
            ],
            DENSE,
        ),
        Experiment(IMPORT, "s", [imports(OURS, lambda p: p.tfvae()), imports(TENSORFLOW, lambda p: p.tensorflow())]),
    ],
    [
        Target(DEFAULT, OURS, [], 12.0, less_is_better=True),
        Target(IMPORT, OURS, [TENSORFLOW], 1.0, less_is_better=True, difference=True),
        *(Target(DENSE_MODEL, OURS, [peer], None, less_is_better=True) for peer in (KERAS, EAGER, COMPILED, JAX)),
    ],
)

if __name__ == "__main__":
    main(QUESTION)
