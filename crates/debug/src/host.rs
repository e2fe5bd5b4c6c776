//! The interface for programs: requests and answers as JSON, one to a line.

use crate::error::DebugError;
use crate::session::Session;
use serde_json::{Value, json};

/// Whether a request asks for the end of what is being done, and has to be heard before its turn:
/// whoever reads requests raises [`Session::interrupt`] for it and answers it in its turn.
pub fn is_interrupt(request: &str) -> bool {
    let parsed: Option<Value> = serde_json::from_str(request).ok();
    let command = parsed.as_ref().and_then(|r| r.get("command")).and_then(Value::as_str);
    command.is_some_and(|c| crate::help::find(c.trim()).is_ok_and(|c| c.name == "interrupt"))
}

impl Session {
    /// Answers a request such as `{"id": 1, "command": "print hidden.v[3]"}` with one line of
    /// JSON, and says whether the session is to end. Lines without anything are not answered.
    ///
    /// An answer repeats `id` and has `ok`. Where that is true, `text` is what a person would
    /// see, `value` the same for programs, `at` the place on the line of time, and `holds` is
    /// false after an `expect` or `assert` that does not hold; else `error` says what is wrong.
    pub fn answer(&mut self, request: &str) -> (Option<String>, bool) {
        if request.trim().is_empty() {
            return (None, false);
        }
        let parsed: Result<Value, _> = serde_json::from_str(request);
        let id = parsed.as_ref().ok().and_then(|r| r.get("id").cloned()).unwrap_or(Value::Null);
        let command = match &parsed {
            Err(e) => Err(format!("the request is no JSON: {e}")),
            Ok(request) => match request.get("command").and_then(Value::as_str) {
                Some(command) => Ok(command),
                None => Err("a request has a text \"command\", such as \
                             {\"id\": 1, \"command\": \"step 10\"}"
                    .to_owned()),
            },
        };
        let command = match command {
            // A second line would be an answer that nobody waits for.
            Ok(command) if command.contains(['\n', '\r']) => {
                Err("a command is one line".to_owned())
            }
            other => other,
        };
        let (answer, ends) = match command {
            Err(error) => (json!({ "id": id, "ok": false, "error": error }), false),
            Ok(command) => match self.execute(command) {
                Ok(done) => {
                    let answer = json!({
                        "id": id, "ok": true, "text": done.text, "value": done.value,
                        "at": self.place_json(), "holds": !done.failed,
                    });
                    (answer, done.ends)
                }
                Err(error) => {
                    let bug = matches!(error, DebugError::Disagreement { .. });
                    let error = error.to_string();
                    (json!({ "id": id, "ok": false, "error": error, "at": self.place_json() }), bug)
                }
            },
        };
        (Some(answer.to_string()), ends)
    }
}
