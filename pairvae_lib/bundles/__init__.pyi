from .apply import (
    generated as generated,
    read_measurement as read_measurement,
)
from .bundle import load_bundle as load_bundle
from .train import (
    as_bundle as as_bundle,
    train_bundle as train_bundle,
)
from .watch import delivered as delivered
