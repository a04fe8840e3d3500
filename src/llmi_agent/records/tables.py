"""The tables of the records' file, and how those that an older LLMI made come to have what they lack.

What can be worked out of the records is in tables of its own, so that lists, filters and clearing are queries: `episodes`
has a row for each, `mentions` the digests of pictures and files that it names, `rewards` what it was given later. A
trigger marks an episode's row as stale with each record, whoever writes it; `freshness` brings it up to date.
"""

from __future__ import annotations

import sqlite3

from llmi_agent.records.bodies import shipped

VERSION = 3
"""Of the tables; what has a lower one is brought up to date when it is opened."""

_ADDED = {"reuse": "TEXT", "schema": "INTEGER NOT NULL DEFAULT 1", "tokens": "BLOB"}
"""Columns that older files lack. To add one touches no row; an older LLMI that goes on with the file leaves them out."""
_FIRST = ("id", "episode", "kind", "key", "data", "at")
"""Columns that all files of ours have."""
_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS records (
        id INTEGER PRIMARY KEY,
        episode TEXT NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        data TEXT NOT NULL,
        at REAL NOT NULL,
        reuse TEXT,
        schema INTEGER NOT NULL DEFAULT 1,
        tokens BLOB
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS episodes (
        number INTEGER PRIMARY KEY,
        episode TEXT NOT NULL UNIQUE,
        began REAL NOT NULL,
        last REAL NOT NULL,
        state TEXT NOT NULL DEFAULT 'open',
        drafted INTEGER NOT NULL DEFAULT 0,
        model TEXT NOT NULL DEFAULT '',
        prompt TEXT NOT NULL DEFAULT '',
        grp TEXT NOT NULL DEFAULT '',
        member INTEGER,
        split TEXT NOT NULL DEFAULT '',
        graph TEXT NOT NULL DEFAULT '',
        setup TEXT NOT NULL DEFAULT '',
        parent TEXT NOT NULL DEFAULT '',
        out TEXT,
        slots INTEGER NOT NULL DEFAULT 0,
        kept INTEGER NOT NULL DEFAULT 0,
        missing INTEGER NOT NULL DEFAULT 0,
        settled INTEGER NOT NULL DEFAULT 0,
        kinds TEXT NOT NULL DEFAULT ',',
        failures TEXT NOT NULL DEFAULT ',',
        calls INTEGER NOT NULL DEFAULT 0,
        model_calls INTEGER NOT NULL DEFAULT 0,
        input_tokens INTEGER,
        output_tokens INTEGER,
        sampled INTEGER NOT NULL DEFAULT 0,
        usd REAL DEFAULT 0,
        unknown INTEGER NOT NULL DEFAULT 0,
        reward REAL,
        stale INTEGER NOT NULL DEFAULT 1
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS mentions (
        episode TEXT NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (episode, digest)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS rewards (
        record INTEGER PRIMARY KEY,
        episode TEXT NOT NULL,
        scope TEXT NOT NULL,
        about TEXT NOT NULL,
        component TEXT NOT NULL,
        value REAL,
        status TEXT NOT NULL,
        at REAL NOT NULL
    )
    """,
    "CREATE TABLE IF NOT EXISTS dictionaries (id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
)
_INDEXES = (  # with all that is asked for, `kind` too, so that no row is looked at
    "CREATE INDEX IF NOT EXISTS records_of_episode ON records (episode, id)",
    "CREATE INDEX IF NOT EXISTS records_to_reuse ON records (reuse, id) WHERE reuse IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS records_opened ON records (kind, episode) WHERE kind = 'opened'",
    "CREATE INDEX IF NOT EXISTS records_of_group ON records (kind, key, episode) WHERE kind = 'opened' AND key != ''",
    "CREATE INDEX IF NOT EXISTS episodes_stale ON episodes (number) WHERE stale",
    "CREATE INDEX IF NOT EXISTS rewards_of_episode ON rewards (episode, component)",
)
_TRIGGERS = (
    """
    CREATE TRIGGER IF NOT EXISTS records_written AFTER INSERT ON records WHEN NEW.kind != 'rewarded' BEGIN
        INSERT INTO episodes (episode, began, last) VALUES (NEW.episode, NEW.at, NEW.at)
        ON CONFLICT (episode) DO UPDATE SET stale = 1 WHERE NOT stale;
    END
    """,
    # Records are not changed, but by who repairs or spoils a file.
    """
    CREATE TRIGGER IF NOT EXISTS records_changed AFTER UPDATE OF episode, kind, key, data, at, schema ON records BEGIN
        UPDATE episodes SET stale = 1 WHERE episode IN (OLD.episode, NEW.episode);
    END
    """,
    # An older LLMI, which knows of no other table, may delete the records.
    """
    CREATE TRIGGER IF NOT EXISTS records_forgotten AFTER DELETE ON records WHEN OLD.kind = 'opened' BEGIN
        DELETE FROM episodes WHERE episode = OLD.episode;
        DELETE FROM mentions WHERE episode = OLD.episode;
        DELETE FROM rewards WHERE episode = OLD.episode;
    END
    """,
)
_THERE_ALREADY = """
    INSERT INTO episodes (episode, began, last)
    SELECT of.episode, first.at, final.at
    FROM (SELECT episode, min(id) AS first, max(id) AS final FROM records GROUP BY episode) AS of
    JOIN records AS first ON first.id = of.first
    JOIN records AS final ON final.id = of.final
    WHERE true ORDER BY of.first
    ON CONFLICT (episode) DO NOTHING
"""
"""Of the records of before there was a table of episodes: two of each are looked at."""


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the tables, or add what an older LLMI's lack; no row of `records` is written.

    Another process may be about to do the same.
    """
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] >= VERSION:
            return  # somebody else has done it just now
        for table in _TABLES:
            connection.execute(table)
        columns = _columns(connection, "records")
        for column, form in _ADDED.items():
            if column not in columns:
                connection.execute(f"ALTER TABLE records ADD COLUMN {column} {form}")
        for each in (*_INDEXES, *_TRIGGERS, _THERE_ALREADY):
            connection.execute(each)
        # This LLMI may read what an older one could not.
        connection.execute("UPDATE episodes SET stale = 1 WHERE state = 'unreadable'")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def keep_dictionary(connection: sqlite3.Connection) -> None:
    """See to it that the file has the dictionary that bodies are written with."""
    own = shipped()
    query = "SELECT 1 FROM dictionaries WHERE id = ?"
    if connection.execute(query, (own.dict_id(),)).fetchone() is None:
        with connection:
            row = own.dict_id(), own.as_bytes()
            connection.execute("INSERT OR IGNORE INTO dictionaries VALUES (?, ?)", row)


def refuse_others(connection: sqlite3.Connection) -> None:
    """Raises DatabaseError of another program's file, which must be left as it is.

    Another process of ours may make the tables meanwhile, all at once: they are asked for last.
    """
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and not set(_FIRST) <= set(_columns(connection, "records")):
        raise sqlite3.DatabaseError("it is another program's database")


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [column[1] for column in connection.execute(f"PRAGMA table_info({table})")]
