//! Which attributes an answer shows: `attributes`, `excludedAttributes`, and each attribute's `returned`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::error::{Result, ScimError, ScimType};
use super::patch::Patch;
use super::schema::{Attribute, ResourceType, Returned, Schema};

/// What a caller asked to see of a resource (RFC 7644 §3.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    /// By lower-case name: the core attributes, and the extensions by URN.
    parts: BTreeMap<String, View>,
}

/// The attributes a write named. Its answer shows those of them that are otherwise `returned` on request only
/// (RFC 7643 §7).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written(BTreeSet<String>);

impl Written {
    /// What the body of a POST or PUT names, once decoded.
    #[must_use]
    pub fn by_body(resource: &Value) -> Self {
        let members =
            |value: &Value| value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        let names: Vec<String> = members(resource);
        let of_extension = |urn: &String| {
            let names: Vec<String> = resource.get(urn).map(members).unwrap_or_default();
            names.into_iter().map(move |name| format!("{urn}:{name}")).collect::<Vec<_>>()
        };
        let inner: Vec<String> =
            names.iter().filter(|name| name.contains(':')).flat_map(of_extension).collect();
        Self(names.into_iter().chain(inner).map(|name| name.to_ascii_lowercase()).collect())
    }

    /// What a PATCH names.
    #[must_use]
    pub fn by_patch(patch: &Patch) -> Self {
        let full = |(urn, name): (Option<&str>, &str)| match urn {
            Some(urn) => format!("{urn}:{name}").to_ascii_lowercase(),
            None => name.to_ascii_lowercase(),
        };
        Self(patch.attributes().map(full).collect())
    }

    /// Whether the attribute, or the one it is a part of, is among them.
    fn names(&self, full: &str) -> bool {
        self.0.contains(full) || full.rsplit_once('.').is_some_and(|(whole, _)| self.0.contains(whole))
    }
}

/// How much of an attribute is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
enum View {
    Nothing,
    Whole,
    Parts(BTreeMap<String, View>),
}

/// What the caller said about an attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Nothing: neither parameter was sent, or the attribute is not among the excluded ones.
    Default,
    Included,
    Excluded,
    /// `attributes` was sent and does not name it.
    Passed,
}

/// The names of one parameter, in lower case, which of the two it was, and what the request wrote.
struct Request<'w> {
    include: bool,
    names: Vec<String>,
    written: &'w Written,
}

/// Refuses the two query parameters where both name something: RFC 7644 §3.9 makes them mutually exclusive.
///
/// # Errors
/// 400 `invalidValue`.
pub fn exclude_each_other(attributes: Option<&str>, excluded: Option<&str>) -> Result<()> {
    if names(attributes).is_none() || names(excluded).is_none() {
        return Ok(());
    }
    let detail = "`attributes` and `excludedAttributes` are both given, expected one of them";
    Err(ScimError::bad(ScimType::InvalidValue, detail))
}

impl Projection {
    /// Reads the two query parameters: comma-separated names in any case, with or without the URN in front, of
    /// attributes, sub-attributes (`name.givenName`) or whole schemas. Unknown names are ignored; an empty
    /// parameter counts as absent.
    ///
    /// # Errors
    /// 400 `invalidValue` where both are given: RFC 7644 §3.9 makes them mutually exclusive.
    pub fn parse(
        attributes: Option<&str>,
        excluded: Option<&str>,
        resource_type: &ResourceType,
    ) -> Result<Self> {
        Self::parse_after(attributes, excluded, resource_type, &Written::default())
    }

    /// [`Projection::parse`] for the answer to a write.
    ///
    /// # Errors
    /// As there.
    pub fn parse_after(
        attributes: Option<&str>,
        excluded: Option<&str>,
        resource_type: &ResourceType,
        written: &Written,
    ) -> Result<Self> {
        exclude_each_other(attributes, excluded)?;
        let request = match names(attributes) {
            Some(names) => Request { include: true, names, written },
            None => Request { include: false, names: names(excluded).unwrap_or_default(), written },
        };
        let core = &resource_type.core;
        let unnamed = request.asked(&core.id.to_ascii_lowercase()).unwrap_or(request.unnamed());
        let mut parts = request.views(&core.attributes, &["", &prefix(core)], unnamed);
        for extension in &resource_type.extensions {
            let urn = extension.id.to_ascii_lowercase();
            let unnamed = request.asked(&urn).unwrap_or(request.unnamed());
            let view = View::of(request.views(&extension.attributes, &[&prefix(extension)], unnamed));
            parts.insert(urn, view);
        }
        Ok(Self { parts })
    }

    /// Whether the answer shows anything of the core attribute `attribute` (any case), so that what it takes to
    /// load it can be spared.
    #[must_use]
    pub fn wants(&self, attribute: &str) -> bool {
        self.parts.get(&attribute.to_ascii_lowercase()).is_some_and(|view| *view != View::Nothing)
    }

    /// The resource as the caller sees it. What the schemas do not know is not shown; a value that is no object
    /// comes back as it is.
    #[must_use]
    pub fn apply(&self, resource: Value) -> Value {
        match resource {
            Value::Object(object) => Value::Object(cut(&self.parts, object)),
            other => other,
        }
    }
}

impl Request<'_> {
    /// What is asked of an attribute nobody named.
    fn unnamed(&self) -> Asked {
        if self.include { Asked::Passed } else { Asked::Default }
    }

    /// What is asked of exactly this name, if anything.
    fn asked(&self, name: &str) -> Option<Asked> {
        let named = self.names.iter().any(|known| known == name);
        named.then_some(if self.include { Asked::Included } else { Asked::Excluded })
    }

    /// The views of sibling attributes, whose names may stand behind any of `prefixes`.
    fn views(&self, attributes: &[Attribute], prefixes: &[&str], unnamed: Asked) -> BTreeMap<String, View> {
        let view = |attribute: &Attribute| {
            let name = attribute.name.to_ascii_lowercase();
            let full: Vec<String> = prefixes.iter().map(|prefix| format!("{prefix}{name}")).collect();
            let asked = full.iter().find_map(|name| self.asked(name)).unwrap_or(unnamed);
            (name, self.view(attribute, &full, asked))
        };
        attributes.iter().map(view).collect()
    }

    fn view(&self, attribute: &Attribute, full: &[String], asked: Asked) -> View {
        let shown = match (attribute.returned, asked) {
            (Returned::Never, _) => return View::Nothing,
            (Returned::Always, _) | (_, Asked::Included) | (Returned::Default, Asked::Default) => true,
            (Returned::Request, Asked::Default) => full.iter().any(|name| self.written.names(name)),
            (Returned::Request | Returned::Default, Asked::Excluded | Asked::Passed) => false,
        };
        if asked == Asked::Excluded && !shown {
            return View::Nothing;
        }
        if attribute.sub_attributes.is_empty() {
            return if shown { View::Whole } else { View::Nothing };
        }
        let prefixes: Vec<String> = full.iter().map(|name| format!("{name}.")).collect();
        let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
        let named = self.names.iter().any(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        match (shown, named) {
            (false, false) => View::Nothing,
            (false, true) => View::of(self.views(&attribute.sub_attributes, &prefixes, Asked::Passed)),
            (true, _) => View::of(self.views(&attribute.sub_attributes, &prefixes, Asked::Default)),
        }
    }
}

impl View {
    /// The simplest view that says the same.
    fn of(parts: BTreeMap<String, View>) -> Self {
        if parts.values().all(|view| *view == Self::Whole) {
            Self::Whole
        } else if parts.values().all(|view| *view == Self::Nothing) {
            Self::Nothing
        } else {
            Self::Parts(parts)
        }
    }

    /// What is left of a value; `None` where nothing is.
    fn cut(&self, value: Value) -> Option<Value> {
        match (self, value) {
            (Self::Nothing, _) => None,
            (Self::Parts(parts), Value::Object(object)) => {
                let left = cut(parts, object);
                (!left.is_empty()).then_some(Value::Object(left))
            }
            (Self::Parts(_), Value::Array(elements)) => {
                let left: Vec<_> = elements.into_iter().filter_map(|element| self.cut(element)).collect();
                (!left.is_empty()).then_some(Value::Array(left))
            }
            (Self::Whole | Self::Parts(_), value) => Some(value),
        }
    }
}

fn cut(parts: &BTreeMap<String, View>, object: Map<String, Value>) -> Map<String, Value> {
    let visible = |(name, value): (String, Value)| {
        let view = parts.get(&name.to_ascii_lowercase())?;
        view.cut(value).map(|value| (name, value))
    };
    object.into_iter().filter_map(visible).collect()
}

fn names(parameter: Option<&str>) -> Option<Vec<String>> {
    let names: Vec<String> = parameter?
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    (!names.is_empty()).then_some(names)
}

fn prefix(schema: &Schema) -> String {
    format!("{}:", schema.id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::scim::catalog::Catalog;
    use crate::scim::schema::{ENTERPRISE_USER, USER};

    fn anna() -> Value {
        json!({
            "schemas": [USER, ENTERPRISE_USER],
            "id": "1",
            "userName": "anna",
            "password": "secret",
            "name": { "givenName": "Anna", "familyName": "Berg" },
            "emails": [{ "value": "a@corp.example", "type": "work" }, { "type": "home" }],
            "groups": [{ "value": "g" }],
            "meta": { "resourceType": "User" },
            ENTERPRISE_USER: { "department": "Sales", "manager": { "value": "m", "displayName": "Max" } },
        })
    }

    fn seen(attributes: Option<&str>, excluded: Option<&str>) -> Value {
        Projection::parse(attributes, excluded, &Catalog::standard().user).unwrap().apply(anna())
    }

    #[test]
    fn without_a_request_everything_but_secrets_is_shown() {
        let mut expected = anna();
        expected.as_object_mut().unwrap().remove("password");
        assert_eq!(seen(None, None), expected);
        assert_eq!(seen(Some(""), Some(" , ")), expected);
    }

    #[test]
    fn named_attributes_come_with_those_always_returned() {
        let head = json!({ "schemas": [USER, ENTERPRISE_USER], "id": "1" });
        let with = |name: &str, value: Value| {
            let mut expected = head.clone();
            expected[name] = value;
            expected
        };
        assert_eq!(seen(Some("USERNAME"), None), with("userName", json!("anna")));
        assert_eq!(seen(Some("name.givenname, nothing"), None), with("name", json!({ "givenName": "Anna" })));
        assert_eq!(seen(Some("emails.value"), None), with("emails", json!([{ "value": "a@corp.example" }])));
        assert_eq!(seen(Some(&format!("{USER}:userName")), None), with("userName", json!("anna")));
        assert_eq!(
            seen(Some(&format!("{}:Department", ENTERPRISE_USER.to_uppercase())), None),
            with(ENTERPRISE_USER, json!({ "department": "Sales" }))
        );
        assert_eq!(
            seen(Some(&format!("{ENTERPRISE_USER}:manager.value")), None),
            with(ENTERPRISE_USER, json!({ "manager": { "value": "m" } }))
        );
        assert_eq!(seen(Some(ENTERPRISE_USER), None), with(ENTERPRISE_USER, anna()[ENTERPRISE_USER].clone()));
        assert_eq!(seen(Some("nothing"), None), head);
        assert_eq!(seen(Some("password"), None), head);
    }

    #[test]
    fn excluded_attributes_are_left_out_unless_always_returned() {
        let left = seen(None, Some("id,schemas,groups,name.familyName,emails"));
        let mut expected = anna();
        let object = expected.as_object_mut().unwrap();
        for name in ["password", "groups", "emails"] {
            object.remove(name);
        }
        object["name"] = json!({ "givenName": "Anna" });
        assert_eq!(left, expected);
        let left = seen(None, Some(&format!("{ENTERPRISE_USER}:department")));
        assert_eq!(left[ENTERPRISE_USER], json!({ "manager": { "value": "m", "displayName": "Max" } }));
        assert!(seen(None, Some(ENTERPRISE_USER)).get(ENTERPRISE_USER).is_none());
    }

    #[test]
    fn both_parameters_at_once_are_refused() {
        let error = Projection::parse(Some("id"), Some("name"), &Catalog::standard().user).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
    }

    #[test]
    fn an_attribute_returned_on_request_is_shown_when_named() {
        let mut group = Catalog::standard().group.clone();
        group.core.attributes.iter_mut().find(|a| a.name == "members").unwrap().returned = Returned::Request;
        let wants = |attributes| Projection::parse(attributes, None, &group).unwrap().wants("members");
        assert!(!wants(None));
        assert!(wants(Some("members")));
        assert!(wants(Some("members.value")));
    }

    #[test]
    fn a_caller_can_tell_what_need_not_be_loaded() {
        let group = &Catalog::standard().group;
        let wants =
            |attributes, excluded| Projection::parse(attributes, excluded, group).unwrap().wants("Members");
        assert!(wants(None, None));
        assert!(wants(Some("displayName,members"), None));
        assert!(wants(Some("members.value"), None));
        assert!(wants(None, Some("members.display")));
        assert!(!wants(Some("displayName"), None));
        assert!(!wants(None, Some("MEMBERS")));
    }

    /// Names as callers send them: known and unknown, short and long, in any case.
    fn names() -> impl Strategy<Value = String> {
        let name = proptest::sample::select(vec![
            "userName",
            "USERNAME",
            "name",
            "name.givenName",
            "emails",
            "emails.value",
            "emails.type",
            "groups",
            "id",
            "schemas",
            "meta",
            "password",
            "nothing",
            "manager",
            "department",
            "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        ]);
        proptest::collection::vec(name, 1..5).prop_map(|names| names.join(","))
    }

    /// Every leaf of a resource, under the path to it.
    fn leaves(value: &Value, path: &str, into: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                object.iter().for_each(|(name, value)| leaves(value, &format!("{path}/{name}"), into));
            }
            Value::Array(items) if path != "/schemas" => {
                items.iter().enumerate().for_each(|(at, item)| leaves(item, &format!("{path}/{at}"), into));
            }
            _ => into.push(path.to_owned()),
        }
    }

    fn leaves_of(value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        leaves(value, "", &mut found);
        found
    }

    proptest! {
        #[test]
        fn a_projection_only_leaves_out_and_does_so_once(names in names(), exclude in any::<bool>()) {
            let (attributes, excluded) = if exclude { (None, Some(&*names)) } else { (Some(&*names), None) };
            let view = Projection::parse(attributes, excluded, &Catalog::standard().user).unwrap();
            let once = view.apply(anna());
            prop_assert_eq!(view.apply(once.clone()), once.clone());
            prop_assert_eq!((&once["id"], &once["schemas"]), (&anna()["id"], &anna()["schemas"]));
            prop_assert!(once.get("password").is_none());
            for (name, value) in once.as_object().unwrap() {
                if !value.is_object() && !value.is_array() {
                    prop_assert_eq!(value, &anna()[name]);
                }
            }
        }

        #[test]
        fn what_is_not_shown_when_named_is_what_is_shown_when_excluded(names in names()) {
            let (shown, left) = (leaves_of(&seen(Some(&names), None)), leaves_of(&seen(None, Some(&names))));
            for leaf in leaves_of(&seen(None, None)) {
                let always = ["/id", "/schemas"].iter().any(|name| leaf.starts_with(name));
                // Positions in lists move when elements are left out.
                if !leaf.starts_with("/emails") && !leaf.starts_with("/groups") {
                    prop_assert_eq!(shown.contains(&leaf) && left.contains(&leaf), always, "{}", leaf);
                    prop_assert!(shown.contains(&leaf) || left.contains(&leaf), "{}", leaf);
                }
            }
        }
    }
}
