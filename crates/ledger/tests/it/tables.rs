//! Every command, by example.

use crate::table::check;

const START: &str = "
    account C none
    account P none
    account R none
    account W zero
    account LC none
    account L zero LC
    transfer T1 C W 100   | ok
    transfer T2 LC L 80   | ok
";

fn after_start(table: &str) {
    check(&format!("{START}{table}"));
}

#[test]
fn a_hold_takes_from_what_is_available_and_a_capture_gives_the_rest_back() {
    after_start(
        "
        hold H W 60            | 40
        balance W              | 100 60 40
        capture H P=20 R=5     | 25/25
        balance W              | 75 0 75
        balance P              | 20 0 20
        balance R              | 5 0 5
    ",
    );
}

#[test]
fn a_hold_rests_on_payer_and_limits_or_on_none() {
    after_start(
        "
        hold H1 W+L 60         | 40
        balance L              | 80 60 20
        hold H2 W+L 30         | L needs 30 has 20
        balance W              | 100 60 40
        capture H1 P=50        | 50/50
        balance L              | 30 0 30
        balance LC             | -30 0 -30
        hold H3 W+L 60         | W needs 60 has 50
        balance L              | 30 0 30
    ",
    );
}

#[test]
fn a_charge_above_its_hold_takes_what_is_available_and_the_rest_is_bad_debt() {
    after_start(
        "
        hold H1 W 60           | 40
        capture H1 P=90 R~20   | 110/100
        balance W              | 0 0 0
        balance P              | 90 0 90
        balance R              | 18 0 18
        balance BAD            | -8 0 -8
    ",
    );
    after_start(
        "
        hold H1 W 30           | 70
        hold H2 W 60           | 10
        capture H1 P=50 R~10   | 60/40
        balance W              | 60 60 0
        balance P              | 50 0 50
        balance R              | 6 0 6
        balance BAD            | -16 0 -16
        capture H2 P=60        | 60/60
    ",
    );
}

#[test]
fn who_must_not_go_below_zero_bears_no_bad_debt_that_it_does_not_have() {
    after_start(
        "
        hold H W+L 60          | 40
        capture H P=110 -W     | W needs 110 has 100
        capture H P=110 -L     | L needs 110 has 80
        balance W              | 100 60 40
        balance L              | 80 60 20
        account S zero
        capture H P=110 -S     | S needs 30 has 0
        transfer T3 C S 30     | ok
        capture H P=110 -S     | 110/80
        balance S              | 0 0 0
        balance W              | 20 0 20
    ",
    );
    after_start(
        "
        account S zero
        hold H W 100           | 0
        capture H P=95 S=10 -S | 105/100
        balance S              | 5 0 5
    ",
    );
}

#[test]
fn a_limit_bounds_a_charge_that_exceeds_it_and_the_rest_is_bad_debt() {
    after_start(
        "
        hold H W+L 80          | 20
        capture H P=95         | 95/80
        balance L              | 0 0 0
        balance W              | 20 0 20
        balance P              | 95 0 95
        balance BAD            | -15 0 -15
    ",
    );
}

#[test]
fn a_charge_of_nothing_releases_the_hold_and_keeps_its_entry() {
    after_start(
        "
        hold H W+L 60          | 40
        capture H              | 0/0
        balance W              | 100 0 100
        capture H              | 0/0 again
        void H                 | captured
    ",
    );
}

#[test]
fn the_first_outcome_counts_and_other_content_is_refused() {
    after_start(
        "
        transfer T1 C W 100    | ok again
        transfer T1 C W 101    | mismatch
        hold H W 60            | 40
        hold H W 60            | 40 open
        hold H W 61            | mismatch
        hold H W+L 60          | mismatch
        capture H P=10         | 10/10
        capture H P=20         | 10/10 again
        hold H W 60            | 90 again
        void H                 | captured
        hold V W 10            | 80
        void V                 | ok
        void V                 | ok again
        capture V P=1          | voided
        hold V W 10            | 90 again
        transfer V C W 1       | mismatch
        reopen                 | ok
        capture H P=20         | 10/10 again
        transfer T1 C W 100    | ok again
        transfer T1 C W 101    | mismatch
        void V                 | ok again
    ",
    );
}

#[test]
fn a_refusal_is_not_remembered() {
    after_start(
        "
        hold H W 101           | W needs 101 has 100
        transfer T3 C W 1      | ok
        hold H W 101           | 0
    ",
    );
}

#[test]
fn linked_transfers_are_made_all_or_none_and_in_order() {
    after_start(
        "
        account X zero
        linked A W X 100 + B X R 60          | ok
        balance X                            | 40 0 40
        linked A W X 100 + B X R 60          | ok again
        linked A W X 100 + D X R 60          | mismatch
        linked E C W 10 + F W X 11           | W needs 11 has 10
        balance W                            | 0 0 0
        linked G C W 10 + G C W 10           | mismatch
        linked I X R 41 + J C X 41           | X needs 41 has 40
        linked K C X 1 + M X R 41            | ok
    ",
    );
}

#[test]
fn what_expires_is_released_unless_something_has_gone_out_on_it() {
    after_start(
        "
        hold H1 W 10           | 90
        hold H2 W 10           | 80
        hold H3 W 10           | 70
        flight H2              | ok
        extend H3 5000         | ok
        expire 9               |
        at 2000
        expire 9               | void H1 flight H2
        balance W              | 100 20 80
        void H2                | ok
        at 6000
        expire 9               | void H3
        balance W              | 100 0 100
    ",
    );
}

#[test]
fn holds_in_flight_do_not_keep_others_from_their_end() {
    after_start(
        "
        hold A W 1             | 99
        hold B W 1             | 98
        hold C W 1             | 97
        hold D W 1             | 96
        flight A               | ok
        flight B               | ok
        at 2000
        expire 1               | void C flight A
        expire 1               | void D flight A
        extend A 5000          | ok
        expire 1               | flight B
        expire 0               |
    ",
    );
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    after_start(
        "
        hold H1 N 1            | no account N
        hold H1 W+N 1          | no account N
        hold H1 W+W 1          | limit: mentions of one account in a hold
        hold H1 W+L+L 1        | limit: mentions of one account in a hold
        hold H1 W -1           | amount
        transfer T3 C W -1     | amount
        transfer T3 C W 9223372036854775807 | amount
        transfer T3 W N 1      | no account N
        transfer 0 C W 1       | mismatch
        hold 0 W 1             | mismatch
        capture H1 P=1         | no hold H1
        void H1                | no hold H1
        flight H1              | no hold H1
        hold H2 W 10           | 90
        capture H2 N=1         | no account N
        capture H2 P=-1        | amount
        capture H2 P=9223372036854775807 R=1 | amount
        balance W              | 100 10 90
        account W none         | mismatch
        account W zero         | ok
        balance W              | 100 10 90
    ",
    );
}

#[test]
fn holds_and_balances_survive_a_restart() {
    after_start(
        "
        hold H W+L 60          | 40
        flight H               | ok
        reopen                 | ok
        balance W              | 100 60 40
        balance L              | 80 60 20
        hold H W+L 60          | 40 open
        capture H P=20         | 20/20
        reopen                 | ok
        hold H W+L 60          | 80 again
        balance W              | 80 0 80
        balance L              | 60 0 60
    ",
    );
}

#[test]
fn a_collection_takes_what_is_available_and_what_is_missing_from_another_account() {
    after_start(
        "
        account D none
        hold H W 60            | 40
        collect K1 W C 30 -D   | 30
        balance D              | 0 0 0
        collect K2 W C 25 -D   | 10
        balance W              | 60 60 0
        balance D              | -15 0 -15
        balance C              | -45 0 -45
        # What was missing then stays so, whatever the account has now.
        void H                 | ok
        collect K2 W C 25 -D   | 10 again
        reopen                 | ok
        collect K2 W C 25 -D   | 10 again
        collect K2 W C 26 -D   | mismatch
        transfer K2 W C 25     | mismatch
        balance W              | 60 0 60
    ",
    );
}

#[test]
fn a_collection_without_another_account_takes_what_is_there() {
    after_start(
        "
        account E zero
        collect K1 W E 130     | 100
        collect K2 W E 5       | 0
        collect K3 E C 40 -P   | 40
        collect K4 C E 7       | 7
        balance E              | 67 0 67
        balance C              | -67 0 -67
    ",
    );
}

#[test]
fn a_collection_is_refused_where_the_other_account_has_a_floor_or_is_one_of_the_two() {
    after_start(
        "
        account E zero
        collect K1 W C 130 -E  | E needs 30 has 0
        collect K2 W C 130 -W  | limit: mentions of one account in a collection
        collect K3 W C -1 -P   | amount
        collect K4 W X 1 -P    | no account X
        balance W              | 100 0 100
    ",
    );
}

#[test]
fn a_collection_of_which_one_leg_does_not_fit_books_none() {
    after_start(
        "
        account E zero
        account F none
        collect K1 F E 9223372036854775807 | 9223372036854775807
        collect K2 C E 1                   | amount
        balance E                          | 9223372036854775807 0 9223372036854775807
        balance C                          | -100 0 -100
    ",
    );
}

#[test]
fn a_debt_is_paid_as_far_as_there_is_something_and_never_beyond() {
    after_start(
        "
        account D none
        transfer T3 D C 130    | ok
        collect K1 W D owed    | 100
        balance D              | -30 0 -30
        collect K2 W D owed    | 0
        transfer T4 C W 50     | ok
        collect K2 W D owed    | 0 again
        collect K3 W D owed    | 30
        balance W              | 20 0 20
        balance D              | 0 0 0
        collect K4 W D owed    | 0
        collect K4 W D 0       | mismatch
    ",
    );
}
