"""What a person names by its number, or all of it at once."""

from collections.abc import Mapping

from rsp.core.wire import CommandRefused


def chosen(live: Mapping[int, object], given: int | str, noun: str) -> list[int]:
    """Return the numbers that `given` names among `live`: one, or with `all` every one.

    Raises:
        CommandRefused: there is none of that number; it says which there are.
    """
    if given == "all":
        return list(live)
    # As text: it may have more digits than Python makes a number of.
    named = [number for number in live if str(number) == str(given)]
    if not named:
        there = ", ".join(map(str, live)) or "none"
        raise CommandRefused(f'no {noun} "{given}"; there are {there}')
    return named
