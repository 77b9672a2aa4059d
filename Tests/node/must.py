"""What a test says of the program, and how it says that it is not so."""


class Broken(Exception):
    """What must hold does not."""


def must(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)
