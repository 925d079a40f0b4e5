"""Kinds of faults, each with its promise. A test that produces one is marked `@fault("kind")`.

`python benchmarks/fault_table.py` counts the marked cases and writes the table of docs/reliability.md.
"""

from typing import NamedTuple

import pytest

COLLECTED = pytest.StashKey[list[pytest.Item]]()
"""All tests that were collected, before any is left out by its marks: conftest.py keeps them."""


class Kind(NamedTuple):
    """Attributes: title, a short name for the table; promise, one sentence on what the package does about it."""

    title: str
    promise: str


KINDS = {
    # Nothing is deleted, overwritten or believed that should not be.
    "refused-command": Kind("a refused command beside a running one", "A command removes only what it made itself."),
    "bound-run": Kind(
        "a run folder whose parts do not belong together",
        "Settings, data, split and model are bound by digests; a mismatch or a missing key is refused.",
    ),
    "counted-twice": Kind(
        "data read twice", "Each file is read once; exact duplicates across training and test are counted and said."
    ),
    "outputs": Kind(
        "outputs named like other files",
        "An output never replaces an input or a file of another kind; replacing needs `--overwrite`.",
    ),
    "links": Kind("links planted in a folder", "Nothing is written through a link."),
    "names": Kind("strange names of files and classes", "Names are shown escaped; no name ends a run."),
    "huge": Kind(
        "endless or huge input", "Sizes and kinds of files are looked at before reading; the refusal is one sentence."
    ),
    "tracebacks": Kind("malformed settings, JSON, CSV and command lines", "One sentence and exit code 1 or 2."),
    "trust": Kind("code in data", "No reader runs code from data unless an option trusts the folder."),
    "noisy-choice": Kind("a loaded machine while speeds are compared", "Trials that disagree are not remembered."),
    "workers": Kind("workers that stop, go on or end early", "The right worker is named, within a stated time."),
    "vanished-run": Kind("a run folder deleted while training", "It is noticed and said at the next write."),
    "overflow": Kind("numbers beyond float32", "An error, never NaN."),
    # Nothing is silently wrong.
    "split-layout": Kind(
        "folders that are parts, not classes", "train, val and test are recognised as parts, or refused."
    ),
    "folder-walk": Kind("links, odd suffixes and broken links in folders", "What is left out is counted and said."),
    "empty-average": Kind("epochs of which every step is skipped", "Their figures are NaN; skipped steps are said."),
    "inference-state": Kind("many threads that predict", "A verdict belongs to its call."),
    "late-shapes": Kind("shapes unknown when traced", "They are checked when the step runs, with the same sentence."),
    "one-check": Kind("arrays that are no images", "Every door refuses the same arrays with the same sentence."),
    "keras-settings": Kind("global settings of Keras", "They change no model, or are refused by name."),
    "lost-attributes": Kind("frozen parts", "What training obeys survives saving, cloning, copying and resuming."),
    "served-files": Kind(
        "image files of many formats", "A served model sees the pixels that training saw, or refuses."
    ),
    "axes": Kind("arrays whose axes mean something else", "Known layouts are read; others are refused or asked about."),
    "frames": Kind("several pictures in one file", "Refused or said, unless all frames are asked for."),
    "replicas-on-batch": Kind("single batches on several replicas", "As many answers as examples, or refused."),
    # No crash and no refusal without need.
    "metadata": Kind("photographs with damaged metadata", "Pixels are read; a failure is that file's alone."),
    "pictures": Kind("pictures that cannot be drawn", "One warning; the checkpoint is written first; the run goes on."),
    "file-systems": Kind("file systems that lack calls", "The run goes on with one sentence on what is not protected."),
    "moved-data": Kind("data in another place", "Data are bound by fingerprint, not by path."),
    "networks": Kind("networks as Keras allows them", "What Keras infers is inferred; the rest is refused by name."),
    "saving-forms": Kind("other ways to save", "They work, or are refused before anything is written."),
    "types": Kind("NumPy's numbers", "They are numbers; rounding is forgiven, a difference in kind is refused."),
    "data-forms": Kind("data as people have them", "They work, or one sentence says what to do."),
    "environments": Kind("foreign environments", "One sentence at once, and a way out."),
    "messages": Kind("misleading messages", "The sentence names the cause."),
}


def fault(kind: str) -> pytest.MarkDecorator:
    """Marks a test that produces a fault of that kind."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not one of {', '.join(KINDS)}.")
    return pytest.mark.fault(kind)
