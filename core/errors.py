"""The ways IPManager says no; each carries what to do about it.

    IPManagerError
    ├── Invalid      the request itself is wrong               (HTTP 400)
    ├── NotFound     the thing asked for does not exist        (HTTP 404)
    ├── Conflict     it is right, but the present state forbids it (HTTP 409)
    │   └── Exhausted    nothing free is left                  (HTTP 409)
    └── Unavailable  a part we need does not answer; try again (HTTP 503)

Admin shows them, REST answers with them, commands print them: whoever raises one needs no other
message."""


class Clash(str):
    """A sentence of a ValidationError about a field: what was asked is well formed, but something
    that exists already forbids it. A form shows it like any other; the API answers 409 instead of
    400."""


class IPManagerError(Exception):
    """What is wrong (`message`) and what a person can do about it (`hint`, may be empty)."""

    code = "error"
    status = 500
    retry_after = 0  # seconds until another try may do better; 0: nobody knows
    errors: dict[str, list[str]] | None = (
        None  # what is wrong with single fields, where there is more than one
    )

    def __init__(self, message: object, hint: object = "") -> None:
        super().__init__(message, hint)
        self.message = str(message)
        self.hint = str(hint)

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class Invalid(IPManagerError):
    """The request itself is wrong and will never succeed as it is."""

    code = "invalid"
    status = 400


class NotFound(IPManagerError):
    """The thing asked for does not exist."""

    code = "not_found"
    status = 404


class Conflict(IPManagerError):
    """The request is well formed, but something that already exists forbids it."""

    code = "conflict"
    status = 409


class Exhausted(Conflict):
    """Nothing free is left to hand out."""

    code = "exhausted"


class Unavailable(IPManagerError):
    """A part that is needed does not answer now; the same request may succeed later."""

    code = "unavailable"
    status = 503
