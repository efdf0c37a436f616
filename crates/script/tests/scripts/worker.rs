//! A worker process for tests: what `austin script-worker` is in the product.

use std::io;

use austin_script::worker::{Limits, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let limits = Limits::parse(&words)?;
    run(io::stdin().lock(), io::stdout(), limits)?;
    Ok(())
}
