from .arrays import (
    compact as compact,
    read_arrays as read_arrays,
    write_arrays as write_arrays,
    write_json as write_json,
)
from .runs import results_root as results_root
