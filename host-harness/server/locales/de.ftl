### What the reference host says to users, in German. The words are those of the plugin's catalog.

## Problems of the API

api-unknown-path = Nicht gefunden: Unter diesem Pfad gibt es keine Ressource.
api-moved = Dauerhaft verschoben: Der Pfad muss mit einem Schrägstrich enden.
api-missing-slash = Nicht gefunden. Meinten Sie { $path }? Pfade enden mit einem Schrägstrich.
api-unauthorized = Zugangsdaten fehlen, sind ungültig oder abgelaufen.
api-no-access = Diesen Veranstalter oder diese Veranstaltung gibt es nicht, oder Sie haben dort keinen Zugriff.
api-disabled = Geplante Exporte sind für diesen Veranstalter deaktiviert.
api-event-deleted = Diese Veranstaltung wurde gelöscht. Ihre geplanten Exporte können nur gelesen und gelöscht werden.
api-no-read-scope = Diesem Token fehlt der Scope `read`.
api-no-write-scope = Diesem Token fehlt der Scope `write`.
api-not-found = Nicht gefunden.
api-no-such-page = Ungültige Seite: Diese Seite gibt es nicht.
api-query-choice = Ungültiger Wert „{ $given }“: Erwartet wird einer von { $choices }.
api-query-date-time = Ungültiger Wert „{ $given }“: Erwartet werden Datum und Uhrzeit mit Zeitverschiebung, etwa 2027-01-15T08:00:00Z (in einer URL steht %2B für ein Plus).
api-query-address = Ungültiger Wert „{ $given }“: Erwartet wird eine E-Mail-Adresse.
api-query-identifier = Ungültiger Wert „{ $given }“: Erwartet wird die Kennung eines Exporters.
api-method-not-allowed = Methode nicht erlaubt. Erlaubte Methoden: { $methods }.
api-not-acceptable = Der Accept-Header muss application/json zulassen.
api-content-type-missing = Content-Type fehlt: Erwartet wird application/json.
api-content-type-repeated = Content-Type ist mehrfach angegeben: Erwartet wird eine Zeile, application/json.
api-media-type = Der Medientyp „{ $given }“ wird nicht unterstützt: Erwartet wird application/json.
api-charset = Der Zeichensatz „{ $given }“ wird nicht unterstützt: Erwartet wird utf-8.
api-encoding = Content-Encoding „{ $given }“ wird nicht unterstützt: Bitte den Inhalt unkomprimiert senden.
api-body-timeout = Der Inhalt der Anfrage wurde nicht rechtzeitig empfangen.
api-body-incomplete = Der Inhalt der Anfrage ist unvollständig.
api-body-not-utf-8 = Der Inhalt der Anfrage ist kein gültiges UTF-8.
api-body-wide = Der Inhalt der Anfrage ist UTF-16 oder UTF-32; erwartet wird UTF-8.
api-body-mark = Der Inhalt der Anfrage hat eine Byte-Reihenfolge-Marke (U+FEFF) nach seinem Anfang; erwartet wird keine, oder eine als erstes Zeichen.
api-transfer-coding = Dieses Transfer-Encoding wird nicht unterstützt: Den Inhalt bitte unverändert oder in Stücken (chunked) senden.
api-page = Dies ist ein Referenz-Host ohne Seiten. Die geplanten Exporte dieser Adresse werden über die API verwaltet:
api-body-too-large = Der Inhalt der Anfrage ist zu groß; erlaubt sind höchstens { NUMBER($bytes) } Bytes.
api-body-invalid = Der Inhalt der Anfrage ist ungültig.
api-unknown-field = Unbekanntes Feld. Bekannte Felder sind: { $names }.
api-no-fields = Unbekanntes Feld: Diese Anfrage hat keine Felder.
api-unknown-parameter = Unbekannter Parameter. Bekannte Parameter sind: { $names }.
api-no-parameters = Unbekannter Parameter: Dieser Pfad hat keine Parameter.
api-bad-key = Idempotency-Key muss aus 1 bis 255 sichtbaren ASCII-Zeichen bestehen.
api-conflicting-keys = Bitte nur einen Idempotency-Key senden; Idempotency-Key und X-Idempotency-Key dürfen sich nicht unterscheiden.
api-key-in-use = Eine Anfrage mit diesem Idempotency-Key wird noch verarbeitet.
api-key-reused = Dieser Idempotency-Key wurde bereits für eine andere Anfrage verwendet.
api-superseded = Stattdessen wurde eine andere Anfrage mit diesem Idempotency-Key verarbeitet. Diese Anfrage hat nichts geändert.
api-stale = Vorbedingung nicht erfüllt: Der geplante Export wurde geändert, und If-Match entspricht nicht dem aktuellen ETag.
api-exists = Vorbedingung nicht erfüllt: If-None-Match entspricht dem aktuellen ETag, daher wurde nichts geändert.
api-no-such-range = Range liegt hinter dem Ende: Die Datei hat { NUMBER($bytes) } Bytes.
api-link-in-use = Diese Datei wird gerade mehrfach heruntergeladen. Bitte später erneut versuchen.
api-too-many-downloads = Gerade werden viele Dateien heruntergeladen. Bitte später erneut versuchen.
api-host-missing = Host fehlt: HTTP/1.1 verlangt genau einen Host-Header.
api-host-repeated = Host ist mehrfach angegeben: Erlaubt ist genau ein Host-Header.
api-host-invalid = Host ist ungültig: Erwartet wird ein Name oder eine Adresse, mit oder ohne Port.
api-too-many-writes = Zu viele Änderungen: Erlaubt sind höchstens { NUMBER($most) } pro Minute. Erneut möglich in { NUMBER($seconds) } Sekunden.
api-too-many-bytes = Zu viele Daten: Änderungen dürfen höchstens { NUMBER($most) } Bytes pro Tag belegen. Erneut möglich in { NUMBER($seconds) } Sekunden.
api-manual-run-under-way = Eine angeforderte Ausführung ist noch nicht beendet. Erneut möglich in { NUMBER($seconds) } Sekunden.
api-too-many-manual-runs = Die Grenze von { NUMBER($most) } angeforderten Ausführungen je Stunde ist erreicht. Erneut möglich in { NUMBER($seconds) } Sekunden.
api-too-many-manual-runs-of-organizer = Dieser Veranstalter hat die Grenze von { NUMBER($most) } angeforderten Ausführungen je Stunde erreicht. Erneut möglich in { NUMBER($seconds) } Sekunden.
api-too-many-moves = Dieser geplante Export wurde innerhalb von 24 Stunden zusammen mit gelöschten desselben Kontos { NUMBER($most) }-mal ausgeführt: Eine andere Zeit der nächsten 24 Stunden kann nicht gewählt werden. Erneut möglich in { NUMBER($seconds) } Sekunden.
api-busy = Zu viele Anfragen sind gerade in Bearbeitung. Bitte später erneut versuchen.
api-unavailable = Der Dienst ist vorübergehend nicht verfügbar. Bitte später erneut versuchen.
api-internal = Interner Serverfehler. Es wurden keine Änderungen vorgenommen.

## Mails with several changes to scheduled exports of one owner

mail-several-subject = Mehrere Änderungen an Ihren geplanten Exporten

## Mails about an export that the organizer's limits kept from being sent

mail-limit-subject = Geplanter Export { NUMBER($schedule) } wurde nicht gesendet
mail-limit =
    Der geplante Export „{ $title }“ (ID { NUMBER($schedule) }) wurde nicht gesendet.

    { $reason }

    Seine nächste Ausführung findet wie geplant statt. Geplante Exporte verwalten: { $url }
reason-organizer-limit = Der Veranstalter hat sein Tageslimit erreicht: { $limits } pro Tag (UTC).
reason-owner-limit = Die geplanten Exporte dieses Kontos haben ihren Anteil am Tageslimit des Veranstalters erreicht: { $limits } pro Tag (UTC).
limit-mails =
    { $most ->
        [one] { $most } E-Mail
       *[other] { $most } E-Mails
    }
limit-recipients = { NUMBER($most) } Empfänger
limit-both = { $mails } und { $recipients }

## Why the host cancelled a run or a delivery: stored in English, shown in the caller's language

cancelled-schedule-changed = der geplante Export wurde geändert
cancelled-schedule-deleted = der geplante Export wurde gelöscht
cancelled-schedule-paused = der geplante Export wurde pausiert
cancelled-organizer-disabled = geplante Exporte wurden für den Veranstalter deaktiviert
cancelled-event-deleted = die Veranstaltung wurde gelöscht
cancelled-owner-not-permitted = das Konto, dem der geplante Export gehört, darf ihn nicht mehr ausführen
cancelled-owner-inactive = das Konto, dem der geplante Export gehört, ist deaktiviert
cancelled-owner-gone = das Konto, dem der geplante Export gehörte, gibt es nicht mehr
cancelled-events-not-permitted = das Konto, dem der geplante Export gehört, darf nicht mehr alle Veranstaltungen der Datei lesen
