### What a host says about a run that it ended itself, in German. How catalogs become code: `locale-build/src/lib.rs`.
###
### Addresses of pages and subjects are cut by the code.

## Reasons, in the run history and in mails

never-finished = Die Ausführung wurde nach sechs nicht beendeten Versuchen abgebrochen.
plugin-failed = Das Export-Plugin ist zweimal fehlgeschlagen, ohne die Ausführung zu beenden.
undelivered = Kein Mailserver hat die E-Mail für einen der Empfänger angenommen.

## Mails

hello = Hallo,
failed = der geplante Export „{ $exporter }“ (ID { $id }) ist fehlgeschlagen. Es wurde keine Datei verschickt.
failed-undelivered = der geplante Export „{ $exporter }“ (ID { $id }) wurde ausgeführt, aber seine E-Mail konnte an niemanden zugestellt werden.
failed-subject = Geplanter Export fehlgeschlagen: { $exporter }
paused = Er ist fünfmal in Folge fehlgeschlagen und wurde pausiert. So setzen Sie ihn fort: Ursache beheben, ihn unter dem Link unten öffnen und speichern.
paused-subject = Geplanter Export pausiert: { $exporter }
partly-delivered = die E-Mail des geplanten Exports „{ $exporter }“ (ID { $id }) konnte nicht an alle Empfänger zugestellt werden.
partly-delivered-list = Nicht zugestellt an:
partly-delivered-subject = Nicht an alle Empfänger zugestellt: { $exporter }
due = Geplant für: { $due }
reason = Grund: { $reason }
manage = Geplante Exporte verwalten: { $url }
