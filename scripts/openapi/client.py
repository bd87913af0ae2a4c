"""Creates, previews, reads and deletes a schedule with the client that is generated from the description of the API.

Takes the URL of a host with the reference fixture.
"""

import sys

from scheduled_exports.api.schedules import (
    create_schedule_of_event,
    delete_schedule_of_event,
    get_schedule_of_event,
    list_schedules_of_event,
    preview_document_of_event,
)
from scheduled_exports.client import AuthenticatedClient
from scheduled_exports.models import FormData, PreviewInput, ScheduleInput

client = AuthenticatedClient(base_url=sys.argv[1], token="john-oauth")
event = {"organizer": "bigevents", "event": "sampleconf", "client": client}
rule = {"schedule_rrule": "RRULE:FREQ=MONTHLY;BYDAY=1MO", "schedule_rrule_time": "06:30"}

preview = preview_document_of_event.sync(**event, body=PreviewInput(**rule, limit=3))
assert len(preview.runs) == 3 and preview.warnings == [], preview

schedule = ScheduleInput(
    export_identifier="orderlist",
    export_form_data=FormData.from_dict({"_format": "xlsx", "date_range": "month_previous"}),
    mail_subject="Orders of last month",
    mail_template="On the first Monday.",
    **rule,
)
created = create_schedule_of_event.sync_detailed(**event, body=schedule)
assert created.status_code == 201, created
assert created.parsed.schedule_next_run == preview.runs[0].at, created

read = get_schedule_of_event.sync(**event, id=created.parsed.id)
assert read == created.parsed, read
page = list_schedules_of_event.sync(**event, page_size=50)
assert read in page.results, page

deleted = delete_schedule_of_event.sync_detailed(**event, id=read.id, if_match=created.headers["ETag"])
assert deleted.status_code == 204, deleted
missing = get_schedule_of_event.sync_detailed(**event, id=read.id)
assert missing.status_code == 404 and missing.parsed.detail == "Not found.", missing
print("a generated client previews, creates, reads and deletes a schedule")
