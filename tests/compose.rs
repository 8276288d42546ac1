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
const REPLICAS: [&str; 2] = ["gateway", "gateway-2"];
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
    #[serde(default)]
    build: Option<PathBuf>,
    image: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    volumes: Vec<Mount>,
    #[serde(default)]
    ports: Vec<Port>,
    #[serde(default)]
    depends_on: BTreeMap<String, Dependency>,
    #[serde(default)]
    healthcheck: Option<Health>,
    #[serde(default)]
    user: Option<String>,
    restart: String,
    #[serde(default)]
    stop_grace_period: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dependency {
    condition: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Health {
    test: Vec<String>,
    interval: String,
    timeout: String,
    retries: u32,
    #[serde(default)]
    start_period: Option<String>,
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
    let mut file: serde_norway::Value = serde_norway::from_str(&text("docker-compose.yml")).unwrap();
    file.apply_merge().unwrap();
    serde_norway::from_value(file).unwrap()
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
fn there_are_a_balancer_gateways_a_database_and_a_simulator_for_every_app() {
    let compose = compose();
    assert_eq!(compose.name, "portcullis");
    let mut expected = vec!["balancer", "postgres"];
    expected.extend(REPLICAS);
    expected.extend(APPS);
    expected.sort_unstable();
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
        assert_eq!(service.restart, "unless-stopped", "{name}");
        assert!(service.stop_grace_period.is_none_or(|period| period == "30s"), "{name}");
        let Some(build) = service.build else {
            // Others' images say which release they are.
            assert!(service.image.split_once(':').is_some_and(|(_, tag)| tag != "latest"), "{name}");
            continue;
        };
        assert!(in_repository(build).join("Dockerfile").is_file(), "{name}");
        assert_eq!(service.image, "portcullis:local", "{name}");
        assert_eq!(service.user.as_deref(), Some(NOBODY), "{name}");
    }
}

#[test]
fn every_reference_resolves() {
    let compose = compose();
    let mut outside = BTreeSet::new();
    for (name, service) in &compose.services {
        for (other, dependency) in &service.depends_on {
            let other =
                compose.services.get(other).unwrap_or_else(|| panic!("`{name}` depends on `{other}`"));
            let condition = if other.healthcheck.is_some() { "service_healthy" } else { "service_started" };
            assert_eq!(dependency.condition, condition, "`{name}` waits for less than it could, or for ever");
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
fn the_replicas_are_told_the_mounted_file_and_keep_their_data_in_the_database() {
    let compose = compose();
    let (gateway, postgres) = (&compose.services["gateway"], &compose.services["postgres"]);
    for gateway in REPLICAS.map(|name| &compose.services[name]) {
        assert_eq!(gateway.command, ["serve", "--config", CONFIG]);
        assert!(gateway.ports.is_empty(), "the balancer is in front of them");
        let told = gateway.volumes.iter().find(|mount| mount.target == CONFIG).unwrap();
        assert_eq!(told.source, "./docker/portcullis.toml");
        let needed: BTreeSet<&str> = gateway.depends_on.keys().map(String::as_str).collect();
        assert_eq!(needed, BTreeSet::from(APPS).union(&BTreeSet::from(["postgres"])).copied().collect());
    }
    assert_eq!(compose.services[REPLICAS[1]].environment, gateway.environment);

    let config = gateway_config();
    assert_eq!(config["store"]["url"]["env"].as_str(), Some("STORE_URL"));
    assert_eq!(config["store"]["folder"].as_str(), Some(DATA), "where the image lets it write");
    let store = Url::parse(&gateway.environment["STORE_URL"]).unwrap();
    let told = |name: &str| postgres.environment[name].as_str();
    assert_eq!((store.scheme(), store.host_str()), ("postgres", Some("postgres")));
    assert_eq!(
        (store.username(), store.password()),
        (told("POSTGRES_USER"), Some(told("POSTGRES_PASSWORD")))
    );
    assert_eq!(store.path().trim_start_matches('/'), told("POSTGRES_DB"));
    let kept = postgres.volumes.iter().find(|mount| mount.target == "/var/lib/postgresql/data").unwrap();
    assert!(compose.volumes.contains_key(&kept.source));
    assert!(postgres.ports.is_empty(), "the database is reached by the gateways alone");
}

/// Two of them cannot be in one folder, whose lock the first one holds; a folder that goes with its container would take
/// along how far the journal had come.
#[test]
fn every_replica_keeps_its_own_files_as_long_as_the_database() {
    let compose = compose();
    let folder = gateway_config()["store"]["folder"].as_str().unwrap().to_owned();
    let kept = REPLICAS.map(|name| {
        let mounts = &compose.services[name].volumes;
        let own = mounts.iter().find(|mount| mount.target == folder && !mount.read_only);
        own.unwrap_or_else(|| panic!("`{name}` keeps nothing")).source.clone()
    });
    assert_eq!(BTreeSet::from(kept.clone()).len(), REPLICAS.len(), "{kept:?}");
    for volume in kept {
        assert_eq!(
            compose.volumes[&volume], None,
            "`{volume}` is another kind of volume than that of the database"
        );
    }
}

#[test]
fn the_balancer_asks_every_replica_whether_it_is_ready_and_waits_longer_than_it() {
    let compose = compose();
    let balancer = &compose.services["balancer"];
    let config = gateway_config();
    let listen: SocketAddr = config["listen"].as_str().unwrap().parse().unwrap();
    let public = Url::parse(config["public_url"].as_str().unwrap()).unwrap();
    let [port] = balancer.ports.as_slice() else { panic!("{:?}", balancer.ports) };
    assert_eq!(Some(port.outside), public.port());
    let [mounted] = balancer.volumes.as_slice() else { panic!("{:?}", balancer.volumes) };
    let rules = text(mounted.source.trim_start_matches("./"));
    let says = |line: &str| assert!(rules.lines().any(|other| other.trim() == line), "`{line}` is missing");
    says(&format!("bind :{}", port.inside));
    for name in REPLICAS {
        assert!(balancer.depends_on.contains_key(name));
        says(&format!("server {name} {name}:{}", listen.port()));
    }
    says("http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost");
    says("http-check expect status 200");
    says("timeout server 60s");
    says("retry-on conn-failure");
    says("option forwardfor");
    assert_eq!(config["behind_proxy"].as_bool(), Some(true));
}

#[test]
fn what_is_healthy_has_answered() {
    let compose = compose();
    let health = |service: &str| compose.services[service].healthcheck.as_ref().unwrap();
    assert_eq!(health("postgres").test.get(1).map(String::as_str), Some("pg_isready"));
    let gateway = health("gateway");
    let asked = gateway.test.last().unwrap();
    let port = gateway_config()["listen"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    assert!(
        asked.contains("GET /readyz") && asked.contains(&format!("/dev/tcp/127.0.0.1/{port}")),
        "{asked}"
    );
    for health in [gateway, health("postgres")] {
        assert_eq!(health.test[0], "CMD");
        assert_eq!((health.interval.as_str(), health.timeout.as_str()), ("5s", "3s"));
        assert!(health.retries >= 3 && health.start_period.as_deref().is_none_or(|period| period == "10s"));
    }
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
