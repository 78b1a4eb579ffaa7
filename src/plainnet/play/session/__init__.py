"""The session behind the page: commands in, frames out. NumPy and plainnet alone, so it runs in a browser too."""
