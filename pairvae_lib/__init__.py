"""The reproducible companion of PairVAE: linking scattering patterns and micrographs of the same samples."""

__version__ = "0.1.0"
