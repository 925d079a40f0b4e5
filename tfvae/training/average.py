"""The average of figures over the examples of an epoch or an evaluation."""

from __future__ import annotations

from typing import Any

import keras


class Average(keras.metrics.Mean):
    """Keras' `Mean`, except that an average over nothing is NaN.

    Keras gives 0 then, which a callback that looks for the lowest loss takes for the best. There is nothing to average
    if every step of an epoch was skipped, or if all sample weights are 0.
    """

    def result(self) -> Any:
        return self.total / keras.ops.cast(self.count, self.dtype)
