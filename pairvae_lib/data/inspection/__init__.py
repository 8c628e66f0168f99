"""A look at a data folder before anything is trained on it: what is there, what is wrong, what to beware of."""
