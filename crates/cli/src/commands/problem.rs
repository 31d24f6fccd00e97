//! The JSON form of damage.

use bitnpz::Problem;
use serde_json::{Value, json};

/// Returns the JSON form of a problem.
pub(super) fn to_json(problem: &Problem) -> Value {
    json!({
        "member": problem.member,
        "key": problem.key,
        "image": problem.image,
        "certain": problem.is_certain,
        "message": problem.message,
    })
}
