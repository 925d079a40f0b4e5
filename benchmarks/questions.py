"""What a benchmark states: a question, the experiments that answer it, the systems in each, and what is aimed at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cases import Training

Figures = dict[str, dict[str, float]]
"""By experiment and system."""


@dataclass(frozen=True)
class System:
    """One way to do the work.

    Attributes:
        name: in the report.
        module: of `peers`.
        measure: (the module, smoke) -> a figure in the experiment's unit; smoke asks for a tiny amount of work.
    """

    name: str
    module: str
    measure: Callable[[Any, bool], float]


@dataclass(frozen=True)
class Experiment:
    """What is measured, for several systems.

    Attributes:
        name: in the report and for `--only`.
        unit: of the figures.
        systems: that are compared.
        case: the model whose losses are compared first; None where there is nothing to compare.
        ours: the module whose loss is the reference.
    """

    name: str
    unit: str
    systems: Sequence[System]
    case: Training | None = None
    ours: str = "tfvae_vae"


@dataclass(frozen=True)
class Target:
    """What a median should be, beside the medians of peers.

    Attributes:
        experiment, ours: whose median is looked at.
        peers: the best of these medians is what it is divided by; none: it stands for itself.
        bound: what the result should reach, or not exceed where less is better; None: only reported.
        less_is_better: for seconds and memory.
        difference: the best peer's median is subtracted instead.
    """

    experiment: str
    ours: str
    peers: Sequence[str]
    bound: float | None
    less_is_better: bool = False
    difference: bool = False

    def result(self, medians: dict[str, float]) -> float | None:
        """None if something was not measured."""
        peers = [medians[name] for name in self.peers if name in medians]
        if self.ours not in medians or (self.peers and not peers):
            return None
        if not peers:
            return medians[self.ours]
        best = min(peers) if self.less_is_better else max(peers)
        return medians[self.ours] - best if self.difference else medians[self.ours] / best

    def met(self, result: float) -> bool | None:
        if self.bound is None:
            return None
        return result <= self.bound if self.less_is_better else result >= self.bound

    def __str__(self) -> str:
        sign = " - " if self.difference else " / "
        return f"{self.experiment}: " + sign.join([self.ours, *([" or ".join(self.peers)] if self.peers else [])])


@dataclass(frozen=True)
class Question:
    """What a script answers.

    Attributes:
        name: the script's, and the result file's.
        derive: from the medians, by experiment and system, to further figures, by what they are and system.
    """

    name: str
    experiments: Sequence[Experiment]
    targets: Sequence[Target] = ()
    derive: Callable[[Figures], Figures] = field(default=lambda medians: {})
