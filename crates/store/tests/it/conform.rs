//! What a store promises: each suite on each engine.

use crate::engines::check;
use opencredits_store::conformance;

#[tokio::test]
async fn both_engines_conform_on_users() {
    check!(conformance::users);
}

#[tokio::test]
async fn both_engines_conform_on_partners() {
    check!(conformance::partners);
}

#[tokio::test]
async fn both_engines_conform_on_changes_of_partners() {
    check!(conformance::partner_changes);
}

#[tokio::test]
async fn both_engines_conform_on_keys() {
    check!(conformance::keys);
}

#[tokio::test]
async fn both_engines_conform_on_rotated_keys() {
    check!(conformance::key_rotations);
}

#[tokio::test]
async fn both_engines_conform_on_renamed_people() {
    check!(conformance::renames);
}

#[tokio::test]
async fn both_engines_conform_on_spending_limits() {
    check!(conformance::spending_limits);
}

#[tokio::test]
async fn both_engines_conform_on_management_keys() {
    check!(conformance::management_keys);
}

#[tokio::test]
async fn both_engines_conform_on_publishable_keys() {
    check!(conformance::publishable_keys);
}

#[tokio::test]
async fn both_engines_conform_on_secret_keys_of_partners() {
    check!(conformance::partner_keys);
}

#[tokio::test]
async fn both_engines_conform_on_applications() {
    check!(conformance::applications);
}

#[tokio::test]
async fn both_engines_conform_on_commission_returns() {
    check!(conformance::commission_returns);
}

#[tokio::test]
async fn both_engines_conform_on_the_audit_log() {
    check!(conformance::audit_log);
}

#[tokio::test]
async fn both_engines_conform_on_look_ups_of_operators() {
    check!(conformance::operator_reads);
}

#[tokio::test]
async fn both_engines_conform_on_claims() {
    check!(conformance::claims);
}

#[tokio::test]
async fn both_engines_conform_on_settings() {
    check!(conformance::settings);
}

#[tokio::test]
async fn both_engines_conform_on_the_read_model_of_usage() {
    check!(conformance::usage_model);
}

#[tokio::test]
async fn both_engines_conform_on_provider_bills() {
    check!(conformance::provider_bills);
}

#[tokio::test]
async fn both_engines_conform_on_orders() {
    check!(conformance::orders);
}

#[tokio::test]
async fn both_engines_conform_on_payers() {
    check!(conformance::payers);
}

#[tokio::test]
async fn both_engines_conform_on_cursors() {
    check!(conformance::cursors);
}

#[tokio::test]
async fn both_engines_conform_on_price_books() {
    check!(conformance::price_books);
}

#[tokio::test]
async fn both_engines_conform_on_code_challenges() {
    check!(conformance::code_challenges);
}

#[tokio::test]
async fn both_engines_conform_on_mailed_links() {
    check!(conformance::mailed_links);
}

#[tokio::test]
async fn both_engines_conform_on_attempt_buckets() {
    check!(conformance::attempt_buckets);
}

#[tokio::test]
async fn both_engines_conform_on_sessions() {
    check!(conformance::sessions);
}

#[tokio::test]
async fn both_engines_conform_on_passkeys() {
    check!(conformance::passkeys);
}

#[tokio::test]
async fn both_engines_conform_on_standings() {
    check!(conformance::standings);
}

#[tokio::test]
async fn both_engines_conform_on_the_end_of_what_is_over() {
    check!(conformance::identity_retention);
}

#[tokio::test]
async fn both_engines_conform_on_token_grants() {
    check!(conformance::token_grants);
}

#[tokio::test]
async fn both_engines_conform_on_device_requests() {
    check!(conformance::device_requests);
}

#[tokio::test]
async fn both_engines_conform_on_connected_keys() {
    check!(conformance::connected_keys);
}

#[tokio::test]
async fn both_engines_conform_on_what_a_person_agreed_to() {
    check!(conformance::agreed_grants);
}

#[tokio::test]
async fn both_engines_conform_on_the_outbox() {
    check!(conformance::outbox);
}

#[tokio::test]
async fn both_engines_conform_on_user_emails() {
    check!(conformance::user_emails);
}

#[tokio::test]
async fn both_engines_conform_on_notices() {
    check!(conformance::notices);
}

#[tokio::test]
async fn both_engines_conform_on_notices_that_are_switched_off() {
    check!(conformance::mail_choices);
}

#[tokio::test]
async fn both_engines_conform_on_the_state_of_alarms() {
    check!(conformance::alarm_states);
}

#[tokio::test]
async fn both_engines_conform_on_what_is_deleted_after_some_time() {
    check!(conformance::retention);
}

#[tokio::test]
async fn both_engines_conform_on_privacy_states() {
    check!(conformance::privacy_states);
}

#[tokio::test]
async fn both_engines_conform_on_erasure() {
    check!(conformance::erasure);
}

#[tokio::test]
async fn both_engines_conform_on_policies() {
    check!(conformance::policies);
}
