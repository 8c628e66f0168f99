"""The paper's five applications, on any way from scattering to ensembles of micrographs (see `ensembles`)."""

from pairvae_lib.applications.bulk import throughput
from pairvae_lib.applications.ensembles import (
    Ensembles,
    decoded_ensembles,
    nearest_ensembles,
    random_ensembles,
    true_ensembles,
)
from pairvae_lib.applications.films import FLOOR, SHARES, Film, annealing_film, film_errors
from pairvae_lib.applications.live import Delivery, as_bundle, delivered
from pairvae_lib.applications.readout import ClassReader, Readout, agreement_rows, reading_rows, readout
from pairvae_lib.applications.transport import effective_conductivity, ensemble_conductivity, spread_rows

__all__ = [
    "FLOOR",
    "SHARES",
    "ClassReader",
    "Delivery",
    "Ensembles",
    "Film",
    "Readout",
    "agreement_rows",
    "annealing_film",
    "as_bundle",
    "decoded_ensembles",
    "delivered",
    "effective_conductivity",
    "ensemble_conductivity",
    "film_errors",
    "nearest_ensembles",
    "random_ensembles",
    "reading_rows",
    "readout",
    "spread_rows",
    "throughput",
    "true_ensembles",
]
