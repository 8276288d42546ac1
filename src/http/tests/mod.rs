//! What can be told of a request without a gateway behind.

mod bodies;
mod frame;
mod intake;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{self, Method};

fn request(method: &Method, path: &str) -> Request {
    http::Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}
