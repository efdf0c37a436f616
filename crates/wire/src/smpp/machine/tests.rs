use austin_adapter_api::{Phase as Sent, SmppMode};
use bytes::Buf;
use proptest::prelude::*;

use super::*;

fn bind(window: u16) -> SmppBind {
    SmppBind {
        host: "smsc.example".into(),
        port: 2775,
        tls: false,
        mode: SmppMode::Transceiver,
        system_id: "acme".into(),
        password: "secret".into(),
        system_type: String::new(),
        address_range: String::new(),
        window,
        enquire_link: ms(30_000),
        response_timeout: ms(10_000),
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn parts(count: usize) -> Vec<SubmitSm> {
    vec![SubmitSm::default(); count]
}

/// A unit the machine wrote: command id, status, sequence number.
fn written(machine: &mut Machine) -> Vec<(u32, u32, u32)> {
    let mut out = machine.out().split();
    let mut units = Vec::new();
    while !out.is_empty() {
        let length = usize::try_from(out.get_u32()).unwrap();
        units.push((out.get_u32(), out.get_u32(), out.get_u32()));
        out.advance(length - 16);
    }
    units
}

/// Sequence numbers of the submits written.
fn submits(machine: &mut Machine) -> Vec<u32> {
    let units = written(machine).into_iter();
    units
        .filter(|unit| unit.0 == 4)
        .map(|unit| unit.2)
        .collect()
}

fn events(machine: &mut Machine) -> Vec<Event> {
    std::iter::from_fn(|| machine.event()).collect()
}

fn unit(sequence: u32, status: u32, body: Body) -> Pdu {
    Pdu {
        status,
        sequence,
        body,
    }
}

fn resp(sequence: u32, status: u32) -> Pdu {
    let message_id = format!("id{sequence}");
    unit(sequence, status, Body::SubmitResp { message_id })
}

fn bound(window: u16) -> Machine {
    let mut machine = Machine::new(&bind(window), Role::Transceiver);
    assert_eq!(written(&mut machine), [(9, 0, 1)]);
    machine.received(unit(1, 0, Body::BindResp), ms(0));
    assert_eq!(events(&mut machine), [Event::Bound]);
    machine
}

fn taken(sequence: u32) -> SmppPart {
    SmppPart::Answered {
        status: 0,
        message_id: format!("id{sequence}"),
    }
}

fn phases(event: &Event) -> Vec<Option<Sent>> {
    let Event::Done(_, ends) = event else {
        panic!("{event:?}")
    };
    let phase = |end: &SmppPart| match end {
        SmppPart::Missing(fault) => Some(fault.phase),
        SmppPart::Answered { .. } => None,
    };
    ends.iter().map(phase).collect()
}

#[test]
fn the_window_opens_with_the_bind_and_is_kept() {
    let mut machine = Machine::new(&bind(2), Role::Transceiver);
    written(&mut machine);
    machine.submit(parts(3), ms(9_000), ms(0));
    assert_eq!(submits(&mut machine), [0_u32; 0]);
    machine.received(unit(1, 0, Body::BindResp), ms(5));
    assert_eq!(submits(&mut machine), [2, 3]);
    machine.received(resp(3, 0), ms(6));
    assert_eq!(submits(&mut machine), [4]);
    machine.received(resp(2, 0), ms(7));
    machine.received(resp(4, 0), ms(8));
    let done = Event::Done(0, vec![taken(2), taken(3), taken(4)]);
    assert_eq!(events(&mut machine), [Event::Bound, done]);
    // Repeated and made-up answers change nothing.
    machine.received(resp(4, 0x58), ms(9));
    machine.received(resp(99, 0), ms(9));
    assert!(events(&mut machine).is_empty() && machine.is_idle());
}

#[test]
fn a_refused_bind_ends_everything_unsent() {
    for refusal in [unit(1, 0x0e, Body::BindResp), unit(1, 0, Body::GenericNack)] {
        let status = refusal.status.max(1);
        let mut machine = Machine::new(&bind(2), Role::Transceiver);
        machine.submit(parts(1), ms(9_000), ms(0));
        machine.received(refusal, ms(1));
        let events = events(&mut machine);
        assert_eq!(events[0], Event::Refused(status));
        assert_eq!(phases(&events[1]), [Some(Sent::NotSent)]);
        assert!(machine.over().is_some());
    }
    let mut silent = Machine::new(&bind(2), Role::Transceiver);
    silent.submit(parts(1), ms(60_000), ms(0));
    assert_eq!(silent.next_tick(), Some(ms(10_000)));
    silent.tick(ms(10_000));
    assert_eq!(silent.over().unwrap().kind, FaultKind::TimedOut);
    assert_eq!(phases(&events(&mut silent)[0]), [Some(Sent::NotSent)]);
}

#[test]
fn a_missing_answer_is_in_doubt_and_the_link_is_tested() {
    let mut machine = bound(1);
    machine.submit(parts(2), ms(60_000), ms(0));
    assert_eq!(submits(&mut machine), [2]);
    machine.tick(ms(10_000));
    // The second part goes out all the same; the centre is asked whether it lives.
    assert_eq!(written(&mut machine), [(0x15, 0, 3), (4, 0, 4)]);
    machine.received(resp(4, 0), ms(10_001));
    let event = &events(&mut machine)[0];
    assert_eq!(phases(event), [Some(Sent::MaybeSent), None]);
    assert_eq!(
        machine.over(),
        None,
        "an answer to anything shows that it does"
    );
    machine.received(resp(2, 0), ms(10_002));
    assert!(events(&mut machine).is_empty(), "too late");
}

#[test]
fn a_dead_link_is_found_and_left() {
    let mut machine = bound(1);
    assert_eq!(machine.next_tick(), Some(ms(30_000)));
    machine.tick(ms(30_000));
    assert_eq!(written(&mut machine), [(0x15, 0, 2)]);
    machine.received(unit(2, 0, Body::EnquireLinkResp), ms(30_010));
    machine.tick(ms(60_010));
    machine.submit(parts(1), ms(90_000), ms(60_011));
    machine.tick(ms(70_010));
    let why = machine.over();
    written(&mut machine);
    assert_eq!(why.or(machine.over()).unwrap().kind, FaultKind::TimedOut);
    assert_eq!(phases(&events(&mut machine)[0]), [Some(Sent::MaybeSent)]);
}

#[test]
fn a_cut_leaves_sent_parts_in_doubt_and_others_not() {
    let mut machine = bound(2);
    machine.submit(parts(3), ms(60_000), ms(0));
    machine.received(resp(2, 0), ms(1));
    machine.submit(parts(1), ms(60_000), ms(1));
    machine.lost(FaultKind::Cut, "gone");
    let events = events(&mut machine);
    assert_eq!(
        phases(&events[0]),
        [None, Some(Sent::MaybeSent), Some(Sent::MaybeSent)]
    );
    assert_eq!(phases(&events[1]), [Some(Sent::NotSent)]);
    machine.submit(parts(1), ms(60_000), ms(2));
    let late = self::events(&mut machine);
    assert_eq!(phases(&late[0]), [Some(Sent::NotSent)]);
}

#[test]
fn being_slowed_holds_submits_and_tries_torn_messages_again() {
    let mut machine = bound(10);
    machine.submit(parts(2), ms(60_000), ms(0));
    machine.received(resp(2, 0), ms(1));
    machine.received(resp(3, 0x58), ms(1));
    machine.submit(parts(1), ms(60_000), ms(2));
    assert_eq!(submits(&mut machine), [2, 3], "held");
    assert!(events(&mut machine).is_empty(), "its other half was taken");
    assert_eq!(machine.next_tick(), Some(ms(101)));
    machine.tick(ms(101));
    assert_eq!(submits(&mut machine), [4, 5], "the torn one first");
    machine.received(resp(4, 0), ms(102));
    assert_eq!(
        events(&mut machine),
        [Event::Done(0, vec![taken(2), taken(4)])]
    );
    // A message of which nothing was taken goes back to who can wait longer.
    machine.received(resp(5, 0x14), ms(102));
    let Event::Done(1, ends) = events(&mut machine).remove(0) else {
        panic!()
    };
    assert!(matches!(ends[0], SmppPart::Answered { status: 0x14, .. }));
}

#[test]
fn a_nack_is_a_refusal_of_its_submit() {
    let mut machine = bound(1);
    machine.submit(parts(1), ms(60_000), ms(0));
    machine.received(unit(2, 3, Body::GenericNack), ms(1));
    let Event::Done(0, ends) = events(&mut machine).remove(0) else {
        panic!()
    };
    assert!(matches!(ends[0], SmppPart::Answered { status: 3, .. }));
}

#[test]
fn deliveries_wait_for_our_word() {
    let mut machine = bound(1);
    machine.received(unit(70, 0, Body::Deliver(DeliverSm::default())), ms(1));
    machine.received(unit(70, 0, Body::Deliver(DeliverSm::default())), ms(2));
    machine.received(unit(71, 0, Body::Data(DeliverSm::default())), ms(2));
    assert_eq!(events(&mut machine).len(), 2, "a repeated one is the same");
    assert!(written(&mut machine).is_empty());
    machine.acknowledge(71, false);
    machine.acknowledge(70, true);
    machine.acknowledge(70, true);
    let temporary = status::TEMPORARY;
    assert_eq!(
        written(&mut machine),
        [(0x8000_0103, temporary, 71), (0x8000_0005, 0, 70)]
    );
    machine.received(unit(72, 0, Body::Unreadable { data: false }), ms(3));
    machine.received(unit(73, 0, Body::Unknown), ms(3));
    machine.received(unit(74, 0, Body::EnquireLink), ms(3));
    assert_eq!(
        written(&mut machine),
        [
            (0x8000_0005, status::REJECTED, 72),
            (0x8000_0000, status::INVALID_COMMAND, 73),
            (0x8000_0015, 0, 74)
        ]
    );
}

#[test]
fn it_leaves_when_its_messages_have_ended() {
    let mut machine = bound(1);
    machine.submit(parts(1), ms(60_000), ms(0));
    machine.leave(ms(1));
    assert_eq!(written(&mut machine), [(4, 0, 2)]);
    machine.received(resp(2, 0), ms(2));
    assert_eq!(written(&mut machine), [(6, 0, 3)]);
    assert!(machine.is_leaving());
    machine.received(unit(3, 0, Body::UnbindResp), ms(3));
    assert!(machine.over().is_some());

    let mut told = bound(1);
    told.submit(parts(1), ms(60_000), ms(0));
    written(&mut told);
    told.received(unit(9, 0, Body::Unbind), ms(1));
    assert_eq!(told.over(), None, "the answer is still to be written");
    assert_eq!(written(&mut told), [(0x8000_0006, 0, 9)]);
    assert_eq!(told.over().unwrap().kind, FaultKind::Cut);
    assert_eq!(phases(&events(&mut told)[0]), [Some(Sent::MaybeSent)]);
}

#[test]
fn a_receiver_sends_nothing() {
    let mut machine = Machine::new(&bind(1), Role::Receiver);
    assert_eq!(written(&mut machine), [(1, 0, 1)]);
    machine.submit(parts(1), ms(9), ms(0));
    assert_eq!(phases(&events(&mut machine)[0]), [Some(Sent::NotSent)]);
}

/// Something that happens to a session.
#[derive(Clone, Debug)]
enum Happening {
    Submit {
        parts: usize,
        within: u64,
    },
    /// An answer to one of the open submits, or to none.
    Answer {
        which: usize,
        status: u32,
    },
    Nack {
        which: usize,
    },
    Deliver(u32),
    Acknowledge(u32, bool),
    Pass(u64),
    Enquire,
    Unbind,
    Leave,
    Cut,
}

fn happening() -> impl Strategy<Value = Happening> {
    let status = prop::sample::select(vec![0_u32, 0, 0, 0x58, 0x14, 0x0b, 0x400]);
    prop_oneof![
        6 => (1_usize..5, 1_u64..40_000).prop_map(|(parts, within)| Happening::Submit { parts, within }),
        8 => (0_usize..40, status).prop_map(|(which, status)| Happening::Answer { which, status }),
        1 => (0_usize..40).prop_map(|which| Happening::Nack { which }),
        2 => (1_u32..20).prop_map(Happening::Deliver),
        2 => (1_u32..20, any::<bool>()).prop_map(|(which, taken)| Happening::Acknowledge(which, taken)),
        4 => (1_u64..6_000).prop_map(Happening::Pass),
        1 => Just(Happening::Enquire),
        1 => prop_oneof![
            8 => Just(Happening::Enquire),
            1 => Just(Happening::Unbind),
            1 => Just(Happening::Leave),
            1 => Just(Happening::Cut),
        ],
    ]
}

proptest! {
    #[test]
    fn whatever_happens(window in 1_u16..6, bind_first in any::<bool>(), story in prop::collection::vec(happening(), 0..120)) {
        let mut machine = Machine::new(&bind(window), Role::Transceiver);
        let mut at = 0_u64;
        let mut is_bound = false;
        let mut open: Vec<u32> = Vec::new();
        let mut submitted = HashMap::new();
        let mut done: HashMap<Ticket, Vec<SmppPart>> = HashMap::new();
        if bind_first {
            machine.received(unit(1, 0, Body::BindResp), ms(0));
        }
        for (place, happening) in story.into_iter().enumerate() {
            if !bind_first && place == 10 {
                machine.received(unit(1, 0, Body::BindResp), ms(at));
            }
            match happening {
                Happening::Submit { parts: count, within } => {
                    let ticket = machine.submit(parts(count), ms(at + within), ms(at));
                    submitted.insert(ticket, count);
                }
                Happening::Answer { which, status } => {
                    let sequence = open.get(which).copied().unwrap_or(1_000_000);
                    open.retain(|one| *one != sequence);
                    machine.received(resp(sequence, status), ms(at));
                }
                Happening::Nack { which } => {
                    let sequence = open.get(which).copied().unwrap_or(0);
                    machine.received(unit(sequence, 3, Body::GenericNack), ms(at));
                }
                Happening::Deliver(sequence) => {
                    machine.received(unit(sequence, 0, Body::Deliver(DeliverSm::default())), ms(at));
                }
                Happening::Acknowledge(sequence, taken) => machine.acknowledge(sequence, taken),
                Happening::Pass(millis) => {
                    at += millis;
                    machine.tick(ms(at));
                    if let Some(next) = machine.next_tick() {
                        prop_assert!(next >= ms(at), "{next:?} at {at}");
                    }
                }
                Happening::Enquire => machine.received(unit(5, 0, Body::EnquireLink), ms(at)),
                Happening::Unbind => machine.received(unit(5, 0, Body::Unbind), ms(at)),
                Happening::Leave => machine.leave(ms(at)),
                Happening::Cut => machine.lost(FaultKind::Cut, "cut"),
            }
            prop_assert!(machine.outstanding.len() <= usize::from(window));
            for event in events(&mut machine) {
                match event {
                    Event::Bound => is_bound = true,
                    Event::Done(ticket, ends) => {
                        prop_assert_eq!(ends.len(), submitted.get(&ticket).copied().unwrap_or(ends.len()));
                        prop_assert!(done.insert(ticket, ends).is_none(), "ended twice");
                    }
                    Event::Refused(_) | Event::Arrived(..) => {}
                }
            }
            for (command, _, sequence) in written(&mut machine) {
                if command == 4 {
                    prop_assert!(is_bound);
                    open.push(sequence);
                }
            }
        }
        // Time ends everything.
        for _ in 0..200 {
            at += 5_000;
            machine.tick(ms(at));
            written(&mut machine);
        }
        for event in events(&mut machine) {
            if let Event::Done(ticket, ends) = event {
                prop_assert!(done.insert(ticket, ends).is_none(), "ended twice");
            }
        }
        prop_assert_eq!(done.len(), submitted.len());
        prop_assert!(machine.is_idle() && machine.outstanding.is_empty());
        // What was never written is never in doubt: no submit went out before the bind.
        if !is_bound {
            let doubts = |end: &SmppPart| matches!(end, SmppPart::Missing(fault) if fault.phase == Sent::MaybeSent);
            prop_assert!(!done.values().flatten().any(doubts));
        }
    }
}
