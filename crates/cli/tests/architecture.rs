//! The shape of the workspace: which crate may depend on which, and who may touch what kind of
//! IO. An arrow that is not in these tables is a mistake, or a decision to be written down in
//! `docs/decisions/` first.

#![expect(clippy::expect_used, reason = "a failed expectation fails the test")]

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Which crates of ours each crate may name in `[dependencies]`. A crate may name everything
/// below the crates it stands on, since their signatures speak in those types.
const ARROWS: &[(&str, &[&str])] = &[
    ("austin-domain", &[]),
    ("austin-adapter-api", &["austin-domain"]),
    ("austin-ports", &["austin-domain", "austin-adapter-api"]),
    ("austin-adapters", &["austin-domain", "austin-adapter-api"]),
    ("austin-script", &["austin-domain", "austin-adapter-api"]),
    ("austin-store-local", &["austin-domain", "austin-ports"]),
    (
        "austin-wire",
        &["austin-domain", "austin-adapter-api", "austin-ports"],
    ),
    (
        "austin-engine",
        &["austin-domain", "austin-adapter-api", "austin-ports"],
    ),
    (
        "austin-http",
        &[
            "austin-domain",
            "austin-adapter-api",
            "austin-ports",
            "austin-engine",
        ],
    ),
    ("austin-simulator", &[]),
    (
        "austin-testkit",
        &["austin-domain", "austin-adapter-api", "austin-ports"],
    ),
    (
        "austin-cli",
        &[
            "austin-domain",
            "austin-adapter-api",
            "austin-ports",
            "austin-adapters",
            "austin-script",
            "austin-store-local",
            "austin-wire",
            "austin-engine",
            "austin-http",
            "austin-simulator",
        ],
    ),
    (
        "austin-bench",
        &[
            "austin-domain",
            "austin-adapter-api",
            "austin-ports",
            "austin-adapters",
            "austin-script",
            "austin-store-local",
            "austin-wire",
            "austin-engine",
            "austin-http",
            "austin-simulator",
            "austin-testkit",
        ],
    ),
];

/// What tests may name beyond that, besides `austin-testkit`.
const TEST_ARROWS: &[(&str, &str, &str)] = &[
    (
        "austin-engine",
        "austin-adapters",
        "the engine is tested with the real adapters over a simulated wire",
    ),
    (
        "austin-http",
        "austin-adapters",
        "accounts are checked against real descriptors",
    ),
    (
        "austin-http",
        "austin-store-local",
        "the API is tested over the real control store",
    ),
];

/// External crates that stand for a kind of IO or a big idea, and the only crates of ours that
/// may depend on them.
const FENCES: &[(&str, &[&str], &str)] = &[
    (
        "axum",
        &["austin-http", "austin-simulator", "austin-bench"],
        "only http serves; bench measures the bare stack beside it",
    ),
    ("utoipa", &["austin-http"], "only http describes the API"),
    (
        "rusqlite",
        &["austin-store-local"],
        "only the embedded store knows SQLite",
    ),
    (
        "hyper",
        &[
            "austin-wire",
            "austin-http",
            "austin-simulator",
            "austin-cli",
            "austin-testkit",
            "austin-bench",
        ],
        "only wire calls vendors; http and simulator serve; cli is a client of our own API",
    ),
    (
        "rustls",
        &["austin-wire", "austin-cli", "austin-bench"],
        "wire speaks TLS; programs choose the crypto provider once",
    ),
    (
        "tokio-rustls",
        &["austin-wire", "austin-cli"],
        "only wire opens TLS connections to vendors; cli is a client of our own API",
    ),
    (
        "clap",
        &["austin-cli", "austin-bench"],
        "only programs read command lines",
    ),
    (
        "anyhow",
        &["austin-cli", "austin-bench"],
        "libraries have typed errors",
    ),
    (
        "getrandom",
        &["austin-store-local", "austin-cli"],
        "randomness comes through Entropy",
    ),
];

/// Crates that must stay pure: no runtime, no sockets, no files, no logs.
const PURE: &[(&str, &[&str])] = &[
    (
        "austin-domain",
        &[
            "tokio",
            "tracing",
            "http",
            "hyper",
            "getrandom",
            "parking_lot",
        ],
    ),
    (
        "austin-adapter-api",
        &["tokio", "tracing", "hyper", "getrandom"],
    ),
    (
        "austin-adapters",
        &["tokio", "tracing", "hyper", "getrandom"],
    ),
];

fn workspace() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata")
}

fn dependencies(package: &Package, kind: DependencyKind) -> BTreeSet<&str> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == kind)
        .map(|dependency| dependency.name.as_str())
        .collect()
}

fn allowed(package: &str) -> Option<&'static [&'static str]> {
    ARROWS
        .iter()
        .find(|(name, _)| *name == package)
        .map(|(_, allowed)| *allowed)
}

#[test]
fn arrows_point_one_way() {
    let mut wrong = Vec::new();
    for package in &workspace().packages {
        let Some(allowed) = allowed(&package.name) else {
            wrong.push(format!("{} has no row in ARROWS", package.name));
            continue;
        };
        for kind in [DependencyKind::Normal, DependencyKind::Build] {
            for name in dependencies(package, kind) {
                if name.starts_with("austin-") && !allowed.contains(&name) {
                    wrong.push(format!("{} → {name}", package.name));
                }
            }
        }
        for name in dependencies(package, DependencyKind::Development) {
            let test_only = name == "austin-testkit"
                || TEST_ARROWS
                    .iter()
                    .any(|(from, to, _)| *from == package.name.as_str() && *to == name);
            if name.starts_with("austin-") && !allowed.contains(&name) && !test_only {
                wrong.push(format!("{} → {name} (in tests)", package.name));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows that are not allowed:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn each_kind_of_io_has_its_crate() {
    let mut wrong = Vec::new();
    for package in &workspace().packages {
        let direct = dependencies(package, DependencyKind::Normal);
        for (fenced, owners, why) in FENCES {
            if direct.contains(fenced) && !owners.contains(&package.name.as_str()) {
                wrong.push(format!("{} → {fenced}: {why}", package.name));
            }
        }
        for (pure, banned) in PURE
            .iter()
            .filter(|(pure, _)| *pure == package.name.as_str())
        {
            for name in banned.iter().filter(|name| direct.contains(**name)) {
                wrong.push(format!("{pure} → {name}: this crate does no IO"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "fences that are crossed:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_crate_is_under_the_same_rules() {
    let mut wrong = Vec::new();
    for package in &workspace().packages {
        let name = &package.name;
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("manifest");
        if !manifest.contains("[lints]\nworkspace = true") {
            wrong.push(format!("{name} does not take the workspace's lints"));
        }
        if package.license.as_deref() != Some("Apache-2.0") {
            wrong.push(format!("{name} does not state the licence"));
        }
        if package.rust_version.is_none() {
            wrong.push(format!("{name} does not state the Rust version it needs"));
        }
        for dependency in &package.dependencies {
            if dependency
                .source
                .as_ref()
                .is_some_and(|source| source.repr.starts_with("git+"))
            {
                wrong.push(format!("{name} → {}: a git dependency", dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_tables_name_only_what_exists_or_is_planned() {
    let planned: [&str; 0] = [];
    let metadata = workspace();
    let known: BTreeSet<_> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    for (name, _) in ARROWS {
        assert!(
            known.contains(name) || planned.contains(name),
            "ARROWS has a row for {name}, which does not exist"
        );
    }
}
