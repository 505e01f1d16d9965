//! Classes of bills by name.

use opencredits_units::{Bucket, CostClass, ToolUse};

#[test]
fn each_class_is_read_back_from_its_name_and_no_two_share_one() {
    let tokens = Bucket::ALL.map(CostClass::Tokens);
    let uses = ToolUse::ALL.map(CostClass::Uses);
    let others = [CostClass::Fees, CostClass::Discount, CostClass::Other, CostClass::All];
    let all = [&tokens[..], &uses, &others].concat();
    for class in &all {
        assert_eq!(class.to_string().parse(), Ok(*class));
    }
    let names: std::collections::BTreeSet<_> = all.iter().map(|class| class.name()).collect();
    assert_eq!(names.len(), all.len());
}

#[test]
fn a_name_that_is_no_class_is_named_in_its_error() {
    let error = "Input".parse::<CostClass>().unwrap_err().to_string();
    assert!(error.contains("\"Input\""), "{error}");
}
