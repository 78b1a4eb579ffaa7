"""The server of `plainnet play` gives a page and its sessions to the browser of this machine, and to nobody else."""
