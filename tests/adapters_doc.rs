//! `docs/adapters.md` is what the adapters declare. `UPDATE_DOCS=1 cargo test --test adapters_doc` writes it.

#![expect(
    clippy::unwrap_used,
    reason = "an app that cannot be built or a page that cannot be read is a failed test"
)]

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis::adapters::settings::{Field, FieldKind, Setting, Settings};
use portcullis::adapters::{APPS, App, Blueprint};
use portcullis::base::clock::SystemClock;
use portcullis::base::secret::SecretString;
use portcullis::contract::{
    Capabilities, Create, Deactivate, Delete, Dialect, Fulfilment, GroupCapabilities, Held, Membership, Mode,
    Reactivate, Roles,
};
use portcullis::upstream::{Wire, system_names};

const PAGE: &str = "docs/adapters.md";

#[test]
#[expect(clippy::disallowed_methods, reason = "whoever runs the test says whether the page is to be written")]
fn the_page_about_the_adapters_is_what_they_declare() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let rendered = page();
    if std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        std::fs::write(&path, &rendered).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == rendered,
        "`{PAGE}` is not what the adapters declare: run `UPDATE_DOCS=1 cargo test --test adapters_doc`"
    );
}

fn page() -> String {
    let mut page = String::from(
        "# What each app can do\n\n\
         Written by `UPDATE_DOCS=1 cargo test --test adapters_doc` from what the adapters declare; the conformance \
         suite holds every adapter to it.\n\n\
         **native**: the app has a call for it. **emulated**: it has not, and the gateway gets there another way. \
         **task**: a person does it. **no**: 501. A new value for an e-mail or a role that is fixed is 400 `mutability`.\n",
    );
    for app in APPS {
        for (mode, dialect) in app.modes {
            section(&mut page, app, capabilities(app, *mode, *dialect));
        }
    }
    every_operation(&mut page);
    page
}

/// The table that a test drives cell by cell.
fn every_operation(page: &mut String) {
    page.push_str(
        "\n## Every operation, call by call\n\n\
         From `tests/fixtures/matrix.csv`; a test drives each line before the simulated apps and compares the calls. \
         **tried**: nobody says that the app has the call; `otherwise` is what happens where it answers 404, 405 or 501, \
         or takes the call and does not do it. Only calls that change something are listed, and one that reads, where \
         there is no fresher reading.\n",
    );
    let lines: Vec<Vec<&str>> =
        include_str!("fixtures/matrix.csv").lines().skip(1).map(|line| line.split(';').collect()).collect();
    let mut modes: Vec<&str> = Vec::new();
    for line in &lines {
        if !modes.contains(&line[1]) {
            modes.push(line[1]);
        }
    }
    for mode in modes {
        writeln!(page, "\n### {mode}").unwrap();
        let row = |line: &Vec<&str>| {
            let calls = [line[4], line[5]].into_iter().flat_map(|calls| calls.split(" + "));
            let calls: Vec<String> =
                calls.filter(|call| !call.is_empty()).map(|call| format!("`{call}`")).collect();
            let otherwise = if line[7].is_empty() { String::new() } else { format!("otherwise {}", line[7]) };
            let how: Vec<&str> =
                [line[8], otherwise.as_str()].into_iter().filter(|text| !text.is_empty()).collect();
            [line[0].to_owned(), line[2].to_owned(), line[3].to_owned(), calls.join(", "), how.join("; ")]
        };
        let rows: Vec<[String; 5]> = lines.iter().filter(|line| line[1] == mode).map(row).collect();
        table(page, ["operation", "", "answer", "calls", "how"], rows);
    }
}

/// What an app declares when it is configured with what its fields ask for.
fn capabilities(app: &App, mode: Mode, dialect: Dialect) -> Capabilities {
    let mut settings = Settings::default();
    for field in app.fields.iter().filter(|field| field.required || field.default.is_some()) {
        settings.set(field.path, example(field));
    }
    let wire = Wire {
        private: false,
        per_second: None,
        concurrency: 1,
        attempt: Duration::from_secs(1),
        total: Duration::from_secs(1),
        body_limit: 1,
        names: system_names(),
        clock: Arc::new(SystemClock),
    };
    let blueprint = Blueprint { connection: "example", mode, dialect, settings: &settings, wire };
    *app.adapter(&blueprint).unwrap().capabilities()
}

fn example(field: &Field) -> Setting {
    let text = field.default.unwrap_or("example");
    match field.kind {
        FieldKind::Url => Setting::Text(field.default.unwrap_or("https://example.com/api/v1").to_owned()),
        FieldKind::Secret(_) => Setting::Secret(SecretString::from(text)),
        FieldKind::Text | FieldKind::Choice(_) | FieldKind::Template(_) => Setting::Text(text.to_owned()),
        FieldKind::Flag => Setting::Flag(text == "true"),
        FieldKind::Count { min, .. } => Setting::Count(text.parse().unwrap_or(min)),
        FieldKind::Texts => Setting::Texts(vec![text.to_owned()]),
    }
}

fn section(page: &mut String, app: &App, told: Capabilities) {
    let mut name = app.name.to_owned();
    name.get_mut(..1).unwrap().make_ascii_uppercase();
    let (mode, dialect) = (word(told.mode), word(told.dialect));
    writeln!(
        page,
        "\n## {name}\n\n`app = \"{}\"`, `mode = \"{mode}\"`, `dialect = \"{dialect}\"`.",
        app.name
    )
    .unwrap();
    table(page, ["operation", "", "how"], operations(&told));
    table(page, ["attribute", "held by the app"], attributes(&told));
    writeln!(page, "\n{}", roles(&told)).unwrap();
    if told.residual.is_empty() {
        writeln!(page, "\nA deactivation leaves nothing behind that the gateway knows of.").unwrap();
    } else {
        writeln!(page, "\nA deactivation leaves behind, as tasks and under `residual`:\n").unwrap();
        for left in told.residual {
            let link = if left.link.is_empty() { String::new() } else { format!(" (<{}>)", left.link) };
            writeln!(page, "- `{}`: {}{link}", left.key, left.instruction).unwrap();
        }
    }
    if app.fields.is_empty() {
        writeln!(page, "\nIt has no settings of its own.").unwrap();
    } else {
        let columns = ["setting", "value", "default", "what it is"];
        table(page, columns, app.fields.iter().map(setting).collect());
    }
}

/// A value as the configuration spells it.
fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

fn table<const N: usize>(page: &mut String, columns: [&str; N], rows: Vec<[String; N]>) {
    writeln!(page, "\n| {} |\n|{}", columns.join(" | "), "---|".repeat(N)).unwrap();
    for row in rows {
        writeln!(page, "| {} |", row.map(|cell| cell.replace('|', "\\|")).join(" | ")).unwrap();
    }
}

fn operations(told: &Capabilities) -> Vec<[String; 3]> {
    let people = told.fulfilment == Fulfilment::Manual;
    let row = |name: &str, what: &str, how: &str| [name.to_owned(), what.to_owned(), how.to_owned()];
    let lookup = |direct: bool| match (direct, told.list) {
        (true, _) => ("native", "one call"),
        (false, true) => ("emulated", "picked from the listing"),
        (false, false) if people => ("emulated", "from the imported roster"),
        (false, false) => ("emulated", "from the gateway's store"),
    };
    let (by_id, by_email) = (lookup(told.accounts.by_id), lookup(told.accounts.by_email));
    let listing = match (told.list, told.page_size) {
        (true, 0) => ("native", "in one answer".to_owned()),
        (true, size) => ("native", format!("up to {size} on a page")),
        (false, _) if people => ("emulated", "from the imported roster".to_owned()),
        (false, _) => ("emulated", "from the gateway's store".to_owned()),
    };
    let create = match told.create {
        Create::No => ("no", ""),
        Create::Direct => ("native", "the account is there at once"),
        Create::Invite => ("native", "an invitation, `pending` until it is accepted"),
        Create::Task => ("task", "`pending` until it is done"),
    };
    let inactive = match (told.accounts.create_inactive, told.create) {
        (_, Create::No) => ("no", ""),
        (true, _) => ("native", "created without access"),
        (false, _) => ("emulated", "kept by the gateway until it is activated"),
    };
    let deactivate = match told.deactivate {
        Deactivate::No => ("no", ""),
        Deactivate::Native => ("native", "read back before it is answered"),
        Deactivate::ByRemoval => ("emulated", "removed, read back, and remembered by the gateway"),
        Deactivate::Task => ("task", "stays `active: true` until it is done"),
    };
    let reactivate = match told.reactivate {
        Reactivate::No => ("no", ""),
        Reactivate::Native => ("native", ""),
        Reactivate::ByInvitation => {
            ("emulated", "invited again with what was remembered, under the same SCIM id")
        }
        Reactivate::Task => ("task", "invited again"),
    };
    let delete = match told.delete {
        Delete::No => ("no", ""),
        Delete::Permanent => ("native", "there is no way back"),
        Delete::SameAsDeactivate => ("emulated", "deactivated and hidden: there is nothing more to remove"),
        Delete::Task => ("task", ""),
    };
    let mut rows = vec![
        row("create", create.0, create.1),
        row("create with `active: false`", inactive.0, inactive.1),
        row("read by id", by_id.0, by_id.1),
        row("find by address", by_email.0, by_email.1),
        row("list", listing.0, &listing.1),
        row("deactivate", deactivate.0, deactivate.1),
        row("reactivate", reactivate.0, reactivate.1),
        row("delete, `policy.delete = \"hard\"`", delete.0, delete.1),
    ];
    rows.extend(
        group_operations(&told.groups, told.fulfilment).map(|(name, what, how)| row(name, what, how)),
    );
    rows
}

fn group_operations(
    groups: &GroupCapabilities,
    by: Fulfilment,
) -> [(&'static str, &'static str, &'static str); 6] {
    let people = by == Fulfilment::Manual;
    let can = |offered: bool| if offered { "native" } else { "no" };
    let member = |offered: bool, invited: &'static str, role: &'static str| match (offered, people) {
        (false, _) => ("no", ""),
        (true, true) => ("task", ""),
        (true, false) if groups.add_invites => ("emulated", invited),
        (true, false) if groups.are_roles => ("emulated", role),
        (true, false) => ("native", ""),
    };
    let listing = match (groups.list, groups.are_roles) {
        (false, _) => ("no", ""),
        (true, true) => ("emulated", "one for each role"),
        (true, false) => match groups.membership {
            Membership::OnAccount => ("native", "members are told with the accounts"),
            Membership::OnGroup => ("native", "members are asked for group by group"),
        },
    };
    let add = member(groups.add_member, "invited into it, by address", "sets the role");
    let remove =
        member(groups.remove_member, "removed from it", "sets the least role; that one cannot be left");
    [
        ("list groups", listing.0, listing.1),
        ("create a group", can(groups.create), ""),
        ("rename a group", can(groups.rename), ""),
        ("delete a group", can(groups.delete), ""),
        ("add a member", add.0, add.1),
        ("remove a member", remove.0, remove.1),
    ]
}

fn attributes(told: &Capabilities) -> Vec<[String; 2]> {
    let held = &told.accounts;
    let needed = |how: &str, needed: bool| if needed { format!("{how}; needed") } else { how.to_owned() };
    let how = |how: Held| match how {
        Held::No => "no: kept by the gateway",
        Held::AtCreate => "given at creation, then fixed",
        Held::ReadOnly => "told by the app, fixed",
        Held::Tried => "tried: kept by the gateway where it is refused",
        Held::Yes => "yes",
    };
    let email = needed(how(held.email), held.email_required);
    let email = if held.email_unique { format!("{email}; unique") } else { email };
    let rest = if held.everything { "yes" } else { "no: kept by the gateway" };
    let row = |name: &str, how: String| [name.to_owned(), how];
    vec![
        row("`userName` beside the e-mail", how(held.user_name).to_owned()),
        row("`externalId`", how(held.external_id).to_owned()),
        row("e-mail", email),
        row("`name.givenName`", needed(how(held.given_name), held.names_required)),
        row("`name.familyName`", needed(how(held.family_name), held.names_required)),
        row("`displayName`", how(held.display_name).to_owned()),
        row("role", how(held.roles).to_owned()),
        row("everything else", rest.to_owned()),
    ]
}

fn roles(told: &Capabilities) -> String {
    let many = if told.accounts.many_roles { "several" } else { "one" };
    let mut text = match told.roles {
        Roles::None => "The app has no roles".to_owned(),
        Roles::Fixed(known) => format!("Roles: `{}`; an account has {many}", known.join("`, `")),
        Roles::Listed => format!("Roles: those the app lists; an account has {many}"),
        Roles::Any => format!("Roles: any text the app takes; an account has {many}"),
    };
    if let Some(role) = told.default_role {
        write!(text, "; `{role}` unless another is given").unwrap();
    }
    if let Some(role) = told.admin_role {
        write!(text, "; the last `{role}` is never demoted or removed").unwrap();
    }
    if told.groups.noun.is_empty() {
        text.push_str(". It has no groups.");
    } else {
        write!(text, ". Groups are its {}.", told.groups.noun).unwrap();
    }
    if !told.settle.is_zero() {
        write!(text, " A change shows after at most {} s.", told.settle.as_secs()).unwrap();
    }
    text
}

fn setting(field: &Field) -> [String; 4] {
    let kind = match field.kind {
        FieldKind::Url => "URL".to_owned(),
        FieldKind::Secret(kind) => format!("secret: {kind}"),
        FieldKind::Text => "text".to_owned(),
        FieldKind::Flag => "`true` or `false`".to_owned(),
        FieldKind::Count { min, max } => format!("{min} to {max}"),
        FieldKind::Choice(words) => format!("`{}`", words.join("`, `")),
        FieldKind::Texts => "list of texts".to_owned(),
        FieldKind::Template(places) => format!("text with the places `{{{}}}`", places.join("}`, `{")),
    };
    let default = match (field.default, field.required) {
        (Some(default), _) => format!("`{default}`"),
        (None, true) => "required".to_owned(),
        (None, false) => String::new(),
    };
    [format!("`{}`", field.path), kind, default, field.help.to_owned()]
}
