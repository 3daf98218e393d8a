"""Create a database and a role for each service; a role can use its own database alone. Safe to run again."""
# ruff: noqa: INP001, T201 - a script that prints

from pathlib import Path

import psycopg
from psycopg import sql

SECRETS = Path("/run/secrets")
SUPERUSER = "superuser"


def create(connection: psycopg.Connection, name: str) -> None:
    """Create the role and its database if they are missing; set the role's password from the service's secret."""
    role = sql.Identifier(name)
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
    password = (SECRETS / f"{name}_password").read_text().encode()
    # The server receives and may log the verifier alone, never the password.
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
    """Create everything as the superuser, whose password no service has."""
    password = (SECRETS / f"{SUPERUSER}_password").read_text()
    with psycopg.connect(
        host="postgres", user="postgres", password=password, dbname="postgres", autocommit=True
    ) as connection:
        for shared in ("postgres", "template1"):
            connection.execute(
                sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(shared))
            )
        for file in sorted(SECRETS.glob("*_password")):
            if (name := file.name.removesuffix("_password")) != SUPERUSER:
                create(connection, name)
    print("databases and roles are ready")


if __name__ == "__main__":
    main()
