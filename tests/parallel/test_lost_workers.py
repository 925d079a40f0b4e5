"""What is said, and what is left, when TensorFlow has lost a worker."""

import gc
import multiprocessing.pool
import types
import weakref

import pytest
import tensorflow as tf

from faults import fault
from tfvae.parallel.team import lost_workers_named

TEAM = types.SimpleNamespace(workers=2, worker=0, is_chief=True, task="/job:worker/task:0")
pools = []


def reduced_in_a_thread():
    """As TensorFlow's `CollectiveAllReduce._all_reduce_per_replica_values` does it."""

    def reduced(_):
        raise tf.errors.UnavailableError(None, None, "From /job:worker/replica:0/task:1: connection reset")

    pool = multiprocessing.pool.ThreadPool(1)
    pools.append(weakref.ref(pool))
    pool.map(reduced, [0])
    pool.close()


@pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool:ResourceWarning")
def test_no_thread_pool_waits_for_the_garbage_collector():
    """Which would end it in any order with what it needs for its end, and print a traceback."""
    gc.disable()
    try:
        expected = pytest.raises(OSError, match=r"Worker 0 of 2 has lost another worker, /job:worker/replica:0/task:1")
        with expected as lost, lost_workers_named(TEAM, "Start again."):
            reduced_in_a_thread()
        assert pools[-1]() is None
        assert lost.value.__context__ is not None  # the error that held it is still there
    finally:
        gc.enable()


def test_other_errors_and_those_of_one_process_are_left_alone():
    with pytest.raises(ValueError, match="mine"), lost_workers_named(TEAM, ""):
        raise ValueError("mine")
    alone = types.SimpleNamespace(workers=1, worker=0, is_chief=True)
    with pytest.raises(tf.errors.UnavailableError), lost_workers_named(alone, ""):
        raise tf.errors.UnavailableError(None, None, "no")


MINE, OTHERS = "/job:worker/replica:0/task:0", "/job:worker/replica:0/task:1"


@fault("workers")
@pytest.mark.parametrize("message", [f"{OTHERS} and {MINE}: heartbeat timeout", f"{MINE}, {OTHERS}", OTHERS])
def test_a_worker_never_says_that_it_lost_itself(message):
    """A chief that was stopped and goes on finds itself among those who were not heard of."""
    expected = pytest.raises(OSError, match=r"^Worker 0 of 2 has lost another worker, /job:worker/replica:0/task:1: ")
    with expected, lost_workers_named(TEAM, "Start again."):
        raise tf.errors.UnavailableError(None, None, message)


@fault("workers")
@pytest.mark.parametrize("name", [MINE, "/job:worker/task:0"])
def test_who_was_given_up_by_the_others_says_so(name):
    expected = pytest.raises(OSError, match=r"^Worker 0 of 2 was given up by the others, .+ Start again\.$")
    with expected, lost_workers_named(TEAM, "Start again."):
        raise tf.errors.UnavailableError(None, None, f"{name} has been set to ERROR: heartbeat timeout")
