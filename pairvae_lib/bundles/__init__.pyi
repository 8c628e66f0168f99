from .apply import (
    generated as generated,
    read_measurement as read_measurement,
)
from .bundle import load_bundle as load_bundle
from .live import (
    as_bundle as as_bundle,
    delivered as delivered,
)
from .train import train_bundle as train_bundle
