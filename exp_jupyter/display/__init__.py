"""Result objects to text, HTML and charts."""
