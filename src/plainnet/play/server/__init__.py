"""The server of `plainnet play`: a page and its sessions for the browser of this machine, and for nobody else."""
