-- A schedule that a person has paused: until when, or, with 9223372036854775807, until a person resumes it. `active` says what the
-- host wakes for: false with no end, true with one, which `next_run` is not before.
alter table schedule add column paused_until bigint;
-- Why due times were missed: 'paused'; null: nobody could run them.
alter table run add column missed_reason text check (missed_reason is null or state = 'missed');
