"""The pages that are made when the documentation is built, from the code itself."""
