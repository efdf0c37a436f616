//! What a call costs, end to end. Printed, not judged: `cargo test --release -p austin-script
//! --test scripts throughput -- --nocapture`.

use std::time::Instant;

use crate::support::*;

/// Processor time of a process and its threads so far, in ms.
fn processor_time(id: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    // utime and stime, in the usual 1/100 s.
    (ticks(11).unwrap_or(0) + ticks(12).unwrap_or(0)) * 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sends_at_a_time_all_come_out_right() {
    const SENDERS: usize = 64;
    let sends: usize = if cfg!(debug_assertions) { 20 } else { 2_000 };
    let workers = workers(options());
    let speaker = load(&workers, "good", &neighbour()).await.unwrap();
    let whole = || {
        let children: u64 = workers
            .process_ids()
            .iter()
            .map(|id| processor_time(&id.to_string()))
            .sum();
        children + processor_time("self")
    };
    let (before, began) = (whole(), Instant::now());
    let tasks: Vec<_> = (0..SENDERS)
        .map(|_| {
            let speaker = speaker.clone();
            tokio::spawn(async move {
                let (account, batch) = (account(), batch(1));
                for _ in 0..sends {
                    let (_, state) = request(speaker.start(&account, &batch, context()).await);
                    let step = speaker
                        .resume(&account, &batch, state, answered(500, "{}"), context())
                        .await;
                    assert_eq!(word_and_code(step).0, "elsewhere");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let count = (SENDERS * sends) as f64;
    let spent = whole().saturating_sub(before) as f64;
    println!(
        "{count} sends, {:.0}/s, {:.1} µs of processor time each (start and resume, both sides)",
        count / began.elapsed().as_secs_f64(),
        spent * 1_000.0 / count
    );
}
