//! The apps that are called by their REST APIs, as a connection to their simulators is set up.

use portcullis::adapters::settings::{Setting, Settings};
use portcullis::adapters::{App, hive, honeycomb, tines, workiva};
use portcullis::base::secret::SecretString;

/// An app by its name, and the settings of its `rest` block for the simulator at `url`; every other name is Workiva.
pub fn rest(name: &str, url: &str) -> (&'static App, Settings) {
    let text = |path: &str| Setting::Text(format!("{url}{path}"));
    let secret = |secret: &str| Setting::Secret(SecretString::from(secret));
    let mut settings = Settings::default();
    let app = match name {
        "hive" => {
            settings.set("rest.base_url", text("/api/v1"));
            settings.set("rest.api_key", secret(hive::sim::ADMIN_KEY));
            &hive::APP
        }
        "honeycomb" => {
            settings.set("rest.base_url", text(""));
            settings.set("rest.api_key", secret(honeycomb::sim::CONFIG_KEY));
            &honeycomb::APP
        }
        "tines" => {
            settings.set("rest.base_url", text("/api/v1"));
            settings.set("rest.api_token", secret(tines::sim::ADMIN_TOKEN));
            &tines::APP
        }
        _ => {
            settings.set("rest.base_url", text("/platform/v1"));
            settings.set("rest.token_url", text("/iam/v1/oauth2/token"));
            settings.set("rest.client_id", Setting::Text(workiva::sim::CLIENT_ID.to_owned()));
            settings.set("rest.client_secret", secret(workiva::sim::CLIENT_SECRET));
            &workiva::APP
        }
    };
    (app, settings)
}
