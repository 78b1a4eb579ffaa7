"""The session behind the page takes commands and gives frames; it needs NumPy alone, and so runs in a browser too."""
