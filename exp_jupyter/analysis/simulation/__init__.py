"""Methods tried on one's own units before they are trusted."""
