//! Orders that are made up, the same ones for the same seed on every machine and in every release.

use std::collections::HashSet;

use scheduled_exports_host::clock::Instant;

use super::Event;
use super::currency;
use super::fixture::{FixtureOrder, FixturePosition, GeneratedOrders};
use super::orders::Status;

/// Characters of order codes: none that looks like another.
const CODE_CHARACTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

const FIRST_NAMES: [&str; 24] = [
    "Anna",
    "Ben",
    "Chloé",
    "Dörte",
    "Elif",
    "Finn",
    "Greta",
    "Hannah",
    "Igor",
    "Jörg",
    "Katharina",
    "Liam",
    "Marie",
    "Noah",
    "Olga",
    "Paul",
    "Quentin",
    "René",
    "Sofía",
    "Tim",
    "Ulrike",
    "Viktor",
    "Wanda",
    "Yasmin",
];
const LAST_NAMES: [&str; 24] = [
    "Andersson",
    "Bauer",
    "Çelik",
    "Dubois",
    "Evans",
    "Fischer",
    "García",
    "Groß",
    "Horváth",
    "Ivanova",
    "Jansen",
    "Kowalski",
    "Lehmann",
    "Müller",
    "Novák",
    "O'Brien",
    "Petersen",
    "Quirós",
    "Rossi",
    "Schäfer",
    "Taylor",
    "Ünal",
    "van der Berg",
    "Wagner",
];
/// Names as people type them in: with marks of CSV, and with what a spreadsheet would take for a formula.
const ODD_NAMES: [&str; 8] = [
    "=HYPERLINK(\"https://prize.example\",\"You won\")",
    "+49 Festival Crew",
    "@night_owl",
    "-- (guest of the band)",
    "Meyer, Karl-Heinz",
    "Robert \"Bob\" Smith",
    "Smith, Jones & Partners, \"Events\"",
    "Straßenbahn; Verein e.V.",
];
const DOMAINS: [&str; 3] = ["example.com", "example.net", "example.org"];
/// Products with their price in hundredths, of a currency that has two digits.
const PRODUCTS: [(&str, i64); 10] = [
    ("Regular ticket", 4900),
    ("Reduced ticket", 2950),
    ("VIP ticket", 18_900),
    ("Day pass, Saturday", 3500),
    ("Day pass, Sunday", 3500),
    ("Workshop \"Light and sound\"", 7525),
    ("Förderticket", 9900),
    ("Supporter's ticket", 6990),
    ("Child (up to 12)", 0),
    ("Parking", 850),
];

/// SplitMix64: a full-period generator of 64-bit numbers from a 64-bit seed. Written out, unlike all other numbers drawn by a seed: a
/// release of a library may draw others.
pub(super) struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number under `bound`, which is at least 1.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // The upper half of a 128-bit product lies evenly enough for made-up data.
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or_default()
    }

    pub(super) fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let index = self.below(list.len() as u64);
        &list[usize::try_from(index).unwrap_or_default()]
    }

    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// An instant from `from` up to but not including `to`.
    fn between(&mut self, from: Instant, to: Instant) -> Instant {
        let span = u64::try_from(to - from).unwrap_or_default().max(1);
        from + i64::try_from(self.below(span)).unwrap_or_default()
    }
}

/// Makes up the orders of one entry of the fixture, one by one.
pub(super) struct Generator<'a> {
    what: &'a GeneratedOrders,
    event: &'a Event,
    random: Random,
    products: Vec<(&'static str, i64)>,
    left: u64,
}

impl<'a> Generator<'a> {
    pub(super) fn new(what: &'a GeneratedOrders, event: &'a Event) -> Self {
        let mut random = Random(what.seed);
        let digits = currency::digits(&event.currency).unwrap_or(2);
        // Without a minor unit, the same number: a unit of such a currency is worth little.
        let in_hundredth = 10i64.pow(digits.saturating_sub(2));
        let mut products = PRODUCTS
            .map(|(product, price)| (product, price * in_hundredth))
            .to_vec();
        let kinds = 3 + random.below(3);
        while products.len() as u64 > kinds {
            let gone = random.below(products.len() as u64);
            products.remove(usize::try_from(gone).unwrap_or_default());
        }
        Self {
            what,
            event,
            random,
            products,
            left: what.count,
        }
    }

    /// The next order; its code is put among the `codes` taken in this organizer.
    pub(super) fn next(&mut self, codes: &mut HashSet<String>) -> Option<FixtureOrder> {
        self.left = self.left.checked_sub(1)?;
        let code = self.code(codes);
        let (name, email) = self.person();
        let status = match self.random.below(100) {
            0..82 => Status::Paid,
            82..90 => Status::Pending,
            90..96 => Status::Canceled,
            _ => Status::Expired,
        };
        let placed = self.random.between(self.what.from, self.what.to);
        let count = 1 + self.random.below(4);
        let positions: Vec<_> = (0..count)
            .map(|i| self.position(i, (&name, &email), status, placed))
            .collect();
        Some(FixtureOrder {
            organizer: self.what.organizer.clone(),
            event: self.what.event.clone(),
            code,
            total: positions.iter().map(|position| position.price).sum(),
            email,
            name,
            status,
            placed,
            positions,
        })
    }

    fn code(&mut self, codes: &mut HashSet<String>) -> String {
        loop {
            let code: String = (0..5)
                .map(|_| char::from(*self.random.one_of(CODE_CHARACTERS)))
                .collect();
            if codes.insert(code.clone()) {
                return code;
            }
        }
    }

    fn person(&mut self) -> (String, String) {
        let first = *self.random.one_of(&FIRST_NAMES);
        let last = *self.random.one_of(&LAST_NAMES);
        let name = if self.random.percent(3) {
            (*self.random.one_of(&ODD_NAMES)).to_owned()
        } else {
            format!("{first} {last}")
        };
        let number = self.random.below(10_000);
        let domain = *self.random.one_of(&DOMAINS);
        (name, format!("{}.{}{number}@{domain}", plain(first), plain(last)))
    }

    fn position(&mut self, index: u64, buyer: (&str, &str), status: Status, placed: Instant) -> FixturePosition {
        let (product, price) = *self.random.one_of(&self.products);
        let (attendee_name, attendee_email) = if index == 0 {
            (buyer.0.to_owned(), buyer.1.to_owned())
        } else {
            let (name, email) = self.person();
            (name, if self.random.percent(60) { email } else { String::new() })
        };
        let came = status == Status::Paid && self.random.percent(70);
        let doors = self.event.starts.max(placed);
        let checked_in = (came && doors < self.event.ends).then(|| self.random.between(doors, self.event.ends));
        FixturePosition {
            product: product.to_owned(),
            price,
            attendee_name,
            attendee_email,
            checked_in,
        }
    }
}

/// Letters of a name as an address has them: lower case, ASCII, the others left out.
fn plain(name: &str) -> String {
    name.chars()
        .filter_map(|c| match c.to_ascii_lowercase() {
            'ä' | 'á' => Some('a'),
            'é' => Some('e'),
            'í' => Some('i'),
            'ö' | 'ó' => Some('o'),
            'ü' | 'Ü' => Some('u'),
            'Ç' => Some('c'),
            'ß' => Some('s'),
            c if c.is_ascii_alphabetic() => Some(c),
            _ => None,
        })
        .collect()
}
