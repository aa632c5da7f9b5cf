"""People: who asks, and the persons that events are about."""
