### What the reference host says to users, in English: the API's own problems, mails, and its exporters. How catalogs become code: `locale-build/src/lib.rs`.
###
### Texts of strangers are quoted and cut by the code before they get here.

## Problems of the API

api-unknown-path = Not found: there is no resource at this path.
api-moved = Moved permanently: the path must end with a slash.
api-missing-slash = Not found. Did you mean { $path }? Paths end with a slash.
api-unauthorized = Authentication credentials are missing, invalid or expired.
api-no-access = This organizer or event does not exist, or you do not have access to it.
api-disabled = Scheduled exports are disabled for this organizer.
api-event-deleted = This event was deleted. Its scheduled exports can only be read and deleted.
api-no-read-scope = This token lacks the `read` scope.
api-no-write-scope = This token lacks the `write` scope.
api-not-found = Not found.
api-no-such-page = Invalid page: there is no such page.
api-query-choice = Invalid value “{ $given }”: expected one of { $choices }.
api-query-date-time = Invalid value “{ $given }”: expected a date and time with an offset, such as 2027-01-15T08:00:00Z (in a URL, a plus sign is %2B).
api-query-address = Invalid value “{ $given }”: expected an email address.
api-query-identifier = Invalid value “{ $given }”: expected the identifier of an exporter.
api-method-not-allowed = Method not allowed. Allowed methods: { $methods }.
api-not-acceptable = The Accept header must allow application/json.
api-content-type-missing = Content-Type is missing: expected application/json.
api-content-type-repeated = Content-Type is given more than once: expected one line, application/json.
api-media-type = Unsupported media type “{ $given }”: expected application/json.
api-charset = Unsupported charset “{ $given }”: expected utf-8.
api-encoding = Unsupported Content-Encoding “{ $given }”: send the body uncompressed.
api-body-timeout = The request body was not received in time.
api-body-incomplete = The request body is incomplete.
api-body-not-utf-8 = The request body is not valid UTF-8.
api-body-wide = The request body is UTF-16 or UTF-32; expected UTF-8.
api-body-mark = The request body has a byte order mark (U+FEFF) after its beginning; expected none, or one as the first character.
api-transfer-coding = This Transfer-Encoding is not supported: send the body as it is, or chunked.
api-page = This is a reference host without pages. Manage the scheduled exports of this address with the API:
api-body-too-large = The request body is too large; the limit is { NUMBER($bytes) } bytes.
api-body-invalid = The request body is not valid.
api-unknown-field = Unknown field. Known fields are: { $names }.
api-no-fields = Unknown field: this request has no fields.
api-unknown-parameter = Unknown parameter. Known parameters are: { $names }.
api-no-parameters = Unknown parameter: this path has no parameters.
api-bad-key = Idempotency-Key must consist of 1 to 255 visible ASCII characters.
api-conflicting-keys = Send only one idempotency key; Idempotency-Key and X-Idempotency-Key must not differ.
api-key-in-use = A request with this idempotency key is still being processed.
api-key-reused = This idempotency key was already used for a different request.
api-superseded = Another request with this idempotency key was processed instead. This request changed nothing.
api-stale = Precondition failed: the scheduled export has changed, and If-Match does not match its current ETag.
api-exists = Precondition failed: If-None-Match matches the current ETag, so nothing was changed.
api-no-such-range = Range is past the end: the file has { NUMBER($bytes) } bytes.
api-link-in-use = This file is being downloaded several times at the moment. Try again later.
api-too-many-downloads = Many files are being downloaded at the moment. Try again later.
api-host-missing = Host is missing: HTTP/1.1 requires one Host header.
api-host-repeated = Host is given more than once: exactly one Host header is allowed.
api-host-invalid = Host is invalid: expected a name or address, with a port or without.
api-too-many-writes = Too many changes: at most { NUMBER($most) } per minute are allowed. Retry in { NUMBER($seconds) } seconds.
api-too-many-bytes = Too much data: changes can take at most { NUMBER($most) } bytes per day. Retry in { NUMBER($seconds) } seconds.
api-manual-run-under-way = A requested run has not finished. Retry in { NUMBER($seconds) } seconds.
api-too-many-manual-runs = The limit of { NUMBER($most) } requested runs per hour is reached. Retry in { NUMBER($seconds) } seconds.
api-too-many-manual-runs-of-organizer = This organizer has reached the limit of { NUMBER($most) } requested runs per hour. Retry in { NUMBER($seconds) } seconds.
api-too-many-moves = This scheduled export, together with deleted ones of the same owner, has run { NUMBER($most) } times within 24 hours: another time of the next 24 hours cannot be chosen. Retry in { NUMBER($seconds) } seconds.
api-busy = Too many requests are in progress. Try again later.
api-unavailable = The service is temporarily unavailable. Try again later.
api-internal = Internal server error. No changes were made.

## Mails with several changes to scheduled exports of one owner

mail-several-subject = Several changes to your scheduled exports

## Mails about an export that the organizer's limits kept from being sent

mail-limit-subject = Scheduled export { NUMBER($schedule) } was not sent
mail-limit =
    The scheduled export “{ $title }” (ID { NUMBER($schedule) }) was not sent.

    { $reason }

    Its next run takes place as scheduled. Manage scheduled exports: { $url }
reason-organizer-limit = The organizer has reached its daily limit: { $limits } per day (UTC).
reason-owner-limit = The owner's scheduled exports have reached their share of the organizer's daily limit: { $limits } per day (UTC).
limit-mails =
    { $most ->
        [one] { $most } email
       *[other] { $most } emails
    }
limit-recipients =
    { $most ->
        [one] { $most } recipient
       *[other] { $most } recipients
    }
limit-both = { $mails } and { $recipients }

## Why the host cancelled a run or a delivery: stored in English, shown in the caller's language

cancelled-schedule-changed = the scheduled export was changed
cancelled-schedule-deleted = the scheduled export was deleted
cancelled-schedule-paused = the scheduled export was paused
cancelled-organizer-disabled = scheduled exports were disabled for the organizer
cancelled-event-deleted = the event was deleted
cancelled-owner-not-permitted = the owner is no longer allowed to run this export
cancelled-owner-inactive = the owner's account is deactivated
cancelled-owner-gone = the owner's account no longer exists
cancelled-events-not-permitted = the owner is no longer allowed to read all events of the file
