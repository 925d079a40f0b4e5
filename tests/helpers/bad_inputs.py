"""A good input file, and the check that a command ends in one sentence."""

import numpy as np

from command_lines import command

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)


GOOD = "good.npy"  # is there in every row


SHORT = ["--validation-size", 10, "--batch-size", 10, "--epochs", 1]


def tree(folder):
    """Every file and folder below, with the content of files."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def assert_one_sentence(capfd, sentence):
    message = capfd.readouterr().err.strip()
    assert message.startswith("Error: ")
    assert sentence in message
    assert "\n" not in message
    assert "Traceback" not in message


def assert_refused(arguments, sentence, folder, capfd):
    """A command line ends in one sentence and leaves the folder as it was."""
    before = tree(folder)
    assert command(*arguments) == 1
    assert_one_sentence(capfd, sentence)
    assert tree(folder) == before
