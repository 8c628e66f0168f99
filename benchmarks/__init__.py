"""Speed of the library against the literal computations."""
