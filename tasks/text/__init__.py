"""Characters and words as text, before anything is read out of them."""
