use proptest::prelude::*;

use super::*;
use austin_testkit::builders::NOW;

fn seen(id: u64, template: u64, app: u64) -> Seen {
    Seen {
        id,
        pair: (TemplateId::from_u64(template), AppId::from_u64(app)),
        people: 2,
        at: NOW.plus(Duration::from_secs(id)),
    }
}

#[test]
fn what_is_accepted_shows_at_once_and_is_written_when_it_is_complete() {
    let uses = Uses::default();
    let (first, second) = (uses.accepting(), uses.accepting());
    second.came_to([seen(20, 1, 1)].into_iter());
    assert_eq!(uses.of(TemplateId::from_u64(1))[0].1.messages, 1);
    assert!(uses.changes().is_none(), "the first may still bring 10");
    first.came_to([seen(10, 1, 1), seen(12, 2, 1)].into_iter());
    let page = uses.changes().unwrap();
    assert_eq!(page.through, 20);
    assert_eq!(page.entries.len(), 2);
    let used = uses.of(TemplateId::from_u64(1));
    assert_eq!((used[0].1.messages, used[0].1.people), (2, 4));
    assert_eq!(used[0].1.first, NOW.plus(Duration::from_secs(10)));
    assert_eq!(uses.last(TemplateId::from_u64(1)), Some(used[0].1.last));
    assert_eq!(uses.last(TemplateId::from_u64(9)), None);
    assert!(uses.changes().is_none(), "nothing new");
    uses.not_written(page);
    assert_eq!(uses.changes().unwrap().entries.len(), 2);
}

#[test]
fn an_accept_that_fails_counts_nothing_and_holds_nothing_up() {
    let uses = Uses::default();
    drop(uses.accepting());
    uses.accepting().came_to([seen(5, 1, 1)].into_iter());
    assert_eq!(uses.changes().unwrap().through, 5);
}

/// What an imagined ledger holds, and what was written down of it.
#[derive(Default)]
struct World {
    ledger: Vec<Seen>,
    book: HashMap<Pair, Use>,
    through: u64,
}

impl World {
    fn write(&mut self, uses: &Uses) {
        if let Some(page) = uses.changes() {
            self.book.extend(page.entries);
            self.through = page.through;
        }
    }

    fn restart(&self) -> Uses {
        let uses = Uses::default();
        let newest = self.ledger.last().map_or(0, |seen| seen.id);
        let book = self.book.iter().map(|(pair, used)| (*pair, *used));
        uses.restore(book.collect(), self.through, newest);
        let tail = self.ledger.iter().filter(|seen| seen.id > self.through);
        if newest > self.through {
            let mut sums = Sums::new();
            for seen in tail {
                add(&mut sums, seen.pair, seen.as_use());
            }
            uses.recounted(sums);
        }
        uses
    }
}

proptest! {
    /// Whatever order accepts end in, whenever it is written down and wherever it crashes, the
    /// counts after the restart are those of the ledger.
    #[test]
    fn counts_survive_a_crash_anywhere(
        moves in prop::collection::vec((0u8..4, 0usize..3, 1u64..4), 1..80),
    ) {
        let mut world = World::default();
        let mut uses = world.restart();
        let mut next = 1;
        for chunk in moves.chunks(20) {
            // Accepts under way: committed or not yet.
            let mut under_way: Vec<(Accepting<'_>, Option<Seen>)> = Vec::new();
            for (kind, which, template) in chunk {
                match kind {
                    0 => under_way.push((uses.accepting(), None)),
                    1 => {
                        if let Some((_, seen @ None)) = under_way.get_mut(*which) {
                            let one = self::seen(next, *template, template % 2);
                            next += 1;
                            world.ledger.push(one);
                            *seen = Some(one);
                        }
                    }
                    2 if *which < under_way.len() => {
                        let (accepting, seen) = under_way.remove(*which);
                        accepting.came_to(seen.into_iter());
                    }
                    _ => world.write(&uses),
                }
            }
            drop(under_way);
            uses = world.restart();
            if moves.len() % 2 == 0 {
                // Written down at once, and read once more.
                world.write(&uses);
                uses = world.restart();
            }
            for template in 1..4 {
                let id = TemplateId::from_u64(template);
                let told: u64 = uses.of(id).iter().map(|(_, used)| used.messages).sum();
                let held = world.ledger.iter().filter(|seen| seen.pair.0 == id).count();
                prop_assert_eq!(told, held as u64);
            }
        }
    }
}
