//! Webhooks on a real socket: signed, told again after a failure and after a restart, and never in anybody's way.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::stage::{Place, Running, active, wait_for};

/// The bytes of the key and its text, made with `printf … | base64`.
const KEY: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
const KEY_TEXT: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A request as it came over the socket.
#[derive(Debug, Clone)]
struct Told {
    head: String,
    body: String,
}

impl Told {
    fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no `{name}` in {}", self.head))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether the signature is the HMAC-SHA256 (RFC 2104) over `id.timestamp.body`.
    fn is_signed(&self) -> bool {
        let (id, timestamp) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let pad =
            |with: u8| (0..64).map(|place| KEY.get(place).copied().unwrap_or(0) ^ with).collect::<Vec<u8>>();
        let message = format!("{id}.{timestamp}.{}", self.body);
        let inner = Sha256::digest([pad(0x36), message.into_bytes()].concat());
        let seal = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
        self.header("webhook-signature") == format!("v1,{}", base64(&seal))
    }
}

fn base64(bytes: &[u8]) -> String {
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let bits = bytes.iter().map(|byte| format!("{byte:08b}")).collect::<Vec<_>>().concat();
    let letters: String = bits
        .as_bytes()
        .chunks(6)
        .map(|six| format!("{:0<6}", std::str::from_utf8(six).unwrap()))
        .map(|six| alphabet[usize::from_str_radix(&six, 2).unwrap()])
        .collect();
    format!("{letters}{}", "=".repeat((4 - letters.len() % 4) % 4))
}

/// A receiver that answers every request with the status it is told to.
struct Desk {
    url: String,
    status: Arc<AtomicU16>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Desk {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook?room=7", listener.local_addr().unwrap());
        let (status, told) = (Arc::new(AtomicU16::new(204)), Arc::<Mutex<Vec<Told>>>::default());
        let (answers, heard) = (Arc::clone(&status), Arc::clone(&told));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                hear(stream.unwrap(), &answers, &heard);
            }
        });
        Self { url, status, told }
    }

    fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    fn wait(&self, count: usize) -> Vec<Told> {
        wait_for("a webhook", || Some(self.told()).filter(|told| told.len() >= count))
    }
}

fn hear(mut stream: TcpStream, status: &AtomicU16, told: &Mutex<Vec<Told>>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            told.lock().unwrap().push(Told { head: head.to_owned(), body: body.to_owned() });
            let status = status.load(Ordering::SeqCst);
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            drop(stream.write_all(answer.as_bytes()));
            return;
        }
    }
}

fn place(desk: &Desk) -> Place {
    let place = Place::with(&format!(
        "listen = \"127.0.0.1:0\"\n[connections.hotjar]\napp = \"manual\"\n\
         [connections.hotjar.manual]\nassignee = \"Kim\"\nlink = \"https://app.example/team\"\n\
         [connections.hotjar.manual.instructions]\ninvite = \"ask Kim to invite {{email}} as {{role}}\"\n\
         [connections.hotjar.webhook]\nurl = \"{}\"\nprivate = true\nsecret = {{ file = \"hook\" }}\n",
        desk.url
    ));
    std::fs::write(place.path("hook"), KEY_TEXT).unwrap();
    place
}

fn token(place: &Place) -> String {
    let made = place.run("token create", &["--connection", "hotjar", "--json"]).ok().json();
    made["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_task_is_told_signed_in_the_operators_own_words_and_again_when_it_is_done() {
    let desk = Desk::open();
    let place = place(&desk);
    let token = token(&place);
    let gateway = Running::serve(&place);
    let created = gateway.caller_with("hotjar", &token).create("ada@example.com");
    let [opened] = &desk.wait(1)[..] else { panic!("{:?}", desk.told()) };
    assert!(opened.is_signed(), "{opened:?}");
    assert!(opened.head.starts_with("POST /hook?room=7 HTTP/1.1"), "{}", opened.head);
    let body = opened.json();
    assert_eq!((&body["type"], &body["data"]["resource"]), (&"task.opened".into(), &created["id"]));
    assert_eq!(
        (&body["data"]["owner"], &body["data"]["link"], &body["data"]["instruction"]),
        (
            &"Kim".into(),
            &"https://app.example/team".into(),
            &"ask Kim to invite ada@example.com as Read Only".into()
        )
    );
    let task = body["data"]["id"].as_str().unwrap();
    assert_eq!(opened.header("webhook-id"), format!("{task}-opened"));

    // Another process completes it; the serving one tells.
    place.run("tasks complete", &["--by", "Kim", task]).ok();
    let closed = desk.wait(2)[1].clone();
    assert!(closed.is_signed() && closed.header("webhook-id") == format!("{task}-closed"), "{closed:?}");
    assert_eq!(
        (&closed.json()["type"], &closed.json()["data"]["state"]),
        (&"task.closed".into(), &"done".into())
    );
}

#[test]
fn a_receiver_that_fails_is_told_again_and_a_restart_loses_nothing() {
    let desk = Desk::open();
    desk.status.store(500, Ordering::SeqCst);
    let place = place(&desk);
    let token = token(&place);
    let gateway = Running::serve(&place);
    let mut hotjar = gateway.caller_with("hotjar", &token);
    let id = hotjar.create("ada@example.com")["id"].as_str().unwrap().to_owned();
    let first = desk.wait(1)[0].clone();
    desk.wait(2);
    let left = hotjar.send("PATCH", &format!("/Users/{id}"), &active(false));
    assert_eq!(left.status, 200, "nobody waits for the receiver");
    drop(gateway);

    desk.status.store(204, Ordering::SeqCst);
    let before = desk.told().len();
    let _gateway = Running::serve(&place);
    let wanted = first.header("webhook-id");
    let again = wait_for("the first event again", || {
        desk.told().into_iter().skip(before).find(|told| told.header("webhook-id") == wanted)
    });
    assert!(again.is_signed(), "{again:?}");
    assert_eq!(again.body, first.body, "the same event says the same");
    let all = |told: &Told| told.header("webhook-id").to_owned();
    wait_for("the end of the invitation", || {
        desk.told().iter().skip(before).map(all).find(|id| id.ends_with("-closed"))
    });
}

#[test]
fn a_receiver_inside_the_own_network_has_to_be_allowed() {
    let place = Place::with(
        "[connections.hotjar]\napp = \"manual\"\n[connections.hotjar.webhook]\nurl = \"https://127.0.0.1/hook\"\n\
         secret = { file = \"hook\" }\n",
    );
    std::fs::write(place.path("hook"), KEY_TEXT).unwrap();
    let ran = place.run("check-config", &[]);
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(
        ran.stderr.contains("line 4: connections.hotjar.webhook.url: the host is `127.0.0.1`"),
        "{ran:?}"
    );
}
