"""Cost estimates of a run.

The run's own steps, with a reader that draws nothing and a gateway that counts instead of asking.
"""
