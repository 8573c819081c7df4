"""Documents: what a file is, how many pages it has, what stands on a page. Pixels and PDFs are touched in child processes only."""
