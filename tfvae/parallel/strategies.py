"""From the setting `strategy` to TensorFlow's."""

from __future__ import annotations

import contextlib
import functools
import signal
import threading
from collections.abc import Iterator

import tensorflow as tf

from tfvae._support import private
from tfvae._support.checks import check_choice
from tfvae.parallel import cluster, meeting, slurm

HEARTBEAT = 20
"""Seconds without a sign of life after which a worker counts as lost. The others then end within another few."""
_REGISTRATION = 120  # seconds in which TensorFlow has to find all workers, who have met
_NAMES = ("auto", "one", "mirrored", "multiworker")
_NO_SERVER = "Could not start gRPC server"


def resolved(name: str) -> str:
    """The setting without "auto": "multiworker" where the environment names several processes, "mirrored" where this
    one has several GPUs, else "one"."""
    if name != "auto":
        return name
    if cluster.is_joined(name):
        return "multiworker"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "one"


def strategy(name: str = "auto") -> tf.distribute.Strategy:
    """The strategy of the setting; of "one" the current one, which is TensorFlow's default unless a scope is open.

    To be called before TensorFlow's first operation where several processes train together.

    Args:
        name: "auto", "one", "mirrored" or "multiworker".

    Raises:
        ValueError: there is no such strategy, or the environment names no other processes or cannot be read.
        OSError: the other processes did not come.
    """
    match check_choice("strategy", resolved(name), _NAMES):
        case "mirrored":
            return _mirrored()
        case "multiworker":
            return _multi_worker()
        case _:
            return tf.distribute.get_strategy()


def number_of_worker(strategy: tf.distribute.MultiWorkerMirroredStrategy) -> int:
    """Number of this process, from 0, which is the chief's."""
    return private.number_of_worker(strategy.cluster_resolver)


def task_of_worker(strategy: tf.distribute.MultiWorkerMirroredStrategy) -> str:
    """TensorFlow's name of this process, such as `/job:worker/task:1`."""
    mine = strategy.cluster_resolver
    return f"/job:{mine.task_type}/task:{mine.task_id}"


def _mirrored() -> tf.distribute.Strategy:
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        return tf.distribute.MirroredStrategy([gpu.name for gpu in gpus])
    # On logical CPUs TensorFlow's default, collective operations, mixes up two all-reduces of one step (2.21).
    cpus = [cpu.name for cpu in tf.config.list_logical_devices("CPU")]
    return tf.distribute.MirroredStrategy(cpus, cross_device_ops=tf.distribute.ReductionToOneDevice())


@functools.cache  # TensorFlow takes one in a process
def _multi_worker() -> tf.distribute.Strategy:
    if cluster.workers() < 2:
        raise ValueError(
            "`strategy` multiworker takes TF_CONFIG, or the variables of a SLURM step, that name several processes."
        )
    resolver = slurm.resolver() if cluster.by_slurm() else tf.distribute.cluster_resolver.TFConfigClusterResolver()
    spec = resolver.cluster_spec()
    meeting.meet(*cluster.members())
    private.configure_coordination(spec, _REGISTRATION, HEARTBEAT)
    # Ring all-reduce over gRPC is the only one of CPUs; for GPUs TensorFlow knows best.
    implementation = tf.distribute.experimental.CommunicationImplementation
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=implementation.AUTO if tf.config.list_physical_devices("GPU") else implementation.RING
    )
    try:
        with _signals_kept():
            return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver, communication_options=options)
    except tf.errors.OpError as error:
        why = str(error.message)
        if _NO_SERVER in why:
            mine = spec.task_address(resolver.task_type, resolver.task_id)
            why = f"{mine} cannot be listened at; another program may have that port."
        raise OSError(f"The {cluster.workers()} workers did not all come together: {why}") from error


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ctrl-C ends the process at once while it waits for the others, when nothing has been done yet: TensorFlow lets no
    Python run meanwhile (2.21). SIGTERM, which it keeps for itself and then does nothing, is taken back afterwards."""
    if threading.current_thread() is not threading.main_thread():  # no other may
        yield
        return
    sigint, sigterm = signal.signal(signal.SIGINT, signal.SIG_DFL), signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, sigint)
        signal.signal(signal.SIGTERM, sigterm)
