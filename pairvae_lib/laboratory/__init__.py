"""What chapter 7 needs to go the way of a laboratory: a folder of pairs, commands with their answers."""

from pairvae_lib.laboratory.folders import broken_copy, laboratory_folder, with_trainings
from pairvae_lib.laboratory.transcripts import listing, transcript

__all__ = ["broken_copy", "laboratory_folder", "listing", "transcript", "with_trainings"]
