"""Private names of other libraries: each is there, does what it is used for, and has no public name in its place."""

import ast
import importlib
import inspect
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
import tensorflow_probability as tfp
from tensorflow.python.distribute.collective_all_reduce_strategy import CollectiveAllReduceExtended
from tensorflow.python.eager import context

import tfvae
from places import ROOT
from tfvae._support import private
from tfvae.datasets.batches import untuned

MODULES = ("tensorflow.python", "tensorflow.compiler", "tensorflow_probability.python", "keras.src")
PYTHONS = {"_asdict", "_replace", "_fields", "_exit"}
# Methods that TensorFlow Probability tells subclasses of `Distribution` to write, or writes into them.
HOOKS = {
    "_batch_shape", "_batch_shape_tensor", "_convert_variables_to_tensors", "_event_shape", "_event_shape_tensor",
    "_log_prob", "_mean", "_parameter_properties", "_quantile", "_sample_n", "_stddev", "_type_spec", "_variance",
}  # fmt: skip


def library():
    return [path for path in sorted((ROOT / "tfvae").rglob("*.py")) if path.name != "private.py"]


def parsed(path):
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name not in PYTHONS


def own_names():
    """Names that classes of the package define: methods, attributes of classes and of objects."""
    for path in library():
        for node in parsed(path):
            if isinstance(node, ast.ClassDef):
                yield from (each.name for each in node.body if isinstance(each, ast.FunctionDef))
                fields = [each for each in node.body if isinstance(each, (ast.Assign, ast.AnnAssign))]
                yield from (
                    name.id
                    for field in fields
                    for name in ast.walk(field)
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
                )
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                yield node.attr


def test_no_other_file_uses_attributes_that_the_package_does_not_define():
    own, foreign = set(own_names()), []
    for path in library():
        for node in parsed(path):
            if isinstance(node, ast.Attribute):
                name = node.attr
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "hasattr", "setattr"):
                name = str(getattr(node.args[1], "value", ""))
            else:
                continue
            if is_private(name) and name not in own:
                foreign.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}")
    assert foreign == []


def test_no_other_file_imports_private_modules():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in library()
        for node in parsed(path)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        and any(
            name.startswith(MODULES) for name in [getattr(node, "module", None) or "", *(a.name for a in node.names)]
        )
    ]
    assert found == []


def test_no_other_class_replaces_a_private_method():
    found = set()
    for module in pkgutil.walk_packages(tfvae.__path__, "tfvae."):
        if module.name.endswith("__main__"):
            continue
        for kind in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(kind) and kind.__module__ not in (private.__name__, "builtins"):
                if not kind.__module__.startswith("tfvae."):
                    continue
                foreign = [base for base in kind.__mro__ if not base.__module__.startswith("tfvae.")]
                found |= {
                    f"{kind.__name__}.{name}"
                    for name in vars(kind)
                    if is_private(name) and name not in HOOKS and any(name in vars(base) for base in foreign)
                }
    assert {each for each in found if not each.endswith("._abc_impl")} == set()


def test_xla_is_told_from_a_graph():
    seen = []

    def look(x):
        seen.append(private.is_compiled_by_xla(tf.compat.v1.get_default_graph()))
        return x

    tf.function(look, jit_compile=True, autograph=False)(tf.constant(1.0))
    tf.function(look, autograph=False)(tf.constant(1.0))
    assert seen == [True, False]
    assert not [name for name in dir(tf.config) + dir(tf.compat.v1.Graph) if "xla" in name.lower()]


def test_several_processes_are_told_from_one():
    assert not private.is_multi_worker(tf.distribute.get_strategy())
    extended = CollectiveAllReduceExtended
    assert callable(extended._in_multi_worker_mode) and not hasattr(extended, "in_multi_worker_mode")
    assert not hasattr(tf.distribute.MultiWorkerMirroredStrategy, "in_multi_worker_mode")


def test_a_worker_has_a_number():
    cluster = tf.train.ClusterSpec({"chief": ["a:1"], "worker": ["b:1", "c:1"]})
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(cluster, task_type="worker", task_id=1)
    assert private.number_of_worker(resolver) == 2
    assert not [name for name in dir(resolver) if "id_in_cluster" in name]


def test_the_coordination_service_takes_what_it_is_given(monkeypatch):
    given = {}
    monkeypatch.setattr(
        context, "context", lambda: type("Recorder", (), {"configure_coordination_service": given.update})
    )
    private.configure_coordination(tf.train.ClusterSpec({"worker": ["a:1", "b:1"]}), 120, 20)
    inspect.signature(context.Context.configure_coordination_service).bind(None, **given)
    assert given["service_leader"] == "/job:worker/replica:0/task:0"
    assert (given["cluster_register_timeout_in_ms"], given["heartbeat_timeout_in_ms"]) == (120_000, 20_000)
    assert [(each.name, each.num_tasks) for each in given["coordinated_jobs"]] == [("worker", 2)]
    # No argument for a timeout: otherwise the public one would do.
    strategy = inspect.signature(tf.distribute.MultiWorkerMirroredStrategy.__init__)
    assert set(strategy.parameters) == {"self", "cluster_resolver", "communication_options"}


def test_the_coordination_service_has_a_store():
    store = private.coordination_store()
    assert callable(store.set_config_key_value) and callable(store.get_config_key_value)
    assert not [name for name in dir(tf.distribute) + dir(tf.config) if "key_value" in name]


def test_datasets_of_devices_are_changed(monkeypatch):
    """When TensorFlow tunes nothing there by itself, or an option reaches them, `batches.untuned` alone will do."""
    from tensorflow.python.data.ops import multi_device_iterator_ops

    name, found = "_create_device_dataset", []
    make = getattr(multi_device_iterator_ops, name)
    monkeypatch.setattr(multi_device_iterator_ops, name, getattr(make, "__wrapped__", make))
    for _ in range(2):  # the second time nothing is left to do
        private.change_datasets_of_devices(lambda data: found.append(data) or data)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice())
    whole = untuned(tf.data.Dataset.range(4).batch(2))
    batch = next(iter(strategy.experimental_distribute_dataset(whole)))
    assert [each.tolist() for each in map(np.asarray, strategy.experimental_local_results(batch))] == [[0], [1]]
    assert [each.options().autotune.enabled for each in found] == [None, None]


@pytest.fixture
def nested():
    """A layer that is no model, with two layers inside; one of them is there twice."""

    class Nested(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = keras.layers.Dense(2, kernel_regularizer="l2")
            self.pair = keras.Sequential([self.inner, keras.layers.ActivityRegularization(l2=1.0)])
            self.pair.build((None, 2))

        def call(self, x):
            return self.pair(x)

    return Nested()


def test_layers_inside_a_layer(nested):
    assert private.layers_inside(nested) == [nested.inner, nested.pair]
    flat = private.flat_layers(nested)
    assert flat[0] is nested
    assert [flat.count(each) for each in (nested.inner, nested.pair, *nested.pair.layers)] == [1, 1, 1, 1]
    assert not hasattr(nested, "layers") and not hasattr(nested, "flatten_layers")
    assert len(keras.Sequential([nested.pair]).layers) == 1  # the public name ends at the first level


def test_losses_of_a_call(nested):
    nested(np.ones((3, 2)))
    assert [private.has_call_losses(each) for each in nested.pair.layers] == [False, True]
    assert nested.inner.losses  # the public name has the regulariser too


def test_frozen_weights(nested):
    nested.inner.trainable = False
    assert nested.inner.trainable_weights == []
    assert private.made_trainable(nested.inner) == [nested.inner.kernel, nested.inner.bias]
    nested.inner.trainable, nested.inner.bias.trainable = True, False
    assert private.made_trainable(nested.inner) == [nested.inner.kernel, nested.inner.bias]


def test_what_an_optimiser_was_told(nested):
    kernel, bias = nested.inner.weights
    optimizer = keras.optimizers.AdamW()
    assert private.is_decayed(optimizer, kernel) and private.names_not_decayed(optimizer) == ""
    optimizer.exclude_from_weight_decay([bias], ["gamma", "beta"])
    optimizer.build([kernel, bias])
    assert private.known_variables(optimizer) == [kernel, bias]
    assert not {id(kernel), id(bias)} & {id(each) for each in optimizer.variables}
    assert (private.is_decayed(optimizer, kernel), private.is_decayed(optimizer, bias)) == (True, False)
    assert sorted(private.names_not_decayed(optimizer).split("|")) == ["beta", "gamma"]
    public = [name for name in dir(optimizer) if not name.startswith("_")]
    assert not [name for name in public if "trainable" in name or "clip_" in name]
    assert [name for name in public if "decay" in name] == ["exclude_from_weight_decay", "weight_decay"]
    assert not [name for name in optimizer.get_config() if "exclude" in name]


def test_gradients_are_clipped_without_being_applied():
    optimizer = keras.optimizers.SGD(clipnorm=1.0)
    (clipped,) = private.clip(optimizer, [tf.constant([3.0, 4.0])])
    np.testing.assert_allclose(clipped, [0.6, 0.8], rtol=1e-6)


class Plain(keras.Model):
    """A built model."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.dense.build((None, 2))
        self.built = True

    def train_step(self, data):
        return {"loss": tf.reduce_sum(self.dense(data)) * 0}


class WithoutFirstBatch(Plain, private.BuiltWhenMade):
    pass


def fitted(kind):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice())
    with strategy.scope():
        model = kind()
        model.compile("sgd")
    uneven = tf.data.Dataset.from_tensors(np.ones((3, 2), np.float32))
    return model.fit(strategy.experimental_distribute_dataset(uneven), verbose=0)


def test_keras_averages_the_first_batch_even_of_a_built_model():
    fitted(WithoutFirstBatch)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must have the same size and shape"):
        fitted(Plain)


@pytest.mark.parametrize(("kind", "exact"), [(keras.callbacks.SwapEMAWeights, False), (private.ExactSwap, True)])
def test_averages_are_exchanged_exactly(kind, exact):
    model = keras.Sequential([keras.layers.Dense(1, use_bias=False)])
    model.build((None, 1))
    model.compile(keras.optimizers.SGD(use_ema=True))
    model.optimizer.build(model.trainable_variables)
    swap = kind()
    swap.set_model(model)
    (average,) = model.optimizer._model_variables_moving_average
    model.set_weights([np.float32([[1e8]])])
    average.assign([[0.1]])
    swap.exchange() if exact else swap._swap_variables()
    assert (float(model.get_weights()[0][0, 0]) == np.float32(0.1)) == exact


def test_a_softmax_of_any_rank():
    class Ours(private.SoftmaxOfAnyRank, tfp.distributions.Categorical):
        pass

    logits = tf.random.stateless_normal([1, 2, 1, 2, 1, 3], [0, 0])
    found = Ours(logits=logits).probs_parameter()
    np.testing.assert_allclose(found, tf.exp(logits - tf.reduce_logsumexp(logits, -1, keepdims=True)), rtol=1e-6)
    with tf.device("CPU"), pytest.raises(tf.errors.OpError):
        tfp.distributions.Categorical(logits=logits).probs_parameter()


def test_registered_features():
    feature = tfds.features.FeatureConnector
    assert private.is_registered_feature("tensorflow_datasets.core.features.image_feature.Image")
    assert not private.is_registered_feature("os.path")
    assert not [name for name in dir(feature) if "regist" in name and not name.startswith("_")]
