"""These numbers limit what a page may ask of the server: sizes, counts and times."""

SESSIONS = 8
"""The most sessions at once, each with a thread and a network."""

UNKNOWN = 16
"""The most connections at once that have not said hello yet."""

CONNECTIONS = 128
"""The most connections at once; a browser opens six for the files of a page, and one for its session."""

HELLO_BYTES = 4096
"""The longest first message, which nobody has vouched for."""

HELLO_SECONDS = 10.0
"""The time for the first message."""

MESSAGE_BYTES = 2**20
"""The longest message other than an upload."""

UPLOAD_BYTES = 64 * 2**20
"""The longest message with a file."""

MESSAGES_PER_SECOND = 500
"""Messages of one page beyond this wait for the next second; a pointer that drags sends about 120."""

AWAY_SECONDS = 60.0
"""The time for which a session waits for its page to come back; after it the training ends and its memory is freed."""

TICKET_SECONDS = 120.0
"""The time in which a browser that the server opens has to use its ticket."""

CLOSE_SECONDS = 1.0
"""The time for telling a page that its connection is closed."""

SLICE_SECONDS = 0.01
"""The time that a session trains before it looks for messages again."""
