//! What it costs to judge a delivery by the clock and by its words, without IO: zones, quiet
//! hours, and a list of a hundred thousand words.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use austin_domain::Timestamp;
use austin_domain::content_check::WordList;
use austin_domain::quiet::{Hours, Judgement};
use austin_domain::zone::Zone;

use crate::report::Figure;

const SCENARIO: &str = "judging";
const TIMES: u32 = 2_000_000;
const WORDS: usize = 100_000;
/// Characters of a text.
const LENGTH: usize = 70;

pub(crate) fn run() -> Result<Vec<Figure>> {
    let mut figures = by_the_clock()?;
    figures.extend(by_the_words()?);
    Ok(figures)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn nanos(begin: Instant, times: u32) -> f64 {
    begin.elapsed().as_nanos() as f64 / f64::from(times)
}

fn by_the_clock() -> Result<Vec<Figure>> {
    let zones: Vec<Zone> = [
        "Asia/Shanghai",
        "America/New_York",
        "Europe/Berlin",
        "Asia/Kolkata",
    ]
    .into_iter()
    .map(Zone::named)
    .collect::<Result<_, _>>()?;
    let windows = serde_json::from_str(r#"[{"from":"22:00","to":"08:00"}]"#)?;
    let hours = Hours::new(windows, Duration::from_secs(600))?;
    let begin = Timestamp::from_seconds(1_795_600_000);
    let at = |n: u32| begin.plus(Duration::from_secs(u64::from(n)));
    let which = |n: u32| zones[n as usize % zones.len()];
    let start = Instant::now();
    for n in 0..TIMES {
        black_box(which(n).local(black_box(at(n))));
    }
    let local = nanos(start, TIMES);
    let start = Instant::now();
    let mut closed = 0u32;
    for n in 0..TIMES {
        let judged = hours.judge(black_box(at(n)), which(n), None);
        closed += u32::from(judged != Judgement::Open);
    }
    let judge = nanos(start, TIMES);
    if closed == 0 || closed == TIMES {
        bail!("{closed} of {TIMES} were in quiet hours: one side was not measured");
    }
    let phones: Vec<String> = (0..1000).map(|n| format!("+86137{n:08}")).collect();
    let start = Instant::now();
    for n in 0..TIMES {
        black_box(Zone::of_phone(&phones[n as usize % phones.len()]));
    }
    let phone = nanos(start, TIMES);
    let figure = |what: &str, value, note: &str| Figure::new(SCENARIO, what, value, "ns", note);
    Ok(vec![
        figure("local time in a zone", local, "goal ≤ 200"),
        figure("quiet hours, a judgement", judge, "four in ten closed"),
        figure("zone of a phone", phone, ""),
    ])
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }

    /// A character of the 3,000 that texts are made of.
    fn han(&mut self) -> char {
        let place = u32::try_from(self.below(3_000)).unwrap_or(0);
        char::from_u32(0x4e00 + place * 6).unwrap_or('一')
    }
}

fn by_the_words() -> Result<Vec<Figure>> {
    let mut dice = Dice(7);
    let mut words = String::new();
    for n in 0..WORDS {
        if n % 5 == 0 {
            writeln!(words, "w{:05x}{n}", dice.below(0xf_ffff))?;
        } else {
            let length = 2 + dice.below(4);
            words.extend((0..length).map(|_| dice.han()));
            words.push('\n');
        }
    }
    let start = Instant::now();
    let list =
        WordList::from_text("bench", &words).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    let built = start.elapsed();
    // Every other text ends in a word of the list.
    let known: Vec<&str> = words.lines().collect();
    let texts: Vec<String> = (0..1_000)
        .map(|n| {
            let mut text: String = "您的订单 20261125 已发货，".chars().collect();
            text.extend((0..LENGTH).map(|_| dice.han()));
            let word = if n % 2 == 0 {
                ""
            } else {
                known[dice.below(known.len())]
            };
            let keep = LENGTH - word.chars().count();
            text.chars().take(keep).chain(word.chars()).collect()
        })
        .collect();
    let times = TIMES / 4;
    let (start, mut found) = (Instant::now(), 0u32);
    for n in 0..times {
        let text = black_box(&texts[n as usize % texts.len()]);
        found += u32::from(!list.find(text, 5).is_empty());
    }
    let check = nanos(start, times) / 1000.0;
    if found < times / 2 {
        bail!("{found} of {times} texts had a word: the list was not looked through");
    }
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let memory = list.bytes() as f64 / 1e6;
    let note = format!("{} words, {LENGTH} characters; goal ≤ 2", list.len());
    Ok(vec![
        Figure::new(SCENARIO, "words of a text", check, "µs", note),
        Figure::new(SCENARIO, "a list of words, compiled", memory, "MB", ""),
        Figure::new(
            SCENARIO,
            "compiling it",
            built.as_secs_f64() * 1e3,
            "ms",
            "",
        ),
    ])
}
