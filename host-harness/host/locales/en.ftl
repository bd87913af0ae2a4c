### What a host says about a run that it ended itself, in English. How catalogs become code: `locale-build/src/lib.rs`.
###
### Addresses of pages and subjects are cut by the code.

## Reasons, in the run history and in mails

never-finished = The run was abandoned after six attempts that did not finish.
plugin-failed = The export plugin failed twice without finishing the run.
undelivered = No recipient's mail server accepted the email.

## Mails

hello = Hello,
failed = the scheduled export “{ $exporter }” (ID { $id }) failed. No file was sent.
failed-undelivered = the scheduled export “{ $exporter }” (ID { $id }) ran, but its email could not be delivered to any recipient.
failed-subject = Scheduled export failed: { $exporter }
paused = It has failed five times in a row and has been paused. To resume it, fix the cause, then open it at the link below and save it.
paused-subject = Scheduled export paused: { $exporter }
partly-delivered = the email of the scheduled export “{ $exporter }” (ID { $id }) could not be delivered to all recipients.
partly-delivered-list = Not delivered to:
partly-delivered-subject = Not delivered to all recipients: { $exporter }
due = Scheduled for: { $due }
reason = Reason: { $reason }
manage = Manage scheduled exports: { $url }
