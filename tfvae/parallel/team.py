"""The processes that train one model together: what they have to agree on, and what only the first of them does."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfvae._support.private import coordination_store
from tfvae.parallel import cluster
from tfvae.parallel.multi_worker import is_multi_worker
from tfvae.parallel.strategies import HEARTBEAT, number_of_worker, strategy, task_of_worker

_LOST = (
    tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.InternalError,
    tf.errors.DeadlineExceededError,  # the chief hangs
)  # fmt: skip
_READING = 60  # seconds, for what the others have said or are about to say
_SERVICE = re.compile("coordination ?service", re.IGNORECASE)
_topics = itertools.count()  # the same on all workers, since all do the same in the same order


class Team:
    """The workers; mostly one. All of them have to call each method, in the same order.

    Args:
        name: the setting `strategy`.

    Attributes:
        strategy: TensorFlow's.
        workers: number of processes.
        worker: number of this one; 0 is the chief, who writes the run folder.
        task: TensorFlow's name of this one; nothing where it is alone.
    """

    def __init__(self, name: str = "one"):
        self.strategy = strategy(name)
        self.workers, self.worker, self.task = 1, 0, ""
        if is_multi_worker(self.strategy):
            self.workers, self.worker = cluster.workers(), number_of_worker(self.strategy)
            self.task = task_of_worker(self.strategy)

    @property
    def is_chief(self) -> bool:
        return self.worker == 0

    @property
    def replicas(self) -> int:
        """Number of devices, over all workers."""
        return int(self.strategy.num_replicas_in_sync)

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """What models are made and loaded in."""
        return self.strategy.scope() if self.replicas > 1 else contextlib.nullcontext()

    def agree(self, facts: dict[str, Any]) -> None:
        """Compares what must be the same on all workers.

        Args:
            facts: by name; their values are compared as text.

        Raises:
            ValueError: on all workers, if one of them differs from the chief; it names the differences.
        """
        texts = [json.loads(text) for text in self._all(json.dumps({name: str(facts[name]) for name in facts}))]
        differences = [
            f"worker {number} has {name} {other.get(name)}, the chief {texts[0].get(name)}"
            for number, other in enumerate(texts)
            for name in {**texts[0], **other}
            if other.get(name) != texts[0].get(name)
        ]
        if differences:
            raise ValueError(f"All workers must be started alike: {'; '.join(differences)}.")

    def everyone(self, action: Callable[[], Any]) -> Any:
        """What this worker's action gives, when those of all have come to a good end.

        Raises:
            OSError: another worker's failed. If this one's did, it is what that raised.
        """
        failure, result = None, None
        try:
            result = action()
        except Exception as error:
            failure = error
        said = self._all("" if failure is None else str(failure) or repr(failure))
        if failure is not None:
            raise failure
        for worker, sentence in enumerate(said):
            if sentence:
                raise OSError(f"Worker {worker} cannot go on: {sentence}")
        return result

    def by_chief(self, action: Callable[[], Any]) -> Any:
        """What only the chief does, while the others wait and get None; fails as `everyone` does."""
        return self.everyone(action if self.is_chief else lambda: None)

    def wait(self) -> None:
        """Until all workers are here."""
        self._all("")

    def part(self) -> None:
        """The end of what they do together. The chief goes last: it holds what the others ask each other by."""
        self.wait()
        if self.workers > 1:
            topic = next(_topics)
            self._say(topic, "")
            if self.is_chief:
                self._heard(topic)

    def anyone(self, wants: bool) -> bool:
        """Whether any of the workers wants something, the same answer on all."""
        if self.workers == 1:
            return wants
        return bool(self._total(tf.constant(int(wants))) > 0)

    @contextlib.contextmanager
    def own(self, folder: Path) -> Iterator[Path]:
        """Where this worker writes: the chief into the folder, the others into one that is deleted in the end.

        Saving reads metrics, for which TensorFlow needs all workers, so all have to save.
        """
        if self.is_chief:
            yield folder
            return
        with tempfile.TemporaryDirectory(prefix="tfvae-worker-") as scratch:
            yield Path(scratch)

    def _all(self, text: str) -> list[str]:
        """What each worker says, by its number."""
        if self.workers == 1:
            return [text]
        topic = next(_topics)
        self._say(topic, text)
        # However long it takes: a lost worker ends this, but no look into the store.
        self._total(tf.constant(0))
        return self._heard(topic)

    def _say(self, topic: int, text: str) -> None:
        coordination_store().set_config_key_value(f"tfvae/{topic}/{self.worker}", text)

    def _heard(self, topic: int) -> list[str]:
        keys = [f"tfvae/{topic}/{worker}" for worker in range(self.workers)]
        try:
            return [coordination_store().get_config_key_value(key, _READING * 1000) for key in keys]
        except tf.errors.DeadlineExceededError:
            raise OSError(f"Not all of the {self.workers} workers were heard of within {_READING} s.") from None

    @property
    def _total(self) -> Any:
        if not hasattr(self, "_total_function"):

            def on_replica(number: tf.Tensor) -> tf.Tensor:
                # An argument has no device yet, without which TensorFlow does not know where to reduce.
                return tf.distribute.get_replica_context().all_reduce("SUM", tf.identity(number))

            @tf.function
            def total(number: tf.Tensor) -> tf.Tensor:
                return self.strategy.experimental_local_results(self.strategy.run(on_replica, (number,)))[0]

            self._total_function = total
        return self._total_function


@contextlib.contextmanager
def lost_workers_named(team: Team, then: str) -> Iterator[None]:
    """Says in a sentence that another worker is gone, which TensorFlow notices by itself: a killed process when its
    connection breaks or after `HEARTBEAT` seconds without a sign of life, also one that hangs.

    Args:
        team: the workers.
        then: a sentence that says what to do.

    Raises:
        OSError: another worker is gone.
    """
    try:
        yield
    except _LOST as error:
        if team.workers == 1:
            raise
        message = str(error.message)
        named = re.findall(r"(/job:\w+(?:/replica:\d+)?/task:\d+)(?!/device|\d)", message)
        others = [each for each in named if re.sub(r"/replica:\d+", "", each) != team.task]
        if others:
            name = f", {others[-1]}"
        elif named:  # it was stopped, and goes on
            traceback.clear_frames(error.__traceback__)  # see below
            raise OSError(
                f"Worker {team.worker} of {team.workers} was given up by the others, who had not heard of it for "
                f"{HEARTBEAT} s: it was stopped, or too slow. {then}"
            ) from None
        elif not team.is_chief and _SERVICE.search(message):  # through which the chief tells of the others
            name = ", the chief"
        else:
            name = f" ({message.splitlines()[0]})"
        # TensorFlow leaves a thread pool open whose work fails (cross_device_ops.py, 2.21). If Python's collector of
        # cycles ends it, it may print "Bad file descriptor"; without the frames that hold it, it ends here, and well.
        traceback.clear_frames(error.__traceback__)
        raise OSError(
            f"Worker {team.worker} of {team.workers} has lost another worker{name}: it has ended, or was not heard of "
            f"for {HEARTBEAT} s. {then}"
        ) from None
