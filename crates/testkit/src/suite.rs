//! Runs the named cases of a port's conformance suite against one backend.

use austin_ports::BoxFuture;

/// One named case over a backend `B`.
pub struct Case<B> {
    /// What it shows, e.g. `deleting_an_account_a_route_names_is_refused`.
    pub name: &'static str,
    /// Runs it; panics when the backend does not keep the contract.
    pub run: fn(B) -> BoxFuture<'static, ()>,
}

impl<B> std::fmt::Debug for Case<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// The cases with these functions, named after them: `cases![creates, deletes]` for
/// `async fn creates(backend: B)`.
#[macro_export]
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        vec![$($crate::suite::Case {
            name: stringify!($case),
            run: |backend| Box::pin($case(backend)),
        }),*]
    };
}

/// Runs every case on a fresh backend and names all that failed. Only cases whose name contains
/// the environment's `SUITE_CASE` are run when that is set.
///
/// # Panics
/// When a case failed.
pub async fn run<B: Send + 'static>(cases: Vec<Case<B>>, fresh: impl Fn() -> B) {
    let wanted = std::env::var("SUITE_CASE").unwrap_or_default();
    let mut failed = Vec::new();
    for case in cases.into_iter().filter(|case| case.name.contains(&wanted)) {
        // A task of its own turns a panic into a value.
        if tokio::spawn((case.run)(fresh())).await.is_err() {
            failed.push(case.name);
        }
    }
    assert!(failed.is_empty(), "failed cases: {}", failed.join(", "));
}
