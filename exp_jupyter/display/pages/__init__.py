"""One describing function per class: what is said about it, in which order."""
