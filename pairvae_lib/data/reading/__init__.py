"""Reading a data folder: which files belong together, what each holds, and what is wrong with them.

A function that reads a single file raises ValueError with the reason alone where it cannot be used: its caller knows
the name, and collects reasons.
"""
