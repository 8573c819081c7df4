"""The only way to a paid model: what is known of the models, what is sent, how it is paced, repeated and paid for."""
