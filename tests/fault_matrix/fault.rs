//! What can go wrong between the gateway and an app, and what that does to a call.

use std::time::{Duration, UNIX_EPOCH};

use portcullis::base::clock::{Clock, SystemClock};

/// By how much every time-out of the connection, and every latency of an app, is shorter than in a product as it comes.
pub const SHORTER: u32 = 5;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// As the table calls it.
    pub name: &'static str,
    pub strikes: Strikes,
    pub harm: Harm,
}

/// Which calls are struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strikes {
    /// Every call, those that renew a token included.
    Line,
    /// Every call of the API.
    Calls,
    /// Every call that changes something; where an operation only reads, every call of the API.
    Writes,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy)]
pub enum Harm {
    /// The name of the app stands for nothing.
    NoName,
    /// Nobody says what the name stands for.
    SilentName,
    /// Nobody listens.
    NobodyListens,
    /// The app shows this certificate.
    Certificate(&'static str),
    /// The app speaks no TLS that is younger than 1.1.
    OldTls,
    /// It does what it is asked, and says so this much later.
    Late(Duration),
    /// It reads the call, does nothing, and resets the connection.
    ResetAtOnce,
    /// It does what it is asked, and the connection ends before a byte of the answer.
    EndsUnanswered,
    /// It does what it is asked, and the connection is reset within the answer.
    ResetAfter(Part),
    /// It does nothing, and answers this.
    Says(Saying),
    /// It does what it is asked, and answers this all the same.
    DoesAndSays(Saying),
    /// It does what it is asked, and its answer is spoilt.
    Spoils(Spoilt),
}

/// How far an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Head,
    HalfTheBody,
}

/// An answer in place of the app's own.
#[derive(Debug, Clone, Copy)]
pub struct Saying {
    pub status: u16,
    pub header: Option<(&'static str, Said)>,
    pub body: Body,
}

/// The value of a header.
#[derive(Debug, Clone, Copy)]
pub enum Said {
    Text(&'static str),
    /// Half a minute from now, as a date.
    SoonAsDate,
}

/// What such an answer holds.
#[derive(Debug, Clone, Copy)]
pub enum Body {
    Nothing,
    /// The app's own words for the status.
    Own,
    /// A page of a proxy.
    Page,
}

/// How an answer of the app is spoilt.
#[derive(Debug, Clone, Copy)]
pub enum Spoilt {
    /// It is no JSON.
    Malformed,
    /// It ends before the length it has.
    Truncated,
    /// It is called a web page.
    WrongType,
    /// A byte a second.
    Drips,
    /// It is packed, and unpacked it is larger than anything that is read.
    Bomb,
}

const fn says(status: u16, body: Body) -> Harm {
    Harm::Says(Saying { status, header: None, body })
}

const fn too_many(wait: Said) -> Harm {
    Harm::Says(Saying { status: 429, header: Some(("retry-after", wait)), body: Body::Own })
}

const fn does_and_says(status: u16) -> Harm {
    Harm::DoesAndSays(Saying { status, header: None, body: Body::Page })
}

const fn late(seconds: u64) -> Harm {
    Harm::Late(Duration::from_millis(seconds * 1_000 / SHORTER as u64))
}

const MOVED: Harm = Harm::Says(Saying {
    status: 301,
    header: Some(("location", Said::Text("/elsewhere"))),
    body: Body::Nothing,
});

/// A proxy that asks to come back once the app has done it.
const DONE_AND_BUSY: Harm = Harm::DoesAndSays(Saying {
    status: 503,
    header: Some(("retry-after", Said::Text("0"))),
    body: Body::Page,
});

/// All of them.
pub const FAULTS: [Fault; 36] = {
    use Strikes::{Calls, Line, Writes};
    [
        Fault { name: "1 s late", strikes: Calls, harm: late(1) },
        Fault { name: "9 s late", strikes: Calls, harm: late(9) },
        Fault { name: "11 s late", strikes: Writes, harm: late(11) },
        Fault { name: "40 s late", strikes: Calls, harm: late(40) },
        Fault { name: "reset before the head", strikes: Calls, harm: Harm::ResetAtOnce },
        Fault { name: "reset after the head", strikes: Writes, harm: Harm::ResetAfter(Part::Head) },
        Fault { name: "reset in the body", strikes: Writes, harm: Harm::ResetAfter(Part::HalfTheBody) },
        Fault { name: "closed when done", strikes: Writes, harm: Harm::EndsUnanswered },
        Fault { name: "429", strikes: Calls, harm: says(429, Body::Own) },
        Fault { name: "429 for 0 s", strikes: Calls, harm: too_many(Said::Text("0")) },
        Fault { name: "429 for 30 s", strikes: Calls, harm: too_many(Said::Text("30")) },
        Fault { name: "429 until a date", strikes: Calls, harm: too_many(Said::SoonAsDate) },
        Fault { name: "429 for a day", strikes: Calls, harm: too_many(Said::Text("86400")) },
        Fault { name: "429 for nonsense", strikes: Calls, harm: too_many(Said::Text("a while")) },
        Fault { name: "500", strikes: Calls, harm: says(500, Body::Own) },
        Fault { name: "502 when done", strikes: Writes, harm: does_and_says(502) },
        Fault { name: "503", strikes: Calls, harm: says(503, Body::Own) },
        Fault { name: "503 for 0 s when done", strikes: Writes, harm: DONE_AND_BUSY },
        Fault { name: "504 when done", strikes: Writes, harm: does_and_says(504) },
        Fault { name: "200 with a page", strikes: Calls, harm: says(200, Body::Page) },
        Fault { name: "malformed JSON", strikes: Writes, harm: Harm::Spoils(Spoilt::Malformed) },
        Fault { name: "truncated", strikes: Calls, harm: Harm::Spoils(Spoilt::Truncated) },
        Fault { name: "wrong content type", strikes: Calls, harm: Harm::Spoils(Spoilt::WrongType) },
        Fault { name: "drip", strikes: Calls, harm: Harm::Spoils(Spoilt::Drips) },
        Fault { name: "gzip bomb", strikes: Writes, harm: Harm::Spoils(Spoilt::Bomb) },
        Fault { name: "TLS expired", strikes: Line, harm: Harm::Certificate("expired") },
        Fault { name: "TLS of another host", strikes: Line, harm: Harm::Certificate("wrong-host") },
        Fault { name: "TLS self-signed", strikes: Line, harm: Harm::Certificate("self-signed") },
        Fault { name: "TLS 1.1", strikes: Line, harm: Harm::OldTls },
        Fault { name: "no such name", strikes: Line, harm: Harm::NoName },
        Fault { name: "silent name", strikes: Line, harm: Harm::SilentName },
        Fault { name: "refused", strikes: Line, harm: Harm::NobodyListens },
        Fault { name: "301", strikes: Calls, harm: MOVED },
        Fault { name: "401", strikes: Calls, harm: says(401, Body::Own) },
        Fault { name: "403", strikes: Calls, harm: says(403, Body::Own) },
        Fault { name: "empty 200", strikes: Writes, harm: says(200, Body::Nothing) },
    ]
};

impl Fault {
    /// Whether the connection is made over TLS, which only these faults need.
    pub fn needs_tls(&self) -> bool {
        matches!(self.harm, Harm::Certificate(_) | Harm::OldTls)
    }
}

impl Said {
    /// The value as it is sent.
    pub fn text(self) -> String {
        match self {
            Self::Text(text) => text.to_owned(),
            Self::SoonAsDate => {
                let now = u64::try_from(SystemClock.now().0).unwrap();
                httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_micros(now) + Duration::from_secs(30))
            }
        }
    }
}
