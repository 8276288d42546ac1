//! From operations to steps: one attribute each, everything checked that needs no resource.

use serde_json::{Map, Value};

use super::operations::{Operation, Verb};
use super::{Patch, members};
use crate::scim::coerce::{self, Intake, is_kept};
use crate::scim::error::{Result, ScimError, ScimType};
use crate::scim::filter::ElementFilter;
use crate::scim::path::Path;
use crate::scim::schema::{Attribute, Mutability, Named, ResourceType, Schema, Type};

/// One change of one attribute.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The number of the operation it comes from, from 1.
    pub(super) operation: usize,
    pub(super) slot: Slot,
    pub(super) change: Change,
}

/// Where a step writes, in canonical spelling.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) extension: Option<String>,
    pub(super) attribute: String,
    pub(super) elements: Option<ElementFilter>,
    pub(super) sub: Option<String>,
    pub(super) shape: Shape,
}

/// What stands in the attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Plain,
    /// An object; `reference` where it points at another resource by `value` and `$ref`.
    Complex {
        reference: bool,
    },
    /// A list; `exact` where the elements' `value` is compared with its case.
    List {
        exact: bool,
    },
}

/// What a step does. Values are of the attribute's type and never null, but for sub-attributes to be unassigned.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Add(Value),
    Replace(Value),
    Remove,
    /// Only the elements named, of a list.
    RemoveThese(Vec<Value>),
}

/// Whether the caller named the attribute by a path, or it came along in an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Path,
    Object,
}

/// What an operation means for one attribute.
enum Intent {
    Nothing,
    /// The attribute, or what the path selects of it, is to have no value.
    Unassign,
    Change(Change),
}

/// Adds the steps of one operation to `patch`.
pub(super) fn plan(
    operation: &Operation<'_>,
    number: usize,
    resource_type: &ResourceType,
    patch: &mut Patch,
) -> Result<()> {
    let mut planner = Planner { verb: operation.verb, number, resource_type, patch };
    if let Some(path) = operation.path {
        return planner.path(&Path::parse(path, resource_type)?, operation.value, Origin::Path);
    }
    match operation.value {
        Some(Value::Object(object)) if !object.is_empty() || operation.verb != Verb::Remove => {
            planner.object(object)
        }
        _ if operation.verb == Verb::Remove => Err(no_path()),
        Some(_) => Err(invalid("there is no path and `value` is not an object")),
        None => Err(invalid("`path` and `value` are missing")),
    }
}

struct Planner<'a> {
    verb: Verb,
    number: usize,
    resource_type: &'a ResourceType,
    patch: &'a mut Patch,
}

impl Planner<'_> {
    /// A path-less operation: every key is a path of its own. Unknown keys are ignored.
    fn object(&mut self, object: &Map<String, Value>) -> Result<()> {
        let resource_type = self.resource_type;
        for (key, value) in object {
            let path = match resource_type.locate(key.trim()) {
                Some(Named::Core) => {
                    let Value::Object(attributes) = value else {
                        return Err(invalid("the value under the URN of the core schema is not an object"));
                    };
                    self.object(attributes)?;
                    continue;
                }
                Some(Named::Extension(schema)) => {
                    Path { extension: Some(schema), attribute: None, elements: None, sub: None }
                }
                Some(Named::Attribute { found, sub }) => {
                    Path { extension: found.extension, attribute: Some(found.attribute), elements: None, sub }
                }
                None if key.contains('[') => Path::parse(key, resource_type)?,
                None => continue,
            };
            if self.verb == Verb::Remove && !members::are_meant(&path, resource_type) {
                return Err(no_path());
            }
            self.path(&path, Some(value), Origin::Object)?;
        }
        Ok(())
    }

    fn path(&mut self, path: &Path<'_>, value: Option<&Value>, origin: Origin) -> Result<()> {
        let Some(attribute) = path.attribute else {
            return match path.extension {
                Some(schema) => self.extension(schema, value, origin),
                None => Ok(()),
            };
        };
        if members::are_meant(path, self.resource_type) {
            let step = members::plan(self.verb, path, value, origin == Origin::Path)?;
            self.patch.members.steps.extend(step);
            return Ok(());
        }
        let leaf = path.sub.unwrap_or(attribute);
        if attribute.mutability == Mutability::ReadOnly || leaf.mutability == Mutability::ReadOnly {
            return match origin {
                Origin::Path => Err(mutability(format!("`{}` belongs to the server, remove it", leaf.name))),
                Origin::Object => Ok(()),
            };
        }
        let whole = path.sub.is_none() && path.elements.is_none();
        let change = match self.intent(path, attribute, value)? {
            Intent::Nothing => return Ok(()),
            Intent::Unassign => return self.unassign(path, attribute, whole),
            Intent::Change(change) => change,
        };
        // `schemas` follows from the attributes; what is never returned is not kept.
        let derived = path.extension.is_none() && attribute.name == "schemas";
        if !derived && is_kept(attribute) && is_kept(leaf) {
            self.push(path, attribute, change);
        }
        Ok(())
    }

    fn intent(&self, path: &Path<'_>, attribute: &Attribute, value: Option<&Value>) -> Result<Intent> {
        let whole = path.sub.is_none() && path.elements.is_none();
        let coerced = match (self.verb, value) {
            (Verb::Remove, Some(value)) if whole && attribute.multi_valued && !value.is_null() => {
                // Entra and JumpCloud name what to remove beside the path; the RFC would remove everything.
                let these = coerce::value(attribute, &attribute.name, value, Intake::Patch)?;
                return Ok(Intent::Change(Change::RemoveThese(match these {
                    Some(Value::Array(these)) => these,
                    _ => Vec::new(),
                })));
            }
            (Verb::Remove, _) => return Ok(Intent::Unassign),
            (Verb::Add | Verb::Replace, None) => return Err(invalid("`value` is missing")),
            (Verb::Add | Verb::Replace, Some(value)) => match path.sub {
                Some(sub) => {
                    let full = format!("{}.{}", attribute.name, sub.name);
                    coerce::value(sub, &full, value, Intake::Patch)?
                }
                None if path.elements.is_some() => coerce::element(attribute, value)?,
                None => coerce::value(attribute, &attribute.name, value, Intake::Patch)?,
            },
        };
        let Some(coerced) = coerced else {
            // Adding nothing to a list leaves it as it is.
            let list = attribute.multi_valued && path.sub.is_none();
            return Ok(if list && self.verb == Verb::Add { Intent::Nothing } else { Intent::Unassign });
        };
        if whole && attribute.required && coerced.as_str().is_some_and(|text| text.trim().is_empty()) {
            return Ok(Intent::Unassign);
        }
        Ok(Intent::Change(match self.verb {
            Verb::Add => Change::Add(coerced),
            Verb::Replace | Verb::Remove => Change::Replace(coerced),
        }))
    }

    fn unassign(&mut self, path: &Path<'_>, attribute: &Attribute, whole: bool) -> Result<()> {
        if whole && path.extension.is_none() && attribute.name == "active" {
            return Err(invalid("`active` has no value, send true or false"));
        }
        if whole && attribute.required {
            return Err(match self.verb {
                Verb::Remove => mutability(format!("`{}` is required and cannot be removed", attribute.name)),
                Verb::Add | Verb::Replace => {
                    invalid(format!("`{}` is required and has no value", attribute.name))
                }
            });
        }
        self.push(path, attribute, Change::Remove);
        Ok(())
    }

    /// All of an extension: one step for each attribute concerned.
    fn extension(&mut self, schema: &Schema, value: Option<&Value>, origin: Origin) -> Result<()> {
        let writable = || schema.attributes.iter().filter(|a| a.mutability != Mutability::ReadOnly);
        if origin == Origin::Path && writable().next().is_none() {
            return Err(mutability(format!("`{}` belongs to the server, remove it", schema.id)));
        }
        let empty = match value {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(_) => false,
        };
        if self.verb == Verb::Remove || (empty && self.verb == Verb::Replace) {
            if self.resource_type.requires(&schema.id) {
                return Err(mutability(format!("`{}` is required and cannot be removed", schema.id)));
            }
            for attribute in writable() {
                let path =
                    Path { extension: Some(schema), attribute: Some(attribute), elements: None, sub: None };
                self.push(&path, attribute, Change::Remove);
            }
            return Ok(());
        }
        let attributes = match value {
            Some(Value::Object(attributes)) => attributes,
            _ if empty => return Ok(()),
            _ => return Err(invalid(format!("the value of `{}` is not an object", schema.id))),
        };
        let resource_type = self.resource_type;
        for (key, value) in attributes {
            let name = format!("{}:{key}", schema.id);
            if let Some(Named::Attribute { found, sub }) = resource_type.locate(&name) {
                let path =
                    Path { extension: Some(schema), attribute: Some(found.attribute), elements: None, sub };
                self.path(&path, Some(value), Origin::Object)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, path: &Path<'_>, attribute: &Attribute, change: Change) {
        let value = attribute.sub("value");
        let shape = if attribute.multi_valued {
            Shape::List { exact: value.unwrap_or(attribute).case_exact }
        } else if attribute.kind == Type::Complex {
            Shape::Complex { reference: value.is_some() && attribute.sub("$ref").is_some() }
        } else {
            Shape::Plain
        };
        self.patch.steps.push(Step {
            operation: self.number,
            slot: Slot {
                extension: path.extension.map(|schema| schema.id.clone()),
                attribute: attribute.name.clone(),
                elements: path.elements.clone(),
                sub: path.sub.map(|sub| sub.name.clone()),
                shape,
            },
            change,
        });
    }
}

fn invalid(detail: impl Into<String>) -> ScimError {
    ScimError::bad(ScimType::InvalidValue, detail)
}

fn mutability(detail: String) -> ScimError {
    ScimError::bad(ScimType::Mutability, detail)
}

fn no_path() -> ScimError {
    ScimError::bad(ScimType::NoTarget, "a `remove` without `path` names nothing to remove")
}
