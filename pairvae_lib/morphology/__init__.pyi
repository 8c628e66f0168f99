from .conductivity import effective_conductivity as effective_conductivity
from .masks import (
    dice as dice,
    domain_period as domain_period,
    lineal_path as lineal_path,
    phase_fraction as phase_fraction,
    two_point_correlation as two_point_correlation,
)
