-- A schedule that a person has paused: until when, or, with 9223372036854775807, until a person resumes it. `active` says what the
-- host wakes for: 0 with no end, 1 with one, which `next_run` is not before.
alter table schedule add column paused_until integer;
-- Why due times were missed: 'paused'; null: nobody could run them.
alter table run add column missed_reason text check (missed_reason is null or state = 'missed');

-- A run that a person has asked for has a row of its own, which nobody sees: its lease, its key and its Message-IDs are made of that. It
-- has no next run; `open_run` names its run from the beginning, and `retry_at` says when it goes on. It goes once its run is over.
-- `parent` is the schedule that it is of, 0 where it is a test of a content that is not stored. Null: a schedule.
alter table schedule add column parent integer;
create index schedule_parent on schedule (parent) where parent is not null;

-- Why a run takes place: null where it was due. `parent` as in `schedule`, and who has asked for it and when: id and, as of then, address of
-- a user; null: it was a program.
alter table run add column kind text check (kind in ('now', 'rerun', 'test'));
alter table run add column parent integer check ((kind is null) = (parent is null));
alter table run add column requested_at integer check ((kind is null) = (requested_at is null));
alter table run add column requested_by text check (kind is not null or requested_by is null);
alter table run add column requested_address text check (kind is not null or requested_address is null);
-- The schedule in whose history it is.
alter table run add column history_of integer generated always as (coalesce(nullif(parent, 0), schedule)) virtual;
create index run_history on run (history_of, due, id);
create index run_requested on run (organizer, requested_at) where requested_at is not null;

-- Ids of runs are given out before there is a row, and none is given twice.
insert into sequence (name, next) select 'run', coalesce(max(id), 0) + 1 from run;
create trigger run_numbered after insert on run begin
  update sequence set next = new.id + 1 where name = 'run' and next <= new.id;
end;

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
drop trigger schedule_added;
drop trigger schedule_removed;
create trigger schedule_added after insert on schedule when new.parent is null begin
  insert into scope_size (organizer, event, schedules) values (new.organizer, coalesce(new.event, ''), 1)
    on conflict (organizer, event) do update set schedules = schedules + 1;
end;
create trigger schedule_removed after delete on schedule when old.parent is null begin
  delete from scope_size where organizer = old.organizer and event = coalesce(old.event, '') and schedules = 1;
  update scope_size set schedules = schedules - 1 where organizer = old.organizer and event = coalesce(old.event, '');
end;
