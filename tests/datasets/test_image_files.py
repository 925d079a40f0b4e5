"""The zoo of image files: the picture in each is what folders read and what an exported model sees, or both refuse."""

import make_zoo
import numpy as np
import pytest

from faults import fault
from tfvae.datasets import image_files

ANIMALS = {animal.name: animal for animal in make_zoo.zoo()}


def test_the_zoo_is_what_its_script_makes():
    assert {path.name for path in make_zoo.ZOO.iterdir()} == set(ANIMALS)


@fault("served-files")
@pytest.mark.parametrize("name", ANIMALS)
def test_a_file_shows_its_picture_or_is_refused(name):
    animal, path = ANIMALS[name], make_zoo.ZOO / name
    if animal.read_by == make_zoo.NONE:
        with pytest.raises((ValueError, OSError)) as caught:
            image_files.read(path)
        assert "\n" not in str(caught.value)
        return
    (found,), number = image_files.read(path)
    picture = animal.picture.reshape(*animal.picture.shape[:2], -1)
    assert number == 1 and found.dtype == np.uint8 and found.shape == picture.shape
    if animal.exact:
        np.testing.assert_array_equal(found, picture)
    else:
        assert np.abs(found.astype(int) - picture).mean() < 12
