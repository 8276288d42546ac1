//! PATCH (RFC 7644 §3.5.2): reads the operations of every dialect into steps, and applies them to a resource.

use serde_json::Value;

use super::error::{Result, ScimError};
use super::schema::{ResourceKind, ResourceType};

mod apply;
mod elements;
mod members;
mod operations;
mod step;
#[cfg(test)]
mod tests;

pub use super::member::Member;
pub use members::{MemberChanges, MemberStep};

use step::Step;

/// The most operations one PATCH may hold.
pub const OPERATIONS: usize = 100;

/// A PATCH that fits a resource type: every name resolved, every value of its attribute's type.
#[derive(Debug, Clone)]
pub struct Patch {
    kind: ResourceKind,
    steps: Vec<Step>,
    members: MemberChanges,
}

/// Where identity providers need different answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// A `replace` whose value filter matches nothing creates the element, as Entra and Okta need. Otherwise it is
    /// 400 `noTarget` (RFC 7644 §3.5.2.3).
    pub replace_creates_missing: bool,
}

impl Patch {
    /// Reads a PATCH body.
    ///
    /// Keys and `op` are case-insensitive; `schemas` and keys no one knows are ignored; `path` may be absent, null or
    /// empty, then `value` is an object whose keys are attributes, plain, dotted, under their schema URN, or the URN
    /// of an extension with an object. Values are brought to their attribute's type: `"True"` to a boolean, a bare id
    /// to `{"value": id}`, JSON inside a string to what it says. Null, `""` and `[]` mean: no value.
    ///
    /// Attributes the server owns are ignored inside a path-less object, because Okta echoes `id` in it. `password`
    /// is accepted and kept nowhere.
    ///
    /// # Errors
    /// 400, with the number of the operation: `invalidSyntax` for a body of another shape or an unknown `op`,
    /// `invalidPath`, `invalidFilter`, `mutability` for a path to what the server owns, `invalidValue` for a value
    /// that is not understood or a required attribute without one, `noTarget` for a `remove` that says not what.
    pub fn parse(body: &Value, resource_type: &ResourceType) -> Result<Self> {
        let mut patch =
            Self { kind: resource_type.kind, steps: Vec::new(), members: MemberChanges::default() };
        for (index, operation) in operations::read(body)?.into_iter().enumerate() {
            let number = index + 1;
            operation
                .and_then(|operation| step::plan(&operation, number, resource_type, &mut patch))
                .map_err(|error| in_operation(number, &error))?;
        }
        Ok(patch)
    }

    /// Applies everything but the members to a resource, or nothing where an operation fails.
    ///
    /// Returns whether the resource is another one afterwards. Applying a patch that is already fulfilled changes
    /// nothing. `schemas` gains the URN of an extension that gets its first attribute and loses that of an emptied one.
    ///
    /// # Errors
    /// 400 `noTarget` where a filter matches nothing and nothing can or may be created.
    pub fn apply(&self, resource: &mut Value, options: &Options) -> Result<bool> {
        let mut draft = resource.clone();
        let Value::Object(object) = &mut draft else {
            return Err(ScimError::new(500, "the resource is not an object"));
        };
        for step in &self.steps {
            step.apply(object, *options).map_err(|error| in_operation(step.operation, &error))?;
        }
        apply::settle_schemas(object, self.kind, &self.steps);
        let changed = draft != *resource;
        if changed {
            *resource = draft;
        }
        Ok(changed)
    }

    /// The attributes the patch changes, but for the members: the URN of the extension, `None` for the core, and the
    /// name.
    pub fn attributes(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.steps.iter().map(|step| (step.slot.extension.as_deref(), step.slot.attribute.as_str()))
    }

    /// What the patch does to a group's members, in order. Empty for users and where no operation names members.
    #[must_use]
    pub fn members(&self) -> &MemberChanges {
        &self.members
    }
}

fn in_operation(number: usize, error: &ScimError) -> ScimError {
    ScimError { detail: format!("operation {number}: {}", error.detail), ..*error }
}
