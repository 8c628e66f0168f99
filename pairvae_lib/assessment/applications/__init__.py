"""The paper's five applications, on any way from scattering to ensembles of micrographs (see `ensembles`)."""

from pairvae_lib.assessment.applications.films import FLOOR, SHARES, Film, annealing_film, film_errors
from pairvae_lib.assessment.applications.ranking import Rank, best_way, picture_errors, rank_rows, ranks
from pairvae_lib.assessment.applications.readout import (
    ClassReader,
    Readout,
    agreement_rows,
    reading_errors,
    reading_rows,
    readout,
)
from pairvae_lib.assessment.applications.speed import throughput
from pairvae_lib.assessment.ensembles import (
    Ensembles,
    decoded_ensembles,
    flow_ensembles,
    nearest_ensembles,
    random_ensembles,
    true_ensembles,
)
from pairvae_lib.morphology.conductivity import (
    conductivity_errors,
    effective_conductivity,
    ensemble_conductivity,
    spread_rows,
)

__all__ = [
    "FLOOR",
    "SHARES",
    "ClassReader",
    "Ensembles",
    "Film",
    "Rank",
    "Readout",
    "agreement_rows",
    "annealing_film",
    "best_way",
    "conductivity_errors",
    "decoded_ensembles",
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
