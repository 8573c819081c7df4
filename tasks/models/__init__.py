"""Models: the catalogue, what is sent, pacing, retries and payment.

The only way to a paid model.
"""
