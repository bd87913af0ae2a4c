//! The components in `tests/guests/`: each has its tests, or this does not compile.

mod later_host;
mod made_up_0_1_1;
mod next_line;
mod since_0_1_0;

use crate::hostile::misbehaving;

macro_rules! has_a_test {
    ($guest:ident) => {
        #[expect(unused_imports, reason = "asks only that the tests are there")]
        use self::$guest as _;
    };
}
tests::foreach_guest!(has_a_test);
