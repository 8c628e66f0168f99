"""The paper's five applications, on any way from scattering to ensembles of micrographs (see `answers`)."""

from pairvae_lib.answers import (
    Ensembles,
    decoded_ensembles,
    flow_ensembles,
    nearest_ensembles,
    random_ensembles,
    true_ensembles,
)
from pairvae_lib.applications.bulk import throughput
from pairvae_lib.applications.films import FLOOR, SHARES, Film, annealing_film, film_errors
from pairvae_lib.applications.live import Delivery, as_bundle, delivered
from pairvae_lib.applications.ranking import Rank, best_way, picture_errors, rank_rows, ranks
from pairvae_lib.applications.readout import (
    ClassReader,
    Readout,
    agreement_rows,
    reading_errors,
    reading_rows,
    readout,
)
from pairvae_lib.applications.transport import (
    conductivity_errors,
    effective_conductivity,
    ensemble_conductivity,
    spread_rows,
)

__all__ = [
    "FLOOR",
    "SHARES",
    "ClassReader",
    "Delivery",
    "Ensembles",
    "Film",
    "Rank",
    "Readout",
    "agreement_rows",
    "annealing_film",
    "as_bundle",
    "best_way",
    "conductivity_errors",
    "decoded_ensembles",
    "delivered",
    "effective_conductivity",
    "ensemble_conductivity",
    "film_errors",
    "flow_ensembles",
    "nearest_ensembles",
    "picture_errors",
    "random_ensembles",
    "rank_rows",
    "ranks",
    "reading_errors",
    "reading_rows",
    "readout",
    "spread_rows",
    "throughput",
    "true_ensembles",
]
