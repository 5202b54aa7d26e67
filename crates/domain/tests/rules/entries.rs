//! The chain's bytes, and the numbers and names that the store, the chain and the API rely on.

use std::collections::BTreeSet;
use topup_domain::entry::note_hash;
use topup_domain::id::{EntryId, KeyId};
use topup_domain::time::from_millis;
use topup_domain::{
    Cause, Credits, Entry, EntryKind, GrantId, GrantState, Hash, HoldId, HoldState, Kind, PurchaseId, UsageId,
};
use uuid::Uuid;

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn uuid(last: u128) -> Uuid {
    Uuid::from_u128(0x0192_aaaa_bbbb_7ccc_8ddd_eeee_ffff_0000 + last)
}

fn first() -> Entry {
    Entry {
        seq: 1,
        kind: EntryKind::Granted,
        grant: GrantId(uuid(1)),
        amount: Credits(1_200_000),
        balance_after: Credits(1_200_000),
        held_change: Credits::ZERO,
        frozen_change: Credits::ZERO,
        expires_at: Some(from_millis(1_795_788_180_123)),
        event_at: from_millis(1_764_252_180_123),
        created_at: from_millis(1_764_252_180_123),
        cause: Cause::Purchase(PurchaseId(uuid(2))),
        note: None,
        hash: [0; 32],
    }
}

/// Python's hashlib computed the hashes from the table in `docs/rules.md`.
#[test]
fn two_lines_have_the_hashes_that_another_program_computed() {
    let mut one = first();
    one.hash = one.chained("acme:1", &[0; 32]);
    assert_eq!(hex(&one.hash), "57574b085c5b60634d5ab8e3ec7f274757439c38f7a832ce6e3f66ed30aff0df");
    let salt: Vec<u8> = (0..16).collect();
    let note = note_hash(&salt, "job-7\n{\"a\":1}");
    assert_eq!(hex(&note), "c125d22bc9dd8db5508696a669e60a9693b0313339f7b7ec9c5d95ab14466229");
    let two = Entry {
        seq: 2,
        kind: EntryKind::Used,
        amount: Credits(-12_500),
        balance_after: Credits(1_187_500),
        held_change: Credits(-2_000),
        expires_at: None,
        event_at: from_millis(1_764_252_180_124),
        created_at: from_millis(1_764_252_180_999),
        cause: Cause::Usage(UsageId(uuid(3))),
        note: Some(note),
        ..first()
    };
    assert_eq!(
        hex(&two.chained("acme:1", &one.hash)),
        "507e191af62a31d895a1508adf41c070240b2ae7334fcf5d0ac3764fd3741c13"
    );
    assert_eq!(one.id().to_string(), "ent_57574b085c5b60634d5ab8e3ec7f2747");
}

#[test]
fn every_field_of_a_line_changes_its_hash() {
    let base = first();
    let change = |edit: &dyn Fn(&mut Entry)| {
        let mut entry = base.clone();
        edit(&mut entry);
        entry.chained("acme:1", &[0; 32])
    };
    let mut hashes = vec![
        base.chained("acme:1", &[0; 32]),
        base.chained("acme:2", &[0; 32]),
        base.chained("acme:1", &[1; 32]),
        change(&|e| e.seq = 2),
        change(&|e| e.kind = EntryKind::Restored),
        change(&|e| e.grant = GrantId(uuid(9))),
        change(&|e| e.amount = Credits(1)),
        change(&|e| e.held_change = Credits(1)),
        change(&|e| e.frozen_change = Credits(1)),
        change(&|e| e.expires_at = None),
        change(&|e| e.event_at = from_millis(1)),
        change(&|e| e.created_at = from_millis(1)),
        change(&|e| e.cause = Cause::Usage(UsageId(uuid(2)))),
        change(&|e| e.cause = Cause::Purchase(PurchaseId(uuid(9)))),
        change(&|e| e.note = Some([1; 32])),
    ];
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

/// These numbers are in every database and every chain: they may grow, never change.
#[test]
fn numbers_and_names_are_stable() {
    let kinds = [
        (EntryKind::Granted, "granted"),
        (EntryKind::Used, "used"),
        (EntryKind::Expired, "expired"),
        (EntryKind::Refunded, "refunded"),
        (EntryKind::Disputed, "disputed"),
        (EntryKind::Restored, "restored"),
        (EntryKind::Voided, "voided"),
        (EntryKind::Held, "held"),
        (EntryKind::Released, "released"),
        (EntryKind::Frozen, "frozen"),
        (EntryKind::Thawed, "thawed"),
        (EntryKind::Extended, "extended"),
    ];
    for (code, (kind, name)) in (1..).zip(kinds) {
        assert_eq!((i64::from(kind.code()), kind.name()), (code, name));
        assert_eq!(EntryKind::from_code(code), Some(kind));
    }
    assert_eq!((EntryKind::from_code(0), EntryKind::from_code(13)), (None, None));
    for (code, (kind, name)) in (1..).zip([(Kind::Plan, "plan"), (Kind::Courtesy, "courtesy"), (Kind::TopUp, "top_up")])
    {
        assert_eq!((i64::from(kind.code()), kind.name(), Kind::from_code(code)), (code, name, Some(kind)));
    }
    assert_eq!(Kind::from_code(4), None);
    assert!(Kind::Plan < Kind::Courtesy && Kind::Courtesy < Kind::TopUp, "burn order of kinds");
    let states = [HoldState::Open, HoldState::Settled, HoldState::Released, HoldState::Lapsed];
    for ((code, state), name) in (0..).zip(states).zip(["open", "settled", "released", "lapsed"]) {
        assert_eq!((state.code(), state.name(), HoldState::from_code(code)), (code, name, Some(state)));
    }
    assert_eq!(HoldState::from_code(4), None);
    let state = [
        GrantState::Active,
        GrantState::Pending,
        GrantState::Frozen,
        GrantState::Paused,
        GrantState::Exhausted,
        GrantState::Expired,
        GrantState::Voided,
    ];
    let names = ["active", "pending", "frozen", "paused", "exhausted", "expired", "voided"];
    assert_eq!(state.map(GrantState::name), names);
}

#[test]
fn causes_read_back_from_their_number_and_bytes() {
    let causes = [
        Cause::Grant(GrantId(uuid(1))),
        Cause::Usage(UsageId(uuid(2))),
        Cause::Hold(HoldId(uuid(3))),
        Cause::Purchase(PurchaseId(uuid(4))),
    ];
    for (code, cause) in (1..).zip(causes) {
        assert_eq!(i64::from(cause.code()), code);
        assert_eq!(Cause::from_parts(code, &cause.bytes()), Some(cause));
        assert_eq!(Cause::from_parts(code, &cause.bytes()[1..]), None);
    }
    assert_eq!(Cause::from_parts(5, &[0; 16]), None);
    assert_eq!(causes.map(|cause| cause.to_string()[..4].to_owned()), ["grt_", "use_", "hld_", "pur_"]);
}

#[test]
fn ids_of_every_sort_read_back_only_from_their_own_text() {
    let texts = [
        GrantId(uuid(1)).to_string(),
        UsageId(uuid(1)).to_string(),
        HoldId(uuid(1)).to_string(),
        PurchaseId(uuid(1)).to_string(),
        EntryId(uuid(1)).to_string(),
        KeyId(uuid(1)).to_string(),
    ];
    for text in &texts {
        let read = [
            GrantId::parse(text).map(|id| id.bytes()),
            UsageId::parse(text).map(|id| id.bytes()),
            HoldId::parse(text).map(|id| id.bytes()),
            PurchaseId::parse(text).map(|id| id.bytes()),
            EntryId::parse(text).map(|id| id.bytes()),
            KeyId::parse(text).map(|id| id.bytes()),
        ];
        let right: Vec<_> = read.into_iter().flatten().collect();
        assert_eq!(right, [*uuid(1).as_bytes()], "{text}");
        for bad in
            [text.to_uppercase(), format!("{text}0"), text[..35].to_owned(), format!(" {text}"), text.replace('1', "é")]
        {
            assert_eq!(GrantId::parse(&bad), None, "{bad}");
        }
    }
    assert_eq!(texts.iter().map(String::len).collect::<BTreeSet<_>>(), BTreeSet::from([36]));
    assert_eq!(GrantId::from_bytes(&[0; 15]), None);
}
