"""Table files larger than memory are read in pieces: row groups, record batches, ranges of lines."""

from plainnet.tabular.sources import files_in
from plainnet.tabular.streaming.file_pieces import FilePiece, pieces_of

__all__ = ["FilePiece", "files_in", "pieces_of"]
