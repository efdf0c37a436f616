//! One script in its engine: built when it is first called, thrown away after any limit was hit.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use rquickjs::function::Args;
use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Function as JsFunction, Module, Object, Persistent,
    Runtime, Value,
};
use rustix::time::{ClockId, clock_gettime};

use super::host;
use crate::frames::{Call, Failure, FailureKind, Function};

/// What a call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Processor time; a busy machine does not count against a script.
    pub time: Duration,
    /// Heap of an engine.
    pub heap_bytes: usize,
    /// Stack of an engine.
    pub stack_bytes: usize,
    /// JSON of a result.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_millis(50),
            heap_bytes: 16 * 1024 * 1024,
            stack_bytes: 256 * 1024,
            output_bytes: 2 * 1024 * 1024,
        }
    }
}

/// A version's script.
pub(super) struct Script {
    source: String,
    accounts: HashMap<u32, String>,
    engine: Option<Engine>,
}

impl Script {
    pub(super) fn new(source: String) -> Self {
        Self {
            source,
            accounts: HashMap::new(),
            engine: None,
        }
    }

    /// Keeps an account's JSON for later calls.
    pub(super) fn account(&mut self, slot: u32, json: String) {
        if let Some(engine) = &mut self.engine {
            engine.accounts.remove(&slot);
        }
        self.accounts.insert(slot, json);
    }

    /// Runs a call. After a limit was hit the engine is dropped before the answer leaves: a
    /// crash while dropping is then this call's.
    pub(super) fn call(&mut self, call: &Call, limits: &Limits) -> Result<String, Failure> {
        let mut engine = match self.engine.take() {
            Some(engine) => engine,
            None => Engine::new(&self.source, limits)?,
        };
        let outcome = engine.call(call, &self.accounts, limits);
        match &outcome {
            Err(failure) if failure.kind.is_limit() => drop(engine),
            Ok(_) | Err(_) => self.engine = Some(engine),
        }
        outcome
    }
}

/// Stops what runs too long.
#[derive(Clone)]
struct Stopwatch {
    until: Rc<Cell<Duration>>,
    hit: Rc<Cell<bool>>,
}

impl Stopwatch {
    fn new() -> Self {
        Self {
            until: Rc::new(Cell::new(Duration::MAX)),
            hit: Rc::new(Cell::new(false)),
        }
    }

    fn start(&self, time: Duration) {
        self.hit.set(false);
        self.until.set(processor_time() + time);
    }

    /// Asked by the engine every few thousand steps.
    fn is_over(&self) -> bool {
        let over = processor_time() > self.until.get();
        if over {
            self.hit.set(true);
        }
        over
    }
}

/// What this thread has used so far.
fn processor_time() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(spent.tv_sec).unwrap_or(0),
        u32::try_from(spent.tv_nsec).unwrap_or(0),
    )
}

/// An engine with its script evaluated. The persistent values stand before the runtime: they
/// must be gone before it goes.
struct Engine {
    functions: HashMap<Function, Persistent<JsFunction<'static>>>,
    accounts: HashMap<u32, Persistent<Value<'static>>>,
    exported: Vec<String>,
    stopwatch: Stopwatch,
    context: Context,
    runtime: Runtime,
}

impl Engine {
    fn new(source: &str, limits: &Limits) -> Result<Self, Failure> {
        let cannot = |error: rquickjs::Error| {
            Failure::new(FailureKind::Memory, format!("no engine: {error}"))
        };
        let runtime = Runtime::new().map_err(cannot)?;
        runtime.set_memory_limit(limits.heap_bytes);
        runtime.set_max_stack_size(limits.stack_bytes);
        let stopwatch = Stopwatch::new();
        let watched = stopwatch.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || watched.is_over())));
        let context = Context::full(&runtime).map_err(cannot)?;
        let mut engine = Self {
            functions: HashMap::new(),
            accounts: HashMap::new(),
            exported: Vec::new(),
            stopwatch,
            context,
            runtime,
        };
        engine.prepare(cannot)?;
        engine.evaluate(source, limits)?;
        Ok(engine)
    }

    /// Installs the host functions and freezes everything.
    fn prepare(&self, cannot: impl Fn(rquickjs::Error) -> Failure) -> Result<(), Failure> {
        self.context
            .with(|ctx| {
                host::install(&ctx)?;
                ctx.eval::<(), _>(include_str!("bootstrap.js"))
            })
            .map_err(cannot)
    }

    fn evaluate(&mut self, source: &str, limits: &Limits) -> Result<(), Failure> {
        self.stopwatch.start(limits.time);
        let (functions, exported) = self.context.with(|ctx| {
            let module = Module::declare(ctx.clone(), "script", source)
                .catch(&ctx)
                .map_err(|error| match self.failure(&error) {
                    failure if failure.kind == FailureKind::Threw => Failure {
                        kind: FailureKind::Syntax,
                        ..failure
                    },
                    failure => failure,
                })?;
            let (module, promise) = module.eval().catch(&ctx).map_err(|e| self.failure(&e))?;
            promise
                .result::<Value<'_>>()
                .ok_or_else(|| {
                    Failure::new(
                        FailureKind::Async,
                        "the module awaits something at its top level",
                    )
                })?
                .catch(&ctx)
                .map_err(|error| self.failure(&error))?;
            let namespace = module
                .namespace()
                .catch(&ctx)
                .map_err(|e| self.failure(&e))?;
            exports(&ctx, &namespace)
                .map_err(|error| Failure::new(FailureKind::Threw, format!("exports: {error}")))
        })?;
        if self.runtime.is_job_pending() {
            return Err(asynchronous());
        }
        self.functions = functions;
        self.exported = exported;
        Ok(())
    }

    fn call(
        &mut self,
        call: &Call,
        accounts: &HashMap<u32, String>,
        limits: &Limits,
    ) -> Result<String, Failure> {
        if call.function == Function::Load {
            return serde_json::to_string(&self.exported)
                .map_err(|error| Failure::new(FailureKind::Shape, error.to_string()));
        }
        let function = self.functions.get(&call.function).ok_or_else(|| {
            let name = call.function.name();
            Failure::new(
                FailureKind::Missing,
                format!("the script exports no function {name}"),
            )
        })?;
        let function = function.clone();
        self.stopwatch.start(limits.time);
        let context = self.context.clone();
        let outcome = context.with(|ctx| {
            let outcome = self.arguments(&ctx, call, accounts).and_then(|arguments| {
                let function = function.restore(&ctx)?;
                let mut args = Args::new(ctx.clone(), arguments.len());
                args.push_args(arguments)?;
                let value: Value<'_> = function.call_arg(args)?;
                let promise = value.is_promise();
                let json = ctx.json_stringify(value)?;
                Ok((promise, json))
            });
            let (promise, json) = outcome.catch(&ctx).map_err(|error| self.failure(&error))?;
            if promise {
                return Err(asynchronous());
            }
            let json = json.ok_or_else(|| {
                let name = call.function.name();
                Failure::new(FailureKind::Shape, format!("{name} returned nothing"))
            })?;
            let json = json.to_string().catch(&ctx).map_err(|e| self.failure(&e))?;
            if json.len() > limits.output_bytes {
                let detail = format!(
                    "the result has {} bytes, at most {} are taken",
                    json.len(),
                    limits.output_bytes
                );
                return Err(Failure::new(FailureKind::Output, detail));
            }
            Ok(json)
        });
        if self.runtime.is_job_pending() {
            return Err(asynchronous());
        }
        outcome
    }

    fn arguments<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        call: &Call,
        accounts: &HashMap<u32, String>,
    ) -> rquickjs::Result<Vec<Value<'js>>> {
        let mut arguments = Vec::with_capacity(5);
        if let Some(slot) = call.account {
            arguments.push(self.account(ctx, slot, accounts)?);
        }
        for json in &call.arguments {
            arguments.push(ctx.json_parse(json.as_bytes())?);
        }
        Ok(arguments)
    }

    /// The account, parsed and frozen once.
    fn account<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        slot: u32,
        accounts: &HashMap<u32, String>,
    ) -> rquickjs::Result<Value<'js>> {
        if let Some(known) = self.accounts.get(&slot) {
            return known.clone().restore(ctx);
        }
        let json = accounts.get(&slot).map_or("{}", String::as_str);
        let value = ctx.json_parse(json.as_bytes())?;
        freeze(ctx, &value)?;
        self.accounts
            .insert(slot, Persistent::save(ctx, value.clone()));
        Ok(value)
    }

    /// Why something did not come to a value.
    fn failure(&self, error: &CaughtError<'_>) -> Failure {
        if self.stopwatch.hit.get() {
            return Failure::new(FailureKind::Time, "ran longer than the time limit");
        }
        let failure = match error {
            CaughtError::Exception(exception) => {
                let message = exception.message().unwrap_or_default();
                let kind = if message.contains("out of memory") {
                    FailureKind::Memory
                } else if message.contains("call stack") || message.contains("stack overflow") {
                    FailureKind::Stack
                } else {
                    FailureKind::Threw
                };
                Failure::new(kind, place(&message, exception))
            }
            // The engine has no memory left even for an error.
            CaughtError::Value(value) if value.is_null() || value.is_uncatchable_error() => {
                Failure::new(FailureKind::Memory, "out of memory")
            }
            CaughtError::Value(value) => {
                Failure::new(FailureKind::Threw, format!("threw a {}", value.type_name()))
            }
            CaughtError::Error(error) => Failure::new(FailureKind::Threw, error.to_string()),
        };
        // Reading the message may itself have run code of the script.
        if self.stopwatch.hit.get() {
            return Failure::new(FailureKind::Time, "ran longer than the time limit");
        }
        failure
    }
}

/// A message with line and column, and without what a getter could make of it.
fn place(message: &str, exception: &rquickjs::Exception<'_>) -> String {
    let stack = exception.stack().unwrap_or_default();
    let at = stack
        .lines()
        .find_map(|line| line.split_once("script:").map(|(_, place)| place))
        .map(|place| place.trim_end_matches(')').to_owned());
    match at {
        Some(at) => format!("{message} (line {})", at.replacen(':', ", column ", 1)),
        None => message.to_owned(),
    }
}

fn asynchronous() -> Failure {
    Failure::new(
        FailureKind::Async,
        "promises and async functions are not possible: a script returns its step at once",
    )
}

type Exports = (
    HashMap<Function, Persistent<JsFunction<'static>>>,
    Vec<String>,
);

fn exports<'js>(ctx: &Ctx<'js>, namespace: &Object<'js>) -> rquickjs::Result<Exports> {
    let mut functions = HashMap::new();
    let mut names = Vec::new();
    for function in Function::CALLED {
        let value: Value<'js> = namespace.get(function.name())?;
        if let Some(found) = value.as_function() {
            functions.insert(function, Persistent::save(ctx, found.clone()));
            names.push(function.name().to_owned());
        }
    }
    Ok((functions, names))
}

/// Freezes an account: what a script changes in it would be there at the next call.
fn freeze<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> rquickjs::Result<()> {
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    for inner in object.values::<Value<'js>>() {
        freeze(ctx, &inner?)?;
    }
    let builtin: Object<'js> = ctx.globals().get("Object")?;
    let freeze: JsFunction<'js> = builtin.get("freeze")?;
    freeze.call((value.clone(),))
}
