"""`python -m pipelines.cli`: the same as `docmill`, where its script is not on the PATH."""

from pipelines.cli import main

main()
