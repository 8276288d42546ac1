//! Cases and stories as they stand in the fixtures, and how one is played against a gateway.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::assert::Expect;
use super::client::{Request, Response};
use super::gateway::{Gateway, TOKEN};
use super::path::nodes;
use super::template::World;

/// One request an identity provider sends, and what keeps it working.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    pub id: String,
    pub scenario: String,
    /// What is there before, in order.
    #[serde(default)]
    setup: Vec<Setup>,
    #[serde(flatten)]
    call: Call,
    /// What shows whether the answer was true.
    #[serde(default)]
    then: Vec<Call>,
}

/// A resource, or many, made through SCIM before the case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    #[serde(rename = "as")]
    name: String,
    #[serde(rename = "type")]
    kind: String,
    /// How many; `{{n}}` counts them, and the name stands for the list.
    copies: Option<u64>,
    /// Which of several clients of the connection makes it.
    client: Option<String>,
    resource: Value,
}

/// One exchange.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    request: Template,
    expect: Expect,
}

/// A request with placeholders.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    method: String,
    /// Below the SCIM base URL; `@token` is the token endpoint.
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// JSON; a string is sent as it stands.
    body: Option<Value>,
}

/// One line of a story.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Line {
    Step(Box<Step>),
    Meanwhile {
        #[expect(dead_code, reason = "for the reader of the story")]
        meanwhile: String,
        /// `down` or `up`: the gateway's own store.
        store: Option<String>,
    },
    Title(Title),
}

/// What a story is about.
#[derive(Debug, Clone, Deserialize)]
pub struct Title {
    pub story: String,
    pub idp: String,
    #[expect(dead_code, reason = "for the reader of the story")]
    tells: String,
}

/// One call of a story.
#[derive(Debug, Clone, Deserialize)]
pub struct Step {
    #[serde(rename = "step")]
    pub happens: String,
    /// Whose call it is, where it is not the story's own identity provider's.
    pub who: Option<String>,
    #[serde(default = "once")]
    times: u64,
    #[serde(flatten)]
    call: Call,
    /// What to remember of the answer, by path; a name with `[]` gathers a list.
    #[serde(default)]
    keep: BTreeMap<String, String>,
}

fn once() -> u64 {
    1
}

impl Case {
    /// Everything the case asks the harness for by name: placeholders nobody sets up, other clients, `@` places.
    pub fn needs(&self) -> Vec<String> {
        let mut needs: Vec<String> = self.setup.iter().filter_map(|setup| setup.client.clone()).collect();
        for call in std::iter::once(&self.call).chain(&self.then) {
            let request = &call.request;
            needs.extend(request.path.starts_with('@').then(|| request.path.clone()));
            let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
            let texts = request.headers.values().chain([&request.path, &body]);
            needs.extend(texts.flat_map(|text| text.split("{{").skip(1)).filter_map(|place| {
                let name = place.split(['.', '[', '}']).next()?;
                let made = self.setup.iter().any(|setup| setup.name == name);
                (!made && !["it", "n", "prev"].contains(&name)).then(|| name.to_owned())
            }));
            needs.extend(call.expect.status.contains(&429).then(|| "a spent limit".to_owned()));
        }
        needs
    }

    /// How many resources the case leaves behind at the most.
    pub fn crowd(&self) -> u64 {
        self.setup.iter().map(|setup| setup.copies.unwrap_or(1)).sum()
    }

    /// Plays the case on an empty connection; what does not hold, one sentence each.
    pub fn play(&self, gateway: &mut Gateway) -> Result<Vec<String>, String> {
        let mut world = World::default();
        for setup in &self.setup {
            setup.make(gateway, &mut world)?;
        }
        let (response, mut unmet) = self.call.play(gateway, &world, &BTreeMap::new())?;
        world.put("prev", response.json());
        for (place, call) in self.then.iter().enumerate() {
            let (response, found) = call.play(gateway, &world, &BTreeMap::new())?;
            unmet.extend(found.into_iter().map(|claim| format!("then[{place}]: {claim}")));
            world.put("prev", response.json());
        }
        Ok(unmet)
    }
}

impl Setup {
    fn make(&self, gateway: &mut Gateway, world: &mut World) -> Result<(), String> {
        for n in 1..=self.copies.unwrap_or(1) {
            world.put("n", json!(n));
            let call = Call {
                request: Template {
                    method: "POST".to_owned(),
                    path: format!("/{}s", self.kind),
                    headers: json_headers(),
                    body: Some(self.resource.clone()),
                },
                expect: Expect::status(201),
            };
            let (response, unmet) = call.play(gateway, world, &BTreeMap::new())?;
            if let Some(claim) = unmet.first() {
                return Err(format!("setting up `{}`: {claim}", self.name));
            }
            match self.copies {
                None => world.put(&self.name, response.json()),
                Some(_) => world.push(&self.name, response.json()),
            }
        }
        Ok(())
    }
}

impl Step {
    /// Plays the step as often as it says, remembering what it keeps; what does not hold, one sentence each.
    pub fn play(&self, gateway: &mut Gateway, world: &mut World, idp: &str) -> Result<Vec<String>, String> {
        let mut unmet = Vec::new();
        for n in 1..=self.times {
            world.put("n", json!(n));
            let (response, found) =
                self.call.play(gateway, world, &headers_of(self.who.as_deref().unwrap_or(idp)))?;
            unmet.extend(found);
            let body = response.json();
            for (name, path) in &self.keep {
                let value = nodes(&body, path)?.first().map_or(Value::Null, |value| (*value).clone());
                match name.strip_suffix("[]") {
                    Some(list) => world.push(list, value),
                    None => world.put(name, value),
                }
            }
        }
        Ok(unmet)
    }
}

impl Call {
    /// Sends the request with the connection's token, unless it brings its own; what does not hold, one sentence
    /// each.
    fn play(
        &self,
        gateway: &mut Gateway,
        world: &World,
        defaults: &BTreeMap<String, String>,
    ) -> Result<(Response, Vec<String>), String> {
        let request = self.request.fill(world, defaults)?;
        let response = gateway.send(request, &self.expect.status)?;
        let unmet = self.expect.unmet(&response, world);
        Ok((response, unmet))
    }
}

impl Template {
    fn fill(&self, world: &World, defaults: &BTreeMap<String, String>) -> Result<Request, String> {
        let mut headers = vec![];
        for (name, value) in self.headers.iter().chain(defaults) {
            if !headers.iter().any(|(known, _): &(String, String)| known.eq_ignore_ascii_case(name)) {
                headers.push((name.clone(), world.text(value)?));
            }
        }
        if !self.headers.contains_key("Authorization") {
            headers.push(("Authorization".to_owned(), format!("Bearer {TOKEN}")));
        }
        let body = match &self.body {
            None => None,
            Some(Value::String(text)) => Some(world.text(text)?.into_bytes()),
            Some(template) => {
                if !headers.iter().any(|(name, _)| name == "Content-Type") {
                    headers.extend(json_headers());
                }
                Some(world.fill(template)?.to_string().into_bytes())
            }
        };
        Ok(Request { method: self.method.clone(), target: world.text(&self.path)?, headers, body })
    }
}

fn json_headers() -> BTreeMap<String, String> {
    BTreeMap::from([("Content-Type".to_owned(), "application/scim+json; charset=utf-8".to_owned())])
}

/// The headers an identity provider sends with every call of a story.
fn headers_of(idp: &str) -> BTreeMap<String, String> {
    let headers: &[(&str, &str)] = match idp {
        "okta" => &[
            ("Accept", "application/scim+json"),
            ("Accept-Charset", "utf-8"),
            ("User-Agent", "Okta SCIM Client 1.0.0"),
        ],
        _ => &[],
    };
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
