"""TensorFlow as training needs it: CPU, two threads, the same result for the same seed."""

import os

THREADS = 2
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "GRPC_VERBOSITY": "NONE", "TF_ENABLE_ONEDNN_OPTS": "0"}
"""Environment in which TensorFlow keeps its start-up notes to itself; without oneDNN it adds up in one order."""


def prepare(seed: int) -> None:
    """Fix threads and randomness. Threads can be set once in a process; later calls only set the seed."""
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    import tensorflow as tf  # noqa: PLC0415  (the variables above must be set first)

    try:
        tf.config.set_visible_devices([], "GPU")
        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
        tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    except RuntimeError:
        pass  # already running with what an earlier training set
    tf.config.experimental.enable_op_determinism()
    tf.keras.utils.set_random_seed(seed)


def release() -> str:
    """Return the release of TensorFlow."""
    import tensorflow as tf  # noqa: PLC0415

    return str(tf.__version__)
