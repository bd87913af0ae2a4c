### What the plugin says to users, in English. How catalogs become code: `locale-build/src/lib.rs`.
###
### Variables in errors are texts of strangers: the code quotes and cuts them before they get here.

## The frame of a text that somebody else wrote

quoted = “{ $text }”

## What is wrong with a field

field-required = This field is required. Expected { $expected }.
field-null = This field must not be null. Expected { $expected }.
field-wrong-type = Expected { $expected }, got { $got }.
field-not-an-object = The request body must be a JSON object.
field-too-large = The scheduled export is too large: at most { NUMBER($most) } bytes are allowed, including its form data.
field-blank = This field must not be blank.
field-too-long = Must be at most { NUMBER($longest) } characters long; got { NUMBER($given) }.
field-line-break = Must be a single line without line breaks.
field-control-character = Must not contain control characters; found { $character }.
field-invalid-time = { $given } is not a valid time of day. Use 24-hour HH:MM or HH:MM:SS, such as 04:00.
field-unsupported-language = { $given } is not a supported language. Use one of: { $languages }.
field-unknown-default-zone = The time zone { $zone } in the event or organizer settings is not a known IANA time zone. Correct it there first.
field-unknown-exporter = { $given } is not an exporter that you can use here. Use an identifier from the list of exporters.
field-exporter-not-permitted-for-owner = The owner of this scheduled export is not allowed to use the exporter { $given }. Choose one that the owner can use too.
field-exporter-removed = The exporter { $given } no longer exists, so its form data cannot be changed. Leave it unchanged or choose another exporter.
field-too-many-addresses = Too many addresses: got { NUMBER($given) }, at most { NUMBER($most) } are allowed.
field-domain-not-allowed = { $given } is not in an allowed recipient domain. Allowed domains: { $domains }.
field-invalid-choice = { $given } is not a valid choice. Use one of: { $choices }.
field-duplicate = { $given } is listed more than once. Each value may appear only once.
field-empty-list = The array must contain at least one element.
field-out-of-range = Must be an integer from { NUMBER($smallest) } to { NUMBER($largest) }.
field-invalid-decimal = { $given } is not a valid decimal number. Use a string of at most 28 digits, such as "12.50" or "-3".
field-invalid-date = { $given } is not a valid date. Use YYYY-MM-DD, such as "2026-01-31".
field-invalid-date-time = { $given } is not a valid date-time. Use RFC 3339 with a UTC offset, such as "2026-01-31T09:00:00+01:00".
field-too-deep = Nested too deeply: at most { NUMBER($most) } levels of arrays and objects are allowed.
field-event-not-permitted = These events do not exist, or you are not allowed to export their data: { $slugs }.
field-event-not-permitted-for-owner = The owner of this scheduled export is not allowed to export these events: { $slugs }.
field-all-events-not-permitted = `all_events` includes future events, and you can export only some events. List the events explicitly in `events`.
field-events-conflict = `all_events` and `events` cannot be combined. Specify only one of them.
field-events-required = `events` is required when `all_events` is false, with at least one event slug.
field-quota-exceeded = The limit of { NUMBER($most) } scheduled exports is reached. Delete one before you create another.

field-invalid-pause-end = { $given } is not a valid end of a pause. Use RFC 3339 with a UTC offset, such as "2026-01-31T09:00:00+01:00", or a date, such as "2026-01-31".
field-not-in-future = { $given } is not in the future. Use a later time.
field-too-far-ahead = { $given } is too far ahead: at most { NUMBER($years) } years from now are allowed.
field-not-past = { $given } has not passed yet. Use a due time that has passed.
field-invalid-boolean = { $given } is not a boolean. Use true or false.
field-never-due = { $given } is neither a due time of the recurrence rule nor in the run history. Use the exact due time of a run.

## What a field expects: the end of a sentence

expected-text = a string
expected-form = an object with the exporter's input parameters
expected-boolean = a boolean (true or false)
expected-integer = an integer from { NUMBER($smallest) } to { NUMBER($largest) }, not quoted
expected-decimal = a decimal number as a string of at most 28 digits, such as "12.50" or "-3"
expected-date = a calendar date as a string, such as "2026-01-31"
expected-date-time = an RFC 3339 date-time with UTC offset, such as "2026-01-31T09:00:00+01:00"
expected-date-range = a date range, such as "month_previous" or "2026-01-01/2026-01-31"
expected-texts = an array of strings
expected-integers = an array of integers
expected-picks = an object such as { "{" }"repeat": "daily"{ "}" }
expected-events = an array of event slugs
expected-addresses = a string of comma-separated email addresses, or ""
expected-any = a value

## What a field got in its place

got-boolean = a boolean
got-number = a number
got-string = a string
got-array = an array
got-object = an object

## Mail addresses

address-empty = An address is missing before or after a comma. Separate addresses with single commas.
address-no-comma = { $given } is not one email address. Separate addresses with commas.
address-named = { $given } is more than an email address. Write the address alone, without a name and angle brackets.
address-not-ascii = { $given } has non-ASCII characters before the @. Use an address with ASCII characters there.
address-domain-not-ascii = { $given } has a domain that cannot be converted to ASCII. Write the domain in its xn--… form.
address-too-long = { $given } is too long: an address has at most { NUMBER($most) } characters, of which at most { NUMBER($local) } before the @.
address-at = { $given } is not a valid email address: it must contain exactly one @, with text on both sides.
address-local = { $given } is not a valid email address: before the @, use letters, digits and signs such as + - _, separated by single dots.
address-domain = { $given } is not a valid email address: after the @, use a domain name such as example.org.

## Date ranges

range-unknown = { $given } is not a valid date range. Use a named range such as month_previous, or dates such as 2026-01-01/2026-01-31.
range-reversed = { $given } ends before it starts. Put the earlier date first.

# Labels of the named ranges, in the order of the list in `src/window.rs`.
range =
    { $number ->
        [1] Today
        [2] Yesterday
        [3] Last 7 days, including today
        [4] Last 14 days, including today
        [5] Tomorrow
        [6] Next 7 days, from tomorrow
        [7] Next 14 days, from tomorrow
        [8] This week
        [9] This week until today
        [10] Previous week
        [11] Next week
        [12] This month
        [13] This month until today
        [14] Previous month
        [15] Next month
        [16] This quarter
        [17] This quarter until today
        [18] Previous quarter
        [19] Next quarter
        [20] This year
        [21] This year until today
        [22] Previous year
        [23] Next year
        [24] All days until today
       *[25] All days from today
    }
range-fixed = Fixed dates

## What is not JSON

json-malformed = Invalid JSON at line { NUMBER($line) }, column { NUMBER($column) }: { $why }.
json-end = unexpected end of input
json-value = expected a value
json-word = unknown keyword (expected true, false or null)
json-comma-or-brace = expected `,` or { "`}`" }
json-comma-or-bracket = expected `,` or `]`
json-colon = expected `:`
json-key = keys must be strings
json-trailing-comma = trailing comma
json-trailing-characters = trailing characters after the document
json-number = invalid number
json-number-range = number out of range
json-escape = invalid escape sequence
json-control-character = control characters must be escaped
json-depth = nested too deeply
json-other = not allowed here

## Why a call is refused

refusal-sees-none = These credentials need permission to change settings here in order to view scheduled exports.
refusal-reads-only = These credentials are read-only. Use credentials with write access.
refusal-only-users-create = Only a user can create a scheduled export; API tokens and devices cannot own one.
refusal-only-users-take-over = Only a user can take over a scheduled export; API tokens and devices cannot own one.
refusal-only-users-test = Only a user can test a scheduled export, because the test is mailed to that user.
refusal-test-data-out-of-reach = You cannot test this scheduled export because you are not allowed to export its data.
refusal-devices-preview-nothing = Devices cannot preview scheduled exports because they have none.
refusal-data-out-of-reach = You cannot change this scheduled export because you are not allowed to export its data.
refusal-all-events-out-of-reach = You cannot change this scheduled export: it exports all events, including future ones, and you can export only some events.
refusal-events-gone = All events of this scheduled export have been deleted. Delete it and create a new one.
refusal-by-host = You do not have permission to do this here.

too-many-runs = Too many runs were requested. Try again in { $wait }.
wait-seconds =
    { $number ->
        [one] { $number } second
       *[other] { $number } seconds
    }
wait-minutes =
    { $number ->
        [one] { $number } minute
       *[other] { $number } minutes
    }

## What to know of a rule that is valid

warning-never-matches = This rule never matches any date, so the export never runs.
warning-none-left = This rule has no future runs; the last one was { $last }.
warning-gap = { $local } does not exist because clocks go forward; the export runs later by the time skipped.
warning-fold = { $local } occurs twice because clocks go back; the export runs at the first occurrence only.

## Labels of form fields that the plugin adds

label-all-events = All events
label-events = Events

## Recurrence rules, times and zones

rule-empty = The recurrence rule is empty. Example: RRULE:FREQ=WEEKLY;BYDAY=MO
rule-missing = “{ $wrong }” has no RRULE. Add a line such as RRULE:FREQ=WEEKLY;BYDAY=MO
rule-repeated = “{ $wrong }” is a second RRULE. Only one is allowed, without spaces in it.
rule-invalid-syntax = “{ $wrong }” is not a recurrence rule. Example: RRULE:FREQ=WEEKLY;BYDAY=MO
rule-property-not-supported = The property “{ $wrong }” is not supported. Use one RRULE and at most one DTSTART.
rule-start-invalid = “{ $wrong }” is not a valid DTSTART. Use an existing date, such as DTSTART:20260131T000000 or DTSTART;VALUE=DATE:20260131.
rule-start-has-zone = “{ $wrong }” specifies a time zone. DTSTART must be a local time without Z or TZID; the time zone is a separate setting.
rule-start-repeated = “{ $wrong }” is a second DTSTART. Only one is allowed.
rule-part-malformed = “{ $wrong }” is not a valid rule part. Rule parts have the form NAME=VALUE and are separated by single semicolons.
rule-part-not-supported = The rule part “{ $wrong }” is not supported. Supported rule parts are FREQ, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTH, BYSETPOS and WKST.
rule-month-day-not-supported = “{ $wrong }” is not supported. For a day of the month, use FREQ=MONTHLY with a DTSTART on that day, such as DTSTART:20260115T000000. For several days, or days counted from the end, use FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU with BYSETPOS, such as BYSETPOS=1,15 or BYSETPOS=-1 for the last day.
rule-part-repeated = The rule part “{ $wrong }” is repeated. Each rule part may appear only once.
rule-frequency-missing = FREQ is missing. Set it to DAILY, WEEKLY, MONTHLY or YEARLY.
rule-frequency-not-supported = “{ $wrong }” is not a supported FREQ. Use DAILY, WEEKLY, MONTHLY or YEARLY.
rule-interval-invalid = “{ $wrong }” is not a valid INTERVAL. Use a positive integer.
rule-count-invalid = “{ $wrong }” is not a valid COUNT. Use a non-negative integer.
rule-until-invalid = “{ $wrong }” is not a valid UNTIL. Use an existing date, such as 20261231 or 20261231T235959.
rule-until-has-zone = “{ $wrong }” is in UTC. UNTIL must be a local time without Z, such as 20261231T235959.
rule-count-and-until = COUNT and UNTIL ({ $wrong }) cannot be combined. Specify only one of them.
rule-by-day-invalid = “{ $wrong }” is not a valid BYDAY value. Use MO to SU; with FREQ=MONTHLY or YEARLY, an ordinal from 1 to 53 or -1 to -53 may precede the weekday, such as 1MO or -1FR.
rule-ordinal-not-allowed = “{ $wrong }” requires FREQ=MONTHLY or YEARLY. With DAILY or WEEKLY, BYDAY takes weekdays without an ordinal.
rule-by-month-invalid = “{ $wrong }” is not a valid BYMONTH value. Use month numbers from 1 to 12, separated by commas.
rule-set-position-invalid = “{ $wrong }” is not a valid BYSETPOS. Use positions from 1 to 366, or from -1 to -366 counted from the end, separated by commas.
rule-set-position-not-allowed = BYSETPOS={ $wrong } requires FREQ=MONTHLY or YEARLY.
rule-week-start-invalid = “{ $wrong }” is not a valid WKST. Use one of MO, TU, WE, TH, FR, SA and SU.
rule-week-start-not-monday = WKST={ $wrong } is not supported with FREQ=WEEKLY and an INTERVAL above 1: weeks start on Monday. Omit WKST or use WKST=MO.
rule-time-part-mismatch = “{ $wrong }” does not match the time of day in DTSTART. Omit BYHOUR, BYMINUTE and BYSECOND; the time of day is a separate setting.
rule-time-invalid = “{ $wrong }” is not a valid time of day. Use 24-hour HH:MM:SS, such as 04:00:00.
rule-zone-unknown = “{ $wrong }” is not a known time zone. Use an IANA time zone name, such as Europe/Berlin or UTC.

## A recurrence rule in words: a sentence without a full stop, in lower case, from the inside out

when-and = { $list } and { $last }
when-or = { $list } or { $last }
# $ending: the last digit of $number, or its last two if these are 11, 12 or 13.
when-ordinal =
    { $ending ->
        [1] { $number }st
        [2] { $number }nd
        [3] { $number }rd
       *[0] { $number }th
    }
# $ordinal: the ordinal of $number, counted from the end.
when-ordinal-from-end =
    { $number ->
        [1] last
        [2] second-to-last
       *[0] { $ordinal }-to-last
    }
when-day = day
when-working-day = working day
when-every = on every { $weekdays }
when-nth = on the { $ordinals } { $weekday }
when-dates = on the { $ordinals }
when-dates-in = on the { $ordinals } of { $month }
when-of-each-month = { $days } of each month
when-of-the-month = { $days } of the month
when-of-months =
    { $number ->
        [one] { $days } of { $months }
       *[other] { $days } of { $months }
    }
when-of-each-year = { $days } of each year
when-of-the-year = { $days } of the year
when-of-those = on the { $ordinals } of these days ({ $days })
when-daily = every day
when-days = every { NUMBER($every) } days
when-weekly = every { $weekdays }
when-working-days = every working day (Monday to Friday)
when-weeks = every { NUMBER($every) } weeks on { $weekdays }
when-monthly = every month { $days }
when-months = every { NUMBER($every) } months { $days }
when-yearly = every year { $days }
when-years = every { NUMBER($every) } years { $days }
when-on-only = { $when }, only on { $weekdays }
when-in = { $days } in { $months }
when-in-only = { $when }, only in { $months }
when = { $days } at { $clock }
when-date = { $day } { $month } { $year }
when-from = { $when }, from { $from }
when-until = { $when }, until { $until }
when-from-until = { $when }, from { $from } until { $until }
when-count =
    { $count ->
        [one] { $when }, once from { $from }
       *[other] { $when }, { $count } times from { $from }
    }

## Mails: the frame. The first line of a notice follows “Hello,” and begins in lower case

mail-hello = Hello,
mail-subject = { $what }: { $title }
mail-due = Scheduled for: { $time }
mail-reason = Reason: { $reason }
mail-next-run = Next run: { $time }
mail-no-next-run = No further runs are scheduled.
mail-manage = Manage scheduled exports: { $url }
mail-name = “{ $title }” ({ $exporter })

## Mails: a run that a user or a program requested

mail-time = Time: { $time }
mail-requested-by = Requested by: { $who }
mail-requested = This run was requested; it is not one of the recurrence.
test-subject = Test: { $title }
test-note = This is a test that { $who } requested. Nobody else received it.

## Mails: a failed run

failed-subject = Scheduled export failed
failed = the scheduled export { $name } failed. No file was sent.
failed-undelivered = the scheduled export { $name } ran, but its email could not be delivered to any recipient.
failed-count = Consecutive failures: { NUMBER($failures) }. After { NUMBER($most) }, the export is stopped.
failed-reschedule = To reschedule it, open the scheduled export at the link below, correct its settings, and save it.
failed-owner = A scheduled export runs with its owner's permissions. A user who can change settings there and export this data can take it over.
stopped-subject = Scheduled export stopped
stopped = The export has failed { NUMBER($most) } times in a row and has been stopped. It will not run until it is resumed.
stopped-resume = To resume it, fix the cause, then open the scheduled export at the link below and save it. Saving schedules the next run and resets the failure count.

## Mails: nothing to export, not delivered to all, too large to attach

empty-subject = Nothing to export
empty = the scheduled export { $name } ran but found no data to export. No file was created, and the recipients were not notified.
undelivered-subject = Not delivered to all recipients
undelivered = the email of the scheduled export { $name } could not be delivered to all recipients.
undelivered-list = Not delivered to:
undelivered-others = The mail servers of all other recipients accepted it. It will not be sent again; check these addresses.
download =
    The file is too large to attach. Download it until { $until }:
    { $url }
    Anyone with this link can download the file.

## Mails: another user, or a program, changed a scheduled export

who-token = A program with an API token
who-device = A device
changed-subject = Scheduled export changed
changed = { $who } changed your scheduled export { $name }.
changed-when = When: { $time }
changed-undo = If you did not want this, open the scheduled export at the link below and change or delete it.
changed-nothing = No values were changed. Saving rescheduled the next run.
changed-resumed = It had been stopped after failures and has been resumed.
changed-none = (none)
changed-labels = Changed: { $labels }
changed-same-look = { $was } → { $is } (another value that looks the same)
changed-added = { NUMBER($number) } added ({ $names })
changed-removed = { NUMBER($number) } removed ({ $names })
changed-order = the same in a different order or number
changed-not-shown = ({ NUMBER($characters) } characters are not shown)
taken-over-subject = Scheduled export taken over
taken-over = { $who } has taken over your scheduled export { $name }.
taken-over-now = It now runs with the permissions of { $who }, who also receives its emails. You no longer receive them unless your address is one of its recipients.
paused-subject = Scheduled export paused
paused = { $who } paused your scheduled export { $name }.
paused-until = It does not run until { $time }.
paused-open = It does not run until a user resumes it.
resumed-subject = Scheduled export resumed
resumed = { $who } resumed your scheduled export { $name }.
deleted-subject = Scheduled export deleted
deleted = { $who } deleted your scheduled export { $name }. It will no longer run.
deleted-was = These were its settings:
brief = { $who } changed, took over or deleted your scheduled export { $name }. The details are too long for an email.
label-exporter = Exporter
label-to = Recipients (To)
label-cc = Recipients (Cc)
label-bcc = Recipients (Bcc)
label-others = All other settings
label-unreadable = cannot be read
label-subject = Email subject
label-text = Email text
label-language = Language
label-rule = Recurrence rule
label-time = Time of day
label-zone = Time zone
label-form-field = Form field “{ $key }”

## Why a run failed: one line, without addresses

reason-explained = { $reason }: { $details }
reason-unexplained = { $reason }.
reason-owner-inactive = The owner's account is deactivated.
reason-owner-gone = The owner's account no longer exists.
reason-owner-not-permitted = The owner is no longer allowed to export this data, or the exporter no longer exists.
reason-unreadable = The stored scheduled export can no longer be read.
reason-recurrence = The recurrence settings are no longer valid
reason-date-range = The form field “{ $key }” does not contain a valid date range.
reason-form-data = The form data is no longer valid for this exporter
reason-exporter-failed = The exporter could not create the file
reason-exporter-unavailable =
    { $attempts ->
        [one] The exporter was unavailable.
       *[other] The exporter was unavailable in all { $attempts } attempts.
    }
reason-too-large = The email is too large: { $bytes }; the limit is { $limit }.
reason-too-large-zipped = The email is too large: { $bytes } with the file compressed; the limit is { $limit }.
reason-no-recipient = None of the recipient addresses is allowed.
reason-file-missing = The file was created but was no longer available to attach.
reason-subject = The email subject was rejected.
reason-undelivered = No recipient's mail server accepted the email.
reason-trapped = The export plugin stopped because of an internal error.
reason-deadline = The export exceeded its time limit.
reason-memory = The export exceeded its memory limit.
reason-incomplete = The export plugin ended the run without a result.
cancelled-no-longer-due = The schedule no longer includes this time.
cancelled-paused = The scheduled export is paused.

## What became of a run, in a sentence

run-in-progress = It is in progress.
run-submitted = The file was created; its email is being delivered.
run-delivered = The email was accepted by the mail servers of all recipients.
run-delivered-to-some = The email was accepted by the mail servers of { NUMBER($accepted) } of { NUMBER($all) } recipients.
run-empty = There was no data to export, so the recipients got no email.
run-failed = It failed: { $reason }
run-retrying = It could not be completed and is retried on { $time }.
run-cancelled = It was cancelled: { $reason }
run-missed-unavailable = It was missed: the system could not run it in time.
run-missed-paused = It was missed: the scheduled export was paused.
run-missed-range = { $why } This applies to { NUMBER($count) } runs, from { $first } to { $last }.
recipient-queued = The email has not been sent to this recipient yet
recipient-accepted = The recipient's mail server accepted the email
recipient-retrying = The recipient's mail server could not accept the email yet; it is sent again
recipient-rejected = The recipient's mail server rejected the email
recipient-cancelled = The email was cancelled before the recipient's mail server accepted it
due-planned = The run on { $time } is planned.
due-passed = The run on { $time } is due; it runs as soon as possible.
due-paused = There was no run on { $time }: the scheduled export is paused.
due-paused-then = There will be no run on { $time }: the scheduled export is paused then.
due-not-planned = There will be no run on { $time }: the scheduled export is not planned to run then.
due-never = The recurrence rule has no run on { $time }.
due-not-recorded = The recurrence rule has a run on { $time }, but the run history does not contain it (any longer).

## The state of a scheduled export, in a sentence

explain-waiting = The next run is on { $time }.
explain-due = The run on { $time } is due; it starts as soon as possible.
explain-running = The run for { $due } has been in progress since { $started }.
explain-retrying = The run for { $due } could not be completed; it is retried on { $time }.
explain-paused-until = Paused until { $until } (by { $who }, { $since }).
explain-paused-open = Paused until a user resumes it (by { $who }, { $since }).
explain-program = a program with an API token
explain-stopped = Stopped after { NUMBER($failures) } consecutive failures, until a user resumes it.
explain-finished = Finished: the recurrence rule has no further runs; the last one was on { $time }.
explain-owner-lost = { $reason } Its runs fail until a user who can export this data takes it over.
explain-exporter-gone = The exporter { $exporter } no longer exists here. Its runs fail until another one is chosen.

## What can be done with a scheduled export

action-change = Edit
action-pause = Pause
action-resume = Resume
action-run = Run now
action-test = Send test to me
action-take-over = Take over
action-delete = Delete
why-paused = It is already paused.
why-active = It is neither paused nor stopped.
why-own = You already own it.

## Times and sizes

time = { $day }, { $clock } ({ $place })
day = { $weekday }, { $day } { $month } { $year }
weekday =
    { $weekday ->
        [1] Monday
        [2] Tuesday
        [3] Wednesday
        [4] Thursday
        [5] Friday
        [6] Saturday
       *[7] Sunday
    }
month =
    { $month ->
        [1] January
        [2] February
        [3] March
        [4] April
        [5] May
        [6] June
        [7] July
        [8] August
        [9] September
        [10] October
        [11] November
       *[12] December
    }
size = { $megabytes } MB ({ $exact })
bytes =
    { $bytes ->
        [one] { $grouped } byte
       *[other] { $grouped } bytes
    }
decimal-separator = .
group-separator = ,
