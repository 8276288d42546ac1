//! The small part of RFC 9535 the case files use: `$.name`, `['name']`, `[0]`, `[*]`, `[?@.name=='text']`.

use serde_json::Value;

/// One step of a path.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    Name(&'a str),
    Index(usize),
    Every,
    Where(&'a str, &'a str),
}

/// The values `path` leads to, in order; an error where the path itself is wrong.
pub fn nodes<'a>(root: &'a Value, path: &str) -> Result<Vec<&'a Value>, String> {
    let mut nodes = vec![root];
    for step in steps(path)? {
        nodes = nodes.into_iter().flat_map(|node| walk(node, &step)).collect();
    }
    Ok(nodes)
}

fn walk<'a>(node: &'a Value, step: &Step<'_>) -> Vec<&'a Value> {
    match step {
        Step::Name(name) => node.get(name).into_iter().collect(),
        Step::Index(index) => node.get(index).into_iter().collect(),
        Step::Every => elements(node),
        Step::Where(name, text) => elements(node)
            .into_iter()
            .filter(|each| each.get(name).and_then(Value::as_str) == Some(text))
            .collect(),
    }
}

fn elements(node: &Value) -> Vec<&Value> {
    match node {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(object) => object.values().collect(),
        _ => Vec::new(),
    }
}

fn steps(path: &str) -> Result<Vec<Step<'_>>, String> {
    let wrong = || format!("`{path}` is no path");
    let mut rest = path.strip_prefix('$').ok_or_else(wrong)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(named) = rest.strip_prefix('.') {
            let end = named.find(['.', '[']).unwrap_or(named.len());
            let (name, after) = named.split_at(end);
            steps.push(Step::Name(name));
            rest = after;
        } else if let Some(quoted) = rest.strip_prefix("['") {
            let (name, after) = quoted.split_once("']").ok_or_else(wrong)?;
            steps.push(Step::Name(name));
            rest = after;
        } else if let Some(filter) = rest.strip_prefix("[?@.") {
            let (filter, after) = filter.split_once("']").ok_or_else(wrong)?;
            let (name, text) = filter.split_once("=='").ok_or_else(wrong)?;
            steps.push(Step::Where(name, text));
            rest = after;
        } else {
            let (index, after) = rest.strip_prefix('[').and_then(|r| r.split_once(']')).ok_or_else(wrong)?;
            let index =
                if index == "*" { Step::Every } else { Step::Index(index.parse().map_err(|_| wrong())?) };
            steps.push(index);
            rest = after;
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_path_is_walked() {
        let root = json!({
            "id": "1", "a.b": 2, "urn:x:2.0:User": { "manager": { "value": "m" } },
            "emails": [{ "type": "work", "value": "w" }, { "type": "home", "value": "h" }],
        });
        let found = |path: &str| nodes(&root, path).unwrap().into_iter().cloned().collect::<Vec<_>>();
        assert_eq!(found("$"), std::slice::from_ref(&root));
        assert_eq!(found("$.id"), [json!("1")]);
        assert_eq!(found("$['a.b']"), [json!(2)]);
        assert_eq!(found("$['urn:x:2.0:User'].manager.value"), [json!("m")]);
        assert_eq!(found("$.emails[1].value"), [json!("h")]);
        assert_eq!(found("$.emails[*].value"), [json!("w"), json!("h")]);
        assert_eq!(found("$.emails[?@.type=='home'].value"), [json!("h")]);
        assert!(found("$.emails[2].value").is_empty());
        assert!(found("$.nothing.at.all").is_empty());
    }

    #[test]
    fn a_wrong_path_is_an_error_and_not_a_miss() {
        for path in ["id", "$id", "$.a[", "$.a[x]", "$['a", "$.a[?@.b]"] {
            assert!(nodes(&json!({}), path).is_err(), "{path}");
        }
    }
}
