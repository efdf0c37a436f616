//! `austin config`: the reference of all settings, and a check of what is set.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::exit::Failure;
use crate::print;
use crate::settings::catalogue::KEYS;
use crate::settings::{self, Settings};

/// Explain and check the configuration.
#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Print every setting with its default (docs/configuration.md)
    Reference,
    /// Check file and environment, and print what is in force
    Check {
        /// Configuration file (TOML)
        #[arg(long, env = "AUSTIN_CONFIG")]
        config: Option<PathBuf>,
    },
}

/// Runs `austin config`.
///
/// # Errors
/// What is wrong with the configuration.
pub(crate) fn run(args: ConfigArgs) -> Result<(), Failure> {
    match args.what {
        What::Reference => print::line(reference().trim_end()),
        What::Check { config } => {
            let settings = settings::load(config.as_deref())?;
            for key in KEYS {
                print::line(&format!("{} = {}", key.path, (key.get)(&settings)));
            }
        }
    }
    Ok(())
}

const OPENING: &str = "\
# Configuration

Written by `austin config reference`; change the code, then run `make openapi`.

Each setting comes from the first of: a flag (`--listen`), the environment, the configuration file
(`austin serve --config FILE`, TOML), its default. An unknown setting is refused, with its place.
`austin config check --config FILE` says what is in force.

Durations are written `250ms`, `20s`, `5m`, `2h`, `7d`; sizes `512KiB`, `8MiB` or a number of
bytes. In the environment a list is separated by commas.

```toml
[http]
listen = \"0.0.0.0:7070\"

[log]
format = \"json\"
```

Other variables: `AUSTIN_CONFIG` (the file), `AUSTIN_DATA` (the data directory),
`AUSTIN_MASTER_KEY` (the key that secrets are sealed with; by default it is made on the first start
and kept in the data directory), and for commands that talk to a server `AUSTIN_URL` and
`AUSTIN_KEY`.
";

fn reference() -> String {
    let defaults = Settings::default();
    let mut text = OPENING.to_owned();
    let mut section = "";
    for key in KEYS {
        let (of, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if of != section {
            section = of;
            let _ = write!(
                text,
                "\n## `[{section}]`\n\n| key | takes | default | meaning |\n|---|---|---|---|\n"
            );
        }
        let default = match (key.get)(&defaults) {
            empty if empty.is_empty() => "–".to_owned(),
            default => format!("`{default}`"),
        };
        let _ = writeln!(
            text,
            "| `{name}`<br>`{}` | {} | {default} | {} |",
            key.variable(),
            key.takes,
            key.about
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const COMMITTED: &str = include_str!("../../../docs/configuration.md");

    #[test]
    fn the_committed_reference_lists_exactly_the_settings() {
        let documented: BTreeSet<_> = COMMITTED
            .lines()
            .filter(|line| line.starts_with("| `"))
            .filter_map(|line| line.split("<br>`").nth(1)?.split('`').next())
            .map(ToOwned::to_owned)
            .collect();
        let known: BTreeSet<_> = KEYS.iter().map(|key| key.variable()).collect();
        assert_eq!(documented, known);
    }

    #[test]
    fn the_committed_reference_is_up_to_date() {
        assert_eq!(
            COMMITTED.trim_end(),
            reference().trim_end(),
            "run: make openapi"
        );
    }
}
