"""What every other module of plainnet may use: arrays, checks of arguments, settings as plain data, rows of files."""
