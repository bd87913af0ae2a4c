-- Schedules, runs, files, outbox, audit and idempotency records.
-- Instants are seconds since 1970-01-01T00:00:00Z; flags are 0 or 1.

-- Whose scheduled exports are on. No row: off.
create table organizer (
  slug text primary key not null,
  enabled integer not null check (enabled in (0, 1))
) strict, without rowid;

-- Tells this store from all others, so that their Message-IDs differ. Made once; a restored copy keeps it.
create table identity (
  id text primary key not null
) strict, without rowid;
insert into identity (id) values (lower(hex(randomblob(8))));

-- Numbers given out once: `next` is the lowest that nobody has.
create table sequence (
  name text primary key not null,
  next integer not null
) strict, without rowid;
insert into sequence (name, next) values ('schedule', 1), ('ticket', 1);

-- One making of the file for one due time. A row stays when its schedule is deleted.
--
-- open       started, mail not submitted; schedule.open_run names it. Left by `finish`, or to `cancelled` by a delete or a
--            switched-off organizer.
-- submitted  its mail is in the outbox. Left to `delivered` or `failed` by `finish` with a lease to settle; by the store
--            itself, also to `cancelled`, where the schedule is gone or the mail was called off.
-- All other states are terminal.
create table run (
  id integer primary key,
  schedule integer not null,
  organizer text not null,
  event text,
  due integer not null,
  state text not null check (state in ('open', 'submitted', 'delivered', 'empty', 'failed', 'cancelled', 'missed')),
  code text check ((state = 'failed') = (code is not null)),
  words text check ((state in ('failed', 'cancelled')) = (words is not null)),
  missed_first integer check ((state = 'missed') = (missed_first is not null)),
  missed_count integer check ((state = 'missed') = (missed_count is not null)),
  started integer,
  -- The schedule's version when the run was started; null: never started.
  started_version integer check ((started is null) = (started_version is null)),
  -- Zone of its event or organizer when the run was started.
  started_zone text check (started is not null or started_zone is null),
  -- Owner of the schedule when the run was started, where a person had changed it within 24 hours before the due time.
  asked_by text check (started is not null or asked_by is null),
  ended integer check ((state in ('open', 'submitted')) = (ended is null)),
  attempts integer not null default 0,
  -- The file: its facts stay for the history, `file_kept` says whether its chunks are there.
  file_name text,
  file_type text,
  rows integer,
  bytes integer,
  -- While it is kept, and where it is of several events: a JSON list of those that it has data of.
  file_events text,
  file_kept integer not null default 0 check (file_kept in (0, 1)),
  -- While it can be fetched with a link: SHA-256 of the link's secret, and when that ends.
  link_hash blob,
  link_expires integer check ((link_hash is null) = (link_expires is null)),
  -- When it can be settled, or, while leased for that, when the lease ends. Null: recipients are not all final, or settled.
  settle_wake integer check (state = 'submitted' or settle_wake is null),
  settle_fence integer not null default 0,
  settle_attempt integer not null default 0,
  -- The schedule's version when it was leased to settle; null: not leased.
  settle_version integer,
  unique (schedule, due)
) strict;
create index run_due on run (due, id);
create index run_submitted on run (schedule) where state = 'submitted';
create index run_settle on run (settle_wake) where settle_wake is not null;
create index run_file on run (id) where file_kept = 1;
create unique index run_link on run (link_hash) where link_hash is not null;
create index run_link_of on run (organizer, event, schedule) where link_hash is not null;
create index run_asked on run (organizer, asked_by, due) where asked_by is not null;

create table file_chunk (
  run integer not null references run (id),
  seq integer not null,
  bytes blob not null check (length(bytes) between 1 and 262144),
  primary key (run, seq)
) strict;

-- What is wanted, and when, with the lease of its run.
create table schedule (
  id integer primary key,
  organizer text not null,
  -- Null: of the organizer as a whole.
  event text,
  owner text not null,
  version integer not null,
  exporter text not null,
  -- JSON: {"to": [...], "cc": [...], "bcc": [...]}
  recipients text not null,
  next_run integer,
  active integer not null check (active in (0, 1)),
  error_counter integer not null,
  document text not null,
  -- Release of the zone database that next_run was computed with.
  zone_database text not null,
  created_at integer not null,
  changed_at integer not null,

  -- Raised by every lease and by every change of a person: a write that names a lower one has lost its lease.
  fence integer not null default 0,
  -- Null: not leased to execute.
  lease_until integer,
  open_run integer references run (id),
  -- Leases of the present due time.
  attempt integer not null default 0,
  -- When the open run is executed again; null while leased, and without an open run.
  retry_at integer,
  -- While a run of this schedule is leased to settle, no other is leased to execute: both write the counter.
  settling_until integer,
  -- Asleep: the organizer is off, or on again and the schedule not yet planned.
  parked integer not null default 0 check (parked in (0, 1)),
  -- To be planned again, whatever zone_database says.
  replan integer not null default 0 check (replan in (0, 1)),
  -- Its event is gone: it can be read and deleted, and nothing starts it again.
  retired integer not null default 0 check (retired in (0, 1) and (retired = 0 or active = 0)),

  -- What the next wake-up is for, leases left aside.
  planned_at integer generated always as (
    case
      when open_run is not null then
        case when next_run < retry_at then next_run else coalesce(retry_at, 0) end
      when active = 1 then next_run
    end
  ) virtual,
  -- When the schedule is due for lease. The one place that decides it: no statement can forget to.
  wake_at integer generated always as (
    case
      when parked = 1 then null
      when lease_until is not null then lease_until
      when settling_until > planned_at then settling_until
      else planned_at
    end
  ) virtual,
  -- Sort keys of the next run as people see it (a stopped schedule has none), upwards and downwards: none is last in both.
  next_up integer generated always as (
    coalesce(case when active = 1 then next_run end, 9223372036854775807)
  ) virtual,
  next_down integer generated always as (
    coalesce(case when active = 1 then ~next_run end, 9223372036854775807)
  ) virtual
) strict;
create index schedule_wake on schedule (wake_at, organizer, id) where wake_at is not null;
-- By what a lease leaves as it is: to lease a thousand of as many organizers touches none of its pages. Whatever is due is among
-- those that were planned for now or before; and those that are leased, which are few.
create index schedule_turn on schedule (organizer, planned_at, id) where planned_at is not null and parked = 0;
-- For the check of its foreign key, when history is removed.
create index schedule_open_run on schedule (open_run) where open_run is not null;
create index schedule_replan on schedule (id) where replan = 1;
create index schedule_zone_database on schedule (zone_database);
create index schedule_scope on schedule (organizer, event, id);
create index schedule_owner on schedule (organizer, event, owner, id);
create index schedule_exporter_up on schedule (organizer, event, exporter, id);
create index schedule_exporter_down on schedule (organizer, event, exporter desc, id);
create index schedule_next_up on schedule (organizer, event, next_up, id);
create index schedule_next_down on schedule (organizer, event, next_down, id);

-- How many schedules a scope has, so that nobody counts them for a page of fifty. Kept by whatever adds or removes one.
create table scope_size (
  organizer text not null,
  -- Empty: of the organizer as a whole.
  event text not null,
  schedules integer not null check (schedules > 0),
  primary key (organizer, event)
) strict, without rowid;
create trigger schedule_added after insert on schedule begin
  insert into scope_size (organizer, event, schedules) values (new.organizer, coalesce(new.event, ''), 1)
    on conflict (organizer, event) do update set schedules = schedules + 1;
end;
create trigger schedule_removed after delete on schedule begin
  delete from scope_size where organizer = old.organizer and event = coalesce(old.event, '') and schedules = 1;
  update scope_size set schedules = schedules - 1 where organizer = old.organizer and event = coalesce(old.event, '');
end;

-- What each caller has changed in the latest minute and day of it: `minute` and `day` are those since 1970-01-01T00:00:00Z. One row
-- a caller, so there is nothing to remove.
create table caller_usage (
  caller text primary key not null,
  minute integer not null,
  writes integer not null,
  day integer not null,
  bytes integer not null
) strict, without rowid;

-- What each organizer has mailed in its latest day.
create table organizer_usage (
  organizer text primary key not null,
  day integer not null,
  mails integer not null,
  recipients integer not null
) strict, without rowid;

-- What the schedules of each owner have mailed in the latest day, by organizer.
create table owner_usage (
  organizer text not null,
  owner text not null,
  day integer not null,
  mails integer not null,
  recipients integer not null,
  primary key (organizer, owner)
) strict, without rowid;

-- The outbox.
create table mail (
  id integer primary key,
  -- Null: of a change, which is about no run; `due` is then when it happened.
  run integer references run (id) check ((kind = 'change') = (run is null)),
  schedule integer not null,
  organizer text not null,
  event text,
  due integer not null,
  kind text not null check (kind in ('export', 'nothing-to-export', 'failure', 'undelivered', 'change')),
  message_id text not null unique,
  sender text not null,
  -- Display name of the sender; null: none.
  sender_name text,
  -- Address that answers go to; null: the sender's.
  reply_to text,
  subject text not null,
  -- Null: all recipients are final. It is not sent again, and can hold a link.
  body text,
  attach_file integer not null check (attach_file in (0, 1)),
  created integer not null,
  -- Why no more of it goes out; null: it goes out. What is on its way to a server then is called off when that did not take it.
  called_off text,
  -- Without a run any number: nulls differ.
  unique (schedule, due, kind, run)
) strict;
create index mail_run on mail (run);
create index mail_change on mail (created) where run is null;

-- The mail about others' changes that a user is sent next by an organizer: until then, what they are told besides is added to it.
-- A row stays when its mail has left; who tells the user next takes it again.
create table open_notice (
  organizer text not null,
  -- Id of the user.
  told text not null,
  mail integer references mail (id) on delete set null,
  until integer not null,
  primary key (organizer, told)
) strict, without rowid;
create index open_notice_mail on open_notice (mail);

-- One handing-over of one mail to one recipient. `queued` and `retrying` are left by the result of a
-- try, or to `cancelled` when the mail is called off; the others are final.
create table delivery (
  mail integer not null references mail (id),
  -- Place in the order To, Cc, Bcc.
  position integer not null,
  -- Whose turn it is.
  organizer text not null,
  role text not null check (role in ('to', 'cc', 'bcc')),
  address text not null,
  status text not null check (status in ('queued', 'accepted', 'retrying', 'rejected', 'cancelled')),
  words text not null default '',
  tries integer not null default 0,
  next_try integer not null,
  lease_until integer,
  fence integer not null default 0,
  wake_at integer generated always as (
    case when status in ('queued', 'retrying') then coalesce(lease_until, next_try) end
  ) virtual,
  primary key (mail, position)
) strict;
create index delivery_wake on delivery (wake_at, organizer, mail, position) where wake_at is not null;
create index delivery_turn on delivery (organizer, wake_at, mail, position) where wake_at is not null;

create table audit (
  id integer primary key,
  at integer not null,
  organizer text not null,
  event text,
  schedule integer,
  actor text not null,
  action text not null,
  detail text not null
) strict;
create index audit_organizer on audit (organizer, id);

-- Requests under an idempotency key. Running (`status` null) until `lease_until`, then answered, by whoever holds the ticket.
create table request (
  id integer primary key,
  caller text not null,
  key text not null,
  fingerprint blob not null,
  ticket integer not null,
  lease_until integer not null,
  expires_at integer not null,
  status integer,
  etag text,
  body blob,
  unique (caller, key)
) strict;
create index request_expiry on request (expires_at);

-- What readiness writes, and removes again.
create table probe (
  id integer primary key,
  bytes blob not null
) strict;
