//! The containers: every name, port and file that `docker-compose.yml` mentions is there and means the same everywhere.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a file that cannot be read is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

const APPS: [&str; 5] = ["hive", "honeycomb", "hotjar", "tines", "workiva"];
const CONFIG: &str = "/etc/portcullis/portcullis.toml";
const DATA: &str = "/var/lib/portcullis";
const NOBODY: &str = "65534:65534";

/// What is used of a compose file; any other key is an error.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Compose {
    name: String,
    services: BTreeMap<String, Service>,
    volumes: BTreeMap<String, Option<serde_norway::Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    build: PathBuf,
    image: String,
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    volumes: Vec<Mount>,
    ports: Vec<Port>,
    #[serde(default)]
    depends_on: BTreeSet<String>,
    user: String,
    restart: String,
    #[serde(default)]
    stop_grace_period: Option<String>,
}

/// `source:target[:mode]`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Mount {
    source: String,
    target: String,
    read_only: bool,
}

impl TryFrom<String> for Mount {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (source, target, read_only) = match text.split(':').collect::<Vec<_>>().as_slice() {
            [source, target] => ((*source).to_owned(), (*target).to_owned(), false),
            [source, target, "ro"] => ((*source).to_owned(), (*target).to_owned(), true),
            _ => return Err(format!("found `{text}`, expected `source:target` or `source:target:ro`")),
        };
        Ok(Self { source, target, read_only })
    }
}

/// `address:outside:inside`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Port {
    address: IpAddr,
    outside: u16,
    inside: u16,
}

impl TryFrom<String> for Port {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let [address, outside, inside] = text.split(':').collect::<Vec<_>>().try_into().ok()?;
            Some(Self {
                address: address.parse().ok()?,
                outside: outside.parse().ok()?,
                inside: inside.parse().ok()?,
            })
        };
        read().ok_or_else(|| format!("found `{text}`, expected `address:outside:inside`"))
    }
}

impl Service {
    /// The value of an option of the command.
    fn option(&self, name: &str) -> Option<&str> {
        let at = self.command.iter().position(|word| word == name)?;
        self.command.get(at + 1).map(String::as_str)
    }
}

fn in_repository(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(in_repository(path)).unwrap_or_else(|error| panic!("`{path}`: {error}"))
}

fn compose() -> Compose {
    serde_norway::from_str(&text("docker-compose.yml")).unwrap()
}

fn gateway_config() -> toml::Table {
    text("docker/portcullis.toml").parse().unwrap()
}

/// Every `(path, value)` below `table` whose value is a text.
fn texts(table: &toml::Table, path: &str) -> Vec<(String, String)> {
    let below = |(name, value): (&String, &toml::Value)| {
        let path = format!("{path}.{name}");
        match value {
            toml::Value::String(text) => vec![(path, text.clone())],
            toml::Value::Table(table) => texts(table, &path),
            _ => Vec::new(),
        }
    };
    table.iter().flat_map(below).collect()
}

#[test]
fn there_is_a_gateway_and_a_simulator_for_every_app() {
    let compose = compose();
    assert_eq!(compose.name, "portcullis");
    let mut expected = vec!["gateway"];
    expected.extend(APPS);
    assert_eq!(compose.services.keys().map(String::as_str).collect::<Vec<_>>(), expected);
    for app in APPS {
        let service = &compose.services[app];
        assert_eq!(service.command.iter().take(2).collect::<Vec<_>>(), ["sim", app]);
        let listen: SocketAddr = service.option("--listen").unwrap().parse().unwrap();
        assert!(listen.ip().is_unspecified(), "`{app}` cannot be reached from another container");
        assert_eq!(
            service.ports.iter().map(|port| port.inside).collect::<Vec<_>>(),
            [listen.port()],
            "{app}"
        );
    }
}

#[test]
fn every_service_runs_the_image_that_is_built_here_and_not_as_root() {
    for (name, service) in compose().services {
        assert!(in_repository(&service.build).join("Dockerfile").is_file(), "{name}");
        assert_eq!(service.image, "portcullis:local", "{name}");
        assert_eq!(service.user, NOBODY, "{name}");
        assert_eq!(service.restart, "unless-stopped", "{name}");
        assert!(service.stop_grace_period.is_none_or(|period| period == "30s"), "{name}");
    }
}

#[test]
fn every_reference_resolves() {
    let compose = compose();
    let mut outside = BTreeSet::new();
    for (name, service) in &compose.services {
        for other in &service.depends_on {
            assert!(compose.services.contains_key(other), "`{name}` depends on `{other}`");
        }
        for mount in &service.volumes {
            if mount.source.starts_with('.') {
                assert!(in_repository(&mount.source).is_file(), "`{name}` mounts `{}`", mount.source);
                assert!(mount.read_only, "`{name}` may write to `{}`", mount.source);
            } else {
                assert!(compose.volumes.contains_key(&mount.source), "`{name}` uses `{}`", mount.source);
            }
        }
        for port in &service.ports {
            assert!(port.address.is_loopback(), "`{name}` serves plain http beyond this machine");
            assert!(outside.insert(port.outside), "`{name}` takes port {} twice", port.outside);
        }
    }
}

#[test]
fn the_gateway_is_told_the_mounted_file_and_keeps_its_data_in_a_volume() {
    let compose = compose();
    let gateway = &compose.services["gateway"];
    assert_eq!(gateway.command, ["serve", "--config", CONFIG]);
    let mounted = |target: &str| gateway.volumes.iter().find(|mount| mount.target == target).unwrap();
    assert_eq!(mounted(CONFIG).source, "./docker/portcullis.toml");
    assert!(compose.volumes.contains_key(&mounted(DATA).source));
    assert_eq!(gateway.depends_on.iter().map(String::as_str).collect::<Vec<_>>(), APPS);

    let config = gateway_config();
    let store = config["store"]["url"].as_str().unwrap();
    assert_eq!(Path::new(store.strip_prefix("sqlite://").unwrap()).parent(), Some(Path::new(DATA)));
    let listen: SocketAddr = config["listen"].as_str().unwrap().parse().unwrap();
    assert_eq!(gateway.ports.iter().map(|port| port.inside).collect::<Vec<_>>(), [listen.port()]);
    let public = Url::parse(config["public_url"].as_str().unwrap()).unwrap();
    assert_eq!(gateway.ports.iter().map(|port| Some(port.outside)).collect::<Vec<_>>(), [public.port()]);
}

#[test]
fn every_address_in_the_configuration_is_a_service_and_its_port() {
    let (services, config) = (compose().services, gateway_config());
    let connections = config["connections"].as_table().unwrap();
    assert_eq!(connections.keys().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(APPS));
    for (name, connection) in connections {
        let urls: Vec<(String, Url)> = texts(connection.as_table().unwrap(), name)
            .into_iter()
            .filter(|(path, _)| path.ends_with("_url"))
            .map(|(path, value)| (path, Url::parse(&value).unwrap()))
            .collect();
        assert_eq!(urls.is_empty(), connection["app"].as_str() == Some("manual"), "{name}");
        for (path, url) in urls {
            let service = &services[url.host_str().unwrap()];
            assert_eq!(service.command.get(1), Some(name), "{path}");
            assert_eq!(
                service.ports.iter().map(|port| Some(port.inside)).collect::<Vec<_>>(),
                [url.port()],
                "{path}"
            );
            assert_eq!(connection["rest"]["private"].as_bool(), Some(true), "{path}");
        }
    }
}

#[test]
fn every_secret_of_the_configuration_is_in_the_environment_and_nothing_else() {
    let asked: BTreeSet<String> = texts(&gateway_config(), "")
        .into_iter()
        .filter(|(path, _)| path.rsplit('.').next() == Some("env"))
        .map(|(_, variable)| variable)
        .collect();
    let given = compose().services.remove("gateway").unwrap().environment;
    assert!(given.values().all(|value| !value.is_empty()));
    assert_eq!(asked, given.into_keys().collect());
}

#[test]
fn the_image_is_built_from_files_that_reach_the_daemon() {
    let (dockerfile, ignored) = (text("Dockerfile"), text(".dockerignore"));
    let let_through: BTreeSet<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignored.lines().any(|line| line == "*"), "everything is left out first");
    let copied = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .filter(|line| !line.starts_with("--from"))
        .flat_map(|line| line.split_whitespace().rev().skip(1).collect::<Vec<_>>());
    for source in copied {
        assert!(in_repository(source).exists(), "`{source}` is not there");
        assert!(let_through.contains(source), "`{source}` is left out by .dockerignore");
    }
}

#[test]
fn the_image_is_not_root_and_says_where_it_listens_and_stores() {
    let dockerfile = text("Dockerfile");
    let says = |line: &str| dockerfile.lines().any(|other| other == line);
    assert!(says(&format!("USER {NOBODY}")));
    assert!(says(&format!("VOLUME {DATA}")));
    assert!(says("EXPOSE 8443"));
    assert!(says(r#"ENTRYPOINT ["portcullis"]"#));
    assert!(says(&format!(r#"CMD ["serve", "--config", "{CONFIG}"]"#)));
}
