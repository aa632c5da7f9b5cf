"""One request on the wire: how it is written, carried, signed and lost."""
