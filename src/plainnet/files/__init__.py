"""Files: written whole or not at all, read without trust; models are one kind of them."""
