//! `austin openapi`: the API description, as the server gives it at `/openapi.json`.

use crate::print;

/// Runs `austin openapi`.
pub(crate) fn run() {
    print::line(austin_http::openapi().trim_end());
}
