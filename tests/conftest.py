"""What all tests share: quiet TensorFlow, two logical CPU devices for replicas, float64, repeatable properties."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Where one of these is set, pytest shows every difference of two values that should be equal: for images, in hours.
os.environ["CI"] = os.environ["BUILD_NUMBER"] = ""

import keras
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, settings

from faults import COLLECTED
from skips import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401  (hooks)

# Devices can be split only before TensorFlow makes its first tensor, so this stands at the start of the session.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

settings.register_profile(
    "tfvae",
    deadline=None,  # the first call of a TensorFlow operation is slow
    derandomize=True,
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("tfvae")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    config.stash[COLLECTED] = list(items)


@pytest.fixture
def float64():
    """Models, distributions and preprocessing compute in float64 for the length of one test."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)


def _without_graphs():
    """TensorFlow traces no function meanwhile, which is quicker for a few steps where the graph is not the subject."""
    level = tf.get_logger().level
    tf.get_logger().setLevel("ERROR")  # AutoGraph warns of functions that it leaves as they are
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
    tf.get_logger().setLevel(level)


eager = pytest.fixture(_without_graphs, name="eager")
eagerly = pytest.fixture(_without_graphs, name="eagerly", scope="module")


@pytest.fixture(scope="session")
def two():
    """Two replicas on the two logical CPUs; by default they would race in collective operations."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice())
