"""What an effect's numbers say about chance: tests of every value, and posteriors."""
