//! Placeholders of the case files, and what a test has come to know that fills them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::path::nodes;

/// What placeholders stand for: set-up resources, captured values, the answer before.
#[derive(Debug, Clone, Default)]
pub struct World {
    known: BTreeMap<String, Value>,
}

impl World {
    /// Makes `name` stand for `value`.
    pub fn put(&mut self, name: &str, value: Value) {
        self.known.insert(name.to_owned(), value);
    }

    /// Adds `value` to the list called `name`, which begins empty.
    pub fn push(&mut self, name: &str, value: Value) {
        match self.known.entry(name.to_owned()).or_insert_with(|| json!([])) {
            Value::Array(list) => list.push(value),
            other => *other = json!([value]),
        }
    }

    /// The value with everything filled in: `{{name}}` and `{{name.path[0]}}` in strings, a string that is one
    /// placeholder and nothing else becoming the value itself; `{"$each": "list", "item": …}` one item per
    /// element, called `it`; `"$each": "range:3"` counting from 1; `{"$repeat": "x", "times": n}` a long string.
    pub fn fill(&self, template: &Value) -> Result<Value, String> {
        match template {
            Value::String(text) => match whole(text) {
                Some(place) => self.value(place),
                None => self.text(text).map(Value::String),
            },
            Value::Array(elements) => elements.iter().map(|each| self.fill(each)).collect(),
            Value::Object(object) if object.contains_key("$each") => self.each(object),
            Value::Object(object) if object.contains_key("$repeat") => {
                let (text, times) = (object["$repeat"].as_str(), object.get("times").and_then(Value::as_u64));
                let (text, times) = text.zip(times).ok_or("a `$repeat` without text or times")?;
                Ok(json!(text.repeat(usize::try_from(times).map_err(|error| error.to_string())?)))
            }
            Value::Object(object) => {
                let filled = object.iter().map(|(key, value)| Ok((key.clone(), self.fill(value)?)));
                filled.collect::<Result<Map<_, _>, String>>().map(Value::Object)
            }
            other => Ok(other.clone()),
        }
    }

    /// The text with its placeholders filled in.
    pub fn text(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (place, after) =
                after.split_once("}}").ok_or_else(|| format!("`{text}` has an open placeholder"))?;
            filled.push_str(before);
            match self.value(place)? {
                Value::String(value) => filled.push_str(&value),
                value => filled.push_str(&value.to_string()),
            }
            rest = after;
        }
        Ok(filled + rest)
    }

    fn value(&self, place: &str) -> Result<Value, String> {
        let end = place.find(['.', '[']).unwrap_or(place.len());
        let (name, tail) = place.split_at(end);
        let unknown = || format!("`{{{{{place}}}}}` stands for nothing");
        let root = self.known.get(name).ok_or_else(unknown)?;
        match nodes(root, &format!("${tail}"))?.as_slice() {
            [value] => Ok((*value).clone()),
            _ => Err(unknown()),
        }
    }

    fn each(&self, object: &Map<String, Value>) -> Result<Value, String> {
        let (list, item) = object["$each"]
            .as_str()
            .zip(object.get("item"))
            .ok_or("an `$each` without the name of a list or an item")?;
        let elements = match list.strip_prefix("range:") {
            Some(count) => {
                (1..=count.parse::<u64>().map_err(|error| error.to_string())?).map(Value::from).collect()
            }
            None => match self.value(list)? {
                Value::Array(elements) => elements,
                _ => return Err(format!("`{list}` is no list")),
            },
        };
        // One world of its own suffices: an item refers to itself and to what is known.
        let mut inner = self.clone();
        let fill = |element| {
            inner.put("it", element);
            inner.fill(item)
        };
        elements.into_iter().map(fill).collect()
    }
}

/// The place inside a string that is a single placeholder.
fn whole(text: &str) -> Option<&str> {
    let place = text.strip_prefix("{{")?.strip_suffix("}}")?;
    (!place.contains("{{")).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        let mut world = World::default();
        world.put("u1", json!({ "id": "a-1" }));
        world.put("n", json!(7));
        world.put("m", json!([{ "id": "a" }, { "id": "b" }]));
        world.put("prev", json!({ "Resources": [{ "id": "x" }, { "id": "y" }] }));
        world.push("imp", json!("i-1"));
        world.push("imp", json!("i-2"));
        world
    }

    #[test]
    fn placeholders_are_filled_wherever_they_stand() {
        let template = json!({
            "value": "{{u1.id}}", "$ref": "Users/{{u1.id}}", "userName": "big{{n}}@corp.example", "count": "{{n}}",
            "second": "{{prev.Resources[1].id}}", "pair": "{{imp[0]}}-{{imp[1]}}", "plain": 1,
        });
        let expected = json!({
            "value": "a-1", "$ref": "Users/a-1", "userName": "big7@corp.example", "count": 7,
            "second": "y", "pair": "i-1-i-2", "plain": 1,
        });
        assert_eq!(world().fill(&template).unwrap(), expected);
        assert_eq!(world().text("/Users/{{u1.id}}?n={{n}}").unwrap(), "/Users/a-1?n=7");
    }

    #[test]
    fn lists_and_long_strings_are_expanded() {
        let fill = |template| world().fill(&template).unwrap();
        let members = fill(json!({ "members": { "$each": "m", "item": { "value": "{{it.id}}" } } }));
        assert_eq!(members, json!({ "members": [{ "value": "a" }, { "value": "b" }] }));
        assert_eq!(fill(json!({ "$each": "range:3", "item": "u{{it}}" })), json!(["u1", "u2", "u3"]));
        assert_eq!(fill(json!({ "$repeat": "xy", "times": 3 })), json!("xyxyxy"));
    }

    #[test]
    fn a_placeholder_that_stands_for_nothing_is_an_error() {
        let wrong =
            [json!("{{u2.id}}"), json!("a {{u1.name}}"), json!("{{u1"), json!({ "$each": "u1", "item": 1 })];
        for template in wrong {
            assert!(world().fill(&template).is_err(), "{template}");
        }
        assert!(world().text("a {{u1").is_err());
    }
}
