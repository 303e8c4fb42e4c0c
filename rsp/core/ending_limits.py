"""The numbers by which endings are judged, each with its unit and its reason."""

KEEP_ALIVE_RACE_S = 0.5
"""A backend that ends a used connection this soon after a request, without a byte of a response,
was closing it already: longer than a round trip, shorter than any work that fails."""

STORM_S = 10.0
"""Endings of the same kind within this are counted together: long enough for a deployment to show,
short enough that the alert goes when the trouble has gone."""

STORM_LEAST = 20
"""Fewer endings of the same kind than this are no storm: each has its own line among the events."""

STORM_SHARE = 0.1
"""Nor are they when they are a smaller part of all that ended meanwhile: where thousands come and
go, some always leave early. It seemed right; a site where every tenth client breaks off would
change it."""
