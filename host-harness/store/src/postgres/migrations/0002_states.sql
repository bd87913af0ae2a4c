-- A schedule that a person has paused: until when, or, with 9223372036854775807, until a person resumes it. `active` says what the
-- host wakes for: false with no end, true with one, which `next_run` is not before.
alter table schedule add column paused_until bigint;
-- Why due times were missed: 'paused'; null: nobody could run them.
alter table run add column missed_reason text check (missed_reason is null or state = 'missed');

-- A run that a person has asked for has a row of its own, which nobody sees: its lease, its key and its Message-IDs are made of that. It
-- has no next run; `open_run` names its run from the beginning, and `retry_at` says when it goes on. It goes once its run is over.
-- `parent` is the schedule that it is of, 0 where it is a test of a content that is not stored. Null: a schedule.
alter table schedule add column parent bigint;
create index schedule_parent on schedule (parent) where parent is not null;
-- A person has asked for a run since the schedule was changed last: whoever changes it looks for those that are not over. On the row
-- itself, so that a change that waits for the request sees it.
alter table schedule add column requested boolean not null default false;

-- Why a run takes place: null where it was due. `parent` as in `schedule`, and who has asked for it and when: id and, as of then, address of
-- a user; null: it was a program.
alter table run add column kind text check (kind in ('now', 'rerun', 'test'));
alter table run add column parent bigint check ((kind is null) = (parent is null));
alter table run add column requested_at bigint check ((kind is null) = (requested_at is null));
alter table run add column requested_by text collate "C" check (kind is not null or requested_by is null);
alter table run add column requested_address text check (kind is not null or requested_address is null);
-- The schedule in whose history it is.
alter table run add column history_of bigint generated always as (coalesce(nullif(parent, 0), schedule)) stored;
create index run_history on run (history_of, due, id);
create index run_requested on run (organizer, requested_at) where requested_at is not null;

-- Lists and counts are of schedules alone.
drop index schedule_scope;
drop index schedule_owner;
drop index schedule_exporter_up;
drop index schedule_exporter_down;
drop index schedule_next_up;
drop index schedule_next_down;
create index schedule_scope on schedule (organizer, event, id, parent);
create index schedule_owner on schedule (organizer, event, owner, id, parent);
create index schedule_exporter_up on schedule (organizer, event, exporter, id, parent);
create index schedule_exporter_down on schedule (organizer, event, exporter desc, id, parent);
create index schedule_next_up on schedule (organizer, event, next_up, id, parent);
create index schedule_next_down on schedule (organizer, event, next_down, id, parent);
