"""Learning curves show the losses that they are given, each under its name."""

import matplotlib.colors
import numpy as np
import pytest

from tfvae import plots


def test_each_curve_is_drawn_from_its_second_point_on():
    curves = {"first": ([1.0, 2.0, 3.0], [9.0, 5.0, 4.0]), "second": ([5.0, 10.0], [8.0, 3.0])}
    (axes,) = plots.learning_curves(curves).axes
    drawn = {line.get_label(): line.get_xydata() for line in axes.lines}
    assert list(drawn) == ["first", "second"]
    np.testing.assert_array_equal(drawn["first"], [[2, 5], [3, 4]])
    np.testing.assert_array_equal(drawn["second"], [[10, 3]])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["first", "second"]


def test_many_curves_are_all_drawn_and_the_first_six_look_different():
    (axes,) = plots.learning_curves({str(number): ([1, 2], [2, 1]) for number in range(8)}).axes
    looks = [(matplotlib.colors.to_hex(line.get_color()), line.get_linestyle()) for line in axes.lines]
    assert len(looks) == 8
    assert len(set(looks[:6])) == 6


def test_losses_without_their_passes_are_refused():
    with pytest.raises(ValueError, match=r"^`curves` must have as many losses as passes; 'one' has 2 and 3\.$"):
        plots.learning_curves({"one": ([1, 2, 3], [2, 1])})
