"""Every refusal of a value has one form, and what is taken comes back in Python's own types."""

import numpy as np
import pytest

from tfvae._support import checks

REFUSED = {
    "no integer": (lambda: checks.integer("n", 2.0, 1), "`n` must be an integer; received 2.0."),
    "below the least": (lambda: checks.integer("n", np.int64(0), 1), "`n` must be at least 1; received 0."),
    "above the most": (lambda: checks.integer("n", 9, 1, 8), "`n` must be at most 8; received 9."),
    "more than there are": (lambda: checks.integer("k", 9, 1, 8, "all, "), "`k` must be at most all, 8; received 9."),
    "a huge count": (lambda: checks.integer("n", 2**31, 1), "`n` must be at most 2147483647; received 2147483648."),
    "no number": (lambda: checks.number("x", "1", least=0), "`x` must be a number; received '1'."),
    "nothing of both": (lambda: checks.number("x", None, 0, otherwise="a word"), "`x` must be a word or a number;"),
    "below zero": (lambda: checks.number("x", -0.5, least=0), "`x` must be at least 0; received -0.5."),
    "zero": (lambda: checks.number("x", 0, above=0), "`x` must be above 0; received 0."),
    "one": (lambda: checks.number("x", np.float32(1), above=0, below=1), "`x` must be below 1; received 1.0."),
    "infinity": (lambda: checks.number("x", -np.inf, least=0), "`x` must be a finite number; received -inf."),
    "overflow": (lambda: checks.number("x", 10**40), f"`x` must be at most 2^127; received {10**40}."),
    "no sizes": (
        lambda: checks.check_sizes("s", (), True),
        "`s` must be a tuple of at least one integer;",
    ),
    "a size of 0": (
        lambda: checks.check_sizes("s", [0]),
        "`s` must be a tuple of integers of at least 1; received [0].",
    ),
    "no tuple": (lambda: checks.check_event_shape(3), "`event_shape` must be a tuple of integers; received 3."),
    "no vector": (lambda: checks.check_vector_shape((2, 3)), "`event_shape` must be one size, (D,); received (2, 3)."),
    "no word": (
        lambda: checks.check_choice("word", "tow", ("one", "two")),
        "`word` must be 'one' or 'two'; received 'tow'. Did you mean 'two'?",
    ),
    "too few": (
        lambda: checks.check_one_each("labels", [1], 2),
        "`labels` must be one for each of the 2 images;",
    ),
    "none": (lambda: checks.check_some("x", []), "`x` must hold at least one example; received none."),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_names_the_argument_what_was_expected_and_what_came(what):
    check, sentence = REFUSED[what]
    with pytest.raises(ValueError) as caught:
        check()
    assert str(caught.value).startswith(sentence)


def test_objects_of_another_class_are_refused_by_its_name():
    with pytest.raises(TypeError, match=r"^`x` must be a `str`; received int\.$"):
        checks.check_kind("x", 1, str)
    for values in ([], ["a", 1], "a"):
        with pytest.raises(TypeError, match=r"^`x` must be a list of at least one `str`; received "):
            checks.check_list("x", values, str)


def test_what_is_taken_comes_back_in_pythons_types():
    assert type(checks.integer("n", np.int64(3))) is int
    assert type(checks.number("x", np.float32(0.5))) is float
    assert checks.check_event_shape(np.array([2, 3])) == (2, 3)
    assert checks.check_image_size(8) == checks.check_image_size([8, 8]) == (8, 8)
    assert checks.check_list("x", ("a",), str) == ["a"]
    assert checks.check_choice("word", "one", ("one", "two")) == "one"
