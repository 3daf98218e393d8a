"""A database and a role for each service, which can reach its own and no other. Safe to run again."""
# ruff: noqa: INP001, T201 - a program of its own, which speaks to its caller

from pathlib import Path

import psycopg
from psycopg import sql

SECRETS = Path("/run/secrets")
DATABASES = ("auth", "users", "orders")


def make(connection: psycopg.Connection, name: str) -> None:
    """Make the role and its database if they are missing; set the password that the service has been given."""
    role = sql.Identifier(name)
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
    password = (SECRETS / f"{name}_password").read_text().encode()
    # Only the verifier travels and could be logged, never the password.
    verifier = connection.pgconn.encrypt_password(password, name.encode(), b"scram-sha-256").decode()
    connection.execute(
        sql.SQL("ALTER ROLE {} NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 50 PASSWORD {}").format(
            role, sql.Literal(verifier)
        )
    )
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(role))


def main() -> None:
    """Work as the superuser, whose password no service has."""
    password = (SECRETS / "superuser_password").read_text()
    with psycopg.connect(
        host="postgres", user="postgres", password=password, dbname="postgres", autocommit=True
    ) as connection:
        for shared in ("postgres", "template1"):
            connection.execute(
                sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(shared))
            )
        for name in DATABASES:
            make(connection, name)
    print("databases and roles are there")


if __name__ == "__main__":
    main()
