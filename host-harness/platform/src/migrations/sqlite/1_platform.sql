-- Tables of the reference platform. Instants are seconds since 1970-01-01T00:00:00Z, amounts minor units of the event's currency (ISO 4217).
-- The same as in ../postgres, in the types of SQLite: the statements that read and write them are the same for both.

CREATE TABLE platform_organizers (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    timezone TEXT NOT NULL,
    locale TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    max_schedules INTEGER,
    recipient_domains TEXT, -- a JSON list of domains in lower case; null: any
    max_mail_bytes INTEGER NOT NULL
) WITHOUT ROWID;

-- Numbers that are given out once: `next` is the lowest that nothing has had.
CREATE TABLE platform_numbers (
    name TEXT PRIMARY KEY,
    next INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO platform_numbers (name, next) VALUES ('event', 1);

CREATE TABLE platform_events (
    organizer TEXT NOT NULL REFERENCES platform_organizers (slug) ON DELETE CASCADE,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    timezone TEXT NOT NULL,
    currency TEXT NOT NULL,
    starts INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    number INTEGER NOT NULL UNIQUE, -- no event that there ever was has had it
    key TEXT NOT NULL, -- what others know the event by for good: its slug, or `slug~number` where an earlier event had that slug
    PRIMARY KEY (organizer, slug),
    UNIQUE (organizer, key)
) WITHOUT ROWID;

-- Events that are gone. They stay here, so that no other event is ever taken for one of them.
CREATE TABLE platform_deleted_events (
    number INTEGER PRIMARY KEY,
    organizer TEXT NOT NULL,
    slug TEXT NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (organizer, key)
);
CREATE INDEX platform_deleted_events_by_slug ON platform_deleted_events (organizer, slug);

CREATE TABLE platform_users (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    active INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX platform_users_by_email ON platform_users (lower(email));

CREATE TABLE platform_teams (
    id INTEGER PRIMARY KEY,
    organizer TEXT NOT NULL REFERENCES platform_organizers (slug) ON DELETE CASCADE,
    name TEXT NOT NULL,
    all_events INTEGER NOT NULL,
    change_organizer_settings INTEGER NOT NULL,
    change_event_settings INTEGER NOT NULL,
    view_orders INTEGER NOT NULL,
    UNIQUE (organizer, name)
);

CREATE TABLE platform_team_events (
    team INTEGER NOT NULL REFERENCES platform_teams (id) ON DELETE CASCADE,
    organizer TEXT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (team, event),
    FOREIGN KEY (organizer, event) REFERENCES platform_events (organizer, slug) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX platform_team_events_by_event ON platform_team_events (organizer, event);

CREATE TABLE platform_team_members (
    team INTEGER NOT NULL REFERENCES platform_teams (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES platform_users (id) ON DELETE CASCADE,
    PRIMARY KEY (team, user_id)
) WITHOUT ROWID;
CREATE INDEX platform_team_members_by_user ON platform_team_members (user_id);

-- Which events a team is for.
CREATE VIEW platform_team_covers AS
SELECT t.id AS team, e.organizer, e.slug AS event
FROM platform_teams t JOIN platform_events e ON e.organizer = t.organizer
WHERE t.all_events OR EXISTS (SELECT 1 FROM platform_team_events te WHERE te.team = t.id AND te.event = e.slug);

-- Which users a team gives rights to: those in it who are active.
CREATE VIEW platform_team_holders AS
SELECT m.team, m.user_id
FROM platform_team_members m JOIN platform_users u ON u.id = m.user_id
WHERE u.active;

-- Of every secret only its SHA-256 is kept.

CREATE TABLE platform_api_tokens (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    team INTEGER NOT NULL REFERENCES platform_teams (id) ON DELETE CASCADE,
    active INTEGER NOT NULL
);

CREATE TABLE platform_oauth_tokens (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES platform_users (id) ON DELETE CASCADE,
    may_read INTEGER NOT NULL,
    may_write INTEGER NOT NULL,
    organizers TEXT NOT NULL, -- a JSON list of slugs
    expires INTEGER, -- null: never
    active INTEGER NOT NULL
);
CREATE INDEX platform_oauth_tokens_by_user ON platform_oauth_tokens (user_id);

CREATE TABLE platform_devices (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    organizer TEXT NOT NULL REFERENCES platform_organizers (slug) ON DELETE CASCADE,
    name TEXT NOT NULL,
    events TEXT, -- a JSON list of slugs; null: all
    active INTEGER NOT NULL
);

CREATE TABLE platform_orders (
    id INTEGER PRIMARY KEY,
    organizer TEXT NOT NULL,
    event TEXT NOT NULL,
    code TEXT NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    placed INTEGER NOT NULL,
    total INTEGER NOT NULL,
    UNIQUE (organizer, code),
    FOREIGN KEY (organizer, event) REFERENCES platform_events (organizer, slug) ON DELETE CASCADE
);
CREATE INDEX platform_orders_by_time ON platform_orders (organizer, event, placed, id);

CREATE TABLE platform_positions (
    order_id INTEGER NOT NULL REFERENCES platform_orders (id) ON DELETE CASCADE,
    number INTEGER NOT NULL, -- within the order, from 1
    product TEXT NOT NULL,
    price INTEGER NOT NULL,
    attendee_name TEXT NOT NULL,
    attendee_email TEXT NOT NULL, -- empty: not known
    checked_in INTEGER, -- null: not yet
    PRIMARY KEY (order_id, number)
) WITHOUT ROWID;
