### What the reference host says to users, in German. The words are those of the plugin's catalog.

## Exporters

exporter-check-in-list = Check-in-Liste
exporter-daily-sales = Tagesumsätze
exporter-mail-addresses = E-Mail-Adressen
exporter-order-list = Bestellliste
exporter-order-positions = Bestellpositionen

format = Dateiformat
format-csv-commas = CSV (durch Kommas getrennt)
format-csv-excel = CSV (für Excel)
format-csv-semicolons = CSV (durch Semikolons getrennt)
format-text = Text, eine Adresse je Zeile
field-order-date = Bestelldatum
field-paid-only = Nur bezahlte Bestellungen
field-attendees = Adressen der Teilnehmenden einschließen
field-statuses = Bestellstatus

column-amount = Betrag
column-attendee = Teilnehmende Person
column-attendee-email = E-Mail der Person
column-checked-in = Eingecheckt
column-currency = Währung
column-day = Tag
column-email = E-Mail
column-email-address = E-Mail-Adresse
column-event = Veranstaltung
column-name = Name
column-order-code = Bestellnummer
column-order-date = Bestelldatum
column-position = Position
column-positions = Positionen
column-price = Preis
column-product = Produkt
column-sold = Verkauft
column-status = Status
column-total = Gesamtbetrag
column-utc-offset = { $column } (UTC-Versatz)

status-paid = Bezahlt
status-pending = Ausstehend
status-canceled = Storniert
status-expired = Abgelaufen

form-not-an-object = die Export-Einstellungen sind kein Objekt
form-field = { $label } (`{ $field }`): { $why }
form-events = `{ $field }`: { $why }
form-choice = muss eines von { $choices } sein
form-flag = muss true oder false sein
form-range = muss ein Zeitraum JJJJ-MM-TT/JJJJ-MM-TT mit dem früheren Datum zuerst sein
form-event-list = muss eine Liste mit mindestens einer Veranstaltung sein
export-too-many-rows = der Export hat mehr als { NUMBER($most) } Zeilen, die Grenze von .xlsx; bitte CSV oder einen kürzeren Zeitraum wählen
export-orders = die Bestellungen konnten nicht gelesen werden
