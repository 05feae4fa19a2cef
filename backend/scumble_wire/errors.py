"""What can go wrong between an editor and the backend: a small tree, each error with its remedy."""

from __future__ import annotations


class ScumbleError(Exception):
    """An error that a person is told about.

    code: stable, for programs ("pack_unknown"). message: one sentence, what happened. remedy: one sentence, what
    to do. The codes of errors that the backend sends are those of its own tree; a client meets them as
    `BackendFailed`.
    """

    code = "error"

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class MalformedMessage(ScumbleError):
    """A header or frame that does not say what PROTOCOL.md asks for.

    request: number of the request it belongs to; 0 if that could not be read.
    """

    code = "malformed"

    def __init__(self, message: str, *, remedy: str = "", request: int = 0) -> None:
        super().__init__(message, remedy=remedy)
        self.request = request


class UnknownMessage(MalformedMessage):
    """A header that names a message the protocol does not have."""

    code = "unknown_message"


class WrongProtocol(ScumbleError):
    """Plugin and backend speak different versions."""

    code = "wrong_protocol"


class ConnectionFailed(ScumbleError):
    """No backend could be reached."""

    code = "no_connection"


class ConnectionLost(ScumbleError):
    """The backend went away in the middle of a conversation."""

    code = "connection_lost"


class AuthenticationFailed(ConnectionFailed):
    """Somebody listens there, and does not accept the secret."""

    code = "wrong_secret"


class BackendSilent(ConnectionFailed):
    """Something listens there, and says nothing: a backend that hangs."""

    code = "backend_silent"


class EndpointUnusable(ConnectionFailed):
    """There is an endpoint file, and it must not or can't be used."""

    code = "endpoint_unusable"


class TimedOut(ScumbleError):
    """The backend is there, but an answer did not come in time."""

    code = "timed_out"


class BackendNotStarted(ScumbleError):
    """The backend could not be launched or did not become ready."""

    code = "backend_not_started"


class BackendFailed(ScumbleError):
    """A `Failed` message as an exception; carries the backend's own code."""

    def __init__(self, code: str, message: str, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.code = code
