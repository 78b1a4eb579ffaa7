"""The modules that every other may use: arrays, checks of arguments, settings as plain data, rows of files, pages."""
