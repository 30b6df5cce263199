"""Runs the migrations on the async engine; `config.attributes["url"]` says where."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import blocks.records.audit_tables
import blocks.records.budget_tables
import blocks.records.constitution_tables
import blocks.records.notice_tables
import blocks.records.session_tables
import blocks.records.step_tables
import blocks.records.tables
import blocks.records.trigger_tables
import blocks.records.user_tables  # noqa: F401  # registers the tables on SQLModel.metadata

LOCK = 7_308_905_517  # one migration at a time, whoever runs it


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_type=True)
    with context.begin_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        context.run_migrations()


async def connect_and_run() -> None:
    engine = create_async_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(connect_and_run())
