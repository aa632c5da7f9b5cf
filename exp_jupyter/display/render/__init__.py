"""A page in every form: HTML, text, Markdown, a DataFrame, data for front ends."""
