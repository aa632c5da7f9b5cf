"""The project over HTTP: addresses, keys, bodies and the answers' envelopes."""
