//! Looks at every part of a schema document and goes on after a flaw.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::lines::Lines;
use super::{Flaw, clash};
use crate::scim::coerce::is_kept;
use crate::scim::schema::{Attribute, Mutability, Returned, Schema, Type, Uniqueness};

const SCHEMA_KEYS: [&str; 6] = ["schemas", "id", "name", "description", "attributes", "meta"];
const ATTRIBUTE_KEYS: [&str; 12] = [
    "name",
    "type",
    "multiValued",
    "description",
    "required",
    "caseExact",
    "mutability",
    "returned",
    "uniqueness",
    "canonicalValues",
    "referenceTypes",
    "subAttributes",
];

const TYPES: [(&str, Type); 8] = [
    ("string", Type::String),
    ("boolean", Type::Boolean),
    ("decimal", Type::Decimal),
    ("integer", Type::Integer),
    ("dateTime", Type::DateTime),
    ("binary", Type::Binary),
    ("reference", Type::Reference),
    ("complex", Type::Complex),
];
const MUTABILITIES: [(&str, Mutability); 4] = [
    ("readWrite", Mutability::ReadWrite),
    ("readOnly", Mutability::ReadOnly),
    ("immutable", Mutability::Immutable),
    ("writeOnly", Mutability::WriteOnly),
];
const RETURNED: [(&str, Returned); 4] = [
    ("default", Returned::Default),
    ("always", Returned::Always),
    ("request", Returned::Request),
    ("never", Returned::Never),
];
const UNIQUENESSES: [(&str, Uniqueness); 3] =
    [("none", Uniqueness::None), ("server", Uniqueness::Server), ("global", Uniqueness::Global)];

/// What every resource has (RFC 7643 §3); a second one of the name would be read as it.
const COMMON: [&str; 4] = ["schemas", "id", "externalId", "meta"];

/// The sub-attributes RFC 7643 §2.4 gives a meaning, and the type that goes with it.
const WELL_KNOWN: [(&str, Type, &str); 4] = [
    ("type", Type::String, "string"),
    ("primary", Type::Boolean, "boolean"),
    ("display", Type::String, "string"),
    ("$ref", Type::Reference, "reference"),
];

const MOST_ATTRIBUTES: usize = 200;
const MOST_SUB_ATTRIBUTES: usize = 50;
const LONGEST_URN: usize = 200;
const LONGEST_NAME: usize = 100;

/// Collects the flaws of one document.
pub(super) struct Examiner {
    lines: Lines,
    flaws: Vec<Flaw>,
}

impl Examiner {
    /// `text` is the document's own, for its lines.
    pub(super) fn new(text: &str) -> Self {
        Self { lines: Lines::of(text), flaws: Vec::new() }
    }

    /// The schema, or every flaw.
    pub(super) fn document(mut self, document: &Value) -> Result<Schema, Vec<Flaw>> {
        let Value::Object(object) = document else {
            self.note(
                "",
                "the document is no object",
                "write one schema: { \"id\": \"urn:…\", \"name\": …, \"attributes\": […] }",
            );
            return Err(self.flaws);
        };
        self.known_keys(object, "", &SCHEMA_KEYS);
        let id = self.text(object, "", "id", true).unwrap_or_default();
        self.urn(&id);
        let name = self.text(object, "", "name", true).unwrap_or_default();
        let description = self.text(object, "", "description", false).unwrap_or_default();
        let attributes = self.attributes(object, "", "attributes", MOST_ATTRIBUTES, None);
        if self.flaws.is_empty() {
            Ok(Schema { id, name, description, attributes })
        } else {
            self.flaws.sort_by_key(|flaw| flaw.line);
            Err(self.flaws)
        }
    }

    fn note(&mut self, place: &str, text: impl AsRef<str>, remedy: impl Into<String>) {
        let named =
            if place.is_empty() { text.as_ref().to_owned() } else { format!("{place}: {}", text.as_ref()) };
        let line = self.lines.of_place(place);
        self.flaws.push(Flaw { line, text: named, remedy: remedy.into() });
    }

    fn urn(&mut self, urn: &str) {
        if urn.is_empty() {
            return;
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let mut segments = urn.split(':');
        let is_urn = segments.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("urn"))
            && segments.clone().count() >= 2
            && segments.all(|segment| !segment.is_empty() && segment.chars().all(plain));
        if !is_urn || urn.len() > LONGEST_URN {
            self.note(
                "id",
                format!("found `{}`, expected a URN of at most {LONGEST_URN} letters, digits, `.`, `_`, `-` and `:`", shown(urn)),
                "write a name of your own: \"urn:acme:params:scim:schemas:extension:2.0:User\"",
            );
        } else if let Some(reason) = clash(urn, []) {
            self.note(
                "id",
                reason,
                "choose a URN of your own, such as \"urn:acme:params:scim:schemas:extension:2.0:User\"",
            );
        }
    }

    fn attributes(
        &mut self,
        object: &Map<String, Value>,
        place: &str,
        key: &str,
        most: usize,
        parent: Option<Parent>,
    ) -> Vec<Attribute> {
        let place = join(place, key);
        let items = match object.get(key) {
            Some(Value::Array(items)) if !items.is_empty() => items,
            None => {
                self.note(&place, "is missing", format!("write \"{key}\": [{{ \"name\": …, \"type\": … }}]"));
                return Vec::new();
            }
            Some(_) => {
                self.note(
                    &place,
                    "is no list with at least one definition",
                    format!("write \"{key}\": [{{ \"name\": …, \"type\": … }}]"),
                );
                return Vec::new();
            }
        };
        if items.len() > most {
            self.note(
                &place,
                format!("has {} definitions, expected {most} at the most", items.len()),
                "split the schema into several",
            );
            return Vec::new();
        }
        let mut names = BTreeSet::new();
        let mut attributes = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let place = format!("{place}[{index}]");
            let attribute = self.attribute(item, &place, parent);
            if let Some(name) = attribute.as_ref().map(|attribute| attribute.name.to_ascii_lowercase())
                && !name.is_empty()
                && !names.insert(name)
            {
                self.note(
                    &join(&place, "name"),
                    "the name stands here twice; case does not count",
                    "leave one of them",
                );
            }
            attributes.extend(attribute);
        }
        attributes
    }

    fn attribute(&mut self, item: &Value, place: &str, parent: Option<Parent>) -> Option<Attribute> {
        let Value::Object(object) = item else {
            self.note(place, "is no object", "write { \"name\": …, \"type\": … }");
            return None;
        };
        self.known_keys(object, place, &ATTRIBUTE_KEYS);
        let name = self.text(object, place, "name", true).unwrap_or_default();
        self.name(&name, place, parent);
        let kind = self.word(object, place, "type", &TYPES);
        if !object.contains_key("type") {
            self.note(
                &join(place, "type"),
                "is missing",
                "write \"type\": \"string\", or another type of RFC 7643 section 2.3",
            );
        }
        let attribute = Attribute {
            kind: kind.unwrap_or(Type::String),
            multi_valued: self.flag(object, place, "multiValued"),
            description: self.text(object, place, "description", false).unwrap_or_default(),
            required: self.flag(object, place, "required"),
            case_exact: self.flag(object, place, "caseExact"),
            mutability: self.word(object, place, "mutability", &MUTABILITIES).unwrap_or_default(),
            returned: self.word(object, place, "returned", &RETURNED).unwrap_or_default(),
            uniqueness: self.word(object, place, "uniqueness", &UNIQUENESSES).unwrap_or_default(),
            canonical_values: self.texts(object, place, "canonicalValues"),
            reference_types: self.texts(object, place, "referenceTypes"),
            sub_attributes: Vec::new(),
            name,
        };
        let kind = kind?;
        self.fits(&attribute, object, place);
        if let Some(parent) = parent {
            self.fits_in(&attribute, place, parent);
        }
        let sub_attributes = if kind == Type::Complex && parent.is_none() {
            let parent = Parent { is_list: attribute.multi_valued };
            self.attributes(object, place, "subAttributes", MOST_SUB_ATTRIBUTES, Some(parent))
        } else {
            Vec::new()
        };
        if attribute.required && !sub_attributes.is_empty() && !sub_attributes.iter().any(is_kept) {
            self.note(
                &join(place, "required"),
                "none of its sub-attributes is ever kept",
                "write \"required\": false",
            );
        }
        Some(Attribute { sub_attributes, ..attribute })
    }

    fn name(&mut self, name: &str, place: &str, parent: Option<Parent>) {
        let place = join(place, "name");
        if name.is_empty() || (parent.is_some() && name == "$ref") {
            return;
        }
        let is_name = name.len() <= LONGEST_NAME
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if !is_name {
            self.note(
                &place,
                format!("found `{}`, expected a letter, then letters, digits, `-` and `_`", shown(name)),
                "write a name like \"badgeNumber\"",
            );
        } else if COMMON.iter().any(|common| common.eq_ignore_ascii_case(name)) {
            self.note(&place, format!("every resource has a core attribute `{name}`"), "choose another name");
        }
    }

    /// What goes together in one definition.
    fn fits(&mut self, attribute: &Attribute, object: &Map<String, Value>, place: &str) {
        let textual = matches!(attribute.kind, Type::String | Type::Reference);
        if !attribute.canonical_values.is_empty() && !textual {
            self.note(&join(place, "canonicalValues"), "belongs to texts only", "leave it out");
        }
        if !attribute.reference_types.is_empty() && attribute.kind != Type::Reference {
            self.note(
                &join(place, "referenceTypes"),
                "belongs to references only",
                "leave it out, or write \"type\": \"reference\"",
            );
        }
        if object.contains_key("subAttributes") && attribute.kind != Type::Complex {
            self.note(
                &join(place, "subAttributes"),
                "belongs to complex attributes only",
                "leave it out, or write \"type\": \"complex\"",
            );
        }
        if attribute.uniqueness != Uniqueness::None {
            self.note(
                &join(place, "uniqueness"),
                "the gateway has no index of custom attributes to hold it to",
                "write \"uniqueness\": \"none\", and let the source of the value see to it",
            );
        }
        let never = attribute.returned == Returned::Never;
        if attribute.mutability == Mutability::WriteOnly && !never {
            self.note(
                &join(place, "returned"),
                "a writeOnly attribute is never returned (RFC 7643 section 7)",
                "write \"returned\": \"never\"",
            );
        } else if attribute.required && never {
            self.note(
                &join(place, "required"),
                "a value that is never returned is not kept, so nobody can tell whether it is there",
                "write \"required\": false",
            );
        }
        if attribute.required && attribute.mutability == Mutability::ReadOnly {
            self.note(
                &join(place, "required"),
                "nobody can send a readOnly attribute",
                "write \"required\": false",
            );
        }
    }

    /// What goes into a complex attribute.
    fn fits_in(&mut self, attribute: &Attribute, place: &str, parent: Parent) {
        if attribute.kind == Type::Complex {
            self.note(
                &join(place, "type"),
                "a complex attribute stands in a complex one (RFC 7643 section 2.3.8)",
                "make it an attribute of the schema, or take its parts up",
            );
        }
        if attribute.multi_valued {
            self.note(
                &join(place, "multiValued"),
                "a sub-attribute has one value here",
                "make it an attribute of the schema, or the attribute around it a list",
            );
        }
        if attribute.mutability == Mutability::Immutable && parent.is_list {
            self.note(
                &join(place, "mutability"),
                "nothing tells which value of a list a value was before",
                "make the attribute around it immutable",
            );
        }
        for (name, kind, word) in WELL_KNOWN {
            if attribute.name.eq_ignore_ascii_case(name) && attribute.kind != kind {
                self.note(
                    &join(place, "type"),
                    format!("`{name}` has a meaning of its own (RFC 7643 section 2.4)"),
                    format!("write \"type\": \"{word}\", or choose another name"),
                );
            }
        }
    }

    fn known_keys(&mut self, object: &Map<String, Value>, place: &str, known: &[&str]) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            let near = known.iter().find(|known| known.eq_ignore_ascii_case(key));
            let remedy = near.map_or_else(
                || format!("known here: {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.note(&join(place, key), "unknown key", remedy);
        }
    }

    fn text(&mut self, object: &Map<String, Value>, place: &str, key: &str, needed: bool) -> Option<String> {
        let remedy = || format!("write \"{key}\": \"…\"");
        match object.get(key) {
            Some(Value::String(text)) if !needed || !text.trim().is_empty() => Some(text.clone()),
            None if !needed => None,
            None => {
                self.note(&join(place, key), "is missing", remedy());
                None
            }
            Some(_) => {
                self.note(
                    &join(place, key),
                    if needed { "is no text, or an empty one" } else { "is no text" },
                    remedy(),
                );
                None
            }
        }
    }

    fn flag(&mut self, object: &Map<String, Value>, place: &str, key: &str) -> bool {
        match object.get(key) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.note(&join(place, key), "is neither true nor false", format!("write \"{key}\": true"));
                false
            }
        }
    }

    fn texts(&mut self, object: &Map<String, Value>, place: &str, key: &str) -> Vec<String> {
        let Some(value) = object.get(key) else { return Vec::new() };
        let texts = value.as_array().and_then(|items| {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()
        });
        texts.unwrap_or_else(|| {
            self.note(&join(place, key), "is no list of texts", format!("write \"{key}\": [\"…\"]"));
            Vec::new()
        })
    }

    fn word<T: Copy>(
        &mut self,
        object: &Map<String, Value>,
        place: &str,
        key: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let value = object.get(key)?;
        let found = value.as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
        if found.is_none() {
            let sent =
                value.as_str().map_or_else(|| "no text".to_owned(), |text| format!("`{}`", shown(text)));
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.note(&join(place, key), format!("found {sent}"), format!("write one of {}", all.join(", ")));
        }
        found.map(|(_, value)| *value)
    }
}

/// The complex attribute a sub-attribute stands in.
#[derive(Clone, Copy)]
struct Parent {
    is_list: bool,
}

fn join(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

/// A text as it can stand in a message.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && *c != '`').take(80).collect()
}
