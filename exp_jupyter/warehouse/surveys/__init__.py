"""What events hold before they are analysed."""
