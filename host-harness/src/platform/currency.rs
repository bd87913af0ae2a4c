//! Currencies, as far as amounts need them: how many digits are behind the point.

use iso_currency::Currency;

/// Digits of the minor unit of a currency by its code (ISO 4217): 2 for `EUR`, 0 for `JPY`, 3 for `KWD`. `None` for a code that
/// is none, or that is no money (gold, test codes).
pub(super) fn digits(code: &str) -> Option<u32> {
    Currency::from_code(code)?.exponent().map(u32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_have_as_many_digits_as_iso_4217_says() {
        for (codes, expected) in [
            ("EUR USD CHF GBP PLN HUF TWD INR XCG SLE", 2),
            ("JPY KRW ISK CLP VND PYG UGX RWF XAF XOF XPF BIF DJF GNF KMF VUV", 0),
            ("KWD BHD IQD JOD LYD OMR TND", 3),
            ("CLF UYW", 4),
        ] {
            for code in codes.split(' ') {
                assert_eq!(digits(code), Some(expected), "{code}");
            }
        }
        for code in ["XAU", "XXX", "XTS", "ZZZ", "eur", "EURO", ""] {
            assert_eq!(digits(code), None, "{code}");
        }
    }
}
