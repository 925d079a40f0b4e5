"""What do two replicas on two cores lose beside one device that uses both, with the same global batch?

A replica is a logical device of the processor whose operations have one thread; those of the one device have a thread
for each core. So there is nothing to be gained, and what can be seen is what replication costs: a second set of weights
and of the optimiser's variables, and sums over the replicas. One device runs as replicas do, step by step without XLA,
and also in the way that users get, which for dense networks is XLA with many steps an execution.
"""

from dataclasses import replace

from cases import CONVOLUTIONAL, DENSE, DENSE_LARGE_BATCH
from harness import main
from questions import Experiment, Question, Target
from systems import training

ONE, FASTEST, TWO = "one device", "one device, fastest", "two replicas"
CASES = {
    "dense, batch 100": replace(DENSE, images=10_000),
    "dense, batch 1000": replace(DENSE_LARGE_BATCH, images=20_000),
    "convolutional, batch 128": replace(CONVOLUTIONAL, images=6_400),
    "convolutional, batch 512": replace(CONVOLUTIONAL, batch=512, images=10_240),
}

QUESTION = Question(
    "replicas",
    [
        Experiment(name, "images/s", [training(way, "tfvae_replicas", case, way) for way in (ONE, FASTEST, TWO)])
        for name, case in CASES.items()
    ],
    [target for name in CASES for target in (Target(name, TWO, [ONE], 0.9), Target(name, TWO, [FASTEST], None))],
)

if __name__ == "__main__":
    main(QUESTION)
