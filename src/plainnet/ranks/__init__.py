"""One training on several ranks: processes that each hold a share of the rows and sum their gradients."""
