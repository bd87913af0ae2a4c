//! Currencies, as far as amounts need them: how many digits are behind the point.

use iso_currency::Currency;

/// Codes that ISO 4217 has withdrawn (its list 3) since the middle of the 1990s, with the digits that they had: those of old events.
/// Others that are withdrawn, such as `HRK`, are among the [`Currency`]s.
const WITHDRAWN: [(u32, &str); 2] = [
    (0, "ADP BEF BYB BYR ESP GRD ITL LUF MGF PTE TPE TRL"),
    (
        2,
        "AFA ANG ATS AYM AZM BGL CSD CYP DEM EEK FIM FRF GHC GWP IEP LTL LVL MRO MTL MZM NLG ROL RUR SDD SIT SKK SRG STD TMM VEB VEF \
         YUM ZMK ZWD ZWN ZWR",
    ),
];

/// Digits of the minor unit of a currency by its code (ISO 4217), also by one that is withdrawn: 2 for `EUR` and `DEM`, 0 for `JPY`,
/// 3 for `KWD`. `None` for a code that is none, or that is no money (gold, test codes).
pub(super) fn digits(code: &str) -> Option<u32> {
    match Currency::from_code(code) {
        Some(currency) => currency.exponent().map(u32::from),
        None => WITHDRAWN
            .iter()
            .find(|(_, codes)| codes.split(' ').any(|known| known == code))
            .map(|(digits, _)| *digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withdrawn_code_has_the_digits_that_it_had() {
        for (codes, expected) in [("ANG HRK DEM FRF SLL CUC BGN ZWL VEF", 2), ("ITL ESP TRL BYR PTE", 0)] {
            for code in codes.split(' ') {
                assert_eq!(digits(code), Some(expected), "{code}");
            }
        }
        for (_, codes) in WITHDRAWN {
            for code in codes.split(' ') {
                assert!(code.len() == 3 && Currency::from_code(code).is_none(), "{code}");
            }
        }
    }

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
        for code in ["DEM ANG", " ", "dem", "XAU", "XXX", "XTS", "ZZZ", "eur", "EURO", ""] {
            assert_eq!(digits(code), None, "{code}");
        }
    }
}
