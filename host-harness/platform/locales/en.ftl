### What the exporters of the reference platform say to users, in English. How catalogs become code: `locale-build/src/lib.rs`.
###
### Texts of strangers are quoted and cut by the code before they get here.

## Exporters

exporter-check-in-list = Check-in list
exporter-daily-sales = Daily sales
exporter-mail-addresses = Email addresses
exporter-order-list = Order list
exporter-order-positions = Order positions

format = File format
format-csv-commas = CSV (comma-separated)
format-csv-excel = CSV (for Excel)
format-csv-semicolons = CSV (semicolon-separated)
format-text = Text, one address per line
field-order-date = Order date
field-paid-only = Paid orders only
field-attendees = Include attendee addresses
field-statuses = Order status

column-amount = Amount
column-attendee = Attendee
column-attendee-email = Attendee email
column-checked-in = Checked in
column-currency = Currency
column-day = Day
column-email = Email
column-email-address = Email address
column-event = Event
column-name = Name
column-order-code = Order code
column-order-date = Order date
column-position = Position
column-positions = Positions
column-price = Price
column-product = Product
column-sold = Sold
column-status = Status
column-total = Total
column-utc-offset = { $column } (UTC offset)

status-paid = Paid
status-pending = Pending
status-canceled = Canceled
status-expired = Expired

form-not-an-object = the form data is not an object
form-field = { $label } (`{ $field }`): { $why }
form-events = `{ $field }`: { $why }
form-choice = must be one of { $choices }
form-flag = must be true or false
form-range = must be a date range YYYY-MM-DD/YYYY-MM-DD with the earlier date first
form-event-list = must be a list of at least one event
export-too-many-rows = the export has more than { NUMBER($most) } rows, the .xlsx limit; use CSV or a shorter date range
export-orders = could not read the orders
