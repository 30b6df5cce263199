"""Whether there is anything to do for triggers: one cheap question that idle gateways ask again and again."""

from sqlalchemy import text

from blocks.records.database import Database

_QUESTION = text(
    "SELECT EXISTS (SELECT 1 FROM happenings)"
    " OR EXISTS (SELECT 1 FROM trigger_deliveries WHERE state = 'received' AND next_at <= now())"
    " OR EXISTS (SELECT 1 FROM triggers"
    " WHERE kind = 'schedule' AND (removed_at IS NULL) = (deployment IS NULL)"
    " AND created_at < now() - interval '30 seconds')"
)


async def is_work_left(database: Database) -> bool:
    """Whether something happened that is not told, a delivery is due, or a schedule is amiss."""
    async with database.session() as session:
        return bool((await (await session.connection()).execute(_QUESTION)).scalar_one())
