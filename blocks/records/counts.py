"""How many there are of what: the figures of the records that the meters show."""

from collections.abc import Sequence
from dataclasses import dataclass

from blocks.records.database import Database
from blocks.records.figures import FIGURES, Figure


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a figure was at one moment: `(label values, number)` each."""

    figure: Figure
    values: Sequence[tuple[tuple[str, ...], float]]


async def read_figures(database: Database) -> list[Reading]:
    """All figures, as of one look; `Unavailable` when the database is away."""
    readings = []
    async with database.session() as session:
        connection = await session.connection()
        for figure in FIGURES:
            rows = (await connection.execute(figure.query)).all()
            found = {tuple(str(part) for part in row[:-1]): float(row[-1] or 0) for row in rows}
            zeros: dict[tuple[str, ...], float] = {(value,): 0.0 for value in figure.zeros}
            readings.append(Reading(figure=figure, values=list((zeros | found).items())))
    return readings
