"""Validating, drawing and saving with averaged weights, training with the others."""

from __future__ import annotations

from typing import Any

import keras


class Averages(keras.callbacks.SwapEMAWeights):
    """Keras' callback, which puts an optimiser's averaged weights into the model for each validation, made exact.

    Keras exchanges the two by additions, whose rounding leaves other weights behind, so that a resumed run would not
    equal one that was never interrupted. Here they are exchanged as they are.
    """

    def _tf_swap_variables(self, optimizer: Any) -> None:
        self._backend_swap_variables(optimizer)

    def exchange(self) -> None:
        """Averaged weights into the model, and the model's to where they were; and back."""
        self._swap_variables()
