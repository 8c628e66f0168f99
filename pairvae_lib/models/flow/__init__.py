"""The conditional flow: from scattering to ensembles of masks."""
