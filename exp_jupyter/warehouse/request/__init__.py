"""What is asked of events: who, which days, how numbers are written."""
