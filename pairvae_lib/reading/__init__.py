"""Reading a data folder: which files belong together, what each holds, and what is wrong with them."""
