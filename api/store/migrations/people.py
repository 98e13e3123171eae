"""Step 1: people, projects, and what the house keeps to itself."""

from typing import Final

from api.store.migrations.step import Index, Layout, Step

PEOPLE: Final = Step(
    1,
    "people, projects, sessions, keys, audit, idempotency",
    (
        Layout(
            "users",
            {"email": "string", "name": "string", "role": "string", "state": "string", "created_at": "date"},
            (
                Index((("email_key", 1),), unique=True, only_strings="email_key"),
                Index((("created_at", -1), ("_id", -1))),
            ),
        ),
        Layout(
            "invitations",
            {"email": "string", "role": "string", "digest": "bytes", "expires_at": "date"},
            (Index((("digest", 1),), unique=True), Index((("expires_at", 1),), expires=True)),
        ),
        Layout(
            "sessions",
            {"user": "string", "number": "int", "created_at": "date", "expires_at": "date"},
            (
                Index((("user", 1), ("created_at", -1))),
                Index((("expires_at", 1),), expires=True),
            ),
        ),
        Layout("credentials", {"password": "bytes", "password_at": "date", "totp_step": "int"}),
        Layout("spent", {"expires_at": "date"}, (Index((("expires_at", 1),), expires=True),)),
        Layout(
            "attempts",
            {"failures": "int", "expires_at": "date"},
            (Index((("expires_at", 1),), expires=True),),
        ),
        Layout(
            "projects",
            {"name": "string", "title": "string", "created_at": "date"},
            (Index((("name", 1),), unique=True), Index((("created_at", -1), ("_id", -1)))),
        ),
        Layout(
            "members",
            {"project": "string", "user": "string", "role": "string", "added_at": "date"},
            (Index((("project", 1), ("user", 1)), unique=True), Index((("user", 1), ("project", 1)))),
        ),
        Layout(
            "keys",
            {"project": "string", "name": "string", "role": "string", "digest": "bytes", "expires_at": "date"},
            (Index((("project", 1), ("created_at", -1), ("_id", -1))),),
        ),
        Layout(
            "audit",
            {
                "number": "int",
                "at": "date",
                "actor": "string",
                "action": "string",
                "target": "string",
                "hash": "string",
            },
            (
                Index((("number", 1),), unique=True),
                Index((("actor", 1), ("number", -1))),
                Index((("project", 1), ("number", -1))),
            ),
        ),
        Layout(
            "answers",
            {"digest": "bytes", "state": "string", "locked_until": "date", "expires_at": "date"},
            (Index((("expires_at", 1),), expires=True),),
        ),
    ),
)
