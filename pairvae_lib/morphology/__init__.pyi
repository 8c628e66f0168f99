from .conductivity import effective_conductivity as effective_conductivity
from .masks import (
    chord_lengths as chord_lengths,
    dice as dice,
    domain_period as domain_period,
    lineal_path as lineal_path,
    phase_fraction as phase_fraction,
    two_point_correlation as two_point_correlation,
)
