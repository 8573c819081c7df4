"""Planning: what would a run cost? The run's own steps, with a reader that draws nothing and a gateway that counts instead of asking."""
