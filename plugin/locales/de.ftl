### What the plugin says to users, in German.
###
### One word each: geplanter Export, Ausführung, Exportart, Export-Einstellungen, E-Mail, deaktiviert, pausiert. The owner is
### „das Konto, dem der geplante Export gehört“.

## The frame of a text that somebody else wrote

quoted = „{ $text }“

## What is wrong with a field

field-required = Dieses Feld ist erforderlich. Erwartet wird { $expected }.
field-null = Dieses Feld darf nicht null sein. Erwartet wird { $expected }.
field-wrong-type = Erwartet wird { $expected }, angegeben wurde { $got }.
field-not-an-object = Der Inhalt der Anfrage muss ein JSON-Objekt sein.
field-too-large = Der geplante Export ist zu groß: Erlaubt sind höchstens { NUMBER($most) } Bytes, einschließlich der Export-Einstellungen.
field-blank = Dieses Feld darf nicht leer sein.
field-too-long = Erlaubt sind höchstens { NUMBER($longest) } Zeichen, angegeben wurden { NUMBER($given) }.
field-line-break = Erlaubt ist nur eine Zeile ohne Zeilenumbruch.
field-control-character = Steuerzeichen sind nicht erlaubt; gefunden wurde { $character }.
field-invalid-time = { $given } ist keine gültige Uhrzeit. Erwartet wird HH:MM oder HH:MM:SS (24 Stunden), etwa 04:00.
field-unsupported-language = { $given } ist keine unterstützte Sprache. Möglich sind: { $languages }.
field-unknown-default-zone = Die in den Einstellungen der Veranstaltung oder des Veranstalters gewählte Zeitzone { $zone } ist keine bekannte IANA-Zeitzone. Bitte zuerst dort korrigieren.
field-unknown-exporter = { $given } ist keine Exportart, die Sie hier verwenden dürfen. Bitte eine Kennung aus der Liste der Exportarten verwenden.
field-exporter-not-permitted-for-owner = Das Konto, dem dieser geplante Export gehört, darf die Exportart { $given } nicht verwenden. Bitte eine wählen, die es ebenfalls verwenden darf.
field-exporter-removed = Die Exportart { $given } gibt es nicht mehr, daher sind ihre Export-Einstellungen nicht änderbar. Bitte unverändert lassen oder eine andere Exportart wählen.
field-too-many-addresses = Zu viele Adressen: { NUMBER($given) } angegeben, höchstens { NUMBER($most) } erlaubt.
field-domain-not-allowed = { $given } liegt in keiner erlaubten Empfängerdomain. Erlaubt sind: { $domains }.
field-invalid-choice = { $given } ist keine gültige Auswahl. Möglich sind: { $choices }.
field-duplicate = { $given } kommt mehrfach vor. Jeder Wert darf nur einmal vorkommen.
field-empty-list = Die Liste muss mindestens einen Eintrag enthalten.
field-out-of-range = Erwartet wird eine ganze Zahl von { NUMBER($smallest) } bis { NUMBER($largest) }.
field-invalid-decimal = { $given } ist keine gültige Dezimalzahl. Erwartet wird eine Zeichenkette mit höchstens 28 Ziffern, etwa "12.50" oder "-3".
field-invalid-date = { $given } ist kein gültiges Datum. Erwartet wird JJJJ-MM-TT, etwa "2026-01-31".
field-invalid-date-time = { $given } ist kein gültiger Zeitpunkt. Erwartet werden Datum und Uhrzeit mit UTC-Abstand nach RFC 3339, etwa "2026-01-31T09:00:00+01:00".
field-too-deep = Zu tief verschachtelt: Erlaubt sind höchstens { NUMBER($most) } Ebenen.
field-event-not-permitted = Diese Veranstaltungen gibt es nicht, oder Sie dürfen ihre Daten nicht exportieren: { $slugs }.
field-event-not-permitted-for-owner = Das Konto, dem dieser geplante Export gehört, darf diese Veranstaltungen nicht exportieren: { $slugs }.
field-all-events-not-permitted = `all_events` umfasst auch künftige Veranstaltungen, und Sie dürfen nur einige exportieren. Bitte die Veranstaltungen in `events` einzeln angeben.
field-events-conflict = `all_events` und `events` schließen sich aus. Bitte nur eines von beiden angeben.
field-events-required = Wenn `all_events` false ist, muss `events` mindestens eine Veranstaltung enthalten.
field-quota-exceeded = Das Limit von { NUMBER($most) } geplanten Exporten ist erreicht. Bitte zuerst einen anderen löschen.
field-invalid-pause-end = { $given } ist kein gültiges Ende einer Pause. Erwartet wird RFC 3339 mit UTC-Abstand, etwa "2026-01-31T09:00:00+01:00", oder ein Datum, etwa "2026-01-31".
field-not-in-future = { $given } liegt nicht in der Zukunft. Bitte einen späteren Zeitpunkt angeben.
field-too-far-ahead = { $given } liegt zu weit in der Zukunft: erlaubt sind höchstens { NUMBER($years) } Jahre ab jetzt.
field-not-past = { $given } ist noch nicht vergangen. Bitte einen vergangenen Zeitpunkt des Zeitplans angeben.
field-invalid-boolean = { $given } ist kein Wahrheitswert. Möglich sind true und false.
field-never-due = { $given } kommt weder im Zeitplan noch in den bisherigen Ausführungen vor. Bitte den genauen Zeitpunkt einer Ausführung angeben.

## What a field expects: the end of a sentence

expected-text = eine Zeichenkette
expected-form = ein Objekt mit den Einstellungen der Exportart
expected-boolean = true oder false
expected-integer = eine ganze Zahl von { NUMBER($smallest) } bis { NUMBER($largest) }, ohne Anführungszeichen
expected-decimal = eine Dezimalzahl als Zeichenkette mit höchstens 28 Ziffern, etwa "12.50" oder "-3"
expected-date = ein Kalenderdatum als Zeichenkette, etwa "2026-01-31"
expected-date-time = ein Zeitpunkt mit UTC-Abstand nach RFC 3339, etwa "2026-01-31T09:00:00+01:00"
expected-date-range = ein Zeitraum, etwa "month_previous" oder "2026-01-01/2026-01-31"
expected-texts = eine Liste von Zeichenketten
expected-integers = eine Liste ganzer Zahlen
expected-picks = ein Objekt wie { "{" }"repeat": "daily"{ "}" }
expected-events = eine Liste von Kurzformen (Slugs) von Veranstaltungen
expected-addresses = eine Zeichenkette mit durch Kommas getrennten E-Mail-Adressen, oder ""
expected-any = ein Wert

## What a field got in its place

got-boolean = ein Wahrheitswert (true oder false)
got-number = eine Zahl
got-string = eine Zeichenkette
got-array = eine Liste
got-object = ein Objekt

## Mail addresses

address-empty = Vor oder nach einem Komma fehlt eine Adresse. Bitte Adressen mit je einem Komma trennen.
address-no-comma = { $given } ist nicht eine einzelne E-Mail-Adresse. Bitte Adressen mit Kommas trennen.
address-named = { $given } ist mehr als eine E-Mail-Adresse. Bitte nur die Adresse angeben, ohne Namen und spitze Klammern.
address-not-ascii = { $given } enthält vor dem @ Zeichen außerhalb von ASCII. Bitte dort nur ASCII-Zeichen verwenden.
address-domain-not-ascii = { $given } hat eine Domain, die sich nicht in ASCII umwandeln lässt. Bitte die Domain in der Form xn--… angeben.
address-too-long = { $given } ist zu lang: Eine Adresse hat höchstens { NUMBER($most) } Zeichen, davon höchstens { NUMBER($local) } vor dem @.
address-at = { $given } ist keine gültige E-Mail-Adresse: Sie muss genau ein @ enthalten, mit Text davor und danach.
address-local = { $given } ist keine gültige E-Mail-Adresse: Vor dem @ sind Buchstaben, Ziffern und Zeichen wie + - _ erlaubt, getrennt durch einzelne Punkte.
address-domain = { $given } ist keine gültige E-Mail-Adresse: Nach dem @ muss ein Domainname wie example.org stehen.

## Date ranges

range-unknown = { $given } ist kein gültiger Zeitraum. Möglich ist ein Name wie month_previous oder ein Datumsbereich wie 2026-01-01/2026-01-31.
range-reversed = { $given } endet vor dem Beginn. Bitte das frühere Datum zuerst angeben.

# Labels of the named ranges, in the order of the list in `src/window.rs`.
range =
    { $number ->
        [1] Heute
        [2] Gestern
        [3] Letzte 7 Tage, mit heute
        [4] Letzte 14 Tage, mit heute
        [5] Morgen
        [6] Nächste 7 Tage, ab morgen
        [7] Nächste 14 Tage, ab morgen
        [8] Diese Woche
        [9] Diese Woche bis heute
        [10] Vorige Woche
        [11] Nächste Woche
        [12] Dieser Monat
        [13] Dieser Monat bis heute
        [14] Voriger Monat
        [15] Nächster Monat
        [16] Dieses Quartal
        [17] Dieses Quartal bis heute
        [18] Voriges Quartal
        [19] Nächstes Quartal
        [20] Dieses Jahr
        [21] Dieses Jahr bis heute
        [22] Voriges Jahr
        [23] Nächstes Jahr
        [24] Alle Tage bis heute
       *[25] Alle Tage ab heute
    }
range-fixed = Fester Zeitraum

## What is not JSON

json-malformed = Ungültiges JSON in Zeile { NUMBER($line) }, Spalte { NUMBER($column) }: { $why }.
json-end = unerwartetes Ende der Eingabe
json-value = Wert erwartet
json-word = unbekanntes Schlüsselwort (erwartet: true, false oder null)
json-comma-or-brace = `,` oder { "`}`" } erwartet
json-comma-or-bracket = `,` oder `]` erwartet
json-colon = `:` erwartet
json-key = Schlüssel müssen Zeichenketten sein
json-trailing-comma = überzähliges Komma
json-trailing-characters = überzählige Zeichen nach dem Dokument
json-number = ungültige Zahl
json-number-range = Zahl außerhalb des zulässigen Bereichs
json-escape = ungültige Escape-Sequenz
json-control-character = Steuerzeichen müssen maskiert werden
json-depth = zu tief verschachtelt
json-other = an dieser Stelle nicht erlaubt

## Why a call is refused

refusal-sees-none = Um geplante Exporte zu sehen, brauchen diese Zugangsdaten hier das Recht, Einstellungen zu ändern.
refusal-reads-only = Diese Zugangsdaten erlauben nur Lesezugriff. Bitte Zugangsdaten mit Schreibzugriff verwenden.
refusal-only-users-create = Nur ein Benutzerkonto kann einen geplanten Export anlegen; Token und Geräte können keinen besitzen.
refusal-only-users-take-over = Nur ein Benutzerkonto kann einen geplanten Export übernehmen; Token und Geräte können keinen besitzen.
refusal-only-users-test = Nur ein Benutzerkonto kann einen geplanten Export testen, weil der Test an dieses Konto geschickt wird.
refusal-test-data-out-of-reach = Sie können diesen geplanten Export nicht testen, weil Sie seine Daten nicht exportieren dürfen.
refusal-devices-preview-nothing = Geräte haben keine geplanten Exporte und können daher keine Vorschau abrufen.
refusal-data-out-of-reach = Sie können diesen geplanten Export nicht ändern, weil Sie seine Daten nicht exportieren dürfen.
refusal-all-events-out-of-reach = Sie können diesen geplanten Export nicht ändern: Er exportiert alle Veranstaltungen, auch künftige, und Sie dürfen nur einige exportieren.
refusal-events-gone = Alle Veranstaltungen dieses geplanten Exports wurden gelöscht. Bitte löschen Sie ihn und legen Sie einen neuen an.
refusal-by-host = Sie haben hier keine Berechtigung dafür.

too-many-runs = Es wurden zu viele Ausführungen angefordert. Bitte in { $wait } erneut versuchen.
wait-seconds =
    { $number ->
        [one] { $number } Sekunde
       *[other] { $number } Sekunden
    }
wait-minutes =
    { $number ->
        [one] { $number } Minute
       *[other] { $number } Minuten
    }

## What to know of a rule that is valid

warning-never-matches = Diese Regel trifft auf kein Datum zu; der Export wird nie ausgeführt.
warning-none-left = Diese Regel hat keine weiteren Ausführungen; die letzte war { $last }.
warning-gap = { $local } gibt es wegen der Zeitumstellung nicht; ausgeführt wird um die übersprungene Zeit später.
warning-fold = { $local } gibt es wegen der Zeitumstellung zweimal; ausgeführt wird nur beim ersten Mal.

## Labels of form fields that the plugin adds

label-all-events = Alle Veranstaltungen
label-events = Veranstaltungen

## Recurrence rules, times and zones

rule-empty = Die Wiederholungsregel ist leer. Beispiel: RRULE:FREQ=WEEKLY;BYDAY=MO
rule-missing = „{ $wrong }“ enthält kein RRULE. Bitte eine Zeile wie RRULE:FREQ=WEEKLY;BYDAY=MO ergänzen.
rule-repeated = „{ $wrong }“ ist ein zweites RRULE. Erlaubt ist nur eines, ohne Leerzeichen darin.
rule-invalid-syntax = „{ $wrong }“ ist keine Wiederholungsregel. Beispiel: RRULE:FREQ=WEEKLY;BYDAY=MO
rule-property-not-supported = Die Eigenschaft „{ $wrong }“ wird nicht unterstützt. Möglich sind ein RRULE und höchstens ein DTSTART.
rule-start-invalid = „{ $wrong }“ ist kein gültiges DTSTART. Bitte ein existierendes Datum angeben, etwa DTSTART:20260131T000000 oder DTSTART;VALUE=DATE:20260131.
rule-start-has-zone = „{ $wrong }“ enthält eine Zeitzone. DTSTART muss eine Ortszeit ohne Z und TZID sein; die Zeitzone wird getrennt angegeben.
rule-start-repeated = „{ $wrong }“ ist ein zweites DTSTART. Erlaubt ist nur eines.
rule-part-malformed = „{ $wrong }“ ist kein gültiger Regelteil. Regelteile haben die Form NAME=WERT und sind durch einzelne Semikolons getrennt.
rule-part-not-supported = Der Regelteil „{ $wrong }“ wird nicht unterstützt. Unterstützt werden FREQ, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTH, BYSETPOS und WKST.
rule-month-day-not-supported = „{ $wrong }“ wird nicht unterstützt. Für einen Tag des Monats bitte FREQ=MONTHLY mit einem DTSTART an diesem Tag verwenden, etwa DTSTART:20260115T000000. Für mehrere oder vom Monatsende gezählte Tage bitte FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU mit BYSETPOS verwenden, etwa BYSETPOS=1,15 oder BYSETPOS=-1 für den letzten Tag.
rule-part-repeated = Der Regelteil „{ $wrong }“ kommt mehrfach vor. Jeder darf nur einmal vorkommen.
rule-frequency-missing = FREQ fehlt. Möglich sind DAILY, WEEKLY, MONTHLY und YEARLY.
rule-frequency-not-supported = „{ $wrong }“ ist kein unterstützter Wert für FREQ. Möglich sind DAILY, WEEKLY, MONTHLY und YEARLY.
rule-interval-invalid = „{ $wrong }“ ist kein gültiges INTERVAL. Erwartet wird eine ganze Zahl ab 1.
rule-count-invalid = „{ $wrong }“ ist kein gültiges COUNT. Erwartet wird eine ganze Zahl ab 0.
rule-until-invalid = „{ $wrong }“ ist kein gültiges UNTIL. Bitte ein existierendes Datum angeben, etwa 20261231 oder 20261231T235959.
rule-until-has-zone = „{ $wrong }“ ist in UTC. UNTIL muss eine Ortszeit ohne Z sein, etwa 20261231T235959.
rule-count-and-until = COUNT und UNTIL ({ $wrong }) schließen sich aus. Bitte nur eines von beiden angeben.
rule-by-day-invalid = „{ $wrong }“ ist kein gültiger Wert für BYDAY. Möglich sind MO bis SU, mit FREQ=MONTHLY oder YEARLY auch mit einer Ordnungszahl von 1 bis 53 oder -1 bis -53 davor, etwa 1MO oder -1FR.
rule-ordinal-not-allowed = „{ $wrong }“ erfordert FREQ=MONTHLY oder YEARLY. Mit DAILY oder WEEKLY nimmt BYDAY Wochentage ohne Ordnungszahl.
rule-by-month-invalid = „{ $wrong }“ ist kein gültiger Wert für BYMONTH. Möglich sind Monate von 1 bis 12, durch Kommas getrennt.
rule-set-position-invalid = „{ $wrong }“ ist kein gültiger Wert für BYSETPOS. Möglich sind Positionen von 1 bis 366, oder von -1 bis -366 vom Ende gezählt, durch Kommas getrennt.
rule-set-position-not-allowed = BYSETPOS={ $wrong } erfordert FREQ=MONTHLY oder YEARLY.
rule-week-start-invalid = „{ $wrong }“ ist kein gültiger Wert für WKST. Möglich sind MO, TU, WE, TH, FR, SA und SU.
rule-week-start-not-monday = WKST={ $wrong } wird mit FREQ=WEEKLY und einem INTERVAL über 1 nicht unterstützt: Wochen beginnen am Montag. Bitte WKST weglassen oder WKST=MO verwenden.
rule-time-part-mismatch = „{ $wrong }“ stimmt nicht mit der Uhrzeit in DTSTART überein. Bitte BYHOUR, BYMINUTE und BYSECOND weglassen; die Uhrzeit wird getrennt angegeben.
rule-time-invalid = „{ $wrong }“ ist keine gültige Uhrzeit. Erwartet wird HH:MM:SS (24 Stunden), etwa 04:00:00.
rule-zone-unknown = „{ $wrong }“ ist keine bekannte Zeitzone. Möglich sind IANA-Zeitzonennamen wie Europe/Berlin oder UTC.

## A recurrence rule in words: a sentence without a full stop, in lower case, from the inside out

when-and = { $list } und { $last }
when-or = { $list } oder { $last }
# $ending: for languages with several endings.
when-ordinal =
    { $ending ->
        [1] { $number }.
       *[0] { $number }.
    }
# $ordinal: the ordinal of $number, counted from the end.
when-ordinal-from-end =
    { $number ->
        [1] letzten
        [2] vorletzten
        [3] drittletzten
        [4] viertletzten
        [5] fünftletzten
        [6] sechstletzten
        [7] siebtletzten
        [8] achtletzten
        [9] neuntletzten
        [10] zehntletzten
       *[0] { $ordinal }-letzten
    }
when-day = Tag
when-working-day = Arbeitstag
when-every = an jedem { $weekdays }
when-nth = am { $ordinals } { $weekday }
when-dates = am { $ordinals }
when-dates-in = am { $ordinals } { $month }
when-of-each-month = { $days } jedes Monats
when-of-the-month = { $days } des Monats
when-of-months =
    { $number ->
        [one] { $days } im { $months }
       *[other] { $days } der Monate { $months }
    }
when-of-each-year = { $days } jedes Jahres
when-of-the-year = { $days } des Jahres
when-of-those = am { $ordinals } dieser Tage ({ $days })
when-daily = jeden Tag
when-days = alle { NUMBER($every) } Tage
when-weekly = jeden { $weekdays }
when-working-days = jeden Arbeitstag (Montag bis Freitag)
when-weeks = alle { NUMBER($every) } Wochen am { $weekdays }
when-monthly = jeden Monat { $days }
when-months = alle { NUMBER($every) } Monate { $days }
when-yearly = jedes Jahr { $days }
when-years = alle { NUMBER($every) } Jahre { $days }
when-on-only = { $when }, nur am { $weekdays }
when-in = { $days } im { $months }
when-in-only = { $when }, nur im { $months }
when = { $days } um { $clock } Uhr
when-date = { $day }. { $month } { $year }
when-from = { $when }, ab dem { $from }
when-until = { $when }, bis zum { $until }
when-from-until = { $when }, vom { $from } bis zum { $until }
when-count =
    { $count ->
        [one] { $when }, einmal ab dem { $from }
       *[other] { $when }, { $count }-mal ab dem { $from }
    }

## Mails: the frame. The first line of a notice follows „Hallo,“ and begins in lower case

mail-hello = Hallo,
mail-subject = { $what }: { $title }
mail-due = Geplant für: { $time }
mail-reason = Grund: { $reason }
mail-next-run = Nächste Ausführung: { $time }
mail-no-next-run = Es ist keine weitere Ausführung geplant.
mail-manage = Geplante Exporte verwalten: { $url }
mail-name = „{ $title }“ ({ $exporter })

## Mails: a run that a user or a program requested

mail-time = Zeit: { $time }
mail-requested-by = Angefordert von: { $who }
mail-requested = Diese Ausführung wurde angefordert und ist keine der Wiederholungsregel.
test-subject = Test: { $title }
test-note = Dies ist ein Test, den { $who } angefordert hat. Niemand sonst hat ihn erhalten.

## Mails: a failed run

failed-subject = Geplanter Export fehlgeschlagen
failed = der geplante Export { $name } ist fehlgeschlagen. Es wurde keine Datei verschickt.
failed-undelivered = der geplante Export { $name } wurde ausgeführt, aber seine E-Mail konnte an niemanden zugestellt werden.
failed-count = Fehlschläge in Folge: { NUMBER($failures) }. Nach { NUMBER($most) } wird der Export angehalten.
failed-reschedule = Um ihn neu zu planen, öffnen Sie den geplanten Export unter dem Link unten, korrigieren die Einstellungen und speichern ihn.
failed-owner = Ein geplanter Export läuft mit den Rechten des Kontos, dem er gehört. Wer dort Einstellungen ändern und diese Daten exportieren darf, kann ihn übernehmen.
stopped-subject = Geplanter Export angehalten
stopped = Der Export ist { NUMBER($most) }-mal in Folge fehlgeschlagen und wurde angehalten. Er wird erst wieder ausgeführt, wenn er fortgesetzt wird.
stopped-resume = So setzen Sie ihn fort: Ursache beheben, den geplanten Export unter dem Link unten öffnen und speichern. Dabei wird die nächste Ausführung geplant und der Fehlerzähler zurückgesetzt.

## Mails: nothing to export, not delivered to all, too large to attach

empty-subject = Nichts zu exportieren
empty = der geplante Export { $name } wurde ausgeführt, hat aber keine Daten gefunden. Es wurde keine Datei erstellt, und die Empfänger wurden nicht benachrichtigt.
undelivered-subject = Nicht an alle Empfänger zugestellt
undelivered = die E-Mail des geplanten Exports { $name } konnte nicht an alle Empfänger zugestellt werden.
undelivered-list = Nicht zugestellt an:
undelivered-others = Die Mailserver aller anderen Empfänger haben sie angenommen. Sie wird nicht erneut gesendet; bitte prüfen Sie diese Adressen.
download =
    Die Datei ist zu groß für einen Anhang. Sie können sie bis { $until } herunterladen:
    { $url }
    Jede Person, die diesen Link kennt, kann die Datei herunterladen.

## Mails: another user, or a program, changed a scheduled export

who-token = Ein Programm mit API-Token
who-device = Ein Gerät
changed-subject = Geplanter Export geändert
changed = { $who } hat Ihren geplanten Export { $name } geändert.
changed-when = Wann: { $time }
changed-undo = Falls Sie das nicht wollten, öffnen Sie den geplanten Export unter dem Link unten und ändern oder löschen Sie ihn.
changed-nothing = Es wurden keine Werte geändert. Durch das Speichern wurde die nächste Ausführung neu geplant.
changed-resumed = Er war nach Fehlschlägen angehalten und wurde fortgesetzt.
changed-none = (leer)
changed-labels = Geändert: { $labels }
changed-same-look = { $was } → { $is } (ein anderer Wert, der gleich aussieht)
changed-added = { NUMBER($number) } neu ({ $names })
changed-removed = { NUMBER($number) } entfernt ({ $names })
changed-order = dieselben in anderer Reihenfolge oder Zahl
changed-not-shown = ({ NUMBER($characters) } Zeichen sind nicht gezeigt)
taken-over-subject = Geplanter Export übernommen
taken-over = { $who } hat Ihren geplanten Export { $name } übernommen.
taken-over-now = Er läuft ab jetzt mit den Rechten von { $who }; dorthin gehen auch seine E-Mails. Sie erhalten sie nur noch, wenn Ihre Adresse unter den Empfängern ist.
paused-subject = Geplanter Export pausiert
paused = { $who } hat Ihren geplanten Export { $name } pausiert.
paused-until = Er wird bis { $time } nicht ausgeführt.
paused-open = Er wird erst wieder ausgeführt, wenn ihn jemand fortsetzt.
resumed-subject = Geplanter Export fortgesetzt
resumed = { $who } hat Ihren geplanten Export { $name } fortgesetzt.
deleted-subject = Geplanter Export gelöscht
deleted = { $who } hat Ihren geplanten Export { $name } gelöscht. Er wird nicht mehr ausgeführt.
deleted-was = Er war so eingestellt:
brief = { $who } hat Ihren geplanten Export { $name } geändert, übernommen oder gelöscht. Die Einzelheiten sind zu lang für eine E-Mail.
label-exporter = Exportart
label-to = Empfänger (An)
label-cc = Empfänger (Cc)
label-bcc = Empfänger (Bcc)
label-others = Alle anderen Einstellungen
label-unreadable = nicht lesbar
label-subject = Betreff der E-Mail
label-text = Text der E-Mail
label-language = Sprache
label-rule = Wiederholungsregel
label-time = Uhrzeit
label-zone = Zeitzone
label-form-field = Einstellung „{ $key }“

## Why a run failed: one line, without addresses

reason-explained = { $reason }: { $details }
reason-unexplained = { $reason }.
reason-owner-inactive = Das Konto, dem der geplante Export gehört, ist deaktiviert.
reason-owner-gone = Das Konto, dem der geplante Export gehörte, gibt es nicht mehr.
reason-owner-not-permitted = Das Konto, dem der geplante Export gehört, darf diese Daten nicht mehr exportieren, oder es gibt die Exportart nicht mehr.
reason-unreadable = Der gespeicherte geplante Export ist nicht mehr lesbar.
reason-recurrence = Die Wiederholungseinstellungen sind nicht mehr gültig
reason-date-range = Das Feld „{ $key }“ der Export-Einstellungen enthält keinen gültigen Zeitraum.
reason-form-data = Die Export-Einstellungen sind für diese Exportart nicht mehr gültig
reason-exporter-failed = Die Exportart konnte die Datei nicht erstellen
reason-exporter-unavailable =
    { $attempts ->
        [one] Die Exportart war nicht verfügbar.
       *[other] Die Exportart war bei allen { $attempts } Versuchen nicht verfügbar.
    }
reason-too-large = Die E-Mail ist zu groß: { $bytes }; erlaubt sind höchstens { $limit }.
reason-too-large-zipped = Die E-Mail ist zu groß: { $bytes } mit komprimierter Datei; erlaubt sind höchstens { $limit }.
reason-no-recipient = Keine der Empfängeradressen ist erlaubt.
reason-file-missing = Die Datei wurde erstellt, stand aber zum Anhängen nicht mehr zur Verfügung.
reason-subject = Der Betreff der E-Mail wurde abgelehnt.
reason-undelivered = Kein Mailserver hat die E-Mail für einen der Empfänger angenommen.
reason-trapped = Das Export-Plugin wurde wegen eines internen Fehlers beendet.
reason-deadline = Der Export hat sein Zeitlimit überschritten.
reason-memory = Der Export hat sein Speicherlimit überschritten.
reason-incomplete = Das Export-Plugin hat die Ausführung ohne Ergebnis beendet.
cancelled-no-longer-due = Der Zeitplan enthält diesen Zeitpunkt nicht mehr.
cancelled-paused = Der geplante Export ist pausiert.

## What became of a run, in a sentence

run-in-progress = Die Ausführung läuft.
run-submitted = Die Datei wurde erstellt; die E-Mail wird zugestellt.
run-delivered = Die Mailserver aller Empfänger haben die E-Mail angenommen.
run-delivered-to-some = Die Mailserver von { NUMBER($accepted) } der { NUMBER($all) } Empfänger haben die E-Mail angenommen.
run-empty = Es gab keine Daten zu exportieren; die Empfänger haben keine E-Mail erhalten.
run-failed = Fehlgeschlagen: { $reason }
run-retrying = Die Ausführung konnte nicht abgeschlossen werden und wird wiederholt: { $time }.
run-cancelled = Abgebrochen: { $reason }
run-missed-unavailable = Ausgefallen: Das System konnte den Export nicht rechtzeitig ausführen.
run-missed-paused = Ausgefallen: Der geplante Export war pausiert.
run-missed-range = { $why } Das betrifft { NUMBER($count) } Ausführungen, von { $first } bis { $last }.
recipient-queued = Die E-Mail wurde noch nicht an diese Adresse gesendet
recipient-accepted = Der Mailserver hat die E-Mail für diese Adresse angenommen
recipient-retrying = Der Mailserver konnte die E-Mail noch nicht annehmen; sie wird erneut gesendet
recipient-rejected = Der Mailserver hat die E-Mail für diese Adresse abgelehnt
recipient-cancelled = Die E-Mail wurde abgebrochen, bevor der Mailserver sie angenommen hat
due-planned = Die Ausführung ist geplant: { $time }.
due-passed = Die Ausführung ist fällig und beginnt so bald wie möglich: { $time }.
due-paused = Keine Ausführung, weil der geplante Export pausiert ist: { $time }.
due-paused-then = Es wird keine Ausführung geben, weil der geplante Export dann pausiert ist: { $time }.
due-not-planned = Zu diesem Zeitpunkt ist keine Ausführung geplant: { $time }.
due-never = Die Wiederholungsregel enthält diesen Zeitpunkt nicht: { $time }.
due-not-recorded = Die Wiederholungsregel enthält diesen Zeitpunkt, aber die Ausführungen enthalten ihn nicht (mehr): { $time }.

## The state of a scheduled export, in a sentence

explain-waiting = Nächste Ausführung: { $time }.
explain-due = Die Ausführung ist fällig und beginnt so bald wie möglich: { $time }.
explain-running = Die Ausführung für { $due } läuft seit { $started }.
explain-retrying = Die Ausführung für { $due } konnte nicht abgeschlossen werden; sie wird wiederholt: { $time }.
explain-paused-until = Pausiert bis { $until } (durch { $who }, { $since }).
explain-paused-open = Pausiert, bis jemand ihn fortsetzt (durch { $who }, { $since }).
explain-program = ein Programm mit API-Token
explain-stopped = Angehalten nach { NUMBER($failures) } Fehlschlägen in Folge, bis jemand ihn fortsetzt.
explain-finished = Beendet: Die Wiederholungsregel hat keine weiteren Ausführungen; die letzte war { $time }.
explain-owner-lost = { $reason } Die Ausführungen schlagen fehl, bis ein Konto mit den nötigen Rechten den Export übernimmt.
explain-exporter-gone = Die Exportart { $exporter } gibt es hier nicht mehr. Die Ausführungen schlagen fehl, bis eine andere gewählt wird.

## What can be done with a scheduled export

action-change = Bearbeiten
action-pause = Pausieren
action-resume = Fortsetzen
action-run = Jetzt ausführen
action-test = Test an mich senden
action-take-over = Übernehmen
action-delete = Löschen
why-paused = Er ist bereits pausiert.
why-active = Er ist weder pausiert noch angehalten.
why-own = Er gehört bereits Ihnen.

## Times and sizes

time = { $day }, { $clock } Uhr ({ $place })
day = { $weekday }, { $day }. { $month } { $year }
weekday =
    { $weekday ->
        [1] Montag
        [2] Dienstag
        [3] Mittwoch
        [4] Donnerstag
        [5] Freitag
        [6] Samstag
       *[7] Sonntag
    }
month =
    { $month ->
        [1] Januar
        [2] Februar
        [3] März
        [4] April
        [5] Mai
        [6] Juni
        [7] Juli
        [8] August
        [9] September
        [10] Oktober
        [11] November
       *[12] Dezember
    }
size = { $megabytes } MB ({ $exact })
bytes =
    { $bytes ->
        [one] { $grouped } Byte
       *[other] { $grouped } Byte
    }
decimal-separator = ,
group-separator = .
